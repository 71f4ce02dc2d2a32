# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kustomize trees: judged as built from their roots, edited only where every build allows it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.report.view import place, read_cards
from ansible_collections.graceful.termination.tests.unit.kustomize import only_on_path
from ansible_collections.graceful.termination.tests.unit.manifest_runs import audit, remediate

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web  # the shop
  labels: {tier: front}
  annotations: {team: blue}
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: r.example/web:1
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /r, port: http}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
BASE = {
    "base/deployment.yaml": WEB,
    "base/service.yaml": SERVICE,
    "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
    "overlays/staging/kustomization.yaml": "namespace: staging\nresources: [../../base]\n",
}
HOOK = {"exec": {"command": ["/bin/sh", "-c", "sleep 20"]}}
POD = {"containers": [{"name": "web", "lifecycle": {"preStop": HOOK}}]}
HOOKED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"template": {"spec": POD}},
}
ANY_NAME = HOOKED | {"metadata": {"name": "not-important"}}
OPERATIONS = [
    {"op": "add", "path": "/spec/template/spec/containers/0/lifecycle", "value": {"preStop": HOOK}},
]
FLUX = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "web", "namespace": "flux-system"},
    "spec": {"path": "./overlays/prod", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
}
ARGO = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "web", "namespace": "argocd"},
    "spec": {"source": {"path": "overlays/prod"}},
}


def overlay(**fields: Any) -> dict[str, str]:
    """An overlay for production over the base."""
    return {"overlays/prod/kustomization.yaml": json.dumps({"namespace": "prod", "resources": ["../../base"]} | fields)}


def patched(patch: object, **target: Any) -> dict[str, str]:
    entry = {"patch": json.dumps(patch, indent=1)} | ({"target": target} if target else {})
    return overlay(patches=[entry])


def deployed(deployer: dict[str, Any], **more: Any) -> dict[str, str]:
    """The same overlay, and what deploys it."""
    spec = deployer["spec"] | more
    return overlay() | {"clusters/prod/web.yaml": json.dumps(deployer | {"spec": spec})}


SETS_THE_HOOK = {
    "by name": patched(HOOKED),
    "by a target": patched(HOOKED, kind="Deployment", name="web"),
    "by a regular expression": patched(ANY_NAME, kind="Deployment", name=".*"),
    "by alternatives": patched(ANY_NAME, kind="Deployment", name="api|web"),
    "by kind alone": patched(ANY_NAME, kind="Deployment"),
    "by a pattern of the kind": patched(ANY_NAME, kind="Deploy.*"),
    "by group": patched(ANY_NAME, group="apps"),
    "by label": patched(ANY_NAME, labelSelector="tier=front"),
    "by a label that is added": overlay(labels=[{"pairs": {"tier": "web"}}], patches=[])
    | {
        "overlays/last/kustomization.yaml": json.dumps(
            {
                "resources": ["../prod"],
                "patches": [{"patch": json.dumps(ANY_NAME, indent=1), "target": {"labelSelector": "tier=web"}}],
            }
        )
    },
    "by annotation": patched(ANY_NAME, annotationSelector="team=blue"),
    "by patchesStrategicMerge": overlay(patchesStrategicMerge=["hook.yaml"])
    | {"overlays/prod/hook.yaml": json.dumps(HOOKED)},
    "by its name with a prefix": overlay(namePrefix="prod-")
    | {
        "overlays/last/kustomization.yaml": json.dumps(
            {"resources": ["../prod"], "patches": [{"path": "hook.yaml", "target": {"name": "prod-web"}}]}
        ),
        "overlays/last/hook.yaml": json.dumps(ANY_NAME),
    },
    "by its name with a suffix": overlay(nameSuffix="-v2")
    | {
        "overlays/last/kustomization.yaml": json.dumps({"resources": ["../prod"], "patches": [{"path": "hook.yaml"}]}),
        "overlays/last/hook.yaml": json.dumps(HOOKED | {"metadata": {"name": "web-v2", "namespace": "prod"}}),
    },
    "by a component": overlay(components=["../../hook"])
    | {
        "hook/kustomization.yaml": json.dumps(
            {
                "apiVersion": "kustomize.config.k8s.io/v1alpha1",
                "kind": "Component",
                "patches": [{"path": "hook.yaml", "target": {"kind": "Deployment"}}],
            }
        ),
        "hook/hook.yaml": json.dumps(ANY_NAME),
    },
    "by a transformer": overlay(transformers=["hook.yaml"])
    | {
        "overlays/prod/hook.yaml": json.dumps(
            {
                "apiVersion": "builtin",
                "kind": "PatchTransformer",
                "metadata": {"name": "hook"},
                "patch": json.dumps(HOOKED, indent=1),
                "target": {"kind": "Deployment"},
            }
        )
    },
    "by Flux": deployed(FLUX, patches=[{"patch": json.dumps(HOOKED, indent=1), "target": {"kind": "Deployment"}}]),
    "by Flux as an object": deployed(FLUX, patchesStrategicMerge=[HOOKED]),
    "by Argo CD": deployed(
        ARGO,
        source={
            "path": "overlays/prod",
            "kustomize": {"patches": [{"patch": json.dumps(HOOKED, indent=1), "target": {"name": "web"}}]},
        },
    ),
}
# A JSON patch replaces the hook as a whole, so that a base may have another one.
REPLACES_THE_HOOK = {
    "by a JSON patch": patched(OPERATIONS, kind="Deployment", name="web"),
    "by patchesJson6902": overlay(
        patchesJson6902=[
            {"target": {"group": "apps", "version": "v1", "kind": "Deployment", "name": "web"}, "path": "hook.json"}
        ]
    )
    | {"overlays/prod/hook.json": json.dumps(OPERATIONS)},
}
APPLICATION_SET = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "ApplicationSet",
    "metadata": {"name": "web", "namespace": "argocd"},
    "spec": {
        "template": {
            "spec": {
                "source": {
                    "path": "overlays/{{path.basename}}",
                    "kustomize": {"patches": [{"patch": json.dumps(HOOKED, indent=1)}]},
                }
            }
        }
    },
}
IS_ELSEWHERE = {
    "annotations": overlay(commonAnnotations={"team": "red"}),
    "labels": overlay(labels=[{"pairs": {"stage": "prod"}, "includeTemplates": True}]),
    "images": overlay(images=[{"name": "r.example/web", "newTag": "2"}]),
    "a prefix": overlay(namePrefix="prod-"),
    "a template's annotation": patched(
        [{"op": "add", "path": "/spec/template/metadata/annotations", "value": {"a": "b"}}], kind="Deployment"
    ),
    "metadata": patched({**HOOKED, "spec": {"template": {"metadata": {"labels": {"stage": "prod"}}}}}),
    "another kind": patched(ANY_NAME, kind="StatefulSet"),
    "another name": patched(OPERATIONS, kind="Deployment", name="api"),
    "another name by a pattern": patched(OPERATIONS, name="api-.*|db"),
    "the object of another name": patched(HOOKED | {"metadata": {"name": "api"}}, kind="Deployment", name="api"),
    "the replicas of another name": overlay(replicas=[{"name": "api", "count": 2}]),
    "another label": patched(ANY_NAME, labelSelector="tier=back"),
    "a component that nothing uses": overlay()
    | {
        "hook/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{path: hook.yaml, target: {kind: Deployment}}]\n",
        "hook/hook.yaml": json.dumps(OPERATIONS),
    },
    "Flux for another path": overlay()
    | {
        "clusters/prod/db.yaml": json.dumps(
            FLUX | {"spec": {"path": "./db", "patches": [{"patch": json.dumps(HOOKED, indent=1)}]}},
        ),
        "db/kustomization.yaml": "resources: [service.yaml]\n",
        "db/service.yaml": SERVICE.replace("web", "db"),
    },
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def notes(report: dict[str, Any]) -> list[str]:
    return [f"{entry['scope']}: {entry['reason']}" for entry in report["not_evaluated"] if entry["rule"] == "all"]


def built(program: Path, folder: Path) -> list[dict[str, Any]]:
    """What a root builds, by the program itself."""
    output = subprocess.run([program, "build", folder], check=True, capture_output=True, text=True).stdout
    return [document.data for document in load_documents(output)]


@pytest.mark.parametrize("way", SETS_THE_HOOK)
def test_a_base_is_not_given_a_hook_that_an_overlay_sets_too(kustomize: Path, tmp_path: Path, way: str) -> None:
    write(tmp_path, BASE | SETS_THE_HOOK[way])
    report = remediate(tmp_path)
    assert (tmp_path / "base/deployment.yaml").read_text() == WEB
    actions = [action for action in report["actions"] if action["object"] == "staging/Deployment/web"]
    assert [action["status"] for action in actions] == ["refused"]
    assert "overlays/" in actions[0]["reason"] and "exec and sleep" in actions[0]["reason"]


@pytest.mark.parametrize("way", SETS_THE_HOOK | REPLACES_THE_HOOK)
def test_without_the_program_what_an_overlay_may_change_is_not_edited(
    no_kustomize: None, tmp_path: Path, way: str
) -> None:
    write(tmp_path, BASE | (SETS_THE_HOOK | REPLACES_THE_HOOK)[way])
    report = remediate(tmp_path)
    assert (tmp_path / "base/deployment.yaml").read_text() == WEB
    [action] = report["actions"]
    assert action["status"] == "refused"
    assert "neither kustomize nor kubectl is installed here" in action["reason"]
    assert "kustomization.yaml" in action["reason"]
    assert ["neither kustomize nor kubectl" in note for note in notes(report)] == [True]


@pytest.mark.parametrize("way", IS_ELSEWHERE)
@pytest.mark.parametrize("there", ["kustomize", "no_kustomize"])
def test_what_changes_something_else_does_not_block_a_fix(
    request: pytest.FixtureRequest, tmp_path: Path, way: str, there: str
) -> None:
    request.getfixturevalue(there)
    write(tmp_path, BASE | IS_ELSEWHERE[way])
    report = remediate(tmp_path)
    assert {action["status"] for action in report["actions"]} == {"changed"}
    text = (tmp_path / "base/deployment.yaml").read_text()
    assert "sleep" in text and "# the shop" in text
    assert remediate(tmp_path)["actions"] == []


def test_each_root_is_an_environment_with_the_place_of_its_origin(kustomize: Path, tmp_path: Path) -> None:
    write(tmp_path, BASE | overlay(namePrefix="prod-", replicas=[{"name": "web", "count": 5}]))
    report = audit(tmp_path)
    assert [(w["environment"], w["name"], w["replicas"], w["file"], w["line"]) for w in report["workloads"]] == [
        ("overlays/prod", "prod-web", 5, "base/deployment.yaml", 1),
        ("overlays/staging", "web", 3, "base/deployment.yaml", 1),
    ]
    lines = {finding["line"] for finding in report["findings"] if finding["rule"] == "prestop-missing"}
    assert lines == {16}, "the container's line in the file, not in the build"
    assert report["summary"]["found"] == 2
    assert notes(report) == []


@pytest.mark.parametrize("way", REPLACES_THE_HOOK)
def test_an_overlay_may_override_a_part_of_the_fix(kustomize: Path, tmp_path: Path, way: str) -> None:
    write(tmp_path, BASE | REPLACES_THE_HOOK[way])
    report = remediate(tmp_path)
    assert [(action["object"], action["status"]) for action in report["actions"]] == [
        ("staging/Deployment/web", "changed")
    ]
    hooks = {
        root: obj["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]
        for root in ("staging", "prod")
        for obj in built(kustomize, tmp_path / "overlays" / root)
        if obj["kind"] == "Deployment"
    }
    assert hooks == {"staging": {"sleep": {"seconds": 10}}, "prod": HOOK}
    assert remediate(tmp_path)["actions"] == []


@pytest.mark.parametrize("there", ["kustomize", "no_kustomize"])
def test_a_template_of_argo_cd_may_mean_any_path_that_fits(
    request: pytest.FixtureRequest, tmp_path: Path, there: str
) -> None:
    request.getfixturevalue(there)
    files = {name: text for name, text in BASE.items() if "staging" not in name} | overlay()
    files["plain/kustomization.yaml"] = "namespace: plain\nresources: [../base]\n"
    files["clusters/prod/web.yaml"] = json.dumps(APPLICATION_SET)
    report = remediate(write(tmp_path, files))
    assert {action["status"] for action in report["actions"]} == {"refused"}
    assert (tmp_path / "base/deployment.yaml").read_text() == WEB


@pytest.mark.parametrize("path", ["{{path}}", "{{values.root}}/{{values.stage}}", "*"])
def test_a_template_that_adds_nothing_makes_no_environment_of_a_base(
    kustomize: Path, tmp_path: Path, path: str
) -> None:
    plain = APPLICATION_SET | {"spec": {"template": {"spec": {"source": {"path": path}}}}}
    report = audit(write(tmp_path, BASE | overlay() | {"clusters/apps.yaml": json.dumps(plain)}))
    assert [w["environment"] for w in report["workloads"]] == ["overlays/prod", "overlays/staging"]


@pytest.mark.parametrize("seconds", [30, 90])
def test_an_overlay_that_sets_the_grace_period_would_be_worse_off(
    kustomize: Path, tmp_path: Path, seconds: int
) -> None:
    write(
        tmp_path, BASE | patched({**HOOKED, "spec": {"template": {"spec": {"terminationGracePeriodSeconds": seconds}}}})
    )
    report = remediate(tmp_path)
    assert (tmp_path / "base/deployment.yaml").read_text() == WEB
    reasons = {action["object"]: action["reason"] for action in report["actions"]}
    assert (
        "in overlays/prod an overlay sets part of it, too, and the result would be worse"
        in reasons["staging/Deployment/web"]
    )


def test_replacements_that_carry_a_value_elsewhere_are_seen(kustomize: Path, tmp_path: Path) -> None:
    other = WEB.replace("name: web  # the shop", "name: other").replace("app: web", "app: other")
    replacement = {
        "source": {
            "kind": "Deployment",
            "name": "web",
            "fieldPath": "spec.template.spec.terminationGracePeriodSeconds",
        },
        "targets": [
            {
                "select": {"kind": "Deployment", "name": "other"},
                "fieldPaths": ["spec.template.spec.terminationGracePeriodSeconds"],
                "options": {"create": True},
            }
        ],
    }
    grace = WEB.replace(
        "    spec:\n      containers", "    spec:\n      terminationGracePeriodSeconds: 30\n      containers"
    )
    files = {"deployment.yaml": grace, "service.yaml": SERVICE, "other.yaml": other}
    files["kustomization.yaml"] = json.dumps({"resources": list(files), "replacements": [replacement]})
    write(tmp_path, files)
    report = remediate(tmp_path)
    [action] = [entry for entry in report["actions"] if entry["object"] == "default/Deployment/web"]
    assert (action["status"], "default/Deployment/other" in action["reason"] or "other" in action["reason"]) == (
        "refused",
        True,
    )
    assert (tmp_path / "deployment.yaml").read_text() == grace


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"resources": ["../../base", "https://example.com/shop/deploy.yaml"]}, "it needs the network"),
        ({"resources": ["../../base", "github.com/shop/deploy?ref=v1"]}, "it needs the network"),
        ({"resources": ["../../base", "git@example.com:shop/deploy.git"]}, "it needs the network"),
        ({"components": ["https://example.com/shop//component?ref=v1"]}, "it needs the network"),
        ({"helmCharts": [{"name": "redis", "repo": "https://charts.example"}]}, "it renders Helm charts"),
        ({"generators": ["plugin.yaml"]}, "it runs a plugin or a function"),
        ({"transformers": ["apiVersion: shop/v1\nkind: Plugin\nmetadata: {name: x}\n"]}, "it runs a plugin"),
        ({"resources": ["../../base", "missing.yaml"]}, "missing.yaml does not exist"),
        ({"resources": ["../../../outside"]}, "points outside of"),
        ({"resources": ["link.yaml"]}, "points outside of"),
        ({"resources": ["../../base", "broken.yaml"]}, "its build fails"),
        ({"patches": [{"path": "../../base/service.yaml"}]}, "its build fails"),
    ],
)
def test_what_cannot_be_built_here_is_read_as_files_with_a_note(
    kustomize: Path, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    top = tmp_path / "tree"
    write(top, {name: text for name, text in BASE.items() if "staging" not in name} | overlay(**fields))
    write(top, {"overlays/prod/plugin.yaml": "apiVersion: shop/v1\nkind: Plugin\nmetadata: {name: x}\n"})
    write(top, {"overlays/prod/broken.yaml": "metadata: {name: x}\n"})
    write(tmp_path, {"outside/kustomization.yaml": "resources: [secret.yaml]\n", "outside/secret.yaml": WEB})
    (top / "overlays/prod/link.yaml").symlink_to("../../../outside/secret.yaml")
    report = audit(top)
    [note] = notes(report)
    assert reason in note and "overlays/prod" in note and str(tmp_path) not in note
    assert ("base/deployment.yaml", "default") in [(w["file"], w["namespace"]) for w in report["workloads"]]


def test_nothing_is_fetched_and_no_plugin_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused before the build never reaches the program."""
    fake = tmp_path / "kustomize"
    fake.write_text('#!/bin/sh\necho ran >>"$(dirname "$0")/ran"; exit 1\n')
    fake.chmod(0o755)
    only_on_path(monkeypatch, tmp_path / "bin", fake, *map(Path, filter(None, map(shutil.which, ("sh", "dirname")))))
    write(tmp_path / "tree", BASE | overlay(resources=["../../base", "https://example.com/x.yaml"]))
    (tmp_path / "tree/overlays/staging/kustomization.yaml").unlink()
    audit(tmp_path / "tree")
    assert not (tmp_path / "bin/ran").exists() and not (tmp_path / "ran").exists()


def test_kubectl_builds_where_there_is_no_kustomize(
    kustomize: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "kubectl"
    fake.write_text(f'#!/bin/sh\n[ "$1" = kustomize ] && shift && exec {kustomize} build "$@"\n')
    fake.chmod(0o755)
    only_on_path(monkeypatch, tmp_path / "bin", fake, Path(shutil.which("sh", path="/bin:/usr/bin") or "/bin/sh"))
    report = audit(write(tmp_path / "tree", BASE))
    assert [(w["namespace"], w["file"]) for w in report["workloads"]] == [("staging", "base/deployment.yaml")]


def test_files_that_no_kustomization_reaches_are_judged_as_they_are(kustomize: Path, tmp_path: Path) -> None:
    write(tmp_path, BASE | {"other/deployment.yaml": WEB.replace("web", "shop")})
    report = audit(tmp_path)
    assert [(w["namespace"], w["name"]) for w in report["workloads"]] == [("default", "shop"), ("staging", "web")]


@pytest.mark.parametrize("generator", ["configMapGenerator", "secretGenerator"])
@pytest.mark.parametrize("chart", [[], [{"name": "db", "repo": "https://charts.example"}]])
def test_what_a_generator_reads_is_data_and_no_manifest(
    kustomize: Path, tmp_path: Path, generator: str, chart: list[dict[str, str]]
) -> None:
    """Whether or not the root can be built: a template of Alertmanager, a job that an operator starts."""
    data = ["page.yaml", "job=job.yaml"]
    files = overlay(**{generator: [{"name": "data", "files": data}]}, **({"helmCharts": chart} if chart else {}))
    files |= {"overlays/prod/page.yaml": "text: '{{ range .Alerts }}\n", "overlays/prod/job.yaml": WEB}
    report = audit(write(tmp_path, BASE | files))
    assert report["skipped"] == []
    assert {w["file"] for w in report["workloads"]} == {"base/deployment.yaml"}


def test_what_is_a_resource_as_well_is_judged(kustomize: Path, tmp_path: Path) -> None:
    generator = [{"name": "data", "files": ["job.yaml"]}]
    files = overlay(configMapGenerator=generator, helmCharts=[{"name": "db"}])
    files |= {
        "overlays/prod/job.yaml": WEB.replace("web", "shop"),
        "plain/kustomization.yaml": "resources: [job.yaml]\n",
    }
    files["plain/job.yaml"] = WEB.replace("web", "other")
    files["plain/more/kustomization.yaml"] = "configMapGenerator: [{name: a, files: [../job.yaml]}]\n"
    report = audit(write(tmp_path, BASE | files))
    assert {w["name"] for w in report["workloads"]} == {"web", "other"}


def test_environments_of_one_name_are_told_apart(kustomize: Path, tmp_path: Path) -> None:
    files = BASE | {"other/web.yaml": WEB}
    for stage in ("staging", "prod"):
        files[f"overlays/{stage}/kustomization.yaml"] = "namespace: default\nresources: [../../base]\n"
    report = audit(write(tmp_path, files))
    assert [w["environment"] for w in report["workloads"]] == ["overlays/prod", "overlays/staging", "other"]
    marks = {(f["environment"], f["fingerprint"]) for f in report["findings"]}
    assert len(marks) == len(report["findings"])
    cards = read_cards(report)
    assert len({len(card.open) for card in cards if card.workload["environment"] != "other"}) == 1
    assert place(cards[0].workload) == "base/deployment.yaml:1 (overlays/prod)"


def test_a_patch_file_is_no_object_of_its_own(kustomize: Path, tmp_path: Path) -> None:
    write(tmp_path, BASE | overlay(patches=[{"path": "big.yaml"}]) | {"overlays/prod/big.yaml": WEB})
    report = audit(tmp_path)
    assert (report["summary"]["workloads"], report["summary"]["unreadable"]) == (2, 0)


def test_versions_of_one_thing_do_not_see_each_other(kustomize: Path, tmp_path: Path) -> None:
    """Staging and production in one namespace: each has one PodDisruptionBudget, not two."""
    budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"
    budget += "spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n"
    files = BASE | {"base/budget.yaml": budget}
    files["base/kustomization.yaml"] = "resources: [deployment.yaml, service.yaml, budget.yaml]\n"
    for stage in ("staging", "prod"):
        files[f"overlays/{stage}/kustomization.yaml"] = "namespace: shop\nresources: [../../base]\n"
    report = audit(write(tmp_path, files))
    assert len(report["workloads"]) == 2
    assert not [finding for finding in report["findings"] if finding["rule"].startswith("pdb-")]


def test_what_runs_beside_each_other_is_seen(kustomize: Path, tmp_path: Path) -> None:
    """A Service of another root makes a workload a server, as it does in the cluster."""
    files = {"app/deployment.yaml": WEB, "app/kustomization.yaml": "resources: [deployment.yaml]\n"}
    files |= {"net/service.yaml": SERVICE, "net/kustomization.yaml": "resources: [service.yaml]\n"}
    [workload] = audit(write(tmp_path, files))["workloads"]
    assert workload["profile"] == "serving"


def test_values_that_flux_fills_in_are_not_edited(kustomize: Path, tmp_path: Path) -> None:
    files = BASE | deployed(FLUX, postBuild={"substitute": {"WAIT": "5"}})
    files["base/deployment.yaml"] = WEB.replace("image: r.", 'args: ["--wait=${WAIT}"]\n          image: r.')
    report = remediate(write(tmp_path, files))
    assert (tmp_path / "base/deployment.yaml").read_text() == files["base/deployment.yaml"]
    assert {action["status"] for action in report["actions"]} == {"refused"}
    assert any("filled in after the build" in action["reason"] for action in report["actions"])


def test_flux_makes_a_kustomization_for_a_folder_without_one(kustomize: Path, tmp_path: Path) -> None:
    patch = {"patch": json.dumps(HOOKED, indent=1), "target": {"kind": "Deployment"}}
    files = {"apps/web/deployment.yaml": WEB, "apps/web/service.yaml": SERVICE}
    files["clusters/apps.yaml"] = json.dumps(
        FLUX | {"spec": {"path": "./apps", "targetNamespace": "shop", "patches": [patch]}}
    )
    report = audit(write(tmp_path, files))
    [workload] = report["workloads"]
    assert (workload["namespace"], workload["budget"]["prestop"], workload["file"]) == (
        "shop",
        20,
        "apps/web/deployment.yaml",
    )


def test_a_base_outside_of_the_source_is_built_and_not_edited(kustomize: Path, tmp_path: Path) -> None:
    write(tmp_path, BASE | {".git/HEAD": ""})
    report = remediate(tmp_path, source="overlays/staging")
    [action] = report["actions"]
    assert (action["status"], action["file"]) == ("refused", "../../base/deployment.yaml")
    assert "is outside of overlays/staging" in action["reason"]


def test_the_fix_for_a_container_of_an_overlay_is_refused_with_its_name(kustomize: Path, tmp_path: Path) -> None:
    sidecar = {"name": "proxy", "image": "r.example/proxy:1", "ports": [{"containerPort": 9000}]}
    patch = {**HOOKED, "spec": {"template": {"spec": {"containers": [sidecar]}}}}
    write(tmp_path, BASE | patched(patch))
    report = remediate(tmp_path)
    text = (tmp_path / "base/deployment.yaml").read_text()
    assert "proxy" not in text
    assert audit(tmp_path)["summary"]["unreadable"] == 0
    assert {a["object"]: a["status"] for a in report["actions"]}["staging/Deployment/web"] in ("changed", "refused")


def test_one_object_that_cannot_be_edited_does_not_hold_up_the_others(kustomize: Path, tmp_path: Path) -> None:
    files = BASE | SETS_THE_HOOK["by name"]
    files["base/kustomization.yaml"] = "resources: [deployment.yaml, service.yaml, all.yaml]\n"
    other = WEB.replace("name: web", "name: api").replace("app: web", "app: api")
    files["base/all.yaml"] = f"# first\n---\n{other}---\n{SERVICE.replace('web', 'api')}"
    report = remediate(write(tmp_path, files))
    assert {action["object"]: action["status"] for action in report["actions"]} == {
        "prod/Deployment/api": "changed",
        "staging/Deployment/api": "changed",
        "staging/Deployment/web": "refused",
    }
    assert (tmp_path / "base/deployment.yaml").read_text() == WEB
    text = (tmp_path / "base/all.yaml").read_text()
    assert text.startswith("# first\n---\n") and text.endswith(f"---\n{SERVICE.replace('web', 'api')}")


def test_a_base_with_a_hook_of_another_kind_is_not_given_a_second_one(kustomize: Path, tmp_path: Path) -> None:
    """The overlay's short sleep is at fault, and the base has an exec hook that the overlay replaces."""
    lifecycle = {"preStop": {"sleep": {"seconds": 3}}}
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/lifecycle", "value": lifecycle}]
    overlay = {"resources": ["../base"], "patches": [{"patch": json.dumps(patch), "target": {"kind": "Deployment"}}]}
    hooked = WEB + "          lifecycle: {preStop: {exec: {command: [sleep, '5']}}}\n"
    files = {
        "base/deployment.yaml": hooked,
        "base/service.yaml": SERVICE,
        "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
        "dev/kustomization.yaml": json.dumps(overlay),
    }
    write(tmp_path, files)
    report = remediate(tmp_path)
    assert (tmp_path / "base/deployment.yaml").read_text() == hooked
    assert [action["status"] for action in report["actions"]] == ["refused"]
    assert "the file itself would become invalid" in report["actions"][0]["reason"]
