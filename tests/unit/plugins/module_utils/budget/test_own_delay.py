# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that a server makes by itself before it drains."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.allowance import allowance_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import OwnDelay, own_delay_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import settings_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    mounting,
    run,
    service,
    workload,
)

TRAEFIK = "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout"


def delay(file: tuple[str, str] | None = None, env: dict[str, Any] | None = None, **fields: Any) -> OwnDelay:
    """The delay of a container; `file`: name and text of a file from a ConfigMap."""
    mounted, pod = mounting("settings", "/etc/app") if file else ({}, {})
    context = Context()
    if file:
        context.add(config_map(**{file[0]: file[1]}))
    variables = [
        {"name": name} | (value if isinstance(value, dict) else {"value": value}) for name, value in (env or {}).items()
    ]
    read = read_workload(workload(container(env=variables, **mounted | fields), pod=pod))
    return own_delay_of(settings_of(read, read.containers[0], context))


@pytest.mark.parametrize(
    "found",
    [
        delay(("Corefile", ".:53 {\n  health {\n    lameduck 15s\n  }\n}")),
        delay(("Corefile", ".:53 { health :8080 { lameduck 15s } }")),
        # One health after the other.
        delay(("Corefile", ".:53 { health :8080 { lameduck 5s } }\nshop:53 {\n health :8081 {\n  lameduck 10s\n }\n}")),
        delay(
            ("dns.conf", "health { lameduck 15s }"), image="coredns/coredns:1.12", args=["-conf", "/etc/app/dns.conf"]
        ),
        delay(("dns.conf", "health { lameduck 15s }"), command=["/coredns", "-conf=/etc/app/dns.conf"]),
        delay(("site.conf", "{\n shutdown_delay 15s\n}"), command=["caddy", "run", "--config", "/etc/app/site.conf"]),
        delay(
            (
                "t.yml",
                "entryPoints: {web: {transport: {lifeCycle: {requestAcceptGraceTimeout: 15}}}, b: {address: ':1'}}",
            )
        ),
        delay(
            ("t.toml", "[entryPoints.web.transport.lifeCycle]\nrequestAcceptGraceTimeout = '15s'\n[entryPoints.b]\n")
        ),
        delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s"}),
        delay(("Caddyfile", "{\n  shutdown_delay 15s\n}")),
        delay(args=[f"{TRAEFIK}=15"]),
        delay(args=[f"{TRAEFIK}=5", TRAEFIK.replace("web", "admin") + "=15s"]),
        delay(env={"TRAEFIK_ENTRYPOINTS_WEB_TRANSPORT_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT": "15"}),
        delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s", "QUARKUS_SHUTDOWN_DELAY_ENABLED": "true"}),
        delay(env={"KC_SHUTDOWN_DELAY": "15s"}),
        delay(command=["kc.sh", "start", "--shutdown-delay=15s"]),
        delay(command=["cloud-sql-proxy", "--min-sigterm-delay=15s", "p:r:i"]),
    ],
)
def test_each_way_of_setting_it_is_read(found: OwnDelay) -> None:
    assert (found.seconds, found.exact) == (15, True)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(delay(), id="nothing"),
        pytest.param(delay(("Corefile", "# lameduck 15s")), id="a comment"),
        pytest.param(delay(("Corefile", "health { lameduck 0s }")), id="0"),
        pytest.param(delay(("README", "lameduck 15s")), id="another file"),
        pytest.param(
            delay(("dns.conf", "lameduck 15s"), command=["bind", "-conf", "/etc/app/dns.conf"]), id="of another program"
        ),
        pytest.param(
            delay(("dns.conf", "lameduck 15s"), command=["coredns", "-conf", "/x/Corefile"]), id="not the named"
        ),
        pytest.param(delay(command=["app", "--shutdown-delay=15s"]), id="another program's flag of that name"),
        pytest.param(delay(command=["cloud-sql-proxy", "--min-sigterm-delay=15"]), id="without a unit"),
    ],
)
def test_nothing_else_is_a_delay(found: OwnDelay) -> None:
    assert (found.seconds, found.exact) == (0, True)


ADMIN, ADDRESS = TRAEFIK.replace("web", "admin"), "--entryPoints.{}.address=:{}"
YAML = "entryPoints:\n  web: {{transport: {{lifeCycle: {{requestAcceptGraceTimeout: 15s}}}}}}\n  {}\n"


@pytest.mark.parametrize(
    ("found", "pause"),
    [
        pytest.param(delay(args=[f"{TRAEFIK}=15", ADDRESS.format("web", 80)]), 15, id="its only entry point"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", f"{ADMIN}=20s"]), 15, id="both"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", f"{ADMIN}=3s"]), 3, id="one is short"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", ADDRESS.format("admin", 81)]), 0, id="the other has none"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", "--ENTRYPOINTS.Admin.http.tls=true"]), 0, id="in another case"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", ADDRESS.format("metrics", 9)]), 15, id="but for metrics"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", ADDRESS.format("traefik", 8080)]), 15, id="but for its own API"),
        pytest.param(delay(args=[f"{TRAEFIK}=15", f"{ADMIN}=$(D)"]), 0, id="the other cannot be read"),
        pytest.param(
            delay(
                env={
                    "TRAEFIK_ENTRYPOINTS_WEB_TRANSPORT_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT": "15",
                    "TRAEFIK_ENTRYPOINTS_ADMIN_ADDRESS": ":81",
                }
            ),
            0,
            id="variables",
        ),
        pytest.param(delay(("t.yml", YAML.format("admin: {address: ':81'}"))), 0, id="a file"),
        pytest.param(delay(("t.yml", YAML.format("metrics: {address: ':81'}"))), 15, id="a file, but for metrics"),
        pytest.param(delay(("t.yml", YAML.format("{{ more }}"))), 0, id="a template"),
        pytest.param(
            delay(("Corefile", "health :1 { lameduck 5s }\nhealth :2 {\n lameduck 10s }")), 10, id="CoreDNS, two"
        ),
        pytest.param(
            delay(env={"QUARKUS_SHUTDOWN_DELAY": "15s", "QUARKUS_SHUTDOWN_DELAY_ENABLED": "true"}),
            0,
            id="decided at the build",
        ),
        pytest.param(delay(env={"KC_SHUTDOWN_DELAY": "15s"}), 15, id="Keycloak is built with it"),
    ],
)
def test_the_pause_is_what_all_of_the_server_serves(found: OwnDelay, pause: int) -> None:
    assert found.pause == pause


@pytest.mark.parametrize(
    ("path", "exact"),
    [
        ("/etc/traefik", False),
        ("/etc/traefik/traefik.yml", False),
        ("/etc", False),
        ("/certs", True),
        ("/etc/tls", True),
    ],
)
@pytest.mark.parametrize("source", [{"secret": {"secretName": "s"}}, {"emptyDir": {}}, {"csi": {"driver": "d"}}])
def test_what_may_be_in_a_folder_that_cannot_be_seen_makes_it_inexact(
    source: dict[str, Any], path: str, exact: bool
) -> None:
    spec = container(image="traefik:v3", volumeMounts=[{"name": "v", "mountPath": path}])
    read = read_workload(workload(spec, pod={"volumes": [{"name": "v", **source}]}))
    settings = settings_of(read, read.containers[0], Context())
    assert own_delay_of(settings).exact is exact
    found = allowance_of(settings)
    assert found is not None
    assert (found.seconds, found.certain) == (10, exact)
    assert (f"unless a file in {path} says otherwise" in found.source) is not exact


def test_what_cannot_be_read_makes_the_sum_a_lower_bound() -> None:
    secret = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert not delay(env={"KC_SHUTDOWN_DELAY": secret}).exact
    spec = container(env=[{"name": "KC_SHUTDOWN_DELAY"} | secret])
    assert run(workload(spec, drain=5), service()).workload["budget"]["known"] is False


def test_it_is_part_of_the_sum_and_stands_in_for_a_pause() -> None:
    spec = container(lifecycle=None, args=[f"{TRAEFIK}=15"])
    result = run(workload(spec, drain=10, grace=30), service())
    budget = result.workload["budget"]
    assert (budget["own_delay"], budget["required"]) == (15, 35)
    assert budget["sources"]["own_delay"].startswith(f"argument {TRAEFIK[:12]}")
    assert "own delay 15" in result.one("grace-period-insufficient")["message"]
    assert not result.of("prestop-missing")
