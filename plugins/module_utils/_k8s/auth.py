# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: the options of a connection, which a module has even if it never needs one."""

from __future__ import annotations

from typing import Any

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
except ImportError:
    AUTH_ARG_SPEC = {}

# The same as in the modules of kubernetes.core; none without that collection.
AUTH_OPTIONS: dict[str, dict[str, Any]] = dict(AUTH_ARG_SPEC)
