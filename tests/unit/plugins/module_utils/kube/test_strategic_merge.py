# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging and comparing as the Kubernetes API does, for the patches that this product writes."""

from __future__ import annotations

import copy
import math
import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import (
    MergeError,
    difference,
    in_order_of,
    merge,
    merge_patches,
    same,
)


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {**spec, "containers": list(containers)}}}}


@pytest.mark.parametrize(
    ("obj", "patch", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": 1}, {"a": None, "b": None}, {}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": "text"}, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({}, {"a": {"b": None, "c": [{"d": None}]}}, {"a": {"c": [{}]}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        ({"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}]},
            {"env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]},
        ),
        ({"env": None}, {"env": [{"name": "A", "value": None}]}, {"env": [{"name": "A"}]}),
        (
            {"ports": [{"containerPort": 80}], "volumeMounts": [{"mountPath": "/a", "name": "x"}]},
            {"ports": [{"containerPort": 80, "name": "http"}], "volumeMounts": [{"mountPath": "/a", "readOnly": True}]},
            {
                "ports": [{"containerPort": 80, "name": "http"}],
                "volumeMounts": [{"mountPath": "/a", "name": "x", "readOnly": True}],
            },
        ),
    ],
)
def test_merge(obj: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy((obj, patch))
    assert merge(obj, patch) == expected
    assert (obj, patch) == before


def test_handler_swap_in_the_container_of_that_name() -> None:
    obj = pod({"name": "a"}, {"name": "b", "lifecycle": {"preStop": {"tcpSocket": {"port": 1}}}})
    patch = pod({"name": "b", "lifecycle": {"preStop": {"tcpSocket": None, "sleep": {"seconds": 5}}}})
    expected = pod({"name": "a"}, {"name": "b", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}})
    assert merge(obj, patch) == expected
    assert merge(expected, patch) == expected


@pytest.mark.parametrize(
    ("obj", "patch", "message"),
    [
        (pod({"name": "a"}), pod({"name": "b", "image": "x"}), r"spec.template.spec.containers: .* name b"),
        ({"spec": {"containers": None}}, {"spec": {"containers": [{"name": "b"}]}}, "no element with the name b"),
        ({"initContainers": []}, {"initContainers": [{"name": "b"}]}, "initContainers: there is no element"),
        (pod({"name": "a"}, {"name": "a"}), pod({"name": "a", "image": "x"}), "2 elements have the name a"),
        (pod({"name": "a"}), pod({"image": "x"}), "has no name"),
        ({"ports": [{"port": 80}]}, {"ports": [{"port": 80}]}, "has no containerPort"),
        ({}, {"spec": {"$retainKeys": ["type"]}}, r"spec.\$retainKeys: patch directives"),
        ({"spec": {"a": 1}}, {"spec": {"$patch": "replace"}}, r"spec.\$patch: patch directives"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(obj: dict[str, Any], patch: dict[str, Any], message: str) -> None:
    with pytest.raises(MergeError, match=message):
        merge(obj, patch)


def test_a_patch_leaves_containers_in_their_order() -> None:
    obj = {"spec": {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c", "env": [{"name": "x"}, {"name": "y"}]}]}}
    env = [{"name": "new", "value": "1"}, {"name": "y", "value": "2"}, {"name": "x", "value": "3"}]
    patch = {"spec": {"grace": 1, "containers": [{"name": "c", "env": env}, {"name": "a", "image": "i"}]}}
    ordered = in_order_of(obj, patch)
    assert [one["name"] for one in ordered["spec"]["containers"]] == ["a", "c"]
    assert [one["name"] for one in ordered["spec"]["containers"][1]["env"]] == ["x", "y", "new"]
    assert merge(obj, ordered) == merge(obj, patch)


def test_merged_patches_do_what_both_do() -> None:
    first = pod({"name": "a", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 5}}}}, grace=30)
    second = pod(
        {"name": "b", "image": "x"}, {"name": "a", "lifecycle": {"preStop": {"sleep": {"seconds": 9}}}}, grace=60
    )
    obj = pod({"name": "a", "lifecycle": {"preStop": {"exec": {}}}}, {"name": "b"}, grace=1)
    before = copy.deepcopy((first, second))
    both = merge_patches(first, second)
    assert both == pod(
        {"name": "a", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 9}}}},
        {"name": "b", "image": "x"},
        grace=60,
    )
    assert merge(obj, both) == merge(merge(obj, first), second)
    assert (first, second) == before


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": 1}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"command": ["a"]}, {"command": ["b"]}, {"command": ["b"]}),
        ({}, {"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_the_second_patch_holds(first: dict[str, Any], second: dict[str, Any], both: dict[str, Any]) -> None:
    assert merge_patches(first, second) == both


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2, "b": None}, ["a", "b"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b"]),
        ({"a": {"b": 1}}, {"a": None}, ["a"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a[1]"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1.0, "b": True, "c": "1"}, ["a", "b", "c"]),
        ({"a": math.nan}, {"a": math.nan}, []),
        (
            {"metadata": {"annotations": {"x.io/y": "1"}}},
            {"metadata": {"annotations": {}}},
            ["metadata.annotations[x.io/y]"],
        ),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "A"}, {"name": "B"}]}, ["env[B]"]),
        ({"env": [{"name": "A"}, {"name": "B"}]}, {"env": [{"name": "B"}, {"name": "A"}]}, ["env"]),
        ({"env": [{"name": "A"}, {"name": "A"}]}, {"env": [{"name": "A"}, {"name": "A", "v": 1}]}, ["env[1].v"]),
    ],
)
def test_difference(before: Any, after: Any, paths: list[str]) -> None:
    assert difference(before, after) == paths
    backwards = difference(before=after, after=before)
    assert bool(backwards) == bool(paths)
    assert same(before, after) == same(after, before) == (not paths)


def test_difference_names_the_field_of_a_container() -> None:
    before = pod({"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}})
    after = merge(before, pod({"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 9}}}}))
    assert difference(before, after) == ["spec.template.spec.containers[app].lifecycle.preStop.sleep.seconds"]


def test_shared_parts_are_compared_once() -> None:
    def shared(leaf: int) -> list[Any]:
        node: list[Any] = [leaf]
        for _index in range(60):
            node = [node, node]
        return node

    begin = time.monotonic()
    assert difference(shared(1), shared(1)) == []
    assert difference(shared(1), shared(2)) == ["[0]" * 61]
    assert same(shared(1), shared(1))
    assert not same(shared(1), shared(2))
    assert time.monotonic() - begin < 1
