# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Annotations that are meant for us and have no effect are told; all others are nobody's business."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.judge.annotations import without_effect
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import workload


def told(of_workload: dict[str, Any], of_template: Any = None) -> list[str]:
    obj = workload()
    obj["metadata"]["annotations"] = of_workload
    obj["spec"]["template"].setdefault("metadata", {})["annotations"] = of_template
    return without_effect(read_workload(obj))


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {
            "graceful.termination/drain-seconds": "45",
            "graceful.termination/profile": "worker",
            "graceful.termination/managed": "false",
        },
        {"ignore.graceful.termination/prestop-missing": "a reason"},
        {"drain-seconds": "45", "example.com/graceful.termination": "x", "graceful.terminations/drain": "x"},
    ],
)
def test_what_is_read_or_of_others_is_not_told(annotations: dict[str, str]) -> None:
    assert told(annotations) == []
    others = {key: value for key, value in annotations.items() if "graceful.termination/" not in key}
    assert told({}, others) == []


def test_a_misspelt_one_is_told() -> None:
    assert told({"graceful.termination/drain-second": "45"}) == [
        "annotation graceful.termination/drain-second has no effect: the valid ones are drain-seconds, managed, profile"
    ]


@pytest.mark.parametrize("key", ["graceful.termination/drain-seconds", "ignore.graceful.termination/prestop-missing"])
def test_one_on_the_pods_is_told(key: str) -> None:
    assert told({}, {key: "45"}) == [
        f"annotation {key} has no effect on the pod template: it belongs to the Deployment"
    ]


@pytest.mark.parametrize("broken", [None, 5, "text", ["graceful.termination/x"]])
def test_template_annotations_that_are_no_map_hold_none(broken: Any) -> None:
    assert told({}, broken) == []
