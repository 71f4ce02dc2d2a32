# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sleep action before Kubernetes 1.30: the object is refused as a whole.

Reported as kubernetes/kubernetes#122488 ("lifecycle.preStop: Required value: must specify a handler type").
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Audited = Callable[..., dict[str, Any]]
CASE = "31-sleep-on-old-cluster"
RULE = "sleep-action-unsupported"


def test_nothing_is_deployed(audited: Audited) -> None:
    (finding,) = [one for one in audited(CASE, kubernetes_version="1.29")["findings"] if one["rule"] == RULE]
    assert finding["severity"] == "error"
    assert "the whole object is refused, and nothing is deployed" in finding["message"]
    assert "without any delay" not in finding["message"]


def test_from_1_30_on_it_is_fine(audited: Audited) -> None:
    assert RULE not in {finding["rule"] for finding in audited(CASE, kubernetes_version="1.30")["findings"]}


def test_nothing_is_changed_for_an_old_cluster(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    remediated(folder, kubernetes_version="1.29")
    assert "sleep: {seconds: 20}" in (folder / "d.yaml").read_text(encoding="utf-8")
