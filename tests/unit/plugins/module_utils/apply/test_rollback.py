# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling one workload back: what is sent, and what is waited for afterwards."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.rollback import leave, roll_back
from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import hooked, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    SHOP,
    Script,
    answer,
    failed,
    script,
)

WEB = f"{SHOP}/web"
OURS = (("fieldManager", "graceful-termination"),)


def at(grace: int, generation: int = 1) -> dict[str, Any]:
    obj = workload(hooked(None), grace=grace)
    obj["metadata"] |= {"uid": "uid-web", "resourceVersion": str(generation), "generation": generation}
    return obj


def part(grace: int) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": grace}}}}


def entry(undo: Undo | None) -> ApplyResult:
    action = Action(read_workload(at(40)), "failed", "not rolled out", ("spec.x",))
    return ApplyResult(action, stored=at(40, 2), restarts=True, undo=undo, rollout_failed=True)


def rolled_back(declared: Script, undo: Undo | None) -> ApplyResult:
    (result,) = roll_back(Api(declared, lambda _seconds: None), [entry(undo)])
    return result


def test_what_is_waited_for_is_the_object_as_the_server_returned_it() -> None:
    with script() as declared:
        declared.expect("GET", WEB, answer(at(40, 2)))
        declared.expect("PATCH", WEB, answer(at(30, 3)), query=OURS)
        result = rolled_back(declared, Undo(part(30), part(40)))
    assert result.stored is not None and result.stored["metadata"]["generation"] == 3
    assert result.restarts and result.action.status == "failed"
    assert result.action.restored == ("spec.template.spec.terminationGracePeriodSeconds",)


def test_after_a_conflict_it_is_read_again() -> None:
    with script() as declared:
        declared.expect("GET", WEB, answer(at(40, 2)), answer(at(40, 3)))
        declared.expect("PATCH", WEB, failed(409), answer(at(30, 4)), query=OURS)
        result = rolled_back(declared, Undo(part(30), part(40)))
    assert result.stored is not None and result.stored["metadata"]["generation"] == 4


def test_what_others_have_changed_is_not_touched_and_nothing_is_waited_for() -> None:
    with script() as declared:
        declared.expect("GET", WEB, answer(at(99, 5)))
        result = rolled_back(declared, Undo(part(30), part(40)))
    assert (result.restarts, result.action.restored) == (False, ())
    assert result.action.reason and "none of the patched values is still there" in result.action.reason


def test_what_is_not_known_is_not_rolled_back() -> None:
    with script() as declared:
        result = rolled_back(declared, None)
    assert not result.restarts
    assert result.action.reason == ("not rolled out; not rolled back: the values before the patch are unknown")
    assert leave(entry(None)).action.reason != leave(entry(Undo(part(30), part(40)))).action.reason
