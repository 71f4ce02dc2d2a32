# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields about termination in a place, or under a name, that the API does not know."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    container,
    cron_job,
    run,
    service,
    sidecar,
    workload,
)

RULE = "field-misplaced"
GRACE = "terminationGracePeriodSeconds"
HOOK: dict[str, Any] = {"preStop": {"sleep": {"seconds": 5}}}


def grace(value: Any) -> dict[str, Any]:
    """The field of the grace period, wherever it is put."""
    return {GRACE: value}


def judged(obj: dict[str, Any]) -> Result:
    """The audit of a served workload of a file."""
    return run(obj, service(), file="web.yaml")


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (workload(container(**grace(100))), f"spec.template.spec.containers[app].{GRACE}"),
        (workload(container(lifecycle={GRACE: 100} | HOOK)), f"spec.template.spec.containers[app].lifecycle.{GRACE}"),
        (
            workload(container(lifecycle={"preStop": {GRACE: 100, "sleep": {"seconds": 5}}})),
            f"spec.template.spec.containers[app].lifecycle.preStop.{GRACE}",
        ),
        (workload(pod={"terminationGracePeriod": 100}), "spec.template.spec.terminationGracePeriod"),
        (workload(pod={"termination_grace_period_seconds": 100}), None),
        (workload(pod={"gracePeriodSeconds": 100}), "spec.template.spec.gracePeriodSeconds"),
        (workload(**grace(100)), f"spec.{GRACE}"),
        (workload(pod={"initContainers": [sidecar(**grace(100))]}), None),
        (cron_job(job={GRACE: 100}), f"spec.jobTemplate.spec.{GRACE}"),
        (cron_job(**grace(100)), f"spec.{GRACE}"),
    ],
)
def test_a_grace_period_that_the_pod_does_not_get(obj: dict[str, Any], path: str | None) -> None:
    finding = judged(obj).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "grace-period")
    assert path in (None, finding["path"])
    assert "the pod gets 30 s, not 100 s" in finding["message"]
    assert f"{GRACE}: 100" in finding["snippet"]


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        (workload(pod={"lifecycle": HOOK}), "lifecycle"),
        (workload(lifecycle=HOOK), "lifecycle"),
        (workload(container(preStop=HOOK["preStop"])), "preStop"),
        (workload(container(preStopHook=HOOK["preStop"])), "preStopHook"),
        (workload(container(lifecycle={"prestop": HOOK["preStop"]})), "prestop"),
        (workload(container(lifecycle={"pre-stop": HOOK["preStop"]})), "pre-stop"),
        (workload(container(lifeCycle=HOOK)), "lifeCycle"),
        (workload(pod={"preStop": HOOK["preStop"]}), "preStop"),
    ],
)
def test_a_hook_that_does_not_exist(obj: dict[str, Any], name: str) -> None:
    finding = judged(obj).one(RULE)
    assert finding["message"].startswith(f"'{name}' is not a field of ")
    assert "there is no such hook" in finding["message"]


@pytest.mark.parametrize(
    "hook",
    [{}, {"command": ["sleep", "5"]}, {"exec": {}}, {"exec": {"command": []}}, {"sleep": None}, {"script": "sleep 5"}],
)
def test_a_hook_without_a_handler_is_refused(hook: dict[str, Any]) -> None:
    finding = judged(workload(container(lifecycle={"preStop": hook}))).one(RULE)
    assert finding["severity"] == "error"
    assert "nothing is deployed" in finding["message"]


@pytest.mark.parametrize(
    "obj",
    [
        workload(),
        workload(container(livenessProbe={"httpGet": {"port": 80}, GRACE: 10})),
        workload(container(startupProbe={"httpGet": {"port": 80}, GRACE: 10})),
        workload(container(lifecycle=HOOK)),
        workload(container(lifecycle={"postStart": {"exec": {"command": ["true"]}}} | HOOK)),
        workload(container(lifecycle=None)),
        workload(container(env=[{"name": GRACE, "value": "100"}])),
        workload(annotations={"terminationGracePeriodSeconds": "100"}),
        workload(container(**grace(None))),
        workload(container(preStop=None)),
        workload(grace=None),
        cron_job(),
    ],
)
def test_what_stands_where_it_belongs(obj: dict[str, Any]) -> None:
    assert not judged(obj).of(RULE)


def test_a_live_object_has_nothing_that_its_server_does_not_know() -> None:
    assert not run(workload(container(**grace(100))), service()).of(RULE)


@pytest.mark.parametrize("value", ["100", True, -5, [], {"a": 1}, 10**30])
def test_an_odd_value_is_named_without_being_believed(value: object) -> None:
    finding = judged(workload(container(**grace(value)))).one(RULE)
    assert finding["numbers"]["wanted_seconds"] is None
