# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on the grace period."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    autoscaler,
    claims_volume,
    container,
    hooked,
    run,
    service,
    sidecar,
    sleeping,
    workload,
)

ZERO, INSUFFICIENT = "grace-period-zero", "grace-period-insufficient"
PATH = "spec.template.spec.terminationGracePeriodSeconds"

# grace-period-zero


@pytest.mark.parametrize("grace", [0, 1, 2])
def test_no_time_to_shut_down_is_an_error_where_requests_are_lost(grace: int) -> None:
    finding = run(workload(grace=grace), service()).one(ZERO)
    assert (finding["severity"], finding["path"], finding["template"]) == ("error", PATH, "grace-period")
    assert finding["numbers"] == {"grace_seconds": grace}
    assert "requests" in finding["message"]


def test_three_seconds_are_some_time() -> None:
    assert not run(workload(grace=3), service()).of(ZERO)


def test_the_default_of_30_seconds_is_not_zero() -> None:
    assert not run(workload(grace=None), service()).of(ZERO)


def test_data_at_stake_is_an_error_without_any_service() -> None:
    for stateful in (workload(kind="StatefulSet", grace=0), workload(grace=0, pod=claims_volume("data"))):
        finding = run(stateful).one(ZERO)
        assert finding["severity"] == "error"
        assert "data" in finding["message"]


@pytest.mark.parametrize(
    "holder",
    [
        container(image="registry.k8s.io/pause:3.10"),
        container(image="mirror.example/rancher/mirrored-pause:3.6@sha256:0"),
        container(command=["/bin/sleep", "infinity"]),
        container(command=["sh", "-c", "sleep 3650d"]),
    ],
)
def test_what_only_holds_a_place_has_nothing_to_lose(holder: dict[str, Any]) -> None:
    assert not run(workload(holder, grace=0)).of(ZERO)
    assert not run(workload(holder, grace=0), service()).of(ZERO)
    assert run(workload(holder | {"name": "holder"}, container(), grace=0)).of(ZERO), "the other one has"


@pytest.mark.parametrize(
    "worker",
    [
        container(image="registry.example/pauseless:1"),
        container(image="registry.k8s.io/pause:3.10", command=["/server"]),
        container(command=["sh", "-c", "sleep 5; ./server"]),
        container(command=["echo-server"], args=["--port=8080"]),
        container(command=["/usr/bin/sleepless"]),
        container(command=["sh", "-c", "while sleep 5; do ./poll; done"]),
    ],
)
def test_what_only_looks_like_it_has(worker: dict[str, Any]) -> None:
    assert run(workload(worker, grace=0)).of(ZERO)


def test_a_worker_is_a_warning() -> None:
    assert run(workload(grace=0)).one(ZERO)["severity"] == "warning"


def test_where_it_is_not_known_whether_it_serves_it_is_a_warning() -> None:
    assert run(workload(grace=0), unknown="no Service in the input").one(ZERO)["severity"] == "warning"


def test_throw_away_batch_is_silent() -> None:
    assert not run(workload(hooked(None), kind="CronJob", grace=0, drain=None)).rules


def test_without_replicas_it_is_an_info() -> None:
    assert run(workload(grace=0, replicas=0), service()).one(ZERO)["severity"] == "info"


def test_the_fix_starts_from_the_default() -> None:
    result = run(workload(hooked(None), kind="StatefulSet", grace=0, drain=None))
    assert result.pod == {"terminationGracePeriodSeconds": 30}


# grace-period-insufficient


def test_a_declared_drain_that_does_not_fit_is_an_error() -> None:
    finding = run(workload(sleeping(10), drain=30, grace=45), service()).one(INSUFFICIENT)
    assert (finding["severity"], finding["path"], finding["template"]) == ("error", PATH, "grace-period")
    assert finding["numbers"] == {"required_seconds": 50, "grace_seconds": 45}
    assert "preStop 10 + drain 30 + margin 10" in finding["message"]


def test_the_sum_may_equal_the_grace_period() -> None:
    assert not run(workload(sleeping(10), drain=30, grace=50), service()).of(INSUFFICIENT)


def test_an_unset_grace_period_counts_as_30() -> None:
    assert run(workload(sleeping(10), drain=11, grace=None), service()).of(INSUFFICIENT)
    assert not run(workload(sleeping(10), drain=10, grace=None), service()).of(INSUFFICIENT)


@pytest.mark.parametrize("drain", [None, "30s", "-5", "1.5", ""])
def test_an_unknown_drain_is_no_finding(drain: str | None) -> None:
    assert not run(workload(sleeping(20), drain=drain), service()).of(INSUFFICIENT)


def test_an_unknown_drain_is_no_finding_though_another_container_needs_more_than_there_is() -> None:
    shipper = hooked({"sleep": {"seconds": 25}}, "shipper", ports=None)
    assert not run(workload(container(), shipper, drain=None), service()).of(INSUFFICIENT)


def test_a_lower_bound_that_is_too_much_already_is_enough_to_know() -> None:
    finding = run(workload(hooked({"httpGet": {"port": 8080}}), drain=60), service()).one(INSUFFICIENT)
    assert finding["numbers"]["required_seconds"] == 70
    assert "at least 70 s" in finding["message"]


def test_the_container_that_needs_most_decides() -> None:
    shipper = hooked({"sleep": {"seconds": 50}}, "shipper", ports=None)
    result = run(workload(container(), shipper, drain=5, grace=55), service())
    assert result.one(INSUFFICIENT)["numbers"]["required_seconds"] == 60
    assert result.workload["budget"]["container"] == "shipper"


def test_only_a_margin_cut_short_is_a_warning() -> None:
    assert run(workload(sleeping(25), drain=0), service()).one(INSUFFICIENT)["severity"] == "warning"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "CronJob"])
def test_jobs_and_workers_drain_too(kind: str) -> None:
    assert run(workload(hooked(None), kind=kind, drain=25)).one(INSUFFICIENT)["severity"] == "error"


def test_a_grace_period_of_zero_is_the_other_rule() -> None:
    assert set(run(workload(hooked(None), grace=0, drain=60)).rules) == {ZERO}


def test_a_job_that_declares_its_drain_is_not_thrown_away() -> None:
    assert run(workload(kind="CronJob", grace=0, drain=60)).of(INSUFFICIENT)


def test_a_native_sidecar_adds_nothing_that_is_not_declared() -> None:
    result = run(workload(sleeping(10), drain=10, pod={"initContainers": [sidecar("envoy")]}), service())
    assert not result.of(INSUFFICIENT)
    assert result.workload["budget"]["sidecar"] == 0
    assert "assumed 0 for envoy" in result.workload["budget"]["sources"]["sidecar"]


def test_the_profile_may_be_declared() -> None:
    assert run(workload(hooked(None), drain=25, annotations={PROFILE: "worker"}), service()).of(INSUFFICIENT)


def test_an_autoscaler_beside_zero_declared_replicas_scales_nothing() -> None:
    result = run(workload(drain=60, replicas=0), service(), autoscaler(2))
    assert result.one(INSUFFICIENT)["severity"] == "info"


# the default of a server


def test_a_default_that_is_longer_than_the_pod_lives_is_an_info_and_raises_nothing() -> None:
    vector = container(command=["vector"], lifecycle={"preStop": {"sleep": {"seconds": 10}}})
    result = run(workload(vector, drain=None, grace=30), service())
    finding = result.one(INSUFFICIENT)
    assert (finding["severity"], finding["remedy"]) == ("info", "manual")
    assert finding["numbers"] == {"required_seconds": 80, "grace_seconds": 30, "left_seconds": 20}
    assert "60 s (default of Vector)" in finding["message"]
    assert all(
        "terminationGracePeriodSeconds" not in field for change in result.audit.changes for field in change.fields
    )


def test_a_default_that_fits_but_for_the_margin_is_not_found() -> None:
    vector = container(command=["vector"], lifecycle={"preStop": {"sleep": {"seconds": 10}}})
    assert not run(workload(vector, drain=None, grace=70), service()).of(INSUFFICIENT)


def test_a_timeout_that_is_set_is_an_error_with_an_automatic_fix() -> None:
    vector = container(
        command=["vector", "--graceful-shutdown-limit-secs=60"], lifecycle={"preStop": {"sleep": {"seconds": 10}}}
    )
    result = run(workload(vector, drain=None, grace=30), service())
    assert (result.one(INSUFFICIENT)["severity"], result.one(INSUFFICIENT)["remedy"]) == ("error", "auto")
    assert result.applied().workload["budget"]["grace"] == 80


@pytest.mark.parametrize(
    ("grace", "drain", "severity"),
    [
        pytest.param(69, None, "error", id="the timeout ends a second after the pod"),
        pytest.param(70, None, "warning", id="to the second, with no margin"),
        pytest.param(79, None, "warning", id="with less than the margin"),
        pytest.param(79, 60, "error", id="a declared need is used"),
    ],
)
def test_a_timeout_that_is_set_and_lacks_only_the_margin_is_a_warning(
    grace: int, drain: int | None, severity: str
) -> None:
    vector = container(
        command=["vector", "--graceful-shutdown-limit-secs=60"], lifecycle={"preStop": {"sleep": {"seconds": 10}}}
    )
    result = run(workload(vector, drain=drain, grace=grace), service())
    assert (result.one(INSUFFICIENT)["severity"], result.one(INSUFFICIENT)["remedy"]) == (severity, "auto")
    assert result.applied().workload["budget"]["grace"] == 80


@pytest.mark.parametrize(
    ("timeout", "severity"),
    [
        pytest.param("25", "warning", id="only the margin is missing"),
        pytest.param("30", "warning", id="to the second"),
        pytest.param("31", "error", id="it is killed before it puts its jobs back"),
    ],
)
def test_a_worker_that_requeues_in_time_lacks_only_the_margin(timeout: str, severity: str) -> None:
    one = workload(container(command=["sidekiq", "-t", timeout], ports=None, lifecycle=None), drain=None, grace=30)
    finding = run(one, service("other")).one("grace-period-insufficient")
    assert finding["severity"] == severity
    assert ("back in their queue" in finding["message"]) == (severity == "warning")


def test_a_worker_whose_owner_declares_its_jobs_is_judged_by_them() -> None:
    one = workload(container(command=["sidekiq", "-t", "25"], ports=None, lifecycle=None), drain=25, grace=30)
    assert run(one, service("other")).one("grace-period-insufficient")["severity"] == "error"
