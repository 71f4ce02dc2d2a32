# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random Kustomize trees: a base, overlays that change it in many ways, components, what Flux adds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

DEPLOYMENT = """\
# the {name} of the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}  # its name
  labels: {{tier: {tier}}}
spec:
{spec}  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
{pod}      containers:
        # what serves
        - name: app
          image: r.example/{name}:1
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /r, port: http}}}}
{container}"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: http}}]}}
"""
EXEC = {"exec": {"command": ["/bin/sh", "-c", "sleep 20"]}}
NAMES = ("web", "api", "cart")


@st.composite
def deployments(draw: st.DrawFn, name: str) -> str:
    """A Deployment with comments, and with or without what a fix would add."""
    return DEPLOYMENT.format(
        name=name,
        tier=draw(st.sampled_from(("front", "back"))),
        spec=draw(st.sampled_from(("", "  replicas: 1\n", "  replicas: 3  # three\n", "  minReadySeconds: 5\n"))),
        pod=draw(st.sampled_from(("", "", "      terminationGracePeriodSeconds: 10  # short\n"))),
        container=draw(
            st.sampled_from(
                (
                    "",
                    "",
                    "          lifecycle:  # hooks\n            preStop: {sleep: {seconds: 10}}\n",
                    "          lifecycle:\n            preStop:\n              exec: {command: [sleep, '5']}  # 5\n",
                )
            )
        ),
    )


def _pod_patches() -> st.SearchStrategy[dict[str, Any]]:
    app = {"name": "app"}
    return st.sampled_from(
        (
            {"containers": [{**app, "lifecycle": {"preStop": EXEC}}]},
            {"containers": [{**app, "lifecycle": {"preStop": {"sleep": {"seconds": 15}}}}]},
            {"containers": [{**app, "lifecycle": {"postStart": EXEC}}]},
            {"containers": [{**app, "resources": {"requests": {"cpu": "1"}}}]},
            {"containers": [{"name": "proxy", "image": "r.example/proxy:1"}]},
            {"terminationGracePeriodSeconds": 15},
            {"terminationGracePeriodSeconds": 120},
        )
    )


@st.composite
def patches(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, Any]:
    """An entry of `patches`: by name, by a pattern, by label or by kind, strategic or of single operations."""
    name = draw(st.sampled_from(names))
    target = draw(
        st.sampled_from(
            (
                None,
                {"kind": "Deployment", "name": name},
                {"kind": "Deployment", "name": ".*"},
                {"kind": "Deployment", "name": f"{name}|nothing"},
                {"labelSelector": "tier=front", "kind": "Deployment"},
                {"kind": "Deployment"},
                {"kind": "Deployment", "name": f"{name[0]}.*"},
            )
        )
    )
    if target and draw(st.booleans()):
        value = draw(st.sampled_from((EXEC, {"sleep": {"seconds": 3}})))
        operation = draw(
            st.sampled_from(
                (
                    {"op": "add", "path": "/spec/template/spec/containers/0/lifecycle", "value": {"preStop": value}},
                    {"op": "add", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 60},
                    {"op": "add", "path": "/spec/strategy", "value": {"type": "Recreate"}},
                    {"op": "add", "path": "/metadata/annotations", "value": {"team": "blue"}},
                    {"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"},
                )
            )
        )
        return {"patch": json.dumps([operation], indent=1), "target": target}
    spec = draw(
        st.one_of(
            _pod_patches().map(lambda pod: {"template": {"spec": pod}}),
            st.sampled_from(({"replicas": 5}, {"template": {"metadata": {"annotations": {"a": "b"}}}})),
        )
    )
    named = "not-important" if target else name
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": named}, "spec": spec}
    return {"patch": json.dumps(body, indent=1)} | ({"target": target} if target else {})


@st.composite
def kustomizations(draw: st.DrawFn, names: tuple[str, ...], resources: list[str]) -> dict[str, Any]:
    """A kustomization over these resources."""
    fields = (
        ("namespace", draw(st.sampled_from((None, "shop", "prod")))),
        ("namePrefix", draw(st.sampled_from((None, None, "p-")))),
        ("nameSuffix", draw(st.sampled_from((None, None, "-v2")))),
        ("commonAnnotations", draw(st.sampled_from((None, {"team": "red"})))),
        ("labels", draw(st.sampled_from((None, [{"pairs": {"stage": "x"}, "includeTemplates": True}])))),
        ("images", draw(st.sampled_from((None, [{"name": "r.example/web", "newTag": "2"}])))),
        ("replicas", draw(st.sampled_from((None, [{"name": names[0], "count": 2}])))),
        ("patches", draw(st.lists(patches(names), max_size=2)) or None),
    )
    return {"resources": resources} | {key: value for key, value in fields if value}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """The files of a tree."""
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)))
    files = {f"base/{name}.yaml": draw(deployments(name)) for name in names}
    served = [name for name in names if draw(st.booleans())]
    if draw(st.booleans()):
        files = {"base/all.yaml": "---\n".join(files.values())}
    files |= {f"base/{name}-service.yaml": SERVICE.format(name=name) for name in served}
    base = draw(kustomizations(names, [])) if draw(st.booleans()) else {}
    files["base/kustomization.yaml"] = json.dumps(base | {"resources": [path[5:] for path in files]}, indent=1)
    component = draw(st.booleans())
    if component:
        content: dict[str, Any] = {"kind": "Component", "apiVersion": "kustomize.config.k8s.io/v1alpha1"}
        content["patches"] = [draw(patches(names))]
        files["component/kustomization.yaml"] = json.dumps(content, indent=1)
    stages = draw(st.lists(st.sampled_from(("dev", "prod", "test")), min_size=1, max_size=2, unique=True))
    below = "../../base"
    for stage in stages:
        data = draw(kustomizations(names, [below]))
        if component and draw(st.booleans()):
            data["components"] = ["../../component"]
        files[f"overlays/{stage}/kustomization.yaml"] = json.dumps(data, indent=1)
        below = draw(st.sampled_from(("../../base", f"../{stage}")))
    if draw(st.booleans()):
        spec = {"path": f"./overlays/{stages[-1]}", "patches": [draw(patches(names))]}
        flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": spec}
        files["clusters/flux.yaml"] = json.dumps(flux | {"metadata": {"name": "shop", "namespace": "flux-system"}})
    if draw(st.booleans()):
        files["plain/other.yaml"] = draw(deployments("other"))
    return files
