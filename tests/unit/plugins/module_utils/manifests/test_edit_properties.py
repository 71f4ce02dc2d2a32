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

import yaml
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference, merge
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.manifests.edit import (
    DocumentPath,
    EditRefused,
    apply_patches,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.samples import (
    patch_for,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.survivors import (
    changes,
    check_survivors,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.manifests.writer import Writer

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "400"))
often = settings(
    max_examples=EXAMPLES, deadline=None, derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck), database=None,
)  # fmt: skip


def edit(text: str, patches: list[tuple[DocumentPath, dict[str, Any]]]) -> str:
    note(text)
    note(json.dumps([patch for _path, patch in patches], ensure_ascii=False))
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
    st.integers(0, 2**32), st.sampled_from([True, False, None]), st.sampled_from([2, 4]),
    st.sampled_from([20, 80, 10**6]), st.booleans(), st.sampled_from([None, None, '"', "'"]), st.booleans(),
)  # fmt: skip
def test_edits_of_dumped_manifests(
    seed: int, flow: bool | None, indent: int, width: int, unicode: bool, quote: str | None, as_list: bool
) -> None:
    random = Random(seed)
    objects = [workload(random) for _index in range(random.randint(1, 3))]
    options: dict[str, Any] = {
        "default_flow_style": flow, "indent": indent, "width": width, "allow_unicode": unicode, "default_style": quote,
        "explicit_start": random.random() < 0.5, "explicit_end": random.random() < 0.5,
        "line_break": random.choice(["\n", "\r\n"]), "sort_keys": random.random() < 0.5,
    }  # fmt: skip
    dumped = [{"kind": "List", "items": objects}] if as_list else objects
    # With default_style, PyYAML tags what is no string: !!int "3".
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
