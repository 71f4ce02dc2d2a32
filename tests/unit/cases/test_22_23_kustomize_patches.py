# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays of production that set the hook.

In a patch by name with the grace period beside it (22), in a patch whose target is a regular expression and whose own
name is that of nothing (23a), and in a patch whose target is a label (23c).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

each = pytest.mark.parametrize(
    ("name", "grace"), [("22-kustomize-overlay", 90), ("23a-kustomize-target", 30), ("23c-kustomize-target", 30)]
)


@each
def test_the_overlay_is_judged_with_its_patch(
    audited: Callable[..., dict[str, Any]], kustomize: Path, name: str, grace: int
) -> None:
    report = audited(name)
    [workload] = report["workloads"]
    budget = workload["budget"]
    assert (workload["namespace"], budget["prestop"], budget["grace"]) == ("prod", 20, grace)
    assert "prestop-missing" not in {finding["rule"] for finding in report["findings"]}


@each
def test_the_hook_has_one_handler_after_a_fix(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], kustomize: Path, name: str, grace: int
) -> None:
    folder = case(name)
    remediated(folder)
    output = subprocess.run([kustomize, "build", folder / "overlays/prod"], check=True, capture_output=True).stdout
    [pod] = [o["spec"]["template"]["spec"] for o in yaml.safe_load_all(output) if o["kind"] == "Deployment"]
    assert list(pod["containers"][0]["lifecycle"]["preStop"]) == ["exec"]
    assert pod.get("terminationGracePeriodSeconds", 30) == grace


@each
def test_without_the_program_the_base_is_refused_with_the_reason(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], no_kustomize: None, name: str, grace: int
) -> None:
    folder = case(name)
    before = (folder / "base/deployment.yaml").read_bytes()
    [action] = remediated(folder)["actions"]
    assert action["status"] == "refused" and "overlays/prod/kustomization.yaml: patches" in action["reason"]
    assert (folder / "base/deployment.yaml").read_bytes() == before
