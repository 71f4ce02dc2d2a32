# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget of containers that stand behind each other."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    hooked,
    run,
    service,
    workload,
)

BIND = ["gunicorn", "app:wsgi", "--bind", "127.0.0.1:8000", "--graceful-timeout", "60"]


def nginx(seconds: int | None = 15) -> dict[str, Any]:
    return hooked({"sleep": {"seconds": seconds}} if seconds else None, "nginx", image="nginx:1.27")


def gunicorn(seconds: int | None = None, **fields: Any) -> dict[str, Any]:
    hook = {"sleep": {"seconds": seconds}} if seconds else None
    return hooked(hook, **({"command": BIND, "ports": None, "readinessProbe": None} | fields))


def budget(*containers: dict[str, Any], **options: Any) -> dict[str, Any]:
    return run(workload(*containers, drain=None, grace=120), service(), **options).workload["budget"]


@pytest.mark.parametrize(("front", "behind", "required"), [(15, None, 85), (15, 15, 85), (15, 20, 90), (None, 20, 90)])
def test_the_longest_pause_and_the_longest_drain_add_up(front: int | None, behind: int | None, required: int) -> None:
    parts = budget(nginx(front), gunicorn(behind))
    assert (parts["required"], parts["drain"], parts["container"]) == (required, 60, "app")


def test_it_says_whose_pause_it_is() -> None:
    assert budget(nginx(), gunicorn())["sources"]["prestop"].endswith("of container nginx")


def test_the_drain_of_a_proxy_stays_unknown_and_the_sum_a_lower_bound() -> None:
    assert budget(nginx(), gunicorn())["known"] is False


def test_a_sum_of_what_is_known_that_is_too_much_is_found_all_the_same() -> None:
    result = run(workload(nginx(), gunicorn(), drain=None, grace=45), service())
    finding = result.one("grace-period-insufficient")
    assert finding["severity"] == "error"
    assert "at least 85 s" in finding["message"]
    assert result.applied().workload["budget"]["grace"] == 85


def test_what_is_unknown_behind_makes_nothing_unknown() -> None:
    front = hooked({"sleep": {"seconds": 10}}, env=[{"name": "CACHE", "value": "localhost:6379"}], command=BIND)
    cache = hooked(None, "cache", image="redis:7", ports=[{"containerPort": 6379}])
    parts = budget(front, cache)
    assert (parts["required"], parts["known"]) == (80, True)


def test_containers_that_do_not_stand_behind_each_other_keep_their_own_sums() -> None:
    exporter = gunicorn(name="exporter")
    assert budget(nginx(), exporter)["required"] == 25


def test_a_longer_hook_outside_of_the_chain_counts_by_itself() -> None:
    shipper = hooked({"sleep": {"seconds": 100}}, "shipper", ports=None, readinessProbe=None)
    parts = budget(nginx(), gunicorn(), shipper)
    assert (parts["container"], parts["required"]) == ("shipper", 110)


def test_a_hook_that_waits_for_the_drain_of_the_application_counts_once() -> None:
    hook = {"exec": {"command": ["sh", "-c", "sleep 5; kill -QUIT 1; sleep 60"]}}
    parts = budget(hooked(hook, "nginx", image="nginx:1.27"), gunicorn(5))
    assert parts["required"] == 75


def test_a_port_in_a_config_map_is_evidence_that_lies_outside_of_the_workload() -> None:
    variable = {"name": "UPSTREAM", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "upstream"}}}
    front = hooked({"sleep": {"seconds": 15}}, "front", env=[variable])
    behind = gunicorn(ports=[{"containerPort": 8000}])
    result = run(workload(front, behind, drain=None, grace=45), service(), config_map(upstream="http://localhost:8000"))
    assert result.one("grace-period-insufficient")["evidence"] == "context"


def behind_a_file(text: str) -> Any:
    """nginx that waits 10 s, with this configuration from a ConfigMap, and an application without ports beside it."""
    mounts = [{"name": "conf", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"}]
    front = hooked({"sleep": {"seconds": 10}}, "nginx", image="nginx:1.27", volumeMounts=mounts)
    app = hooked(None, command=["./app"], ports=None, readinessProbe=None)
    volumes = [{"name": "conf", "configMap": {"name": "edge"}}]
    return run(
        workload(front, app, drain=None, grace=60, pod={"volumes": volumes}),
        service(),
        config_map("edge", **{"nginx.conf": text}),
    )


def test_the_configuration_of_a_proxy_says_where_it_sends_its_requests() -> None:
    result = behind_a_file("http { server { location / {\n  proxy_pass http://127.0.0.1:8000;\n} } }\n")
    assert result.one("prestop-uneven")["container"] == "app"


@pytest.mark.parametrize(
    "text", ["#  proxy_pass http://127.0.0.1:8000;\n", "  listen 127.0.0.1:8081;\n", "proxy_pass http://other:8000;\n"]
)
def test_a_comment_or_an_address_of_its_own_does_not(text: str) -> None:
    assert not behind_a_file(text).of("prestop-uneven")
