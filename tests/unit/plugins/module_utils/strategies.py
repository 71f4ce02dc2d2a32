# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random workloads and what is around them, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    MANAGED,
    PROFILE,
    autoscaler,
    balancer,
    claim,
    claims_volume,
    disruption_budget,
    hooked,
    node,
    service,
    sidecar,
    workload,
)

HANDLERS = st.one_of(
    st.none(),
    st.builds(lambda seconds: {"sleep": {"seconds": seconds}}, st.integers(0, 120)),
    st.builds(lambda seconds: {"exec": {"command": ["sleep", str(seconds)]}}, st.integers(0, 120)),
    st.builds(
        lambda seconds, before: {"exec": {"command": ["sh", "-c", f"{before}sleep {seconds}"]}},
        st.integers(0, 120),
        st.sampled_from(["", "echo bye; ", "nginx -s quit; ", "while pgrep x; do "]),
    ),
    st.sampled_from([{"tcpSocket": {"port": 8080}}, {"httpGet": {"port": 8080}}, {"exec": {"command": ["/drain"]}}]),
)
KNOBS = st.none() | st.integers(0, 3) | st.sampled_from(["0%", "25%", "50%", "100%"])


@st.composite
def workloads(draw: st.DrawFn) -> dict[str, Any]:
    """Any workload of the default kinds."""
    kind = draw(st.sampled_from(["Deployment", "Deployment", "StatefulSet", "DaemonSet", "CronJob"]))
    containers = [
        hooked(
            draw(HANDLERS),
            name,
            ports=draw(st.sampled_from([None, [{"containerPort": 8080}], [{"containerPort": 80, "hostPort": 80}]])),
            readinessProbe=draw(st.sampled_from([None, {"tcpSocket": {"port": 8080}}])),
        )
        for name in draw(st.sampled_from([["app"], ["app", "other"], ["app", "istio-proxy"]]))
    ]
    pod: dict[str, Any] = {}
    if draw(st.booleans()):
        handler = draw(HANDLERS)
        pod["initContainers"] = [sidecar(lifecycle={"preStop": handler} if handler else None)]
    if draw(st.booleans()):
        pod |= claims_volume("data")
    annotations = draw(st.sampled_from([{}, {}, {PROFILE: "worker"}, {PROFILE: "serving"}, {MANAGED: "false"}]))
    spec: dict[str, Any] = {}
    if kind == "Deployment":
        knobs = {"maxSurge": draw(KNOBS), "maxUnavailable": draw(KNOBS)}
        spec = draw(st.sampled_from([{"strategy": {"rollingUpdate": knobs}}, {"strategy": {"type": "Recreate"}}]))
    if kind in ("Deployment", "StatefulSet"):
        spec["replicas"] = draw(st.none() | st.integers(0, 8))
    return workload(
        *containers,
        kind=kind,
        grace=draw(st.none() | st.integers(0, 400)),
        drain=draw(st.none() | st.integers(0, 400)),
        pod=pod,
        annotations=annotations,
        **spec,
    )


SURROUNDINGS = st.lists(
    st.sampled_from(
        [
            service(),
            balancer(),
            service(clusterIP="None"),
            autoscaler(2),
            claim("data", "ReadWriteOnce"),
            claim("data", "ReadWriteMany"),
            disruption_budget(),
            node("a"),
        ]
    ),
    max_size=3,
)
