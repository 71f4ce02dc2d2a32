# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling a patch back: to the values before, without what other clients have changed since."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo, project
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference, merge
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.strategies import workloads

TEMPLATE = "spec.template.spec"


def undo_of(obj: dict[str, Any], patch: dict[str, Any]) -> Undo:
    return Undo(project(obj, patch), patch)


def change_of(obj: dict[str, Any]) -> Change:
    return run(obj, service()).change


@pytest.mark.parametrize(
    "obj",
    [
        workload(hooked(None)),
        workload(hooked({"tcpSocket": {"port": 80}})),
        workload(hooked(None), grace=None),
        workload(hooked(None), strategy={"rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}),
    ],
    ids=["no hook", "another handler", "no grace", "strategy too"],
)
def test_an_untouched_workload_is_again_as_it_was(obj: dict[str, Any]) -> None:
    patch = change_of(obj).patch
    after = merge(obj, patch)
    back, others = undo_of(obj, patch).against(after)
    assert difference(obj, merge(after, back)) == []
    assert others == ()


def test_a_map_that_was_ours_alone_is_gone_and_not_left_empty() -> None:
    obj = workload(hooked(None))
    back, _others = undo_of(obj, change_of(obj).patch).against(change_of(obj).obj)
    (container,) = back["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "app", "lifecycle": None}, "the API server refuses a hook without a handler"


def test_what_somebody_else_added_beside_it_stays() -> None:
    obj = workload(hooked(None))
    change = change_of(obj)
    now = copy.deepcopy(change.obj)
    now["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["postStart"] = {"sleep": {"seconds": 1}}
    now["spec"]["replicas"] = 9
    back, others = undo_of(obj, change.patch).against(now)
    after = merge(now, back)
    assert after["spec"]["template"]["spec"]["containers"][0]["lifecycle"] == {"postStart": {"sleep": {"seconds": 1}}}
    assert after["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    assert after["spec"]["replicas"] == 9
    assert others == ()


def test_a_field_that_somebody_else_has_set_since_is_left_alone_and_named() -> None:
    obj = workload(hooked(None))
    change = change_of(obj)
    now = copy.deepcopy(change.obj)
    now["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 120
    back, others = undo_of(obj, change.patch).against(now)
    assert "terminationGracePeriodSeconds" not in back["spec"]["template"]["spec"]
    assert others == (f"{TEMPLATE}.terminationGracePeriodSeconds",)


def test_what_is_back_already_needs_no_patch() -> None:
    obj = workload(hooked(None))
    assert undo_of(obj, change_of(obj).patch).against(obj) == ({}, ())


def test_a_container_that_is_gone_is_left_alone() -> None:
    obj = workload(hooked(None))
    change = change_of(obj)
    now = copy.deepcopy(change.obj)
    now["spec"]["template"]["spec"]["containers"] = [hooked(None, name="other")]
    back, others = undo_of(obj, change.patch).against(now)
    assert back == {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 30}}}}
    assert others == (f"{TEMPLATE}.containers[app]",)


@settings(deadline=None)
@given(workloads())
def test_whatever_is_planned_can_be_put_back(obj: dict[str, Any]) -> None:
    for change in run(obj, service()).audit.changes:
        back, others = undo_of(obj, change.patch).against(change.obj)
        assert difference(_stored(obj), _stored(merge(change.obj, back))) == []
        assert others == ()


def _stored(value: Any) -> Any:
    """As a cluster has it: only a file can say null."""
    if isinstance(value, dict):
        return {key: _stored(part) for key, part in value.items() if part is not None}
    return [_stored(part) for part in value] if isinstance(value, list) else value
