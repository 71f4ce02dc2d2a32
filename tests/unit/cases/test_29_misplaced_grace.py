# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A grace period in the container, where the API knows none.

Reported as chatwork/charts#109 and #134 ("`terminationGracePeriodSeconds` is an element of `PodSpec`").
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]
CASE = "29-misplaced-grace"


def test_it_is_named_with_what_the_pod_really_gets(audited: Audited) -> None:
    report = audited(CASE)
    (finding,) = [one for one in report["findings"] if one["severity"] != "info"]
    assert finding["rule"] == "field-misplaced"
    assert finding["path"] == "spec.template.spec.containers[php].terminationGracePeriodSeconds"
    assert "the pod gets 30 s, not 100 s" in finding["message"]
    assert "terminationGracePeriodSeconds: 100" in finding["snippet"]
    (workload,) = report["workloads"]
    assert workload["budget"]["grace"] == 30


def test_moving_it_is_for_its_owner(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    before = (folder / "d.yaml").read_text(encoding="utf-8")
    assert not remediated(folder)["actions"]
    assert (folder / "d.yaml").read_text(encoding="utf-8") == before
