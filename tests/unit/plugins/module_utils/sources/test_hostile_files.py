# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that somebody made to stop a run, or that a disk happens to hold: one unreadable each, all others judged."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import Barrier
from ansible_collections.graceful.termination.plugins.module_utils.manifests import contents, files
from ansible_collections.graceful.termination.plugins.module_utils.manifests import edit as editing
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.manifests.layout import compose
from ansible_collections.graceful.termination.plugins.module_utils.report import markdown, terminal
from ansible_collections.graceful.termination.plugins.module_utils.report.folder import write_reports
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.sources.test_manifests import (
    audit,
    faulty,
    fixed,
    remediate,
    skipped,
    write,
)

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
# Where a value that nobody expects may end in a message, a digest or a report.
PLACES = [
    "apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.labels", "metadata.labels.app",
    "metadata.annotations.note", "metadata.ownerReferences", "spec.replicas", "spec.strategy", "spec.strategy.type",
    "spec.selector.matchLabels", "spec.template.metadata", "spec.template.metadata.annotations",
    "spec.template.spec.terminationGracePeriodSeconds", "spec.template.spec.containers",
    "spec.template.spec.volumes", "spec.template.spec.nodeSelector", "spec.template.spec.hostNetwork",
]  # fmt: skip


def bombed(place: str) -> str:
    """A Deployment that has the bomb at a place."""
    lines = ["apiVersion: apps/v1", "kind: Deployment", "metadata: {name: bad}"]
    *parents, last = place.split(".")
    lines = [line for line in lines if not line.startswith(f"{(parents or [last])[0]}:")]
    indent = ""
    for parent in parents:
        lines.append(f"{indent}{parent}:")
        indent += "  "
    return f"{BOMB}{chr(10).join([*lines, f'{indent}{last}: *a59'])}\n"


@pytest.mark.parametrize("place", PLACES)
def test_a_bomb_anywhere_in_an_object_is_one_unreadable(tmp_path: Path, place: str) -> None:
    write(tmp_path, "app.yaml", faulty())
    write(tmp_path, "bad.yaml", bombed(place))
    begin = time.process_time()
    report = audit(tmp_path)
    assert time.process_time() - begin < 10
    assert report["summary"]["workloads"] == 1
    ((file, line, reason),) = skipped(report)
    assert file == "bad.yaml" and line
    assert reason.startswith("its aliases expand to more than 10 MiB")


def test_a_name_that_is_no_utf_8_is_in_the_report(tmp_path: Path) -> None:
    write(tmp_path, "app.yaml", faulty())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml")).write_text(faulty("other"))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text("{")
    done = remediate(tmp_path)
    (tmp_path / "report").mkdir()
    write_reports(tmp_path / "report", ["json", "markdown"], done.report)
    assert r"caf\udce9.yaml" in (tmp_path / "report/report.json").read_text()
    assert terminal.render(done.report, width=100, color=False, hints=[]).encode()
    assert markdown.render(done.report).encode()
    assert {entry["status"] for entry in done.report["actions"]} == {"changed"}


def test_a_source_that_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in ("/dev/zero", "/dev/null", "pipe"):
        with pytest.raises(SourceError, match="it is not a regular file"):
            audit(tmp_path, source=source)


def test_a_file_that_is_too_large_is_one_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2**20)
    write(tmp_path, "app.yaml", faulty())
    with (tmp_path / "sparse.yaml").open("wb") as stream:
        stream.truncate(2**40)
    assert skipped(audit(tmp_path)) == [("sparse.yaml", None, "cannot read: larger than 1 MiB: split it")]


@pytest.mark.parametrize("newline", ["\r", "\n", "\r\n"])
def test_directives_and_two_documents_are_read_and_edited(tmp_path: Path, newline: str) -> None:
    parts = ["%YAML 1.1", "---", *faulty().splitlines(), "...", "%YAML 1.1", "---", *faulty("two").splitlines(), ""]
    path = write(tmp_path, "app.yaml", newline.join(parts).encode())
    report = remediate(tmp_path).report
    assert {entry["status"] for entry in report["actions"]} == {"changed"}
    assert path.read_bytes().count(b"terminationGracePeriodSeconds: 20") == 2


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a user."""
    monkeypatch.setattr(Barrier, "transparent", False)


@pytest.mark.usefixtures("closed")
def test_an_error_in_reading_one_file_is_one_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = load_documents
    monkeypatch.setattr(contents, "load_documents", lambda text: load(text) if "bad" not in text else 1 / 0)
    write(tmp_path, "app.yaml", faulty())
    write(tmp_path, "bad.yaml", faulty("bad"))
    report = audit(tmp_path)
    assert report["summary"]["workloads"] == 1
    ((file, _line, reason),) = skipped(report)
    assert file == "bad.yaml" and reason.startswith("an unexpected ZeroDivisionError")


@pytest.mark.usefixtures("closed")
def test_an_error_in_editing_one_file_refuses_that_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def faulty_compose(text: str) -> object:
        if "bad" in text:
            raise IndexError
        return compose(text)

    monkeypatch.setattr(editing, "compose", faulty_compose)
    good, bad = write(tmp_path, "app.yaml", faulty()), write(tmp_path, "bad.yaml", faulty("bad"))
    report = remediate(tmp_path).report
    assert (good.read_text(), bad.read_text()) == (fixed(), faulty("bad"))
    assert report["summary"]["remediable"] == 0
    assert "an unexpected IndexError" in str(report)
