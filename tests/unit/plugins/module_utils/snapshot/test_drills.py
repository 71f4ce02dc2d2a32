# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a drill, and what of a folder is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import deployed, keep, read_proofs
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import sleeping, workload

DRILL: dict[str, Any] = {
    "schema": "graceful.termination/drill/v1",
    "status": "passed",
    "ended_at": "2027-01-04T09:30:00Z",
    "workload": {"namespace": "shop", "kind": "Deployment", "name": "web", "uid": "uid-web", "deployed": "1"},
    "requests": 100,
    "lost_total": 0,
}


def digest(*containers: dict[str, Any], **given: Any) -> str:
    annotations = given.pop("annotations", None)
    obj = workload(*containers or (sleeping(5),), **given)
    if annotations is not None:
        obj["spec"]["template"].setdefault("metadata", {})["annotations"] = annotations
    return deployed(read_workload(obj))


def test_a_result_is_found_by_the_uid_of_its_workload(tmp_path: Path) -> None:
    keep(str(tmp_path), DRILL)
    assert (tmp_path / "drills" / "shop-Deployment-web.json").exists()
    found = list(read_proofs(str(tmp_path)).values())
    assert len(found) == 1
    proof = found[0]
    assert (proof.uid, proof.passed, proof.lost, proof.ended_at.year) == ("uid-web", True, 0, 2027)


@pytest.mark.parametrize("status", ["noisy", "interrupted", "error", "running"])
def test_a_drill_without_a_result_does_not_take_the_place_of_one(tmp_path: Path, status: str) -> None:
    keep(str(tmp_path), DRILL)
    keep(str(tmp_path), DRILL | {"status": status})
    assert read_proofs(str(tmp_path))["uid-web"].passed


def test_a_failed_one_does(tmp_path: Path) -> None:
    keep(str(tmp_path), DRILL)
    keep(str(tmp_path), DRILL | {"status": "failed", "lost_total": 7, "ended_at": "2027-01-05T09:30:00Z"})
    assert read_proofs(str(tmp_path))["uid-web"].lost == 7


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '"text"',
        json.dumps(DRILL | {"schema": "other"}),
        json.dumps(DRILL | {"status": "running"}),
        json.dumps(DRILL | {"ended_at": None}),
        json.dumps(DRILL | {"workload": {"namespace": "shop", "kind": "Deployment", "name": "web"}}),
        " " * 5_000_000 + json.dumps(DRILL),
    ],
)
def test_what_is_no_result_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "x.json").write_text(content)
    assert read_proofs(str(tmp_path)) == {}


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert read_proofs(str(tmp_path / "no")) == {}


def test_a_restart_deploys_nothing_new() -> None:
    assert digest() == digest(annotations={"kubectl.kubernetes.io/restartedAt": "2027-01-04T09:30:00Z"})
    assert digest() == digest(annotations={})
    assert digest() == digest(replicas=7)


def test_another_template_or_strategy_does() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}
    others = {digest(sleeping(6)), digest(strategy=strategy), digest(annotations={"config": "2"}), digest(grace=77)}
    assert len(others | {digest()}) == 5


@pytest.mark.parametrize("later", ["flat", "own"])
def test_of_a_folder_of_all_hosts_and_the_own_one_the_later_result_counts(tmp_path: Path, later: str) -> None:
    dates = {"flat": "2027-01-04T09:30:00Z", "own": "2027-01-04T09:30:00Z"} | {later: "2027-02-04T09:30:00Z"}
    for name, date in dates.items():
        keep(str(tmp_path / name), DRILL | {"ended_at": date, "lost_total": int(name == "flat")})
    only = DRILL | {"workload": DRILL["workload"] | {"name": "old", "uid": "uid-old"}}
    keep(str(tmp_path / "flat"), only)
    found = read_proofs(str(tmp_path / "own"), str(tmp_path / "flat"))
    assert found["uid-web"].lost == (later == "flat")
    assert "uid-old" in found
