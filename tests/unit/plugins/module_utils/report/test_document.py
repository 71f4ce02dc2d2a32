# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json: complete, sorted, and without a word that is nobody else's business.

That its sums can be recomputed is checked on every report that any test makes, by check_report in factory.py.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.report.document import (
    build_report,
    report_action,
    to_json,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES, disruption
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import CoverageGap, Skipped
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Origin, read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    Memory,
    autoscaler,
    check_report,
    container,
    disruption_budget,
    hooked,
    run,
    service,
    sleeping,
    snapshot_of,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.strategies import SURROUNDINGS, workloads

SHOP: list[dict[str, Any]] = [
    workload(hooked(None, readinessProbe=None), name="web", drain=40),
    workload(sleeping(30), name="api", replicas=4),
    workload(container(command=["sh", "-c", "a; b"]), hooked(None, "other"), name="jobs", kind="CronJob", grace=1),
    workload(name="db", kind="StatefulSet", grace=0),
    service("web"),
    service("api", type="LoadBalancer"),
    autoscaler(2, "api"),
    disruption_budget("web"),
]


def test_the_summary_counts_how_drains_are_known() -> None:
    specs = {
        "declared": container(command=["app"]),
        "set": container(command=["gunicorn", "--graceful-timeout", "20"]),
        "default": container(command=["vector"]),
        "unlimited": container(command=["uvicorn"]),
        "nothing": container(command=["app"]),
    }
    drains = {"declared": 10}
    workloads = [workload(spec, name=name, drain=drains.get(name)) for name, spec in specs.items()]
    summary = run(*workloads, *map(service, specs)).report["summary"]
    assert summary["drain"] == {"declared": 2, "default": 1, "measured": 0, "route": 0, "unknown": 2}
    assert summary["drain_unknown"] == 2


def test_every_promised_key_is_there() -> None:
    report = run(*SHOP).report
    assert report["schema"] == "graceful.termination/report/v1"
    assert set(report) >= {
        *("schema", "generated_at", "version", "source", "summary", "workloads", "findings"),
        *("not_evaluated", "skipped", "actions"),
    }
    assert set(report["source"]) >= {"type", "name", "server_version", "requests"}
    assert set(report["summary"]) >= {
        *("found", "workloads", "excluded", "unreadable", "findings", "remediable", "suppressed", "drain_unknown"),
        "drain",
    }
    for entry in report["workloads"]:
        assert set(entry) >= {
            *("apiVersion", "kind", "namespace", "name", "profile", "traits", "replicas", "owner", "file", "line"),
            "budget",
        }
        assert set(entry["budget"]) >= {
            *("grace", "prestop", "drain", "sidecar", "margin", "required", "sources", "known"),
            *("own_delay", "need", "allowance"),
        }
    for entry in report["findings"]:
        assert set(entry) >= {
            *("rule", "severity", "evidence", "apiVersion", "kind", "namespace", "name", "container", "path", "file"),
            *("line", "message", "numbers", "remedy", "status", "reason", "fingerprint"),
        }


def test_what_was_found_is_judged_excluded_or_unreadable() -> None:
    snapshot = snapshot_of([*SHOP, workload(container(command="sh"), name="broken")])
    snapshot.excluded = 3
    snapshot.skipped.append(Skipped("chart.yaml", 7, "a Helm or other template"))
    snippets = Snippets(TEMPLATES)
    judged = audit(snapshot, Memory(), RULES, Policy(), snippets)
    report = build_report(snapshot, judged, snippets, mode="audit", version="1", generated_at="now")
    check_report(report)
    assert {key: report["summary"][key] for key in ("found", "workloads", "excluded", "unreadable")} == {
        "found": 9,
        "workloads": 4,
        "excluded": 3,
        "unreadable": 2,
    }
    assert [(entry["file"], entry["line"]) for entry in report["skipped"]] == [("chart.yaml", 7), ("test.yaml", None)]


def test_a_wrong_type_that_only_a_rule_meets_makes_the_workload_unreadable() -> None:
    report = run(workload(grace=0, pod={"volumes": "data"})).report
    assert report["workloads"] == []
    (skipped,) = report["skipped"]
    assert skipped == {
        "object": "shop/Deployment/web",
        "line": None,
        "reason": "spec.template.spec.volumes is text, not a list",
    }


def test_the_worst_comes_first() -> None:
    order = ["error", "warning", "info"]
    severities = [entry["severity"] for entry in run(*SHOP).report["findings"]]
    assert set(severities) == set(order)
    assert severities == sorted(severities, key=order.index)


@given(st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_input_does_not_matter(chance: random.Random) -> None:
    shuffled = list(SHOP)
    chance.shuffle(shuffled)
    assert to_json(run(*shuffled).report) == to_json(run(*SHOP).report)


def test_one_object_in_several_places_is_listed_by_place() -> None:
    places = [Origin("b.yaml", 1, 0), Origin("a.yaml", 9, 1), Origin("a.yaml", 5, 0, 1), Origin("a.yaml", 2, 0, 0)]
    snapshot, snippets = snapshot_of([]), Snippets(TEMPLATES)
    snapshot.workloads = [read_workload(workload(sleeping(30)), place) for place in places]
    judged = audit(snapshot, Memory(), RULES, Policy(), snippets)
    report = build_report(snapshot, judged, snippets, mode="audit", version="1", generated_at="now")
    assert [entry["line"] for entry in report["workloads"]] == [2, 5, 9, 1]
    errors = [entry["line"] for entry in report["findings"] if entry["rule"] == "prestop-exceeds-grace"]
    assert errors == [2, 5, 9, 1]


def test_as_text_it_is_json_with_one_final_newline() -> None:
    report = run(workload(name="bücher"), service("bücher")).report
    text = to_json(report)
    assert json.loads(text) == report
    assert text.endswith("}\n")
    assert "bücher" in text


def test_a_fingerprint_is_a_hash_of_rule_object_and_container() -> None:
    parts = ("prestop-missing", "shop/Deployment/web", "app")
    expected = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    assert run(workload(hooked(None)), service()).one("prestop-missing")["fingerprint"] == expected


def test_a_fingerprint_outlives_everything_else() -> None:
    first = run(workload(hooked(None)), service()).one("prestop-missing")
    later = run(workload(hooked(None), grace=90, drain=5, replicas=9), service(type="LoadBalancer"), version="1.29")
    assert later.one("prestop-missing")["fingerprint"] == first["fingerprint"]
    assert later.one("prestop-missing")["message"] != first["message"]


def test_fingerprints_tell_namespaces_kinds_and_containers_apart() -> None:
    elsewhere = workload(sleeping(30))
    elsewhere["metadata"]["namespace"] = "other"
    twice = workload(sleeping(30), sleeping(30) | {"name": "b"}, kind="StatefulSet")
    found = run(workload(sleeping(30)), elsewhere, twice).of("prestop-exceeds-grace")
    assert len({entry["fingerprint"] for entry in found}) == 4


def test_who_writes_a_live_object_is_told() -> None:
    labels = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux"}
    obj = workload()
    obj["metadata"]["labels"] = labels
    assert run(obj).workload["owner"]
    assert run(workload()).workload["owner"] is None


def test_rules_without_their_evidence_are_counted_never_silent() -> None:
    snapshot = snapshot_of([workload(name="a"), workload(name="b"), service("a"), service("b")])
    snapshot.context.coverage.miss("PodDisruptionBudget", "", "forbidden: cannot list them")
    snapshot.gaps.append(CoverageGap("all", "forbidden: cannot list Deployments", "namespace vault"))
    snippets = Snippets(TEMPLATES)
    judged = audit(snapshot, Memory(), disruption.RULES, Policy(), snippets)
    report = build_report(snapshot, judged, snippets, mode="audit", version="1", generated_at="now")
    assert report["not_evaluated"] == [
        {"rule": "all", "reason": "forbidden: cannot list Deployments", "scope": "namespace vault", "count": 1},
        {"rule": "pdb-blocks-eviction", "reason": "forbidden: cannot list them", "scope": "workloads", "count": 2},
        {"rule": "pdb-missing", "reason": "forbidden: cannot list them", "scope": "workloads", "count": 2},
    ]


def test_actions_are_sorted_by_object() -> None:
    first, second = (read_workload(workload(name=name), Origin("shop.yaml", 3)) for name in ("a", "b"))
    actions = [Action(second, "failed", "cannot write"), Action(first, "changed", fields=("spec.b", "spec.a"))]
    snapshot, snippets = snapshot_of([]), Snippets(TEMPLATES)
    judged = audit(snapshot, Memory(), RULES, Policy(), snippets)
    report = build_report(
        snapshot,
        judged,
        snippets,
        mode="remediate",
        version="1",
        generated_at="now",
        actions=[*map(report_action, actions)],
    )
    assert [(entry["object"], entry["status"], entry["reason"]) for entry in report["actions"]] == [
        ("shop/Deployment/a", "changed", None),
        ("shop/Deployment/b", "failed", "cannot write"),
    ]
    assert report["actions"][0]["fields"] == ["spec.a", "spec.b"]


class Located(dict[str, Any]):
    """A map that knows its line, as the manifests source makes them."""

    line = 0


def located(value: Any, line: list[int] | None = None) -> Any:
    """The same data with a line number on every map, counted from 1."""
    line = line or [0]
    if isinstance(value, dict):
        line[0] += 1
        result = Located()
        result.line = line[0]
        result |= {key: located(item, line) for key, item in value.items()}
        return result
    return [located(item, line) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("obj", "rule", "where"),
    [
        (workload(hooked({"sleep": {"seconds": 30}})), "prestop-exceeds-grace", "container"),
        (workload(hooked(None), drain=90), "grace-period-insufficient", "pod"),
    ],
)
def test_a_finding_has_the_nearest_line_of_its_file(obj: dict[str, Any], rule: str, where: str) -> None:
    read = located(obj)
    pod = read["spec"]["template"]["spec"]
    expected = {"pod": pod.line, "container": pod["containers"][0].line}[where]
    assert run(read).one(rule)["line"] == expected


# Nothing that may be a secret

SECRET = "hunter2"
FOREIGN = {"example.com/token": SECRET, "graceful.termination/drain-seconds": f"{SECRET}s"}


def with_secrets(obj: dict[str, Any]) -> dict[str, Any]:
    """The workload with a secret wherever one may stand."""
    result: dict[str, Any] = copy.deepcopy(obj)
    result["metadata"]["annotations"] |= {"example.com/token": SECRET}
    spec = result["spec"]
    template = (spec["jobTemplate"]["spec"] if result["kind"] == "CronJob" else spec)["template"]
    template["metadata"]["annotations"] = dict(FOREIGN)
    pod = template["spec"]
    for one in (*pod["containers"], *pod.get("initContainers", ())):
        header = [{"name": "Authorization", "value": SECRET}]
        one["env"] = [{"name": "PASSWORD", "value": SECRET}]
        one["args"] = [f"--password={SECRET}"]
        one["command"] = ["sh", "-c", f"a --token {SECRET}; b"]
        one["livenessProbe"] = one["readinessProbe"] = {
            "httpGet": {"path": f"/{SECRET}", "port": 8080, "httpHeaders": header}
        }
        hook = one.get("lifecycle", {}).get("preStop")
        if hook and "exec" in hook:
            hook["exec"]["command"] = [*hook["exec"]["command"][:-1], f"curl -u {SECRET}; sleep 40"]
        elif hook and "httpGet" in hook:
            hook["httpGet"] |= {"path": f"/{SECRET}", "httpHeaders": header}
    return result


@given(workloads(), SURROUNDINGS, st.sampled_from([None, "no Service in the input"]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_secret_is_copied_into_a_report(
    obj: dict[str, Any], around: list[dict[str, Any]], unknown: str | None
) -> None:
    result = run(with_secrets(obj), *around, unknown=unknown)
    assert result.report["findings"]
    assert SECRET not in to_json(result.report)
    assert SECRET not in to_json(run(with_secrets(obj), *around, refuses={"web": "refused"}).report)


@pytest.mark.parametrize(
    "field",
    [
        {"command": [SECRET, 5]},
        {"args": SECRET},
        {"env": SECRET},
        {"lifecycle": {"preStop": {"exec": {"command": SECRET}}}},
        {"lifecycle": {"preStop": SECRET}},
        {"readinessProbe": SECRET},
    ],
)
def test_no_secret_is_copied_into_a_reason(field: dict[str, Any]) -> None:
    assert SECRET not in to_json(run(workload(container(**field))).report)


def test_an_annotation_of_somebody_elses_with_a_wrong_type_is_named_not_quoted() -> None:
    (skipped,) = run(workload(annotations={"example.com/pin": 43210})).report["skipped"]  # type: ignore[dict-item]
    assert "43210" not in skipped["reason"]
    assert "example.com/pin" in skipped["reason"]
