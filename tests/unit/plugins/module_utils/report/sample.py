# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports to render: small parts with sensible values, and a shop of ten workloads that has a bit of everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

DECLARED = "annotation graceful.termination/drain-seconds"
UNKNOWN = f"unknown: {DECLARED} would settle it"
LB = "policy for external-lb"
SNIPPET = "readinessProbe:\n  httpGet:\n    path: /ready  # yours\n    port: http\n"


def budget(
    grace: int = 30,
    prestop: int | None = 0,
    drain: int | None = None,
    *,
    sidecar: int = 0,
    container: str = "app",
    own_delay: int = 0,
    sources: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A budget whose sum is right; `sources` replaces single texts."""
    unknown_hook = "preStop exec: its time is not declared"
    told = {
        "grace": "default of the API server",
        "prestop": unknown_hook if prestop is None else "preStop sleep action" if prestop else "no preStop hook",
        "drain": UNKNOWN if drain is None else DECLARED,
        "sidecar": "no native sidecar",
        "margin": "policy",
        "own_delay": "Corefile lameduck" if own_delay else "no delay of the server's own",
    }
    return {
        "container": container,
        "grace": grace,
        "prestop": prestop,
        "drain": drain,
        "own_delay": own_delay,
        "need": None,
        "allowance": None,
        "sidecar": sidecar,
        "margin": 10,
        "required": (prestop or 0) + own_delay + (drain or 0) + sidecar + 10,
        "known": prestop is not None and drain is not None,
        "sources": told | (sources or {}),
    }


def workload(name: str = "checkout", kind: str = "Deployment", **over: Any) -> dict[str, Any]:
    """A serving Deployment of the namespace shop, from a file."""
    return {
        "environment": "examples/shop",
        "apiVersion": "batch/v1" if kind == "CronJob" else "apps/v1",
        "kind": kind,
        "namespace": "shop",
        "name": name,
        "profile": "serving",
        "traits": [],
        "replicas": 3,
        "owner": None,
        "file": f"examples/shop/{name}.yaml",
        "line": 1,
        "budget": budget(drain=10),
        "budget_after": None,
        "pods_restarted": None,
        "notes": [],
    } | over


def finding(
    on: dict[str, Any],
    rule: str = "prestop-missing",
    severity: str = "error",
    message: str = "new requests reach the pod after SIGTERM",
    **over: Any,
) -> dict[str, Any]:
    """An open finding on a workload that `workload` made, with an automatic remedy."""
    return {
        "rule": rule,
        "severity": severity,
        "evidence": "static",
        "environment": on["environment"],
        "apiVersion": on["apiVersion"],
        "kind": on["kind"],
        "namespace": on["namespace"],
        "name": on["name"],
        "container": "app",
        "path": "spec.template.spec.containers[0].lifecycle",
        "file": on["file"],
        "line": on["line"],
        "message": message,
        "numbers": {},
        "remedy": "auto",
        "status": "open",
        "reason": None,
        "waiver": None,
        "new": None,
        "fingerprint": "0123456789abcdef",
        "snippet": None,
    } | over


def waiver(**over: Any) -> dict[str, Any]:
    """A waiver of the report, written as an annotation of catalog and used once."""
    return {
        "source": "annotation",
        "rule": "rollout-loses-capacity",
        "object": "shop/Deployment/catalog",
        "file": "examples/shop/catalog.yaml",
        "line": 1,
        "reason": "canary",
        "until": "2027-03-31",
        "status": "used",
        "findings": 1,
        "note": None,
    } | over


def cause(kind: str, name: str, workloads: int, **findings: Any) -> dict[str, Any]:
    """One source of findings."""
    return {
        "type": kind,
        "name": name,
        "workloads": workloads,
        "findings": {severity: findings.get(severity, 0) for severity in ("error", "warning", "info")},
        "rules": {"prestop-missing": sum(findings.values())},
        "objects": [f"shop/Deployment/{index}" for index in range(workloads)],
    }


CAUSES = [
    cause("chart", "web-base", 4, error=5, warning=3),
    cause("application", "Argo CD application shop", 2, warning=3),
    cause("pod", "shop/Deployment/ledger", 2, warning=1, info=1),
    cause("pod", "shop/Deployment/resize", 1, info=1),
]


def report(
    workloads: Sequence[dict[str, Any]] = (),
    findings: Sequence[dict[str, Any]] = (),
    **over: Any,
) -> dict[str, Any]:
    """A report of manifests whose summary fits its content."""
    is_open = [entry for entry in findings if entry["status"] == "open"]
    severities = Counter(entry["severity"] for entry in is_open)
    remediable = sum(entry["remedy"] == "auto" and entry["severity"] != "info" for entry in is_open)
    unreadable = len(over.get("skipped", ()))
    return {
        "schema": "graceful.termination/report/v1",
        "generated_at": "2027-01-04T09:30:00Z",
        "version": "0.1.0",
        "mode": "audit",
        "kubernetes_version": {"value": "1.34", "assumed": True},
        "source": {"type": "manifests", "name": "examples/shop", "server_version": None, "requests": 0},
        "summary": {
            "found": len(workloads) + unreadable,
            "workloads": len(workloads),
            "excluded": 0,
            "unreadable": unreadable,
            "findings": {severity: severities[severity] for severity in ("error", "warning", "info")},
            "remediable": remediable,
            "suppressed": len(findings) - len(is_open),
            "drain_unknown": sum(bool(one["budget"]) and one["budget"]["drain"] is None for one in workloads),
        },
        "workloads": list(workloads),
        "findings": list(findings),
        "baseline": None,
        "causes": [],
        "drains": [],
        "waivers": [],
        "not_evaluated": [],
        "skipped": [],
        "actions": [],
    } | over


# What a report takes from its own program; every other text can come from a cluster or a file.
_OWN_WORDS = ("schema", "mode", "type", "severity", "status", "remedy", "evidence", "snippet")


def with_text(part: Any, text: str) -> Any:
    """The same report with every text that others could have written replaced."""
    if isinstance(part, dict):
        return {key: value if key in _OWN_WORDS else with_text(value, text) for key, value in part.items()}
    if isinstance(part, list):
        return [with_text(value, text) for value in part]
    return text if isinstance(part, str) else part


def shop(**over: Any) -> dict[str, Any]:
    """Ten workloads: errors, warnings, infos, manual remedies, a suppression, unknown drains, unreadable files."""
    to_lb, settled = {"prestop": "policy for external-lb"}, {"prestop": "policy default"}
    assumed = {"sidecar": "assumed 0 for istio-proxy: its stop time is not declared"}
    note = "profile unknown, judged as serving with less weight: no Service of namespace billing in the input"
    checkout = workload(replicas=6, traits=["external-lb"], line=12, budget=budget(drain=30), pods_restarted=6)
    checkout["budget_after"] = budget(60, 20, 30, sources=to_lb)
    cart = workload("cart", budget=budget(30, 30), budget_after=budget(40, 30), pods_restarted=3)
    upload = workload("upload", replicas=2, traits=["autoscaled"], line=40, budget=budget(120, 10, 1800))
    search = workload("search", "StatefulSet", budget=budget(45, None, 20), owner="Argo CD")
    proxy = workload("edge-proxy", "DaemonSet", replicas=None, traits=["external-lb", "host-port", "meshed"])
    proxy["budget"] = budget(30, 25, container="envoy", sources=assumed)
    proxy["budget_after"] = budget(45, 25, container="envoy", sources=assumed)
    ledger = workload("ledger", profile="unknown", namespace="billing", replicas=1, notes=[note], budget=budget())
    ledger |= {"budget_after": budget(40, 10, sources=settled), "pods_restarted": 1}
    mailer = workload("mailer", profile="unknown", namespace="billing", notes=[note], budget=budget(30))
    invoices = workload("invoices", "CronJob", profile="batch", replicas=None, namespace="billing")
    invoices |= {"budget": budget(drain=45), "budget_after": budget(55, drain=45)}
    workloads = [
        *(checkout, cart, upload, search, proxy, ledger, mailer, invoices),
        workload("catalog", budget=budget(60, 10, 30), traits=["headless-only"]),
        workload("resize", profile="worker", budget=budget(90, 0, 60)),
    ]
    findings = list(_shop_findings({one["name"]: one for one in workloads}))
    findings[0]["new"] = True
    waivers = [
        waiver(),
        waiver(status="expired", until="2026-12-31", findings=2, note="2 findings are open again"),
        waiver(status="unused", source="waivers[1]", object="*/*/gone", file=None, until=None, note="it can go"),
        waiver(status="invalid", until=None, note="it has no reason", reason=""),
        waiver(status="unjudged", note="the rule was not evaluated"),
    ]
    told = {"causes": CAUSES, "waivers": waivers, "baseline": {"compared": True, "new": 1, "not_compared": 2}}
    return report(workloads, findings, **(told | _unseen() | over))


def _shop_findings(shop_by_name: dict[str, Any]) -> Iterator[dict[str, Any]]:
    checkout, cart, upload, search, proxy, ledger, invoices, catalog, resize = (
        shop_by_name[name]
        for name in ("checkout", "cart", "upload", "search", "edge-proxy", "ledger", "invoices", "catalog", "resize")
    )
    missing = (
        "no preStop delay: SIGTERM comes while kube-proxy still sends new requests to the pod, and they are refused"
    )
    shell = "the shell is PID 1 and passes no signal on: SIGTERM never reaches the application, killed after 30 s"
    info = {"remedy": "manual", "reason": "only errors and warnings are patched"}
    yield finding(checkout, message=missing.replace("kube-proxy", "the load balancer"))
    yield finding(
        checkout, "grace-period-insufficient", message="stopping takes 40 s, but the pod is killed after 30 s"
    )
    yield finding(
        checkout, "rollout-loses-capacity", "warning", "a rolling update takes 2 of 6 pods away", container=None
    )
    yield finding(
        cart,
        "prestop-exceeds-grace",
        message="preStop takes 30 s of a grace period of 30 s: the application gets SIGTERM with 2 s left",
    )
    yield finding(
        cart,
        "no-readiness-probe",
        "warning",
        "no readinessProbe: a new pod counts as ready the moment its process starts",
        remedy="manual",
        reason="the path of the probe is yours to choose",
        snippet=SNIPPET,
    )
    yield finding(
        upload,
        "grace-period-insufficient",
        message="stopping takes 1,820 s (preStop 10 + drain 1,800 + margin 10), but the pod is killed after 120 s",
        remedy="manual",
        reason="needs a grace period of 1,820 s, above the policy's 300 s",
    )
    unverified = "preStop exec: whether it waits long enough is not known"
    yield finding(search, "prestop-http-unverified", "warning", unverified, remedy="manual", reason="Argo CD owns it")
    yield finding(
        proxy, "prestop-starves-drain", "warning", "preStop takes 25 s of 30 s and leaves 5 s", container="envoy"
    )
    yield finding(
        proxy,
        "pid1-shell-wrapper",
        "warning",
        shell,
        container="reloader",
        remedy="manual",
        reason="it is in the image",
    )
    yield finding(proxy, "pid1-shell-wrapper", "info", "the shell may stay PID 1", container="init", **info)
    yield finding(ledger, "prestop-missing", "warning", missing)
    yield finding(invoices, "grace-period-insufficient", "warning", "stopping takes 55 s, killed after 30 s")
    yield finding(resize, "pid1-shell-wrapper", "info", "the shell may stay PID 1", **info)
    accepted: dict[str, Any] = {"status": "suppressed", "remedy": "manual", "reason": "canary"}
    accepted["waiver"] = {"source": "annotation", "until": "2027-03-31"}
    yield finding(catalog, "rollout-loses-capacity", "warning", **accepted)


def _unseen() -> dict[str, Any]:
    no_budgets = {"rule": "pdb-missing", "reason": "no PodDisruptionBudgets in the input", "count": 1}
    return {
        "not_evaluated": [
            {"rule": "pid1-sigterm-unhandled", "reason": "evidence is off", "scope": "workloads", "count": 10},
            no_budgets | {"scope": "namespace shop"},
            no_budgets | {"scope": "namespace billing"},
        ],
        "skipped": [
            {"file": "examples/shop/broken.yaml", "line": 7, "reason": "not YAML: mapping values are not allowed here"},
            {"file": "examples/shop/chart/web.yaml", "line": 3, "reason": "a Helm template: audit its output instead"},
        ],
    }
