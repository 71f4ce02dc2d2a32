# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the one workload whose pods a drill or trace stops."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import (
    NAMESPACE,
    ROLLING,
    WORKLOADS,
    scope,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import COMPLETE, STORED, rollout_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import (
    SYSTEM_NAMESPACES,
    unmanaged,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload

_SHOWN = 5
# Documented in doc_fragments/target_options.py and in each module. Those with an underscore are not for users.
TARGET_OPTIONS: dict[str, dict[str, Any]] = {
    "namespaces": {"type": "list", "elements": "str"},
    "kinds": {"type": "list", "elements": "str", "default": []},
    "names": {"type": "list", "elements": "str"},
    "wait_timeout": {"type": "int", "default": 600},
    "report_dir": {"type": "str"},
    "_directory": {"type": "str", "default": ""},
    "_result_file": {"type": "str", "default": ""},
    "_identify": {"type": "bool", "default": False},
}
NARROW = "namespaces, kinds and names (termination_namespaces, termination_kinds, termination_names)"


def read_selection(params: Mapping[str, Any], otherwise: str) -> Selection:
    """The selection, limited to kinds with rollouts. Raises ValueError; `otherwise` says what is possible instead."""
    wanted = params["kinds"] or ROLLING
    kinds = [kind for kind in wanted if kind in ROLLING]
    if not kinds:
        raise ValueError(f"kinds: {', '.join(wanted)}: {otherwise}")
    return Selection.from_options({**params, "kinds": kinds})


def read_folder(params: Mapping[str, Any]) -> str | None:
    """The folder for files; None writes none."""
    folder = params["report_dir"]
    return os.path.join(params["_directory"], os.path.expanduser(folder)) if folder else None


def choose(api: Api, selection: Selection) -> Workload:
    """Read the only workload that the selection matches. Raises SourceError (ApiError included), Unreadable."""
    found: list[tuple[str, str, str]] = []
    for kind in selection.kinds:
        resource = WORKLOADS[kind]
        for space in selection.named_namespaces or (None,):
            items = api.objects(resource.path(space), f"list {resource.plural} in {scope(space)}", _identity)
            listed = [(item["namespace"], kind, item["name"]) for item in items]
            found += [entry for entry in listed if selection.includes(entry[0], entry[2], {})]
    if len(found) != 1:
        shown = ", ".join("/".join(entry) for entry in sorted(found)[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        count = f"{len(found)} workloads are selected ({shown}{more})" if found else "no workload is selected"
        raise SourceError(f"{api.name}: {count}: select exactly one by {NARROW}")
    (namespace, kind, name) = found[0]
    resource = WORKLOADS[kind]
    obj = api.get(resource.path(namespace, name), f"get {namespace}/{kind}/{name}")
    return read_workload({**obj, "apiVersion": resource.api_version, "kind": kind})


def refuse(api: Api, workload: Workload, *, restart: bool) -> None:
    """Raises SourceError if its pods must not be stopped, or if stopping them would prove nothing."""
    reason = ""
    if workload.namespace in SYSTEM_NAMESPACES:
        reason = f"{workload.namespace} is a system namespace"
    elif not workload.managed:
        reason = "its annotation managed: false forbids changes"
    else:
        space = api.get(NAMESPACE.path(None, workload.namespace), f"get namespace {workload.namespace}")
        reason = unmanaged(space)
    if not reason:
        rollout = rollout_of(workload.obj)
        if rollout.state == STORED and restart:
            reason = f"a restart would not replace its pods: {rollout.reason}"
        elif rollout.state not in (COMPLETE, STORED):
            reason = f"its last rollout is not complete: {rollout.reason}"
    if reason:
        raise SourceError(f"{workload.key}: nothing was stopped: {reason}")


def _identity(obj: Obj) -> Obj:
    return {"namespace": obj["metadata"].get("namespace") or "default", "name": obj["metadata"]["name"]}
