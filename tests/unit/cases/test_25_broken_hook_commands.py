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
import yaml

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
        ("only-touch", "returns at once"),
    ],
)
def test_a_hook_that_delays_nothing_silences_nothing(audited: Audited, name: str, why: str) -> None:
    report = audited(CASE)
    assert rules_of(report, name) == {"prestop-missing": "warning"}
    (finding,) = [one for one in report["findings"] if (one["name"], one["rule"]) == (name, "prestop-missing")]
    assert why in finding["message"]
    assert finding["numbers"]["prestop_seconds"] == 0


def test_a_pause_in_the_background_is_no_pause_to_rely_on(audited: Audited) -> None:
    """An expert expects that it returns at once, as its process does. On kind 1.37.2 such a hook delayed SIGTERM:
    containerd 1.6 waits until the output is closed. So it is neither nothing nor a pause, and no less of a warning.
    """
    report = audited(CASE)
    assert rules_of(report, "background") == {"prestop-in-background": "warning"}
    (finding,) = [one for one in report["findings"] if one["rule"] == "prestop-in-background"]
    assert "returns at once and leaves a pause of 20 s in the background" in finding["message"]
    (workload,) = [one for one in report["workloads"] if one["name"] == "background"]
    assert not workload["budget"]["known"]
    assert "for which containerd waits" in workload["budget"]["sources"]["prestop"]


@pytest.mark.parametrize(
    "name", ["one-word", "shell-in-one-word", "split-script", "no-dash-c", "and-without-shell", "background"]
)
def test_the_snippet_makes_the_pause_that_the_hook_was_written_for(audited: Audited, name: str) -> None:
    (finding,) = [
        one
        for one in audited(CASE)["findings"]
        if one["name"] == name and one["rule"] in ("prestop-missing", "prestop-in-background")
    ]
    pod = yaml.safe_load(finding["snippet"])["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 50
    assert pod["containers"][0]["lifecycle"]["preStop"] == {"exec": None, "sleep": {"seconds": 20}}
    assert "20 s (as the hook says)" in finding["message"]


def test_a_hook_that_never_ends_takes_any_grace_period(audited: Audited) -> None:
    report = audited(CASE)
    assert rules_of(report, "for-ever") == {"prestop-exceeds-grace": "error"}
    (workload,) = [one for one in report["workloads"] if one["name"] == "for-ever"]
    assert workload["budget"]["prestop"] is None
    assert not workload["budget"]["known"]


@pytest.mark.parametrize("name", ["registrar", "coredns"])
def test_an_image_whose_project_builds_it_without_a_shell(audited: Audited, name: str) -> None:
    report = audited(CASE)
    assert rules_of(report, name) == {"prestop-shell-missing": "warning"}
    (workload,) = [one for one in report["workloads"] if one["name"] == name]
    assert workload["budget"]["prestop"] is None, "a hook that fails takes no time"
    assert not workload["budget"]["known"]


def test_no_hook_is_changed_without_its_owner(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    before = (folder / "d.yaml").read_text(encoding="utf-8")
    assert not remediated(folder)["actions"]
    assert (folder / "d.yaml").read_text(encoding="utf-8") == before
