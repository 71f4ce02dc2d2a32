# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/proof.md from what the scenarios of `make proof` recorded: whole and true, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

TEMPLATE = Path(__file__).with_name("proof.md.j2")
WORDS = {"title", "fault", "setup", "measured", "remedy", "limits"}


class ProofError(ValueError):
    """A record that proves nothing. The message names the file, what is wrong with it, and the next step."""


@dataclass(frozen=True)
class Fault:
    """One scenario: its fault.yml (WORDS), and what it recorded before and after the remedy.

    A record has `kubernetes`, `rules`, `findings` as in report.json, `figures` and `versions`, both text by name.
    """

    words: dict[str, str]
    before: dict[str, Any]
    after: dict[str, Any]


def read_fault(scenario: Path, records: Path) -> Fault:
    """Read `fault.yml` of the scenario's folder and the two records of the other. Raises ProofError."""
    file = scenario / "fault.yml"
    if not file.exists():
        raise ProofError(f"{file}: missing. It says what the page shows beside the figures: {', '.join(sorted(WORDS))}")
    words = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(words, dict) or set(words) != WORDS:
        raise ProofError(f"{file}: a map with exactly the keys {', '.join(sorted(WORDS))} is needed")
    before, after = (_record(records / f"{when}.json") for when in ("before", "after"))
    if not before["findings"] or {entry["rule"] for entry in before["findings"]} != set(before["rules"]):
        raise ProofError(f"{records}/before.json: not each of {before['rules']} has a finding: the fault was not found")
    if after["findings"] or after["rules"] != before["rules"]:
        raise ProofError(f"{records}/after.json: findings remain, or of other rules: the fault is not gone")
    if not before["figures"] or list(before["figures"]) != list(after["figures"]):
        raise ProofError(f"{records}: before and after do not have the same figures: they cannot be compared")
    return Fault({key: " ".join(str(text).split()) for key, text in words.items()}, before, after)


def _record(file: Path) -> dict[str, Any]:
    if not file.exists():
        raise ProofError(f"{file}: the scenario recorded nothing there; it includes shared/tasks/record.yml")
    return json.loads(file.read_text(encoding="utf-8"))


def page(faults: Sequence[Fault], date: str, machine: str, versions: dict[str, str]) -> str:
    """Return the page as Markdown. `date` as 2026-01-31; `versions` of the collection and of ansible-core."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    programs = {
        name: text
        for fault in faults
        for record in (fault.before, fault.after)
        for name, text in record["versions"].items()
    }
    kubernetes = {record["kubernetes"] for fault in faults for record in (fault.before, fault.after)}
    if len(kubernetes) != 1:
        raise ProofError(f"the records come from several clusters: {', '.join(sorted(map(str, kubernetes)))}")
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        faults=faults,
        date=date,
        machine=machine,
        versions=versions | {"Kubernetes": kubernetes.pop().removeprefix("v")},
        programs=dict(sorted(programs.items())),
    )


def _cell(text: object) -> str:
    """What may stand in a table: on one line, and nothing that Markdown or a browser would act on."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", " ".join(str(text).split()))
