# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names under which the product is known to Kubernetes and to readers of its reports."""

from __future__ import annotations

VERSION = "1.0.0"  # a test compares it with galaxy.yml
FIELD_MANAGER = "graceful-termination"
