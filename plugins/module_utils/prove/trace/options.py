# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checked options of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import ROLLING
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import (
    TARGET_OPTIONS,
    read_folder,
    read_selection,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection, is_pattern

EVICT, DELETE, RESTART = "evict", "delete", "restart"

# Documented in doc_fragments/trace_options.py and plugins/modules/pod_trace.py.
TRACE_OPTIONS: dict[str, dict[str, Any]] = {
    "pod": {"type": "str"},
    "mode": {"type": "str", "choices": [EVICT, DELETE, RESTART], "default": EVICT},
    "allow_last_endpoint": {"type": "bool", "default": False},
    **TARGET_OPTIONS,
}


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """`pod` None chooses one of the selected workload; `wait_timeout` in seconds; `folder` None writes no file."""

    pod: str | None
    namespace: str
    mode: str
    allow_last_endpoint: bool
    selection: Selection
    wait_timeout: int
    folder: str | None


def read_options(params: Mapping[str, Any]) -> TraceOptions:
    """Check module parameters. Raises ValueError: the option, the reason and what is valid."""
    if params["wait_timeout"] < 1:
        raise ValueError(f"wait_timeout: {params['wait_timeout']} is less than 1")
    pod, namespaces = params["pod"] or None, params["namespaces"] or []
    if pod and (len(namespaces) != 1 or is_pattern(namespaces[0])):
        raise ValueError("pod: its namespace is missing: set namespaces (termination_namespaces) to exactly one name")
    return TraceOptions(
        pod=pod,
        namespace=namespaces[0] if pod else "",
        mode=params["mode"],
        allow_last_endpoint=params["allow_last_endpoint"],
        selection=read_selection(params, f"a trace chooses a pod of {', '.join(ROLLING)}; for another, set pod"),
        wait_timeout=params["wait_timeout"],
        folder=read_folder(params),
    )
