# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the drill: the HTTP library that the Kubernetes client depends on. Other modules do not need it."""

from __future__ import annotations

__all__ = ("urllib3",)

try:
    import urllib3
except ImportError:
    urllib3 = None  # type: ignore[assignment]  # the connection to the cluster then fails first, and says what to install
