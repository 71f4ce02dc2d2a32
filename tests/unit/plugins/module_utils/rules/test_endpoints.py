# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules on Services that keep addresses too long, and on the ingress controller itself."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    context_object,
    hooked,
    run,
    service,
    workload,
)

PUBLISH, CONTROLLER, BUDGET = "publish-not-ready-addresses", "ingress-controller-drain", "grace-period-insufficient"
IMAGE = "registry.k8s.io/ingress-nginx/controller:v1.12.1@sha256:0"
CONFIG = "--configmap=$(POD_NAMESPACE)/nginx"
WAITS = {"exec": {"command": ["/wait-shutdown"]}}


def controller(
    pre_stop: dict[str, Any] | None = None, *args: str, grace: int | None = 30, **over: Any
) -> dict[str, Any]:
    """An ingress-nginx controller."""
    body = hooked(pre_stop or WAITS, image=IMAGE, args=["/nginx-ingress-controller", *args])
    return workload(body, grace=grace, drain=None, **over)


def config(**data: str) -> dict[str, Any]:
    """The ConfigMap that CONFIG names."""
    obj = context_object("ConfigMap", "nginx", {})
    del obj["spec"]
    return obj | {"data": {key.replace("_", "-"): text for key, text in data.items()}}


# publish-not-ready-addresses


def test_a_service_that_keeps_stopping_pods_is_an_error() -> None:
    finding = run(workload(), service(publishNotReadyAddresses=True)).one(PUBLISH)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "ready-addresses")
    assert "Service shop/web publishes" in finding["message"]
    assert 'name: "web"' in finding["snippet"]
    assert "publishNotReadyAddresses: false" in finding["snippet"]


def test_several_such_services_are_one_finding() -> None:
    other = service("b", selector={"app": "web"}, publishNotReadyAddresses=True)
    assert "shop/web, shop/b" in run(workload(), service(publishNotReadyAddresses=True), other).one(PUBLISH)["message"]


@pytest.mark.parametrize(
    "spec",
    [
        {"publishNotReadyAddresses": False},
        {},
        {"publishNotReadyAddresses": True, "clusterIP": "None"},
        {"publishNotReadyAddresses": True, "selector": {"app": "other"}},
        {"publishNotReadyAddresses": True, "ports": [{"name": "metrics", "port": 9090}]},
    ],
)
def test_peer_discovery_metrics_and_others_may(spec: dict[str, Any]) -> None:
    usual = service(name="near", selector={"app": "web"})
    assert not run(workload(kind="StatefulSet"), usual, service(**spec)).of(PUBLISH)


# ingress-controller-drain


@pytest.mark.parametrize(
    ("args", "timeout", "needed"),
    [
        ([CONFIG], "60s", 70),
        ([CONFIG], "240s", 250),
        ([CONFIG, "--shutdown-grace-period=15"], "60s", 85),
    ],
)
def test_workers_that_are_killed_before_the_timeout_that_is_set(args: list[str], timeout: str, needed: int) -> None:
    result = run(controller(None, *args), service(), config(worker_shutdown_timeout=timeout))
    finding = result.one(CONTROLLER)
    assert (finding["severity"], finding["remedy"]) == ("warning", "auto")
    assert finding["numbers"] == {"required_seconds": needed, "grace_seconds": 30}
    assert result.pod["terminationGracePeriodSeconds"] == needed
    assert not result.of(BUDGET), "once is enough"
    assert not result.applied().of(CONTROLLER)


@pytest.mark.parametrize(
    ("args", "around", "needed"),
    [
        ([], [], 250),
        ([CONFIG], [config()], 250),
        (["--shutdown-grace-period=15"], [], 265),
    ],
)
def test_a_default_is_for_a_person_to_decide(args: list[str], around: list[dict[str, Any]], needed: int) -> None:
    result = run(controller(None, *args), service(), *around)
    finding = result.one(CONTROLLER)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert finding["numbers"] == {"required_seconds": needed, "grace_seconds": 30}
    assert f"terminationGracePeriodSeconds: {needed}" in finding["snippet"]
    assert not result.audit.changes
    assert result.workload["budget"]["allowance"]["how"] == "default"
    assert not result.of(BUDGET), "once is enough"


def test_of_a_default_what_lacks_only_the_margin_is_no_finding() -> None:
    assert run(controller(grace=239), service()).of(CONTROLLER)
    assert not run(controller(grace=240), service()).of(CONTROLLER)
    assert run(controller(None, CONFIG, grace=240), service(), config(worker_shutdown_timeout="240s")).of(CONTROLLER)


def test_a_hook_that_sleeps_takes_its_time_from_them() -> None:
    hook, set_to = {"sleep": {"seconds": 20}}, config(worker_shutdown_timeout="240s")
    found = run(controller(hook, CONFIG, grace=260), service(), set_to).one(CONTROLLER)
    assert found["numbers"]["required_seconds"] == 270
    assert not run(controller(hook, CONFIG, grace=270), service(), set_to).of(CONTROLLER)


def test_the_grace_period_of_its_chart_is_enough() -> None:
    assert not run(controller(grace=300), service()).of(CONTROLLER)


def test_it_needs_no_service_that_is_known() -> None:
    assert run(controller(), unknown="not in the input").of(CONTROLLER)


def test_a_named_config_map_that_is_not_known_may_say_otherwise() -> None:
    result = run(controller(None, CONFIG), service())
    assert not result.of(CONTROLLER)
    assert any("ConfigMap shop/nginx" in entry["reason"] for entry in result.report["not_evaluated"])


@pytest.mark.parametrize("image", ["nginx:1.27", "nginx/nginx-ingress:5.0", "registry.example/nginx-proxy:1"])
def test_other_images_with_nginx_in_them(image: str) -> None:
    assert not run(workload(container(image=image), drain=None), service()).of(CONTROLLER)


def test_what_its_owner_declares_is_the_budgets_affair() -> None:
    obj = workload(hooked(WAITS, image=IMAGE), grace=30, drain=100)
    result = run(obj, service())
    assert result.of(BUDGET)
    assert not result.of(CONTROLLER)


def test_no_grace_period_at_all_has_a_rule_of_its_own() -> None:
    assert not run(controller(grace=0), service()).of(CONTROLLER)
