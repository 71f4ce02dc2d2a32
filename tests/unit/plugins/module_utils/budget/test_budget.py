# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic: preStop + drain + sidecar + margin against the grace period."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    container,
    hooked,
    run,
    service,
    sidecar,
    sleeping,
    workload,
)


def budget(*objects: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The budget of the only workload, as the report has it."""
    return run(*objects, **options).workload["budget"]


def test_each_part_and_its_source() -> None:
    parts = budget(workload(sleeping(10), drain=15, grace=60), service())
    assert {key: parts[key] for key in ("grace", "prestop", "drain", "sidecar", "margin", "required", "known")} == {
        "grace": 60,
        "prestop": 10,
        "drain": 15,
        "sidecar": 0,
        "margin": 10,
        "required": 35,
        "known": True,
    }
    assert (parts["own_delay"], parts["allowance"]) == (0, None)
    assert parts["need"] == {
        "seconds": 15,
        "how": "declared",
        "source": "annotation graceful.termination/drain-seconds",
        "bound": "exact",
    }
    assert parts["sources"] == {
        "own_delay": "no delay of the server's own",
        "grace": "terminationGracePeriodSeconds",
        "prestop": "preStop sleep action",
        "unknown": None,
        "drain": "annotation graceful.termination/drain-seconds",
        "sidecar": "no native sidecar",
        "margin": "policy",
    }


def test_an_unset_grace_period_is_the_default_and_says_so() -> None:
    parts = budget(workload(grace=None), service())
    assert (parts["grace"], parts["sources"]["grace"]) == (30, "default of the API server")


def test_an_unknown_drain_is_null_and_says_what_would_settle_it() -> None:
    parts = budget(workload(drain=None), service())
    assert (parts["drain"], parts["known"]) == (None, False)
    assert "graceful.termination/drain-seconds would settle it" in parts["sources"]["drain"]


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30.0", 30), ("1e2", 100), (" 45 ", 45), ("0", 0)])
def test_a_declared_drain_is_a_whole_number_however_it_is_written(text: str, seconds: int) -> None:
    assert budget(workload(drain=text), service())["drain"] == seconds


@pytest.mark.parametrize("text", ["30s", "1.5", "-1", "", "9999999", "0x10"])
def test_a_declared_drain_that_is_no_number_is_unknown_and_says_so(text: str) -> None:
    parts = budget(workload(drain=text), service())
    assert parts["drain"] is None
    assert "is not a whole number of seconds" in parts["sources"]["drain"]


def test_blanks_around_the_number_do_no_harm() -> None:
    assert budget(workload(drain=" 15 "), service())["drain"] == 15


def test_a_hook_of_unknown_time_is_null_and_makes_the_sum_a_lower_bound() -> None:
    parts = budget(workload(hooked({"httpGet": {"port": 8080}}), drain=15), service())
    assert (parts["prestop"], parts["required"], parts["known"]) == (None, 25, False)


def test_a_hook_with_some_known_sleeps_counts_those() -> None:
    half = hooked({"exec": {"command": ["sh", "-c", "curl localhost/off; sleep 5"]}})
    parts = budget(workload(half, drain=15), service())
    assert (parts["prestop"], parts["required"], parts["known"]) == (5, 30, False)


def test_the_container_that_needs_most_decides() -> None:
    shipper = hooked({"sleep": {"seconds": 40}}, "shipper", ports=None)
    parts = budget(workload(sleeping(10), shipper, drain=15), service())
    assert (parts["container"], parts["prestop"], parts["drain"]) == ("shipper", 40, 0)
    assert parts["sources"]["drain"] == "no requests reach this container"


def test_of_equals_it_is_the_one_that_receives_requests() -> None:
    shipper = hooked(None, "shipper", ports=None)
    parts = budget(workload(shipper, hooked(None), drain=None), service())
    assert (parts["container"], parts["drain"]) == ("app", None)


def test_a_sidecars_hook_runs_beside_the_applications_not_after_it() -> None:
    proxy = sidecar(lifecycle={"preStop": {"sleep": {"seconds": 5}}})
    assert budget(workload(sleeping(10), drain=15, pod={"initContainers": [proxy]}), service())["required"] == 35


def test_the_stop_time_of_a_native_sidecar_is_assumed_and_named() -> None:
    parts = budget(workload(pod={"initContainers": [sidecar("a"), sidecar("b")]}), service())
    assert parts["sidecar"] == 0
    assert parts["sources"]["sidecar"] == "assumed 0 for a, b: its stop time is not declared"


def test_the_margin_is_the_policys() -> None:
    assert budget(workload(sleeping(10), drain=15), service(), policy={"margin_seconds": 3})["required"] == 28


@pytest.mark.parametrize("profile", ["worker", "batch", "controller", "unknown"])
def test_every_profile_has_work_to_finish(profile: str) -> None:
    assert budget(workload(drain=15, annotations={PROFILE: profile}))["drain"] == 15


def test_the_summary_counts_unknown_drains_whichever_container_decides() -> None:
    shipper = hooked({"sleep": {"seconds": 15}}, "shipper", ports=None)
    objects = [workload(drain=None), workload(container(), shipper, name="b", drain=None), workload(name="c")]
    assert run(*objects, service(), service("b")).report["summary"]["drain_unknown"] == 2


def test_after_the_fix_the_budget_says_where_the_delay_comes_from() -> None:
    after = run(workload(hooked(None), drain=15), service()).workload["budget_after"]
    assert (after["grace"], after["prestop"], after["required"]) == (40, 10, 35)
    assert after["sources"]["prestop"] == "policy default"
    assert after["sources"]["grace"] == "terminationGracePeriodSeconds"


def test_what_makes_the_sum_a_lower_bound_is_said() -> None:
    """Beside the drain that is shown: the container's own hook, or what another container needs."""
    unread = {"exec": {"command": ["/opt/drain"]}}
    own = budget(workload(hooked(unread), drain=15), service())
    assert own["sources"]["unknown"] == own["sources"]["prestop"] != "preStop sleep action"
    other = hooked({"sleep": {"seconds": 1}}, "side", ports=[{"containerPort": 9000}])
    both = service(ports=[{"name": "a", "port": 8080}, {"name": "b", "port": 9000}])
    server = hooked({"sleep": {"seconds": 10}}, command=["gunicorn", "--graceful-timeout", "20", "shop"])
    parts = budget(workload(server, other, drain=None), both)
    assert (parts["container"], parts["known"]) == ("app", False)
    assert parts["sources"]["unknown"].startswith("drain of side: unknown")
