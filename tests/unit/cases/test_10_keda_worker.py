# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KEDA scales by a queue is a worker, and its minimum is an autoscaler's.

Reported as kedacore/keda#2901, #3674 and the samples of its documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]


CASE = "10-keda-worker"


def test_the_consumer_of_a_queue_is_cut_after_the_default_grace_period(audited: Audited) -> None:
    assert severities(audited(CASE), "order-processor") == {"worker-grace-too-short": "warning"}


def test_three_replicas_by_the_scaled_object(audited: Audited) -> None:
    report = audited(CASE)
    assert not {"single-replica", "pdb-blocks-eviction"} & severities(report, "api").keys()
    (api,) = [one for one in report["workloads"] if one["name"] == "api"]
    assert "autoscaled" in api["traits"]


def test_its_minimum_is_what_the_pdb_is_held_against(case: Callable[[str], Path], audited: Audited) -> None:
    folder = case(CASE)
    (file,) = folder.iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace("minReplicaCount: 3", "minReplicaCount: 2"))
    (finding,) = [one for one in audited(folder)["findings"] if one["rule"] == "pdb-blocks-eviction"]
    assert (finding["name"], finding["severity"], finding["numbers"]) == ("api", "error", {"replicas": 2})
