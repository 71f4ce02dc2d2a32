# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields about termination in a place or under a name that the API does not know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    GRACE_PERIOD,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    Remedy,
    pause_instead,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import HANDLERS, Container

_GRACE, _HOOK = "terminationGracePeriodSeconds", "lifecycle.preStop"
# What the fields are called, without case, dots, dashes and underscores.
_MEANT = {
    "terminationgraceperiodseconds": _GRACE,
    "terminationgraceperiodsecond": _GRACE,
    "terminationgraceperiod": _GRACE,
    "terminationgraceseconds": _GRACE,
    "terminationgraceperiodsec": _GRACE,
    "terminationperiodseconds": _GRACE,
    "gracefulterminationperiodseconds": _GRACE,
    "graceperiodseconds": _GRACE,
    "graceperiod": _GRACE,
    "lifecycle": _HOOK,
    "lifecycles": _HOOK,
    "lifecyclehooks": _HOOK,
    "prestop": _HOOK,
    "prestophook": _HOOK,
    "prestopexec": _HOOK,
}
_LONGEST = 10_000_000  # the longest plausible value, in seconds


@dataclass(frozen=True, slots=True)
class _Place:
    """A map of the object: its path, the fields of that meaning that belong there, and the container that it is of."""

    fields: Obj
    path: str
    right: tuple[str, ...] = ()
    container: Container | None = None


def _places(case: Case) -> Iterator[_Place]:
    workload = case.workload
    node, keys = workload.obj, []
    for key in workload.template_path.split("."):
        node = node[key]
        keys.append(key)
        yield _Place(node, ".".join(keys))
    yield _Place(workload.pod, workload.pod_path, (_GRACE,))
    for container in workload.all_containers:
        yield _Place(container.spec, container.path, ("lifecycle",), container)
        lifecycle = container.spec.get("lifecycle")
        if not isinstance(lifecycle, dict):
            continue
        yield _Place(lifecycle, f"{container.path}.lifecycle", ("preStop",), container)
        hook = lifecycle.get("preStop")
        if isinstance(hook, dict):
            yield _Place(hook, f"{container.path}.lifecycle.preStop", (), container)


def _misplaced(case: Case) -> Iterator[Hit]:
    if case.workload.origin.file is None:
        return  # an API server has dropped whatever it does not know
    for place in _places(case):
        for name, value in place.fields.items():
            meant = _meant(name)
            if meant and name not in place.right and value is not None:
                yield _hit(case, place, str(name), value, meant)


def _meant(name: object) -> str | None:
    return (
        _MEANT.get("".join(letter for letter in name.lower() if letter not in ".-_ "))
        if isinstance(name, str)
        else None
    )


def _hit(case: Case, place: _Place, name: str, value: object, meant: str) -> Hit:
    dropped = f"'{name:.40}' is not a field of {_owner(place)}: kubectl refuses it, the API server drops it"
    path = f"{place.path}.{name:.40}"
    if meant == _GRACE:
        wanted = value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LONGEST else None
        asked = f", not {wanted} s" if wanted is not None and wanted != case.workload.grace else ""
        grace = max(wanted or 0, case.workload.grace)
        return Hit(
            f"{dropped}, and the pod gets {case.workload.grace} s{asked}; move it to {case.workload.pod_path}.{_GRACE}",
            path,
            Remedy(GRACE_PERIOD, "the field must move", {"grace_seconds": grace}),
            place.container,
            numbers={"wanted_seconds": wanted, "grace_seconds": case.workload.grace},
        )
    return Hit(
        f"{dropped}, and there is no such hook; move it to {case.workload.pod_path}.containers[].{_HOOK}",
        path,
        pause_instead(case, "move the hook to its container, or replace it with a plain delay"),
        place.container,
    )


def _owner(place: _Place) -> str:
    last = place.path.rpartition(".")[2]
    if place.container is None:
        return "a pod template" if last == "template" else "a pod" if ".template." in place.path else place.path
    return {"lifecycle": "lifecycle", "preStop": "a hook"}.get(last, "a container")


def _no_handler(case: Case) -> Iterator[Hit]:
    """A hook without a handler, such as one with only `command`: the API server refuses it."""
    if case.workload.origin.file is None:
        return
    for container in case.workload.all_containers:
        lifecycle = container.spec.get("lifecycle")
        hook = lifecycle.get("preStop") if isinstance(lifecycle, dict) else None
        if isinstance(hook, dict) and not any(hook.get(kind) is not None for kind in HANDLERS):
            yield Hit(
                f"preStop has no handler ({', '.join(HANDLERS[:3])}): the API server refuses the whole object, and "
                "nothing is deployed",
                f"{container.path}.lifecycle.preStop",
                pause_instead(case, "its owner must decide what the hook should do"),
                container,
                "error",
            )
        elif container.pre_stop and container.pre_stop.kind == "exec" and not container.pre_stop.command:
            yield Hit(
                "the command of the preStop hook is empty: the API server refuses the whole object, and nothing is "
                "deployed",
                f"{container.path}.lifecycle.preStop.exec.command",
                pause_instead(case, "its owner must decide what the hook should do"),
                container,
                "error",
            )


def _check(case: Case) -> Iterator[Hit]:
    yield from _misplaced(case)
    yield from _no_handler(case)


RULES = (
    Rule(
        id="field-misplaced",
        title="Grace period or hook where the API knows no such field",
        severity="warning",
        evidence="static",
        why="The API server drops a field that it does not know, with a warning that few see, and kubectl refuses it. "
        "Its author expects a grace period or a hook that the pod does not have. A hook that is left without a "
        "handler or a command is refused with the whole object: an error.",
        exceptions=(
            "terminationGracePeriodSeconds of a probe",
            "an empty or null value",
            "annotations, labels and variables of such a name",
            "a live object, which has no unknown fields",
        ),
        check=_check,
        remedies=(GRACE_PERIOD, PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        seed="2 settings: preStop; 2 settings: grace",
        by_hand=True,
    ),
)
