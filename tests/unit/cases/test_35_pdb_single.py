# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PodDisruptionBudget of one pod over one replica.

Reported as kubestellar/console#6994, helm/charts#7127, #17984, lightdash/helm-charts#146, cagriekin/charts#161.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Audited = Callable[..., dict[str, Any]]


CASE = "35-pdb-single"


def test_no_pod_may_ever_be_evicted(audited: Audited) -> None:
    found = {one["rule"]: one for one in audited(CASE)["findings"]}
    assert found["pdb-blocks-eviction"]["severity"] == "error"
    assert "maxUnavailable: 1" in found["pdb-blocks-eviction"]["snippet"]
    assert found["single-replica"]["severity"] == "warning"
