# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on how probes are set."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    claims_volume,
    container,
    node,
    run,
    service,
    sidecar,
    workload,
)

GRACE, STARTUP, FROZEN = "probe-grace-period-missing", "startup-probe-missing", "exec-readiness-frozen"
PROBE: dict[str, Any] = {"httpGet": {"path": "/alive", "port": 8080}}
COMMAND = {"exec": {"command": ["/ready"]}}

# probe-grace-period-missing


def slow(grace: int = 300, **probes: Any) -> dict[str, Any]:
    """A workload with this grace period, and a liveness probe unless told otherwise."""
    return workload(container(**({"livenessProbe": PROBE} | probes)), grace=grace)


def test_a_long_grace_period_is_not_for_hung_containers() -> None:
    result = run(slow(), service())
    finding = result.one(GRACE)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("warning", "auto", "app")
    assert finding["numbers"] == {"grace_seconds": 300, "probe_grace_seconds": 30}
    assert "livenessProbe fails" in finding["message"]
    after = result.applied()
    assert not after.of(GRACE)
    assert after.report["workloads"][0]["budget"]["grace"] == 300, "the pod keeps what it has"


def test_both_probes_that_kill_are_one_finding_a_container() -> None:
    finding = run(slow(startupProbe=PROBE), service()).one(GRACE)
    assert "livenessProbe or startupProbe fails" in finding["message"]


def test_a_startup_probe_alone_kills_too() -> None:
    assert "startupProbe fails" in run(slow(livenessProbe=None, startupProbe=PROBE), service()).one(GRACE)["message"]


@pytest.mark.parametrize("profile", ["worker", "batch", "controller"])
def test_it_is_not_about_requests(profile: str) -> None:
    obj = slow()
    obj["metadata"]["annotations"][PROFILE] = profile
    assert run(obj).of(GRACE)


def test_a_native_sidecar_is_for_a_person() -> None:
    obj = workload(grace=300, pod={"initContainers": [sidecar(livenessProbe=PROBE)]})
    finding = run(obj, service()).one(GRACE)
    assert (finding["remedy"], finding["container"]) == ("manual", "proxy")
    assert "initContainers:" in finding["snippet"]
    assert "terminationGracePeriodSeconds: 30" in finding["snippet"]


@pytest.mark.parametrize(
    "store",
    [
        workload(container(livenessProbe=PROBE), grace=300, kind="StatefulSet"),
        workload(container(livenessProbe=PROBE), grace=300, pod=claims_volume("data")),
    ],
)
def test_what_writes_in_its_stop_is_for_a_person(store: dict[str, Any]) -> None:
    finding = run(store, service()).one(GRACE)
    assert finding["remedy"] == "manual"
    assert "terminationGracePeriodSeconds: 30" in finding["snippet"]


@pytest.mark.parametrize("volume", [{"hostPath": {"path": "/srv/app"}}, {"nfs": {"server": "n", "path": "/e"}}])
def test_so_is_what_writes_to_other_volumes_that_last(volume: dict[str, Any]) -> None:
    pod = {"volumes": [{"name": "data", **volume}]}
    for read_only, remedy in ((False, "manual"), (True, "auto")):
        mount = {"name": "data", "mountPath": "/srv", "readOnly": read_only}
        one = container(livenessProbe=PROBE, volumeMounts=[mount])
        assert run(workload(one, grace=300, pod=pod), service()).one(GRACE)["remedy"] == remedy


def test_the_pause_of_its_own_hook_leaves_it_time_to_stop() -> None:
    paused = {"lifecycle": {"preStop": {"sleep": {"seconds": 45}}}}
    finding = run(slow(120, **paused), service()).one(GRACE)
    assert finding["numbers"] == {"grace_seconds": 120, "probe_grace_seconds": 55}
    assert not run(slow(65, lifecycle={"preStop": {"sleep": {"seconds": 55}}}), service()).of(GRACE), "nothing is won"


def test_a_pause_that_is_planned_beside_it_counts_as_well() -> None:
    bare = workload(container(lifecycle=None, livenessProbe=PROBE), grace=120)
    result = run(bare, service(), policy={"prestop_seconds": {"default": 45}})
    (one,) = result.pod["containers"]
    assert one["lifecycle"] == {"preStop": {"sleep": {"seconds": 45}}}
    assert one["livenessProbe"] == {"terminationGracePeriodSeconds": 55}
    assert {finding.rule.id for finding in result.change.solves} == {"prestop-missing", GRACE}


def test_up_to_60_seconds_are_not_long() -> None:
    assert not run(slow(60), service()).of(GRACE)
    assert run(slow(61), service()).of(GRACE)


def test_a_probe_with_a_grace_period_of_its_own() -> None:
    own = PROBE | {"terminationGracePeriodSeconds": 10}
    assert not run(slow(livenessProbe=own, startupProbe=own), service()).of(GRACE)
    assert "startupProbe fails" in run(slow(livenessProbe=own, startupProbe=PROBE), service()).one(GRACE)["message"]


def test_readiness_kills_nothing() -> None:
    assert not run(slow(livenessProbe=None, readinessProbe=PROBE), service()).of(GRACE)


def test_before_1_25_there_is_no_such_field() -> None:
    assert not run(slow(), service(), version="1.24").of(GRACE)
    assert not run(slow(), service(), node("old", "v1.24.9")).of(GRACE)
    assert run(slow(), service(), version="1.25").of(GRACE)


@pytest.mark.parametrize("name", ["istio-proxy", "linkerd-proxy"])
def test_an_injected_proxy_is_not_its_owners(name: str) -> None:
    proxy = container(name, ports=None, livenessProbe=PROBE | {"initialDelaySeconds": 60})
    result = run(workload(container(), proxy, grace=300), service())
    assert not result.of(GRACE)
    assert not result.of(STARTUP)


# startup-probe-missing


def delayed(seconds: Any, **fields: Any) -> dict[str, Any]:
    """A workload whose liveness waits so long for the start."""
    return workload(container(livenessProbe=PROBE | {"initialDelaySeconds": seconds}, **fields))


def test_a_long_delay_in_place_of_a_startup_probe_is_an_info() -> None:
    finding = run(delayed(30), service()).one(STARTUP)
    assert (finding["severity"], finding["remedy"], finding["numbers"]) == (
        "info",
        "manual",
        {"initial_delay_seconds": 30},
    )
    assert "failureThreshold: 12" in finding["snippet"], "twice the delay, as periods of 5 s"
    assert "path: /CHANGE-ME" in finding["snippet"], "no path is invented"


@pytest.mark.parametrize("seconds", [None, 0, 29])
def test_a_short_delay_is_fine(seconds: int | None) -> None:
    assert not run(delayed(seconds), service()).of(STARTUP)


def test_with_a_startup_probe_a_delay_is_only_a_delay() -> None:
    assert not run(delayed(60, startupProbe=PROBE), service()).of(STARTUP)


def test_without_liveness_nothing_is_killed() -> None:
    assert not run(workload(), service()).of(STARTUP)


@pytest.mark.parametrize(
    ("probe", "field"),
    [("livenessProbe", "initialDelaySeconds"), ("startupProbe", "terminationGracePeriodSeconds")],
)
@pytest.mark.parametrize("value", ["30", True, [], 0.5, 10**18])
def test_wrong_types_are_unreadable(probe: str, field: str, value: Any) -> None:
    probes: dict[str, Any] = {probe: PROBE | {field: value}}
    report = run(workload(container(**probes), grace=300), service()).report
    assert f"{probe}.{field}" in report["skipped"][0]["reason"]


# exec-readiness-frozen

ASKING = workload(container(readinessProbe=COMMAND))
NODES = (node("a", "v1.35.2"), node("b", "v1.36.0"))


def test_an_exec_probe_on_such_a_kubelet_is_an_info() -> None:
    finding = run(ASKING, service(), *NODES, version="1.36").one(FROZEN)
    assert (finding["severity"], finding["numbers"]) == ("info", {"nodes": 2, "nodes_affected": 1})
    assert "exec: null" in finding["snippet"], "else the API server sees two handlers"


def test_a_balancer_that_goes_by_readiness_makes_it_a_warning() -> None:
    local = service(type="LoadBalancer", externalTrafficPolicy="Local")
    assert run(ASKING, local, *NODES, version="1.36").one(FROZEN)["severity"] == "warning"
    remote = service(type="LoadBalancer")
    assert run(ASKING, remote, *NODES, version="1.36").one(FROZEN)["severity"] == "info"


@pytest.mark.parametrize("version", ["v1.34.9", "v1.36.0", "v1.37.2"])
def test_other_kubelets_run_it_to_the_end(version: str) -> None:
    assert not run(ASKING, service(), node("a", version), version="1.37").of(FROZEN)


def test_manifests_say_nothing_of_nodes() -> None:
    assert not run(ASKING, service(), version="1.35").of(FROZEN)


@pytest.mark.parametrize("probe", [PROBE, {"grpc": {"port": 8080}}, {"tcpSocket": {"port": 8080}}, None])
def test_other_probes_run_to_the_end(probe: dict[str, Any] | None) -> None:
    assert not run(workload(container(readinessProbe=probe)), service(), *NODES).of(FROZEN)


def test_what_takes_no_requests_is_not_asked_for_readiness() -> None:
    assert not run(workload(container(readinessProbe=COMMAND), annotations={PROFILE: "worker"}), *NODES).of(FROZEN)
