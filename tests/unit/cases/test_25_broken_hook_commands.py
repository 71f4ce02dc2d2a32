# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks that promise a delay and give none: no shell splits their words, or they run for ever.

Reported as kubernetes/kubernetes#91326 and #39170; images without a shell whose name does not say distroless as
vast-data/vast-csi#24, kubernetes-csi/csi-driver-host-path#175, gardener/gardener#6793, 110y/bootes#74.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Audited = Callable[..., dict[str, Any]]
CASE = "25-broken-hook-commands"


def rules_of(report: dict[str, Any], name: str) -> dict[str, str]:
    """Severity by rule of one workload, infos left out."""
    return {
        finding["rule"]: finding["severity"]
        for finding in report["findings"]
        if finding["name"] == name and finding["severity"] != "info"
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("one-word", "fails at once: no program has such a name"),
        ("shell-in-one-word", "fails at once: no program has such a name"),
        ("split-script", "fails at once: sleep has no duration: after -c only the first word is the script"),
        ("no-dash-c", "fails at once: the shell has no -c"),
        ("and-without-shell", "returns at once"),
        ("background", "returns at once"),
        ("only-touch", "returns at once"),
    ],
)
def test_a_hook_that_delays_nothing_silences_nothing(audited: Audited, name: str, why: str) -> None:
    report = audited(CASE)
    assert rules_of(report, name) == {"prestop-missing": "warning"}
    (finding,) = [one for one in report["findings"] if (one["name"], one["rule"]) == (name, "prestop-missing")]
    assert why in finding["message"]
    assert finding["numbers"]["prestop_seconds"] == 0


def test_a_hook_that_never_ends_takes_any_grace_period(audited: Audited) -> None:
    report = audited(CASE)
    assert rules_of(report, "for-ever") == {"prestop-exceeds-grace": "error"}
    (workload,) = [one for one in report["workloads"] if one["name"] == "for-ever"]
    assert workload["budget"]["prestop"] is None
    assert not workload["budget"]["known"]


@pytest.mark.parametrize("name", ["registrar", "coredns"])
def test_an_image_whose_project_builds_it_without_a_shell(audited: Audited, name: str) -> None:
    assert rules_of(audited(CASE), name) == {"prestop-shell-missing": "warning"}


def test_no_hook_is_changed_without_its_owner(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    before = (folder / "d.yaml").read_text(encoding="utf-8")
    assert not remediated(folder)["actions"]
    assert (folder / "d.yaml").read_text(encoding="utf-8") == before
