# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everyday files in odd forms: typed Lists, streams of JSON, Windows checkouts, anchors, broken ones."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "21-odd-files"
FIXED = {
    *("bom.yaml", "comments.yaml", "compact.json", "crlf.yaml", "directive.yaml", "dlist.yaml", "flow.yaml"),
    *("harmless-anchor.yaml", "helm-notes.yaml", "list.json", "list.yaml", "nonl.yaml", "single.json", "stream.json"),
    *("tabs.json", "yaml11.yaml"),
}
WHOLE_LINES = {"bom.yaml", "comments.yaml", "crlf.yaml", "dlist.yaml", "list.yaml", "harmless-anchor.yaml"}


def test_every_object_is_in_a_count(audited: Callable[..., dict[str, Any]]) -> None:
    report = audited(NAME)
    counts = report["summary"]
    assert (counts["workloads"], counts["unreadable"]) == (18, 2)
    assert {"dlist", "dlist2", "jsonstream"} <= {workload["name"] for workload in report["workloads"]}
    assert [(entry["file"], entry["line"]) for entry in report["skipped"]] == [("dup.yaml", 16), ("tabbed.yaml", 4)]


def test_all_but_the_anchor_are_fixed_and_the_rest_stays(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], audited: Callable[..., dict[str, Any]]
) -> None:
    folder = case(NAME)
    before = {path.name: path.read_bytes().decode() for path in folder.iterdir()}
    actions = remediated(folder)["actions"]
    after = {path.name: path.read_bytes().decode() for path in folder.iterdir()}
    assert {name for name, text in before.items() if after[name] != text} == FIXED
    [refused] = [action for action in actions if action["status"] == "refused"]
    assert (refused["file"], "line 13" in refused["reason"]) == ("anchors.yaml", True)
    for name in FIXED:
        lines = difflib.ndiff(before[name].split("\n"), after[name].split("\n"))
        changed = [line for line in lines if line.startswith("- ")]
        # A line changes where it has the whole object, or where a comma or a break has to follow.
        assert len(changed) <= (0 if name in WHOLE_LINES else 2)
    report = audited(folder)
    budgets = [entry["budget"] for entry in report["workloads"] if entry["name"] != "anchors"]
    assert {(budget["prestop"], budget["grace"]) for budget in budgets} == {(10, 40)}


def test_what_is_added_has_the_line_ends_of_the_file(
    case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]]
) -> None:
    folder = case(NAME)
    remediated(folder)
    lines = (folder / "crlf.yaml").read_bytes().split(b"\n")
    assert {line[-1:] for line in lines[:-1]} == {b"\r"}
    assert (folder / "bom.yaml").read_bytes().startswith("\ufeff".encode())
    assert not (folder / "nonl.yaml").read_bytes().endswith(b"\n")


def test_numbers_are_read_as_kubectl_reads_them(audited: Callable[..., dict[str, Any]]) -> None:
    [workload] = [one for one in audited(NAME)["workloads"] if one["name"] == "yaml11"]
    assert (workload["replicas"], workload["budget"]["grace"]) == (3, 30), "0o3 and 0x1E"


def test_a_second_run_changes_nothing(case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]]) -> None:
    folder = case(NAME)
    remediated(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert [action["file"] for action in remediated(folder)["actions"]] == ["anchors.yaml"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
