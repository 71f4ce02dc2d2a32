# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One PodDisruptionBudget over the main and the canary Deployment.

Reported as zalando-incubator/kubernetes-on-aws#9203, fluxcd/flagger#815, #1604.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]


CASE = "27-pdb-across-deployments"


def test_one_of_two_pods_may_go(audited: Audited) -> None:
    report = audited(CASE)
    for name in ("edge", "edge-canary"):
        assert not {"pdb-blocks-eviction", "single-replica"} & severities(report, name).keys()


def test_none_of_two_may_go_where_both_must_stay(case: Callable[[str], Path], audited: Audited) -> None:
    folder = case(CASE)
    (file,) = folder.iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace("minAvailable: 1", "minAvailable: 2"))
    report = audited(folder)
    for name in ("edge", "edge-canary"):
        assert severities(report, name)["pdb-blocks-eviction"] == "error"
