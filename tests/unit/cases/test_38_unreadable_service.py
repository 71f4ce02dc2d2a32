# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service that could not be read is not an absent one: half-rendered trees, placeholders, broken documents.

Found with a JSON stream of several objects; trees with templates beside manifests are everyday.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Audited = Callable[..., dict[str, Any]]
NAME = "38-unreadable-service"
UNREAD = "a Service cannot be read (service.yaml, line 11)"

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 2}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: r.example/web:1
          ports: [{containerPort: 8080}]
"""
OTHER = "---\napiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {selector: {app: api}}\n"
SELECTING = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}}\n"


def judged(audited: Audited, folder: Path, name: str = "web", **options: Any) -> dict[str, Any]:
    [workload] = [one for one in audited(folder, **options)["workloads"] if one["name"] == name]
    return workload


@pytest.fixture
def beside(tmp_path: Path, audited: Audited) -> Callable[..., dict[str, Any]]:
    """beside(text): the Deployment web, with another Service of its namespace and this text in a file beside it."""

    def judge(text: str, *, web: str = WEB + OTHER, name: str = "beside.yaml") -> dict[str, Any]:
        (tmp_path / "web.yaml").write_text(web)
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return judged(audited, tmp_path)

    return judge


def test_the_profile_is_unknown_for_that_reason_and_judged_with_less_weight(audited: Audited) -> None:
    report = audited(NAME)
    [workload] = report["workloads"]
    assert workload["profile"] == "unknown"
    assert workload["notes"] == [f"profile unknown, judged as serving with less weight: {UNREAD}"]
    found = {finding["rule"]: finding["severity"] for finding in report["findings"]}
    assert found["prestop-missing"] == "info", "a serving workload gets a warning"
    assert {finding["remedy"] for finding in report["findings"]} == {"manual"}


def test_the_notes_say_so_once(audited: Audited) -> None:
    entries = [entry for entry in audited(NAME)["not_evaluated"] if UNREAD in entry["reason"]]
    assert [(entry["rule"], entry["scope"], entry["count"]) for entry in entries] == [
        ("all", "context of namespace shop", 1)
    ]


def test_nothing_is_written_on_the_assumption_that_it_does_not_serve(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]]
) -> None:
    folder = case(NAME)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert not remediated(folder)["actions"]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


BROKEN: dict[str, Any] = {
    "a tab": "apiVersion: v1\nkind: Service\nmetadata:\n\tname: web\n\tnamespace: shop\nspec: {selector: {app: web}}\n",
    "a placeholder in a flow map": "apiVersion: v1\nkind: Service\nmetadata: {name: ${NAME}, namespace: shop}\n",
    "a placeholder as the selector": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: '${NAME}'}}\n"
    ),
    "another style of placeholder": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: __APP__}}\n"
    ),
    "a placeholder as the namespace": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: '${NS}'}\nspec: {selector: {app: web}}\n"
    ),
    "quoted templates": (
        'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: "{{ ns }}"}\nspec: {selector: {app: web}}\n'
    ),
    "a template without a namespace": (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\nspec: {selector: {app: web}}\n"
    ),
    "a template of several documents": (
        "{{- if .Values.x }}\nkind: ServiceAccount\n---\nkind: Service\nmetadata:\n  name: {{ .name }}\n{{- end }}\n"
    ),
    "a template without a kind": '{{- include "library.service" . }}\n',
    "a wrong type": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: [web]}\n"
    ),
    "a key given twice": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
        "spec: {selector: {app: api}, selector: {app: web}}\n"
    ),
    "no apiVersion": "kind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}}\n",
    "an item without a kind": (
        "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: web, namespace: shop}\n  spec: {selector: {app: web}}\n"
    ),
    "broken JSON": '{"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop"}, "spec": {',
    "an encoding that is not read": SELECTING.encode("utf-16"),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_may_be_its_service_leaves_the_profile_open(beside: Callable[..., dict[str, Any]], text: Any) -> None:
    workload = beside(text)
    assert workload["profile"] == "unknown", "never a clean worker"
    assert "beside.yaml" in workload["notes"][0]


HARMLESS = {
    "another kind": "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n\tname: web\n",
    "another namespace": (
        "apiVersion: v1\nkind: Service\nmetadata:\n\tname: web\n\tnamespace: other\nspec: {selector: {app: web}}\n"
    ),
    "no object": "site_name: A\n\tnav: [b\n",
    "a kind further inside": (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a, namespace: shop}\n"
        "spec:\n\trules: [{backendRefs: [{\n  kind: Service\n}]}]\n"
    ),
    "a name alone": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: '${NAME}', namespace: shop}\nspec: {selector: {app: api}}\n"
    ),
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_cannot_be_its_service_changes_nothing(beside: Callable[..., dict[str, Any]], text: str) -> None:
    assert beside(text)["profile"] == "worker"


def test_a_service_that_selects_it_settles_the_doubt(beside: Callable[..., dict[str, Any]]) -> None:
    workload = beside(BROKEN["a tab"], web=WEB + SELECTING)
    assert (workload["profile"], workload["notes"]) == ("serving", [])


def test_a_placeholder_is_a_namespace_like_any_other_to_those_in_it(beside: Callable[..., dict[str, Any]]) -> None:
    web = WEB.replace("namespace: shop", "namespace: '${NS}'") + OTHER.replace("shop", "'${NS}'")
    assert beside("", web=web)["profile"] == "worker"


def test_the_templates_of_a_chart_are_about_its_own_workloads(tmp_path: Path, audited: Audited) -> None:
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    (tmp_path / "chart" / "templates" / "service.yaml").write_text(BROKEN["a template without a namespace"])
    (tmp_path / "web.yaml").write_text(WEB + OTHER)
    assert judged(audited, tmp_path)["profile"] == "worker"
    (tmp_path / "chart" / "templates" / "web.yaml").write_text(WEB.replace("name: web,", "name: inner,") + OTHER)
    assert judged(audited, tmp_path, "inner")["profile"] == "unknown"


def test_a_worker_by_its_program_stays_one(beside: Callable[..., dict[str, Any]]) -> None:
    lines = "          command: [celery, -A, app, worker]\n"
    web = WEB.replace("          ports: [{containerPort: 8080}]\n", lines) + OTHER
    assert beside(BROKEN["a tab"], web=web)["profile"] == "worker"


UNREAD_AROUND = {
    "HorizontalPodAutoscaler": ("autoscaling/v2", "how many pods it runs with is not known: "),
    "ScaledObject": ("keda.sh/v1alpha1", "how many pods it runs with is not known: "),
    "PodDisruptionBudget": ("policy/v1", "which PodDisruptionBudgets select its pods is not known: "),
    "Ingress": ("networking.k8s.io/v1", "what sends requests to its Services is not known: "),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "what sends requests to its Services is not known: "),
    "Gateway": ("gateway.networking.k8s.io/v1", "what sends requests to its Services is not known: "),
    "TargetGroupBinding": ("elbv2.k8s.aws/v1beta1", "what sends requests to its Services is not known: "),
}


@pytest.mark.parametrize("kind", UNREAD_AROUND)
def test_what_else_was_not_read_is_said_at_the_workload(beside: Callable[..., dict[str, Any]], kind: str) -> None:
    version, doubt = UNREAD_AROUND[kind]
    broken = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n\tname: web\n\tnamespace: shop\n"
    assert beside(broken, web=WEB + SELECTING)["notes"] == [f"{doubt}a {kind} cannot be read (beside.yaml, line 4)"]


def test_a_claim_a_config_and_a_namespace_concern_those_that_use_them(beside: Callable[..., dict[str, Any]]) -> None:
    broken = "".join(
        f"---\napiVersion: v1\nkind: {kind}\nmetadata:\n\tname: shop\n\tnamespace: shop\n"
        for kind in ("PersistentVolumeClaim", "ConfigMap", "Namespace")
    )
    assert [note.split(" is not known")[0] for note in beside(broken, web=WEB + SELECTING)["notes"]] == [
        "whether a mesh injects a proxy into its pods"
    ]
    using = WEB.replace("8080}]\n", "8080}]\n          envFrom: [{configMapRef: {name: web}}]\n")
    using += "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n" + SELECTING
    assert [note.split(" not known")[0] for note in beside(broken, web=using)["notes"]] == [
        "which access modes the claim data has is",
        "what its ConfigMaps set is",
        "whether a mesh injects a proxy into its pods is",
    ]


def test_how_it_rolls_is_not_changed_while_an_autoscaler_may_set_the_number(
    tmp_path: Path, remediated: Callable[..., dict[str, Any]], audited: Audited
) -> None:
    (tmp_path / "web.yaml").write_text(WEB.replace("maxUnavailable: 2", "maxUnavailable: 4") + SELECTING)
    scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n\tname: web\n\tnamespace: shop\n"
    (tmp_path / "scaler.yaml").write_text(scaler)
    remediated(tmp_path)
    assert "maxUnavailable: 4" in (tmp_path / "web.yaml").read_text()
    [finding] = [one for one in audited(tmp_path)["findings"] if one["rule"] == "rollout-loses-capacity"]
    assert finding["reason"].startswith("how many pods it runs with is not known: a HorizontalPodAutoscaler")
    (tmp_path / "scaler.yaml").unlink()
    remediated(tmp_path)
    assert "maxUnavailable: 0" in (tmp_path / "web.yaml").read_text()


def test_what_keda_may_scale_from_zero_is_not_off(tmp_path: Path, audited: Audited) -> None:
    (tmp_path / "web.yaml").write_text(WEB.replace("replicas: 4", "replicas: 0") + SELECTING)
    assert judged(audited, tmp_path)["traits"] == ["scaled-to-zero"]
    (tmp_path / "scaled.yaml").write_text(
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n\tname: web\n\tnamespace: shop\n"
    )
    assert judged(audited, tmp_path)["traits"] == []


def test_a_namespace_that_cannot_be_read_may_forbid_changes(
    tmp_path: Path, remediated: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "web.yaml").write_text(WEB + SELECTING)
    (tmp_path / "namespace.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n\tlabels: {}\n")
    report = remediated(tmp_path)
    assert {action["status"] for action in report["actions"]} == {"refused"}
    assert "whether its namespace allows changes is not known" in report["actions"][0]["reason"]
    assert (tmp_path / "web.yaml").read_text() == WEB + SELECTING
