# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flux's Kustomization carries the patches, and names the folder by its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "23f-flux-patches"


def test_the_folder_is_judged_as_flux_builds_it(audited: Callable[..., dict[str, Any]], kustomize: Path) -> None:
    report = audited(NAME)
    [workload] = report["workloads"]
    assert (workload["namespace"], workload["budget"]["prestop"]) == ("prod", 20)
    assert workload["file"] == "apps/web/deployment.yaml"
    assert "prestop-missing" not in {finding["rule"] for finding in report["findings"]}


def test_without_the_program_the_file_is_refused_with_the_reason(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], no_kustomize: None
) -> None:
    folder = case(NAME)
    before = (folder / "apps/web/deployment.yaml").read_bytes()
    [action] = remediated(folder)["actions"]
    assert action["status"] == "refused" and "with clusters/prod/apps.yaml:1: patches" in action["reason"]
    assert (folder / "apps/web/deployment.yaml").read_bytes() == before


def test_a_fix_leaves_the_hook_to_the_patch(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], kustomize: Path
) -> None:
    folder = case(NAME)
    before = (folder / "apps/web/deployment.yaml").read_bytes()
    assert remediated(folder)["actions"] == []
    assert (folder / "apps/web/deployment.yaml").read_bytes() == before
