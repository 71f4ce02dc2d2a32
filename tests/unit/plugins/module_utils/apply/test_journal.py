# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what it says of a workload that was patched, and what it survives."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.journal import CONFLICT, NAME, Journal
from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import options_of


def obj(uid: str = "1") -> dict[str, Any]:
    one = workload()
    one["metadata"] |= {"uid": uid, "resourceVersion": "7"}
    return one


def undo(value: int) -> Undo:
    return Undo({"spec": {"minReadySeconds": value}}, {"spec": {"minReadySeconds": value + 1}})


def journal(folder: Path, run: str = "a") -> Journal:
    return Journal(str(folder), run)


def test_the_last_run_that_patched_it_counts(tmp_path: Path) -> None:
    journal(tmp_path, "a").patching(obj(), undo(1))
    journal(tmp_path, "b").patching(obj(), undo(5))
    journal(tmp_path, "b").patching(obj("2"), undo(8))
    assert journal(tmp_path).last("1") == undo(5)
    assert journal(tmp_path).last("3") is None


def test_of_two_patches_whose_first_may_be_stored_the_state_before_both_is_known(tmp_path: Path) -> None:
    first = Undo({"spec": {"a": 1}}, {"spec": {"a": 2, "b": 3}})
    second = Undo({"spec": {"a": 2, "c": 4}}, {"spec": {"a": 9, "c": 5}})
    for each in (first, second):
        journal(tmp_path).patching(obj(), each)
    assert journal(tmp_path).last("1") == Undo({"spec": {"a": 1, "c": 4}}, {"spec": {"a": 9, "b": 3, "c": 5}})


def test_a_patch_that_met_a_conflict_was_never_there(tmp_path: Path) -> None:
    journal(tmp_path, "a").patching(obj(), undo(1))
    for _time in range(2):
        journal(tmp_path, "b").patching(obj(), undo(5))
        journal(tmp_path, "b").ended(obj(), CONFLICT, "why")
    assert journal(tmp_path, "b").last("1") == undo(1), "what an earlier run did is still there"
    assert journal(tmp_path, "b").own("1") is None
    journal(tmp_path, "b").patching(obj(), undo(8))
    assert journal(tmp_path, "b").own("1") == undo(8)


@pytest.mark.parametrize(("status", "known"), [("changed", None), ("restored", None), ("failed", undo(1))])
def test_what_came_up_is_done_with_and_what_failed_is_not(tmp_path: Path, status: str, known: Undo | None) -> None:
    journal(tmp_path).patching(obj(), undo(1))
    journal(tmp_path).ended(obj(), status, "why")
    assert journal(tmp_path, "later").last("1") == known


def test_a_line_that_was_cut_off_costs_that_line_only(tmp_path: Path) -> None:
    journal(tmp_path).patching(obj(), undo(1))
    with (tmp_path / NAME).open("a") as stream:
        stream.write('{"schema": "gracef\n')
    journal(tmp_path, "b").patching(obj("2"), undo(2))
    assert (journal(tmp_path).last("1"), journal(tmp_path).last("2")) == (undo(1), undo(2))


def test_only_its_owner_reads_it_since_a_hook_may_hold_what_is_secret(tmp_path: Path) -> None:
    journal(tmp_path).patching(obj(), undo(1))
    assert os.stat(tmp_path / NAME).st_mode & 0o077 == 0


def test_where_there_is_none_nothing_is_known(tmp_path: Path) -> None:
    assert journal(tmp_path).last("1") is None


def test_what_was_begun_before_the_host_had_a_folder_is_known_until_it_ends(tmp_path: Path) -> None:
    """Neither file is read by name of host or cluster: UIDs say whose the lines are."""
    own = tmp_path / "eu"
    own.mkdir()
    journal(tmp_path, "old").patching(obj(), undo(1))
    journal(tmp_path, "old").patching(obj("of another cluster"), undo(7))
    before = (tmp_path / NAME).read_bytes()
    now = Journal(str(own), "new", str(tmp_path))
    assert now.last("1") == undo(1) and now.own("1") is None and now.last("2") is None
    now.ended(obj(), "restored", None)
    assert Journal(str(own), "newer", str(tmp_path)).last("1") is None
    assert (tmp_path / NAME).read_bytes() == before, "it is only read"


def test_of_the_old_journal_and_the_own_one_the_later_line_counts(tmp_path: Path) -> None:
    """A run on the implicit localhost still writes the one of all hosts."""
    own = tmp_path / "eu"
    own.mkdir()
    Journal(str(own), "a", str(tmp_path)).patching(obj(), undo(1))
    time.sleep(0.002)  # the lines have milliseconds
    journal(tmp_path, "b").patching(obj(), undo(5))
    assert Journal(str(own), "c", str(tmp_path)).last("1") == undo(5)


@pytest.mark.parametrize("flat", [True, False])
def test_a_journal_that_cannot_be_read_is_an_error_and_not_an_empty_one(tmp_path: Path, flat: bool) -> None:
    own = tmp_path / "eu"
    own.mkdir()
    ((tmp_path if flat else own) / NAME).mkdir()
    with pytest.raises(SourceError, match=r"the journal .*journal\.jsonl cannot be read: Is a directory"):
        Journal(str(own), "a", str(tmp_path)).last("1")


def test_a_run_looks_for_both_in_its_own_folder_and_in_the_one_of_all_hosts(tmp_path: Path) -> None:
    journal(tmp_path, "old").patching(obj(), undo(1))
    given = {"_directory": str(tmp_path), "report_dir": "eu"}
    for flat, found in ((str(tmp_path), undo(1)), ("", None)):
        options = options_of(**given, _flat_dir=flat)
        assert options.guardrails.journal and options.guardrails.journal.last("1") == found
        assert options.drills == (str(tmp_path / "eu"), *([flat] if flat else []))
