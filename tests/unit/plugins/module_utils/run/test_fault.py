# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was written is reported, whatever ends a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import Barrier
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Memory,
    check_report,
    hooked,
    service,
    snapshot_of,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import options_of


class Faulty(Memory):
    """Writes the first workload, then raises the error; at the next reading, too, if that is to fail."""

    def __init__(self, error: Exception, *, after: int = 1, reading: bool = False):
        super().__init__()
        self.error, self.after, self.reading, self.readings = error, after, reading, 0

    def read(self) -> Any:
        self.readings += 1
        if self.reading and self.readings > 1:
            raise self.error
        names = ("a", "b", "c")
        objects = [workload(hooked(None), name=name) for name in names] + [service(name) for name in names]
        return snapshot_of(objects)

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        return [Verdict()] * len(changes)

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[Any]:
        for index, change in enumerate(changes):
            if index == self.after and not self.reading:
                raise self.error
            yield Action(change.workload, "changed", fields=change.fields), None


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a user."""
    monkeypatch.setattr(Barrier, "transparent", False)


def run(source: Faulty) -> Outcome:
    outcome = run_remediate(source, options_of(), check=False)
    check_report(outcome.report)
    return outcome


@pytest.mark.parametrize("error", [KeyError("s3cr3t"), RecursionError(), SourceError("the server is away")])
def test_an_error_in_the_middle_leaves_a_report_of_what_was_written(error: Exception) -> None:
    outcome = run(Faulty(error))
    said = {entry["object"]: (entry["status"], entry["reason"]) for entry in outcome.report["actions"]}
    assert [status for status, _reason in said.values()] == ["changed", "failed", "failed"]
    assert outcome.changed
    assert outcome.fault and "s3cr3t" not in outcome.fault
    assert said["shop/Deployment/b"][1] == f"unknown whether it was changed: {outcome.fault}"
    (gap,) = [entry for entry in outcome.report["not_evaluated"] if entry["rule"] == "all"]
    assert gap["reason"] == f"the state after the changes is unknown: {outcome.fault}"


def test_an_error_at_the_first_write_may_have_written() -> None:
    outcome = run(Faulty(ValueError("x"), after=0))
    assert outcome.changed
    assert {entry["status"] for entry in outcome.report["actions"]} == {"failed"}


def test_a_server_that_is_away_before_the_first_write_ends_the_run() -> None:
    with pytest.raises(SourceError):
        run_remediate(Faulty(SourceError("away"), after=0), options_of(), check=False)


@pytest.mark.parametrize("error", [KeyError("x"), SourceError("the server is away")])
def test_an_error_at_the_reading_afterwards_leaves_a_report(error: Exception) -> None:
    outcome = run(Faulty(error, reading=True))
    assert outcome.fault is None
    assert {entry["status"] for entry in outcome.report["actions"]} == {"changed"}
    (gap,) = [entry for entry in outcome.report["not_evaluated"] if entry["rule"] == "all"]
    assert gap["reason"].startswith("the state after the changes is unknown: ")
