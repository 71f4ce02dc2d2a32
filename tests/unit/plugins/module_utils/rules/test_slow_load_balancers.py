# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers that are known to take longer than the policy's delay."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    PROFILE,
    balancer,
    container,
    gateway,
    hooked,
    http_route,
    ingress,
    run,
    service,
    sleeping,
    target_group,
    workload,
)

SLOW, RACE, MISSING = "lb-deregistration-slow", "lb-deregistration-race", "prestop-missing"
APPGW = "appgw.ingress.kubernetes.io/"
AGIC = [
    [service(), ingress(annotations={"kubernetes.io/ingress.class": "azure/application-gateway"})],
    [service(), ingress(ingressClassName="azure-application-gateway")],
    [service(), ingress(annotations={f"{APPGW}connection-draining": "true"})],
    [service(), ingress(annotations={f"{APPGW}request-timeout": "60"}, ingressClassName="edge")],
]
NLB_IP = {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb-ip"}
NLB = [[balancer()], [service(annotations=NLB_IP, type="LoadBalancer")]]


@pytest.mark.parametrize(("around", "seconds"), [*((one, 90) for one in AGIC), *((one, 120) for one in NLB)])
def test_a_pause_of_the_policys_length_is_an_info(around: list[dict[str, Any]], seconds: int) -> None:
    result = run(workload(sleeping(20), grace=60), *around)
    finding = result.one(SLOW)
    assert (finding["severity"], finding["remedy"], finding["container"]) == ("info", "manual", "app")
    assert finding["numbers"] == {"prestop_seconds": 20, "wanted_seconds": seconds}
    assert f"seconds: {seconds}" in finding["snippet"]
    assert not result.of(RACE) and not result.audit.changes


@pytest.mark.parametrize("around", [*AGIC, *NLB])
def test_what_is_shorter_or_missing_says_it_in_its_own_finding(around: list[dict[str, Any]]) -> None:
    short = run(workload(sleeping(5), grace=60), *around)
    assert "is known to take about" in short.one(RACE)["message"] and not short.of(SLOW)
    missing = run(workload(hooked(None), grace=60), *around)
    assert "is known to take about" in missing.one(MISSING)["message"] and not missing.of(SLOW)
    assert missing.one(MISSING)["severity"] == "error"
    assert {short.one(RACE)["remedy"], missing.one(MISSING)["remedy"]} == {"auto"}, "20 s are better than none"
    assert short.applied().one(SLOW)["severity"] == "info"


@pytest.mark.parametrize(
    "around",
    [
        [service(), ingress(annotations={"alb.ingress.kubernetes.io/target-type": "ip"})],
        [service(), target_group()],
        [service(), http_route(), gateway("gke-l7-gxlb")],
        [service(annotations={"cloud.google.com/neg": '{"ingress": true}'}), ingress(ingressClassName="gce")],
        [service(type="LoadBalancer")],
        [service(type="LoadBalancer", externalTrafficPolicy="Local")],
        [service(), ingress(annotations={f"{APPGW}request-timeout": "60"}, ingressClassName="nginx")],
        [service(), ingress(ingressClassName="webapprouting.kubernetes.azure.com")],
        [service(), ingress("other", annotations={f"{APPGW}request-timeout": "60"})],
        [service(annotations={"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}, type="LoadBalancer")],
    ],
)
def test_of_others_nothing_is_known(around: list[dict[str, Any]]) -> None:
    assert not run(workload(sleeping(20), grace=60), *around).of(SLOW)


@pytest.mark.parametrize(
    "app",
    [
        sleeping(120),
        sleeping(150),
        hooked({"exec": {"command": ["/wait-shutdown"]}}),
        hooked({"httpGet": {"port": 8080}}),
        hooked({"exec": {"command": ["/leave-the-gateway"]}}),
        container(args=["--shutdown-grace-period=120"], lifecycle=None),
    ],
    ids=lambda one: str(one.get("lifecycle")),
)
def test_a_pause_as_long_as_it_needs_and_what_is_not_known_is_no_finding(app: dict[str, Any]) -> None:
    assert not run(workload(app, grace=300), balancer()).of(SLOW)


def test_a_policy_as_long_as_it_needs_promises_that_it_is_enough() -> None:
    result = run(workload(hooked(None)), balancer(), policy={"prestop_seconds": {"external-lb": 120}})
    assert "cover that" in result.one(MISSING)["message"]
    assert not result.applied().of(SLOW)


def test_where_no_requests_come_nothing_is_said() -> None:
    assert not run(workload(sleeping(20), grace=60, annotations={PROFILE: "worker"}), balancer()).of(SLOW)
