# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random manifests, random patches: the edited text says exactly the patched object, and the rest of it is untouched.

HYPOTHESIS_EXAMPLES sets how many examples each test runs.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

import pytest
import yaml
from ansible_collections.graceful.termination.plugins.module_utils.manifest_edit import (
    DocumentPath,
    EditRefused,
    apply_patches,
)
from ansible_collections.graceful.termination.plugins.module_utils.manifest_yaml import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.strategic_merge import difference, merge
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifest_writer import (
    Path,
    Writer,
    Written,
)

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "400"))
often = settings(
    max_examples=EXAMPLES, deadline=None, derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck), database=None,
)  # fmt: skip

STRINGS = [
    "app", "shop", "10s", "25%", "100m", "yes", "null", "1", "1.5", "0777", "2024-01-01", "12:30", "a: b", "# no", "x #y", "",
    " lead", "trail ", "it's", 'say "hi"', "tab\there", "ümläut", "🦀 crab", "𝕏" * 3, "{{ x }}", "*star", "&and", "!bang", "%p",
    "@at", "`tick`", "- dash", "? ask", "[list]", "{map}", "line\nbreak", "script one\nscript two\n", "text\n\n\n", "a" * 200, "two words",
    "sh -c 'sleep 5; exec app'", "back\\slash", "\x85next", "=", "<<", "~", ".", "/bin/sleep", "---", "on", "1_000", "0x1F",
]  # fmt: skip
KEYS = ["a", "b", "c", "d", "on", "1", "x y", "a.b/c", "ünï", "name", "k-8", "~", "<<", "#h", "'q'", "true"]


def scalar(random: Random) -> Any:
    return random.choice([random.choice(STRINGS), random.choice(STRINGS), random.randint(-5, 3600), True, False, 1.5])


def value(random: Random, depth: int = 3, null: bool = True) -> Any:
    kind = random.random()
    if depth and kind < 0.25:
        return {random.choice(KEYS): value(random, depth - 1) for _ in range(random.randint(0, 3))}
    if depth and kind < 0.4:
        return [value(random, depth - 1) for _ in range(random.randint(0, 3))]
    return None if null and kind > 0.95 else scalar(random)


def labels(random: Random) -> dict[str, Any]:
    return {
        random.choice(KEYS + ["app.kubernetes.io/name", "team"]): random.choice(STRINGS)
        for _ in range(random.randint(1, 3))
    }


def probe(random: Random) -> dict[str, Any]:
    handler = random.choice([{"httpGet": {"path": "/ready", "port": "http"}}, {"tcpSocket": {"port": 80}}])
    return {**handler, "periodSeconds": random.randint(1, 30)}


def pre_stop(random: Random) -> dict[str, Any]:
    return random.choice([
        {"exec": {"command": ["sleep", "5"]}},
        {"exec": {"command": ["sh", "-c", "sleep 5; echo 'bye: # x'\nexec y\n"]}},
        {"tcpSocket": {"port": 8080}},
        {"httpGet": {"path": "/quit", "port": 8080}},
        {"sleep": {"seconds": random.randint(0, 60)}},
    ])  # fmt: skip


def some(random: Random, **fields: Any) -> dict[str, Any]:
    """A random choice of fields in a random order."""
    items = [(key, item) for key, item in fields.items() if random.random() < 0.5]
    random.shuffle(items)
    return dict(items)


def container(random: Random, name: str) -> dict[str, Any]:
    result = some(
        random,
        image="registry.example/shop:1",
        lifecycle=random.choice([{}, None, {"preStop": pre_stop(random)}, {"preStop": {}}, {"postStart": pre_stop(random), "preStop": pre_stop(random)}]),
        readinessProbe=probe(random),
        env=[{"name": f"E{i}", "value": random.choice(STRINGS)} for i in range(random.randint(0, 3))],
        ports=[{"containerPort": 80 + i} for i in range(random.randint(0, 2))],
        command=[random.choice(STRINGS) for _ in range(random.randint(0, 3))],
        volumeMounts=[{"mountPath": "/data", "name": "data"}],
        extra=value(random),
    )  # fmt: skip
    items = [*result.items(), ("name", name)]
    items.insert(random.choice([0, 0, 0, len(items)]), items.pop())
    return dict(items)


def workload(random: Random) -> dict[str, Any]:
    names = ["app", "sidecar", "🦀"][: random.randint(1, 3)]
    spec = some(
        random,
        terminationGracePeriodSeconds=random.choice([0, 30, "30"]),
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}}][
            : random.randint(0, 2)
        ],
        initContainers=[container(random, "init")],
        tolerations=[{"key": "a", "operator": "Exists"}],
    )
    template = {**some(random, metadata=some(random, labels=labels(random), annotations=labels(random)))}
    template["spec"] = {**spec, "containers": [container(random, name) for name in names]}
    strategy = random.choice(
        [{}, None, {"type": "RollingUpdate"}, {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}]
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", **some(random, labels=labels(random), annotations=labels(random))},
        "spec": {
            **some(random, replicas=3, strategy=strategy, minReadySeconds=5, extra=value(random)),
            "template": template,
        },
        **some(random, status={}),
    }


def product_patch(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """What this product writes."""
    pod: dict[str, Any] = some(random, terminationGracePeriodSeconds=random.choice([30, 45, 120]))
    containers = []
    for item in data["spec"]["template"]["spec"]["containers"]:
        old = ((item.get("lifecycle") or {}).get("preStop")) or {}
        handler = {**{key: None for key in old if key != "sleep"}, "sleep": {"seconds": random.choice([5, 10])}}
        patch = some(random, lifecycle={"preStop": handler}, readinessProbe=probe(random))
        if patch:
            containers.append({"name": item["name"], **patch})
    if containers:
        pod["containers"] = containers
    template = some(random, metadata={"annotations": {"graceful.termination/x": random.choice(STRINGS)}})
    if pod:
        template["spec"] = pod
    spec = some(
        random,
        strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        updateStrategy={"type": "RollingUpdate"},
        minReadySeconds=10,
        template=template,
    )
    return {"spec": spec}


def any_patch(random: Random, data: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Anything a strategic merge patch of our kind can say about this object."""
    patch: dict[str, Any] = {}
    for key, old in data.items():
        if key in ("containers", "initContainers") or (key in ("env", "volumes") and isinstance(old, list) and old):
            chosen = [item for item in old if isinstance(item, dict) and random.random() < 0.5]
            items = [{**any_patch(random, item, depth + 1), "name": item["name"]} for item in chosen]
            if key in ("env", "volumes") and random.random() < 0.3:
                items.append({"name": "new", "value": random.choice(STRINGS)})
            patch[key] = items
        elif key in ("env", "volumes", "ports", "volumeMounts", "name", "labels"):
            continue
        elif isinstance(old, dict) and random.random() < 0.7:
            patch[key] = any_patch(random, old, depth + 1)
        elif depth > 1 and random.random() < 0.2:
            patch[key] = None if random.random() < 0.4 else value(random, null=False)
    if depth and random.random() < 0.2:
        key = random.choice(KEYS[:-7])
        if key != "name":
            patch[key] = value(random, null=False)
    return patch


def changes(before: Any, after: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """What differs, told in another way than by the code under test: added, deleted, replaced or set (scalar to anything)."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = [((*path, key), "deleted") for key in before if key not in after]
        found += [((*path, key), "added") for key in after if key not in before]
        for key in before:
            if key in after:
                found += changes(before[key], after[key], (*path, key))
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) <= len(after) and before:
        found = [((*path, index), "added") for index in range(len(before), len(after))]
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            found += changes(one, other, (*path, index))
        return found
    if type(before) is type(after) and before == after:
        return []
    return [(path, "replaced" if isinstance(before, dict | list) and before else "set")]


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def check_survivors(written: Written, before: Any, after: Any, result: str) -> None:
    """Every comment and every line that no change touches is still there, in order."""
    found = changes(before, after)
    emptied = {path[:-1] for path, how in found if how == "deleted" and at(after, path[:-1]) == {}}
    moved = any(how == "deleted" and isinstance(path[-2], int) for path, how in found)

    def within(path: Path, outer: Path) -> bool:
        return path[: len(outer)] == outer

    for comment, path in written.comments.items():
        lost = any(
            within(path, changed) and (how in ("deleted", "replaced") or path != changed)
            for changed, how in found
            if how != "added"
        )
        if not lost and not any(within(path, place) for place in emptied):
            assert comment in result, comment
    lines = iter(result.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    for line in written.lines:
        touched = any(within(line.path, path) or (line.loose and within(path, line.path)) for path, _ in found)
        if (
            not touched
            and line.path != ("blank",)
            and not any(within(line.path, place) for place in emptied)
            and not moved
        ):
            assert any(line.text == other for other in lines), line.text


def edit(text: str, patches: list[tuple[DocumentPath, dict[str, Any]]]) -> str:
    note(text)
    note(json.dumps([patch for _, patch in patches], ensure_ascii=False))
    return apply_patches(text, patches)


def check_edit(text: str, path: DocumentPath, patch: dict[str, Any]) -> str:
    """Edit, compare what the text says with the merged object, and edit again: nothing may change the second time."""
    before = load_documents(text)
    result = edit(text, [(path, patch)])
    note(result)
    after = load_documents(result)
    assert [document.problem for document in after] == [None] * len(before)
    for one, other in zip(before, after, strict=True):
        expected = one.data
        if one.index == path.document:
            if path.item is None:
                expected = merge(one.data, patch)
            else:
                expected["items"][path.item] = merge(expected["items"][path.item], patch)
        assert difference(expected, other.data) == []
    assert apply_patches(result, [(path, patch)]) == result
    return result


def patch_for(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    return product_patch(random, data) if random.random() < 0.5 else any_patch(random, data)


@often
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.3, 0.6]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_edits_of_handwritten_manifests(seed: int, wild: float, newline: str, final: bool) -> None:
    random = Random(seed)
    data = workload(random)
    written = Writer(random, wild).document(data)
    head = random.choice(
        ["", "", "---\n", "# head\n\n---\n", "--- # start\n", "%YAML 1.1\n---\n", "kind: Service\n---\n", "---\n---\n"]
    )
    tail = random.choice(
        ["", "", "\n", "...\n", "\n# end\n", "---\nkind: X\na: |\n  x\n", "---\n", "\n...\n---\n{kind: Y}\n"]
    )
    text = (head + "\n".join(line.text for line in written.lines) + "\n" + tail).replace("\n", newline)
    text = random.choice(["", "", "\ufeff"]) + (text if final else text.removesuffix(newline))
    documents = load_documents(text)
    note(text)
    assert [document.problem for document in documents if document.problem] == []
    place = next(
        document
        for document in documents
        if isinstance(document.data, dict) and document.data.get("kind") == "Deployment"
    )
    patch = patch_for(random, place.data)
    result = check_edit(text, DocumentPath(place.index), patch)
    check_survivors(written, place.data, merge(place.data, patch), result)
    assert newline == "\n" or "\n" not in result.replace("\r\n", "")
    assert result.startswith(text[: len(head)])
    assert result.endswith(tail.replace("\n", newline) if final else tail.replace("\n", newline).removesuffix(newline))


@often
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3]))
def test_only_edits_that_would_touch_something_shared_are_refused(seed: int, wild: float) -> None:
    random = Random(seed)
    written = Writer(random, wild, anchors=0.02).document(workload(random))
    text = "\n".join(line.text for line in written.lines) + "\n"
    data = load_documents(text)[0].data
    patch = patch_for(random, data)
    found = changes(data, merge(data, patch))
    shared = any(
        path[: len(anchor)] == anchor or (anchor[: len(path)] == path and how != "added")
        for anchor in written.anchors
        for path, how in found
    )
    try:
        result = check_edit(text, DocumentPath(0), patch)
    except EditRefused as refused:
        assert shared, refused
        assert "&" in refused.reason
    else:
        assert not shared, result


@often
@given(
    st.integers(0, 2**32), st.sampled_from([True, False, None]), st.sampled_from([2, 4]), st.sampled_from([20, 80, 10**6]),
    st.booleans(), st.sampled_from([None, None, '"', "'"]), st.booleans(),
)  # fmt: skip
def test_edits_of_dumped_manifests(
    seed: int, flow: bool | None, indent: int, width: int, unicode: bool, quote: str | None, as_list: bool
) -> None:
    random = Random(seed)
    objects = [workload(random) for _ in range(random.randint(1, 3))]
    options = {
        "default_flow_style": flow, "indent": indent, "width": width, "allow_unicode": unicode, "default_style": quote,
        "explicit_start": random.random() < 0.5, "explicit_end": random.random() < 0.5,
        "line_break": random.choice(["\n", "\r\n"]), "sort_keys": random.random() < 0.5,
    }  # fmt: skip
    dumped = [{"kind": "List", "items": objects}] if as_list else objects
    # Dumped text quotes numbers with a tag: !!int "3"; that is read as PyYAML does.
    text = yaml.safe_dump_all(json.loads(json.dumps(dumped)), **options)
    documents = load_documents(text)
    path = DocumentPath(0, random.randrange(len(objects))) if as_list else DocumentPath(random.randrange(len(objects)))
    path = path._replace(document=documents[path.document].index)
    data = next(document.data for document in documents if document.index == path.document)
    target = data if path.item is None else data["items"][path.item]
    check_edit(text, path, patch_for(random, target))


@often
@given(st.integers(0, 2**32), st.sampled_from([None, 2, 4, "\t"]), st.booleans(), st.booleans())
def test_edits_of_json_stay_json(seed: int, indent: int | str | None, compact: bool, final: bool) -> None:
    random = Random(seed)
    data = workload(random)
    text = json.dumps(data, indent=indent, ensure_ascii=False, separators=(",", ":") if compact else None)
    patch = patch_for(random, load_documents(text)[0].data)
    result = check_edit(text + ("\n" if final else ""), DocumentPath(0), patch)
    assert difference(json.loads(result), merge(data, patch)) == []
