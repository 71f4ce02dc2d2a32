# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of `make proof` says what was recorded, and is not written from less than that."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import proof_page as pages
import pytest
import yaml

from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS, load

ROOT = Path(__file__).resolve().parents[3]


proof = load(TOOLS / "proof")
molecule = load(TOOLS / "molecule")

WORDS = {
    "title": "Doors that slam",
    "fault": "The door slams.",
    "setup": "One door.",
    "measured": "With an ear.",
    "remedy": "A closer.",
    "limits": "Windows.",
}
FINDING = {
    "rule": "door-slams",
    "severity": "error",
    "kind": "Deployment",
    "name": "door",
    "message": "slams at 3 | of <b>4</b> closings",
}
BEFORE = {
    "kubernetes": "v1.40.1",
    "rules": ["door-slams"],
    "findings": [FINDING],
    "figures": {"slams": "3 of 4", "noise": "90 dB"},
    "versions": {"door": "2.0"},
}
AFTER = BEFORE | {"findings": [], "figures": {"slams": "0 of 4", "noise": "40 dB"}}


def written(folder: Path, **other: dict[str, Any] | None) -> Path:
    """Write what a scenario leaves, with `before`, `after` or `words` other than usual, and return the folder."""
    left = {"before": BEFORE, "after": AFTER, "words": WORDS} | other
    (folder / "fault.yml").write_text(yaml.safe_dump(left.pop("words")), encoding="utf-8")
    for name, record in left.items():
        if record is not None:
            (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def page(*folders: Path) -> str:
    """Return the page of these scenarios."""
    faults = [pages.read_fault(folder, folder) for folder in folders]
    return pages.page(faults, "2026-01-31", "Linux 6.1, 2 cores", {"ansible-core": "2.19.9"})


def test_the_page_has_all_that_was_recorded(tmp_path: Path) -> None:
    """Figures side by side, findings by rule, the words of fault.yml, and what it ran on."""
    text = page(written(tmp_path))
    assert "| slams | 3 of 4 | 0 of 4 |\n| noise | 90 dB | 40 dB |\n" in text
    assert "[door-slams](rules.md#door-slams) | error | Deployment door |" in text
    assert all(words in text for words in WORDS.values())
    assert all(
        words in text for words in ("2026-01-31", "Linux 6.1, 2 cores", "2.19.9", "Kubernetes 1.40.1", "door 2.0")
    )


def test_text_of_a_finding_does_not_break_its_table(tmp_path: Path) -> None:
    """What a cluster says stands in its cell, as text."""
    line = next(line for line in page(written(tmp_path)).splitlines() if "closings" in line)
    assert line.replace("\\|", "").count("|") == 5
    assert "\\<b\\>4\\</b\\>" in line


def changed(record: dict[str, Any], **values: object) -> dict[str, Any]:
    """Return the record with other values."""
    return copy.deepcopy(record) | values


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (BEFORE, None, "after.json: the scenario recorded nothing"),
        (None, AFTER, "before.json: the scenario recorded nothing"),
        (changed(BEFORE, findings=[]), AFTER, "the fault was not found"),
        (changed(BEFORE, rules=["door-slams", "other"]), AFTER, "the fault was not found"),
        (BEFORE, changed(AFTER, findings=[FINDING]), "the fault is not gone"),
        (BEFORE, changed(AFTER, rules=["other"]), "the fault is not gone"),
        (BEFORE, changed(AFTER, figures={"slams": "0 of 4"}), "cannot be compared"),
        (changed(BEFORE, figures={}), changed(AFTER, figures={}), "cannot be compared"),
    ],
)
def test_records_that_prove_nothing_are_refused(
    tmp_path: Path, before: dict[str, Any] | None, after: dict[str, Any] | None, reason: str
) -> None:
    """A page that is half true is worse than none."""
    with pytest.raises(pages.ProofError, match=reason):
        page(written(tmp_path, before=before, after=after))


@pytest.mark.parametrize("words", [{}, {**WORDS, "more": "x"}, {key: WORDS[key] for key in WORDS if key != "limits"}])
def test_the_words_are_complete(tmp_path: Path, words: dict[str, Any]) -> None:
    """Without its limits, or with a key that no one would see, fault.yml is refused."""
    with pytest.raises(pages.ProofError, match="exactly the keys"):
        page(written(tmp_path, words=words))


def test_records_of_two_clusters_are_not_one_run(tmp_path: Path) -> None:
    """What was left of an earlier run elsewhere does not go into the page."""
    after = changed(AFTER, kubernetes="v1.39.0")
    with pytest.raises(pages.ProofError, match=r"several clusters: v1\.39\.0, v1\.40\.1"):
        page(written(tmp_path, after=after))


@pytest.mark.parametrize("name", proof.SCENARIOS)
def test_each_scenario_has_its_words(name: str) -> None:
    """What tools/proof runs is there, and says what the page needs."""
    words = yaml.safe_load((ROOT / f"molecule/proof_{name}/fault.yml").read_text(encoding="utf-8"))
    assert set(words) == pages.WORDS
    assert all(isinstance(text, str) and text.strip() for text in words.values())


def test_no_scenario_is_forgotten() -> None:
    """Each scenario of the proof is one of the six that make the page."""
    assert {path.parent.name for path in ROOT.glob("molecule/proof_*/molecule.yml")} <= {
        f"proof_{name}" for name in proof.SCENARIOS
    }


def test_an_unknown_scenario_is_named() -> None:
    """Nothing is started for a name that was mistyped."""
    result = subprocess.run(
        [sys.executable, ROOT / "tools/proof"],
        env=os.environ | {"ONLY": "signals,rolout"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert "no scenario rolout; there are signals, rollout," in result.stdout


def test_make_molecule_leaves_the_proof_out() -> None:
    """It takes as long as everything else together, and has a command of its own."""
    names = molecule.scenarios()
    assert "drill" in names
    assert not [name for name in names if name.startswith("proof_") or name == "default"]


@pytest.mark.parametrize(
    ("only", "fails", "records", "last", "exit_code"),
    [
        ("signals,rollout", "", True, "2 passed, 0 failed", 0),
        ("", "proof_rollout", True, "5 passed, 1 failed", 1),
        ("", "default", False, "6 passed, 2 failed", 1),  # the cluster's end failed as well
        ("", "", False, "6 passed, 1 failed", 1),
        ("", "", True, "6 passed, 0 failed", 0),
    ],
)
def test_a_failure_stops_no_other_scenario_and_the_page(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    only: str,
    fails: str,
    records: bool,
    last: str,
    exit_code: int,
) -> None:
    """All are run, the last line counts, and the page is only written from records of all."""
    ran = []

    def logged(name: str, command: list[str], environment: dict[str, str]) -> bool:
        ran.append(command[-1])
        if records and name in proof.SCENARIOS:
            folder = tmp_path / "build/proof" / command[-1]
            folder.mkdir()
            written(folder)
        return command[-1] != fails

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/proof.md").write_text("the page of an earlier run", encoding="utf-8")
    (tmp_path / "galaxy.yml").write_text("version: 1.0.0\n", encoding="utf-8")
    (tmp_path / "molecule").symlink_to(ROOT / "molecule")
    monkeypatch.setattr(proof, "ROOT", tmp_path)
    monkeypatch.setattr(proof, "prepare", lambda _names: True)
    monkeypatch.setattr(proof, "logged", logged)
    monkeypatch.setattr(proof.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONLY", only)
    assert proof.main() == exit_code
    asked = only.split(",") if only else proof.SCENARIOS
    assert ran == [*(f"proof_{name}" for name in asked), "default"]
    assert capsys.readouterr().out.splitlines()[-1] == last
    text = (tmp_path / "docs/proof.md").read_text(encoding="utf-8")
    if exit_code or only:
        assert text == "the page of an earlier run"
    else:
        assert text.count("| slams | 3 of 4 | 0 of 4 |") == len(proof.SCENARIOS)
        assert f"ansible-core {proof.version('ansible-core')}" in text
