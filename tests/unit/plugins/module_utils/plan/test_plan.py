# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to a patch that makes nothing worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import SnippetError
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload, read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    MANAGED,
    PROFILE,
    Result,
    autoscaler,
    balancer,
    disruption_budget,
    hooked,
    run,
    service,
    sleeping,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.strategies import SURROUNDINGS, workloads

BARE = hooked(None)
GRACE = "terminationGracePeriodSeconds"
ROLLING: dict[str, Any] = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}

# The grace period


@pytest.mark.parametrize(
    ("grace", "drain", "after"),
    [
        (30, 10, 40),  # 10 s of preStop are added although 30 would do: the application keeps its 30
        (30, None, 40),  # unknown: what it may have needed so far, it still gets
        (30, 60, 80),  # 10 + 60 + 10
        (600, 10, 610),  # not lowered to what is needed
        (None, None, 40),  # 30 by default
        (3, None, 20),  # short, but somebody's choice: the margin of 10 s is all that is known to be missing
        (2, 5, 40),  # too little to be kept: the default takes its place
    ],
)
def test_grace_after_is_what_was_plus_prestop_or_what_is_required(
    grace: int | None, drain: int | None, after: int
) -> None:
    result = run(workload(BARE, grace=grace, drain=drain), service(), policy={"max_grace_seconds": 3600})
    assert result.pod[GRACE] == after
    assert result.workload["budget_after"]["grace"] == after


def test_without_a_new_hook_grace_rises_to_what_is_required() -> None:
    assert run(workload(sleeping(10), drain=60), service()).pod == {GRACE: 80}


def test_sleep_and_grace_are_one_patch() -> None:
    assert run(workload(BARE), balancer()).pod == {
        GRACE: 50,
        "containers": [{"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}],
    }


def test_a_cronjob_is_patched_where_its_pods_are() -> None:
    patch = run(workload(sleeping(30), kind="CronJob")).change.patch
    assert patch == {"spec": {"jobTemplate": {"spec": {"template": {"spec": {GRACE: 50}}}}}}


def test_several_containers_get_their_hooks_and_the_grace_period_rises_once() -> None:
    result = run(workload(BARE, hooked(None, "other")), service(ports=[{"port": 9999}]))
    assert [one["name"] for one in result.pod["containers"]] == ["app", "other"]
    assert result.pod[GRACE] == 40


def test_what_it_asks_in_its_pod_must_not_stop_before_it() -> None:
    server = hooked(None, "server", ports=[{"containerPort": 3000}])
    database = hooked(None, "database-proxy", ports=None)
    result = run(workload(BARE, server, database, hooked(None, "istio-proxy", ports=None)), service())
    assert [finding["container"] for finding in result.of("prestop-missing")] == ["app"]
    names = [one["name"] for one in result.pod["containers"]]
    assert names == ["app", "server", "database-proxy"], "the mesh's own is not its owner's to set"
    assert {one["lifecycle"]["preStop"]["sleep"]["seconds"] for one in result.pod["containers"]} == {10}
    assert result.pod[GRACE] == 40


def test_a_hook_that_somebody_wrote_beside_it_stays() -> None:
    server = hooked({"exec": {"command": ["/drain"]}}, "server", ports=None)
    assert [one["name"] for one in run(workload(BARE, server), service()).pod["containers"]] == ["app"]


def test_a_longer_delay_takes_nothing_from_what_stands_beside_it() -> None:
    server = hooked(None, "server", ports=None)
    result = run(workload(sleeping(10), server, drain=None), balancer())
    assert result.one("lb-deregistration-race")["remedy"] == "auto"
    assert [one["name"] for one in result.pod["containers"]] == ["app", "server"]
    assert result.pod[GRACE] == 50, "the server had 30 s, and has them still"


def test_where_no_requests_come_nothing_beside_it_changes() -> None:
    broken = hooked({"tcpSocket": {"port": 8080}})
    result = run(workload(broken, hooked(None, "other", ports=None)))
    assert [one["name"] for one in result.pod["containers"]] == ["app"]


def test_the_policy_decides_the_seconds() -> None:
    result = run(workload(BARE), service(), policy={"prestop_seconds": {"default": 7}, "margin_seconds": 1})
    assert result.pod[GRACE] == 37


def test_above_the_cap_it_is_for_a_person_with_the_reason() -> None:
    result = run(workload(BARE, drain=290), service())
    finding = result.one("prestop-missing")
    assert not result.audit.changes
    assert finding["reason"] == "needs a grace period of 310 s, above the policy's 300 s"
    assert f"{GRACE}: 310" in finding["snippet"], "the snippet has what goes with it"


def test_at_the_cap_it_is_still_automatic() -> None:
    assert run(workload(BARE, drain=280), service()).pod[GRACE] == 300


def test_a_grace_period_above_the_cap_may_stay_but_not_rise() -> None:
    swap = hooked({"sleep": {"seconds": 10}})
    assert run(workload(swap, grace=400, drain=385), service()).one("prestop-starves-drain")["remedy"] == "manual"
    assert run(workload(BARE, grace=400), service()).one("prestop-missing")["remedy"] == "manual"


def test_the_cap_does_not_stop_what_is_not_about_time() -> None:
    result = run(workload(BARE, drain=290, replicas=2, **ROLLING), service())
    assert result.change.patch == {"spec": {"strategy": ROLLING["strategy"] | {"rollingUpdate": {"maxUnavailable": 0}}}}
    assert result.workload["budget_after"] is None
    assert result.workload["pods_restarted"] is None


# What is patched, and in which order


def test_the_strategy_is_apart_because_it_restarts_nothing() -> None:
    change = run(workload(BARE, replicas=2, **ROLLING), service()).change
    assert set(change.strategy["spec"]) == {"strategy"}
    assert set(change.template["spec"]) == {"template"}
    assert set(change.patch["spec"]) == {"strategy", "template"}


def test_the_fields_that_change_are_listed() -> None:
    assert set(run(workload(BARE, replicas=2, **ROLLING), service()).change.fields) == {
        "spec.strategy.rollingUpdate.maxUnavailable",
        f"spec.template.spec.{GRACE}",
        "spec.template.spec.containers[app].lifecycle",
    }


def test_the_containers_of_a_patch_are_in_the_order_of_the_pod() -> None:
    behind, edge = hooked(None, "behind", image="php:8.3-fpm", ports=[{"containerPort": 9000}]), hooked(None, "edge")
    result = run(workload(behind, edge | {"image": "nginx:1.27"}), service())
    assert [one["name"] for one in result.pod["containers"]] == ["behind", "edge"], "a server would else move them"


def test_the_restarting_pods_are_counted() -> None:
    assert run(workload(BARE, replicas=6), service()).workload["pods_restarted"] == 6
    assert run(workload(BARE, replicas=None), service(), autoscaler(4)).workload["pods_restarted"] == 4


def test_infos_are_shown_not_patched() -> None:
    result = run(workload(BARE, kind="StatefulSet"), service(clusterIP="None"))
    finding = result.one("prestop-missing")
    assert (finding["severity"], finding["reason"]) == ("info", "only errors and warnings are patched")
    assert "sleep:" in finding["snippet"]
    assert not result.audit.changes


def test_nothing_wrong_means_no_change() -> None:
    budget = disruption_budget(maxUnavailable=1, unhealthyPodEvictionPolicy="AlwaysAllow")
    result = run(workload(minReadySeconds=10), service(), budget)
    assert not result.report["findings"]
    assert not result.audit.changes


def test_its_owner_may_forbid_changes() -> None:
    result = run(workload(BARE, annotations={MANAGED: "false"}), service())
    assert not result.audit.changes
    assert "annotation managed: false" in result.one("prestop-missing")["reason"]


@pytest.mark.parametrize("kind", ["Job", "ReplicaSet"])
def test_what_another_object_creates_is_never_patched(kind: str) -> None:
    result = run(workload(sleeping(30), kind=kind, annotations={PROFILE: "serving"}))
    assert not result.audit.changes
    assert "fix the object that creates it" in result.one("prestop-exceeds-grace")["reason"]


def test_what_the_source_refuses_is_for_a_person_with_the_whole_patch() -> None:
    result = run(workload(BARE), service(), refuses={"web": "line 7: anchored"})
    finding = result.one("prestop-missing")
    assert (finding["remedy"], finding["reason"]) == ("manual", "line 7: anchored")
    assert f"{GRACE}: 40" in finding["snippet"]
    assert "sleep" in finding["snippet"]
    assert result.report["summary"]["remediable"] == 0
    assert [reason for _workload, reason in result.audit.refused] == ["line 7: anchored"]


def test_a_finding_for_a_person_does_not_hold_up_the_others() -> None:
    result = run(workload(hooked(None, readinessProbe=None)), service())
    assert [finding.rule.id for finding in result.change.solves] == ["prestop-missing"]
    assert result.one("no-readiness-probe")["remedy"] == "manual"


# Templates of the user's own

SPEC = "spec:\n  template:\n    spec:\n"
CONTAINER = SPEC + "      containers:\n        - name: {{ container | quoted }}\n"
LONGER = CONTAINER + "          lifecycle: {preStop: {sleep: {seconds: {{ seconds + 5 }}}}}\n"


def overridden(text: str, obj: dict[str, Any] | None = None, name: str = "prestop-sleep") -> Result:
    """Audit a workload without preStop hook, with this template in place of the collection's."""
    return run(obj or workload(BARE), service(), templates={name: text})


def refused(text: str, obj: dict[str, Any] | None = None) -> str:
    """Why the user's prestop-sleep is not used."""
    result = overridden(text, obj)
    assert not result.audit.changes
    return str(result.one("prestop-missing")["reason"])


def test_an_override_is_used() -> None:
    shell = CONTAINER + '          lifecycle: {preStop: {exec: {command: ["sh", "-c", "sleep {{ seconds }}"]}}}\n'
    result = overridden(shell)
    assert result.pod["containers"][0]["lifecycle"] == {"preStop": {"exec": {"command": ["sh", "-c", "sleep 10"]}}}
    assert result.pod[GRACE] == 40


def test_an_override_may_ask_for_more_time() -> None:
    result = overridden(SPEC + f"      {GRACE}: {{{{ grace_seconds + 5 }}}}\n" + LONGER.removeprefix(SPEC))
    assert result.pod[GRACE] == 45
    assert result.workload["budget_after"]["prestop"] == 15


@pytest.mark.parametrize("drain", [10, 15])
def test_an_override_may_use_spare_time_that_is_known_to_be_spare(drain: int) -> None:
    after = overridden(LONGER, workload(BARE, drain=drain)).workload["budget_after"]
    assert (after["prestop"], after["required"], after["grace"]) == (15, 25 + drain, 40)


def test_an_override_that_takes_time_from_an_unknown_drain_is_refused() -> None:
    assert refused(LONGER, workload(BARE, drain=None)) == "the template's hook leaves 25 s to drain instead of 30 s"


def test_an_override_that_lowers_the_grace_period_is_refused() -> None:
    lower = SPEC + f"      {GRACE}: 30\n" + LONGER.removeprefix(SPEC)
    assert refused(lower, workload(BARE, grace=60, drain=0)) == "the template lowers the grace period to 30 s"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (CONTAINER + "          image: registry.example/other:1\n", "containers[].image"),
        (CONTAINER + "          lifecycle: {postStart: {exec: {command: [x]}}}\n", "containers[].lifecycle.postStart"),
        (CONTAINER + "          lifecycle: 5\n", "containers[].lifecycle"),
        (CONTAINER + "          lifecycle: null\n", "containers[].lifecycle"),
        (SPEC + "      hostNetwork: true\n", "spec.template.spec.hostNetwork"),
        (SPEC + "      containers: [5]\n", "containers[]"),
        ("spec:\n  replicas: 5\n", "spec.replicas"),
        ("spec:\n  template:\n    metadata: {labels: {a: b}}\n", "spec.template.metadata"),
        ("spec:\n  template: 5\n", "spec.template"),
        ("spec:\n  template: null\n", "spec.template"),
        ("spec:\n  selector: null\n", "spec.selector"),
    ],
)
def test_an_override_that_touches_other_fields_is_refused(text: str, field: str) -> None:
    assert refused(text) == f"the template sets {field}, which no remedy may change automatically"


def test_a_strategy_template_may_not_restart_pods() -> None:
    result = overridden(LONGER, workload(replicas=2, **ROLLING), "rollout-strategy")
    assert "spec.template" in result.one("rollout-loses-capacity")["reason"]
    assert not result.audit.changes


@pytest.mark.parametrize(
    "text",
    [
        SPEC + f"      {GRACE}: 99\n",
        CONTAINER + "          lifecycle: {preStop: null}\n",
    ],
)
def test_an_override_that_does_not_solve_it_is_refused(text: str) -> None:
    assert "does not solve it" in refused(text)


def test_an_override_that_solves_a_part_is_used_for_that_part() -> None:
    broken = {"tcpSocket": {"port": 8080}}
    only_app = (
        "spec:\n  template:\n    spec:\n{% if container == 'app' %}\n      containers:\n        - name: app\n"
        "          lifecycle: {preStop: {tcpSocket: null, sleep: {seconds: {{ seconds }}}}}\n{% endif %}\n"
        f"      {GRACE}: {{{{ grace_seconds }}}}\n"
    )
    solved, left = overridden(only_app, workload(hooked(broken), hooked(broken, "other"))).of("prestop-tcp-socket")
    assert (solved["container"], solved["remedy"]) == ("app", "auto")
    assert (left["container"], left["reason"]) == ("other", "the template's patch does not solve it")


def test_an_override_that_makes_something_else_worse_is_refused() -> None:
    tcp = CONTAINER + "          lifecycle: {preStop: {tcpSocket: {port: 8080}}}\n"
    assert refused(tcp) == "the patch would raise prestop-tcp-socket"


@pytest.mark.parametrize(
    "text",
    [
        SPEC + "      containers: [{name: other, lifecycle: {preStop: {sleep: {seconds: 5}}}}]\n",
        SPEC + "      containers: [{lifecycle: {preStop: {sleep: {seconds: 5}}}}]\n",
        SPEC + f"      {GRACE}: soon\n",
        SPEC + "      containers: {}\n",
        CONTAINER + "          lifecycle: {preStop: {sleep: {seconds: many}}}\n",
    ],
)
def test_an_override_that_does_not_fit_the_workload_is_refused(text: str) -> None:
    assert refused(text).startswith("the template's patch does not fit this workload: ")


def test_a_handler_that_the_override_leaves_beside_the_old_one_is_refused() -> None:
    beside = CONTAINER + "          lifecycle: {preStop: {sleep: {seconds: 10}}}\n"
    result = overridden(beside, workload(hooked({"tcpSocket": {"port": 8080}})))
    assert "the API server allows one handler" in result.one("prestop-tcp-socket")["reason"]


def test_a_template_that_cannot_be_rendered_stops_the_run() -> None:
    with pytest.raises(SnippetError, match=r"^prestop-sleep\.yaml\.j2:2: 'nothing' is undefined"):
        overridden("spec:\n  a: {{ nothing }}\n")


# Whatever the workload is


def time_to_drain(obj: Workload) -> dict[str, int]:
    """Seconds that each container has after its preStop hook."""
    return {one.name: obj.grace - hook_time(one.pre_stop).seconds for one in obj.containers}


def open_severities(result: Result) -> dict[str, int]:
    """How bad each finding is, by fingerprint: 2 for an error, 1 for a warning; infos left out."""
    worst = len(SEVERITIES) - 1
    found = {entry["fingerprint"]: worst - SEVERITIES.index(entry["severity"]) for entry in result.report["findings"]}
    return {fingerprint: severity for fingerprint, severity in found.items() if severity}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    workloads(),
    SURROUNDINGS,
    st.sampled_from(["1.29", "1.30", "1.34"]),
    st.sampled_from([None, "no Service in the input"]),
    st.sampled_from([{}, {"margin_seconds": 0}, {"max_grace_seconds": 60, "prestop_seconds": {"default": 30}}]),
)
def test_applying_the_plan_solves_what_it_promises_and_makes_nothing_worse(
    obj: dict[str, Any], around: list[dict[str, Any]], version: str, unknown: str | None, policy: dict[str, Any]
) -> None:
    before = run(obj, *around, version=version, unknown=unknown, policy=policy)
    after = before.applied()
    assert after.report["summary"]["remediable"] == 0, "nothing is left that it could fix"
    assert not after.audit.changes, "a second run changes nothing"
    worse, was = open_severities(after), open_severities(before)
    assert all(severity <= was.get(fingerprint, 0) for fingerprint, severity in worse.items())
    for change in before.audit.changes:
        patched = read_workload(change.obj)
        assert patched.grace >= change.workload.grace
        assert patched.grace <= max(change.workload.grace, before.options["policy"].get("max_grace_seconds", 300))
        if change.workload.grace > 2:
            had = time_to_drain(change.workload)
            assert all(left >= had[name] for name, left in time_to_drain(patched).items())
        assert change.solves
        assert change.fields
