# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small Kubernetes objects as plain maps, and one function that audits them.

The default workload is healthy: three replicas of one container behind a Service, with a preStop delay of 10 s, a
declared drain of 10 s, a grace period of 30 s and a readiness probe. A test changes the one thing that it is about.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case, open_case
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import Waivers
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import API_VERSIONS, CONTEXT_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit, audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Judging
from ansible_collections.graceful.termination.plugins.module_utils.report.document import build_report
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import Evidence
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.inputs import Inputs
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import DeclaredNeeds
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.observed import Observed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.population import Population
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Skipped, Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import Catalogue
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.declared import read_servers
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, read_container
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import (
    SCALED_KINDS,
    Origin,
    Workload,
    read_workload,
)
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.resting import (
    check_evidence,
    check_needs,
    check_reads,
)

DRAIN = "graceful.termination/drain-seconds"
PROFILE = "graceful.termination/profile"
MANAGED = "graceful.termination/managed"
TEMPLATES = read_templates(None)
TODAY = date(2027, 1, 4)
_SNIPPETS = Snippets(TEMPLATES)


def without_nones(fields: dict[str, Any]) -> dict[str, Any]:
    """None as an argument means: leave this field out."""
    return {key: value for key, value in fields.items() if value is not None}


def container(name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container that serves on 8080; a field of None is left out."""
    healthy = {
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
    }
    return without_nones({"name": name, "image": "registry.example/app:1"} | healthy | fields)


def hooked(pre_stop: dict[str, Any] | None, name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container with this preStop handler, or with none."""
    return container(name, lifecycle={"preStop": pre_stop} if pre_stop else None, **fields)


def sleeping(seconds: int) -> dict[str, Any]:
    """A container whose preStop sleeps so long."""
    return hooked({"sleep": {"seconds": seconds}})


def sidecar(name: str = "proxy", **fields: Any) -> dict[str, Any]:
    """A native sidecar: an init container with restartPolicy Always."""
    return without_nones({"name": name, "image": "registry.example/proxy:1", "restartPolicy": "Always"} | fields)


def workload(
    *containers: dict[str, Any],
    kind: str = "Deployment",
    name: str = "web",
    grace: int | None = 30,
    drain: int | str | None = 10,
    pod: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A workload of the namespace shop; `spec` are fields of its spec, `pod` of its pod spec."""
    pods = {"terminationGracePeriodSeconds": grace, "containers": list(containers) or [container()]} | (pod or {})
    template = {"metadata": {"labels": {"app": name}}, "spec": without_nones(pods)}
    told = without_nones({DRAIN: None if drain is None else str(drain)}) | (annotations or {})
    scaled = {"replicas": 3} if kind in SCALED_KINDS else {}
    body = without_nones(scaled | {"selector": {"matchLabels": {"app": name}}, "template": template} | spec)
    if kind == "CronJob":
        body = {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}
    return {
        "apiVersion": API_VERSIONS[kind],
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "annotations": told},
        "spec": body,
    }


def context_object(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """An object of a context kind in the namespace shop."""
    return {
        "apiVersion": CONTEXT_KINDS[kind].api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"} | metadata,
        "spec": spec,
    }


def service(name: str = "web", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A Service that sends port 80 to 8080 of the workload of the same name."""
    usual = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return context_object("Service", name, without_nones(usual | spec), annotations=annotations or {})


def balancer(**spec: Any) -> dict[str, Any]:
    """A Service whose load balancer sends packets to pod addresses itself."""
    annotation = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"
    return service(annotations={annotation: "ip"}, type="LoadBalancer", **spec)


def disruption_budget(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A PodDisruptionBudget of the workload of the same name."""
    usual = {"selector": {"matchLabels": {"app": name}}} | (spec or {"maxUnavailable": 1})
    return context_object("PodDisruptionBudget", name, usual)


def config_map(name: str = "settings", **data: Any) -> dict[str, Any]:
    """A ConfigMap of the namespace shop; give keys that are no names as `**{"application.yml": text}`."""
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def mounting(config: str, path: str, **volume: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(fields of a container, fields of its pod spec) that mount a ConfigMap; `volume` are fields of its source."""
    mounted = {"volumeMounts": [{"name": "config", "mountPath": path}]}
    return mounted, {"volumes": [{"name": "config", "configMap": {"name": config} | volume}]}


def autoscaler(least: int, name: str = "web", kind: str = "Deployment") -> dict[str, Any]:
    """A HorizontalPodAutoscaler with this minimum."""
    return context_object(
        "HorizontalPodAutoscaler", name, {"scaleTargetRef": {"kind": kind, "name": name}, "minReplicas": least}
    )


def claim(name: str, *modes: str) -> dict[str, Any]:
    """A PersistentVolumeClaim."""
    return context_object("PersistentVolumeClaim", name, {"accessModes": list(modes)})


def claims_volume(name: str) -> dict[str, Any]:
    """What a pod spec says to mount a claim."""
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]}


def node(
    name: str, version: str = "v1.34.4", *, unschedulable: bool = False, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """A node with this kubelet."""
    spec = {"unschedulable": True} if unschedulable else {}
    status = {"nodeInfo": {"kubeletVersion": version}}
    return context_object("Node", name, spec, labels=labels or {}) | {"status": status}


def lease(holder: str | None, name: str = "leader", **metadata: Any) -> dict[str, Any]:
    """A Lease that this one holds, or nobody."""
    return context_object("Lease", name, {"holderIdentity": holder}, **metadata)


def cron_job(
    *containers: dict[str, Any],
    job: dict[str, Any] | None = None,
    grace: int = 30,
    pod: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A CronJob; `job` are fields of its Jobs, `pod` of their pods."""
    pods = {"restartPolicy": "Never"} | (pod or {})
    obj = workload(*containers, kind="CronJob", name="nightly", grace=grace, pod=pods)
    obj["spec"]["jobTemplate"]["spec"] |= job or {}
    obj["spec"] |= spec
    return obj


def ingress(
    *services: str, annotations: dict[str, str] | None = None, name: str = "web", **spec: Any
) -> dict[str, Any]:
    """An Ingress with one path for each Service, or for the one of the same name."""
    paths = [{"backend": {"service": {"name": one, "port": {"number": 80}}}} for one in services or (name,)]
    usual = {"rules": [{"http": {"paths": paths}}]} | spec
    return context_object("Ingress", name, without_nones(usual), annotations=annotations or {})


def http_route(*services: str, name: str = "web", kind: str = "HTTPRoute", **rule: Any) -> dict[str, Any]:
    """A route of the gateway shop/public with one rule for these Services, or for the one of the same name."""
    backends = [{"name": one, "port": 80} for one in services or (name,)]
    return context_object(kind, name, {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": backends} | rule]})


def gateway(gateway_class: str, name: str = "public") -> dict[str, Any]:
    """A Gateway of this class."""
    return context_object("Gateway", name, {"gatewayClassName": gateway_class})


def target_group(target_type: str | None = "ip", name: str = "web") -> dict[str, Any]:
    """A TargetGroupBinding of the Service of the same name."""
    return context_object(
        "TargetGroupBinding", name, without_nones({"serviceRef": {"name": name, "port": 80}, "targetType": target_type})
    )


def virtual_service(host: str = "web", name: str = "web", **http: Any) -> dict[str, Any]:
    """A VirtualService of Istio with one route to this host."""
    return context_object("VirtualService", name, {"http": [{"route": [{"destination": {"host": host}}]} | http]})


def namespace_object(name: str = "shop", **labels: str) -> dict[str, Any]:
    """A Namespace with these labels."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


class Memory:
    """A source that takes every change, except those for workloads of the names in `refuses`."""

    def __init__(self, refuses: dict[str, str] | None = None):
        self._refuses = refuses or {}

    def read(self) -> Snapshot:
        """Not read from: tests hand over the snapshot."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """No test that hands over a snapshot asks for it."""
        raise NotImplementedError

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """No test that hands over a snapshot asks for it."""
        raise NotImplementedError

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """No test that hands over a snapshot asks for it."""
        raise NotImplementedError

    def refusals(self, changes: Sequence[Change], judging: Judging) -> dict[int, str]:
        """The reasons that the test gave."""
        return {
            index: self._refuses[change.workload.name]
            for index, change in enumerate(changes)
            if change.workload.name in self._refuses
        }

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[Any]:
        """Not written to: `Result.applied` has the objects after."""
        raise NotImplementedError


@dataclass
class Result:
    """What a run found, as the report says it, and what it would change."""

    report: dict[str, Any]
    audit: Audit
    objects: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rules(self) -> dict[str, str]:
        """Severity by rule."""
        return {entry["rule"]: entry["severity"] for entry in self.report["findings"]}

    def of(self, rule: str) -> list[dict[str, Any]]:
        """The findings of one rule."""
        return [entry for entry in self.report["findings"] if entry["rule"] == rule]

    def one(self, rule: str) -> dict[str, Any]:
        """The only finding of a rule."""
        (entry,) = self.of(rule)
        return entry

    @property
    def workload(self) -> dict[str, Any]:
        """The only workload of the report."""
        (entry,) = self.report["workloads"]
        return entry

    @property
    def change(self) -> Change:
        """The only change."""
        (change,) = self.audit.changes
        return change

    @property
    def pod(self) -> dict[str, Any]:
        """The pod spec of the only patch."""
        return self.change.patch["spec"]["template"]["spec"]

    def applied(self) -> Result:
        """The run after every change has been written."""
        after = {id(change.workload.obj): change.obj for change in self.audit.changes}
        return run(*[after.get(id(obj), obj) for obj in self.objects], **self.options)


def snapshot_of(
    objects: Sequence[dict[str, Any]],
    *,
    version: str = "1.34",
    unknown: str | None = None,
    injected: Sequence[dict[str, Any]] = (),
    file: str | None = None,
    evidence: Evidence | None = None,
) -> Snapshot:
    """What a source would read: `unknown` is why Services are not known, `injected` what live pods have on top."""
    snapshot = Snapshot("cluster", "test", parse_version(version), server_version=version)
    live: dict[str, tuple[Container, ...]] = {}
    snapshot.context.observed = Observed(live, evidence or Evidence())
    if unknown:
        snapshot.context.coverage.miss("Service", "", unknown)
    for obj in objects:
        try:
            if obj["kind"] in (*CONTEXT_KINDS, "Namespace"):
                snapshot.context.add(obj)
            else:
                read = read_workload(obj, Origin(file))
                snapshot.workloads.append(read)
                if injected:
                    live[read.key] = tuple(
                        read_container(one, "containers[0]", native_sidecar="restartPolicy" in one) for one in injected
                    )
        except Unreadable as error:
            snapshot.skipped.append(Skipped("test.yaml", error.line, error.reason))
    return snapshot


def run(*objects: dict[str, Any], **options: Any) -> Result:
    """Audit the objects.

    Options: version, unknown, injected, evidence, file, policy, templates, refuses, rules, waivers, drains, servers,
    selection, and `rests`: False leaves out what takes most of the time, to judge again what the findings rest on.
    """
    chosen = dict(options)
    policy = Policy.from_options(chosen.pop("policy", None))
    rules: Sequence[Rule] = chosen.pop("rules", select_rules(None, None))
    rests = chosen.pop("rests", True)
    waivers = Waivers.from_options(chosen.pop("waivers", ()), chosen.pop("selection", Selection()), TODAY)
    needs = DeclaredNeeds.from_options(chosen.pop("drains", ()), TODAY)
    servers = Catalogue.with_declared(read_servers(chosen.pop("servers", ())))
    overrides = {name: (f"{name}.yaml.j2", text) for name, text in chosen.pop("templates", {}).items()}
    snippets = Snippets(TEMPLATES | overrides) if overrides else _SNIPPETS
    source = Memory(chosen.pop("refuses", None))
    originals = copy.deepcopy(objects)
    snapshot = snapshot_of(objects, **chosen)
    snapshot.context.inputs = Inputs(needs=needs, servers=servers)
    judged = audit(snapshot, source, rules, policy, snippets, waivers)
    report = build_report(snapshot, judged, snippets, mode="audit", version="1", generated_at="2027-01-04T09:30:00Z")
    assert originals == objects, "an audit changes nothing of what it reads"
    check_report(report)
    for finding in [finding for judgement in judged.judgements for finding in judgement.findings]:
        # What docs/rules.md says of a rule's remedies.
        assert finding.hit.remedy.name in finding.rule.remedies, (finding.rule.id, finding.hit.remedy.name)
        assert finding.hit.remedy.manual or not finding.rule.by_hand, finding.rule.id
    if rests:
        _check_what_findings_rest_on(snapshot, judged, objects, chosen)
    return Result(report, judged, list(objects), options)


def _check_what_findings_rest_on(
    snapshot: Snapshot, judged: Audit, objects: Sequence[dict[str, Any]], options: dict[str, Any]
) -> None:
    """Every audit of these tests is a case for what rules say that they read."""
    # No cluster is asked for a ScaledObject: the HorizontalPodAutoscaler that KEDA makes of it tells.
    present = {obj["kind"] for obj in objects} & {*CONTEXT_KINDS, "Namespace"} - {"ScaledObject"}
    refused = {}
    for kind in sorted(present | ({"Pod"} if snapshot.context.observed.injected else set())):
        rest = [obj for obj in objects if obj["kind"] != kind]
        without = snapshot_of(rest, **(options | ({"injected": ()} if kind == "Pod" else {}))).context
        without.coverage.miss(kind, "", "refused")
        without.population = Population(snapshot.context.population.first)
        without.inputs = snapshot.context.inputs
        refused[kind] = without
    for judgement in judged.judgements:
        check_evidence(judgement.case, judgement.findings)
        check_reads(judgement.case, judged.rules)
        for kind, without in refused.items():
            check_needs(judgement.case, judgement.findings, kind, without)


def check_report(report: dict[str, Any]) -> None:
    """What holds of every report, whatever was judged."""
    summary, findings = report["summary"], report["findings"]
    others = sum(summary["not_judged"].values())
    assert summary["found"] == summary["workloads"] + summary["excluded"] + summary["unreadable"] + others
    assert summary["workloads"] == len(report["workloads"])
    assert summary["unreadable"] == len(report["skipped"])
    assert sum(summary["findings"].values()) + summary["suppressed"] == len(findings)
    assert summary["suppressed"] == sum(entry["status"] == "suppressed" for entry in findings)
    assert summary["remediable"] == sum(entry["remedy"] == "auto" for entry in findings)
    assert len({entry["fingerprint"] for entry in findings}) == len(findings)
    for entry in report["workloads"]:
        parts = entry["budget"]
        known = (
            (parts["prestop"] or 0) + parts["own_delay"] + (parts["drain"] or 0) + parts["sidecar"] + parts["margin"]
        )
        assert known == parts["required"], entry["name"]
    for entry in findings:
        if entry["status"] == "open":
            assert (entry["snippet"] is None) == (entry["reason"] is None) == (entry["remedy"] == "auto")
            assert entry["waiver"] is None
        else:
            assert entry["reason"] and entry["waiver"] and entry["snippet"] is None and entry["remedy"] == "manual"
    for severity, amount in summary["findings"].items():
        assert sum(cause["findings"][severity] for cause in report["causes"]) == amount


def case_of(obj: dict[str, Any], *around: dict[str, Any], unknown: str | None = None) -> Case:
    """The case of one workload among what is around it, by the default policy."""
    snapshot = snapshot_of(around, unknown=unknown)
    return open_case(read_workload(obj, Origin()), snapshot.context, Policy(), snapshot.version)
