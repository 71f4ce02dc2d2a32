# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that are reached through links: the right files are read, named and edited, and none outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_remediate
from ansible_collections.graceful.termination.tests.unit.manifest_runs import _open, audit, remediate

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: r.example/web:1
          lifecycle: {preStop: {exec: {command: [sleep, "45"]}}}
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with the file a.yaml and a link into a folder far/inner; beside that is another a.yaml."""
    for name, folder in (("near", tmp_path / "here"), ("far", tmp_path / "far")):
        folder.mkdir()
        (folder / "a.yaml").write_text(WEB.replace("NAME", name))
    (tmp_path / "far" / "inner").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "far" / "inner")
    return tmp_path / "here"


def fixed(folder: Path) -> bool:
    return "terminationGracePeriodSeconds" in (folder / "a.yaml").read_text()


SOURCES = ("link/..", "./link/../", "link/../a.yaml", "link/../inner/..")


@pytest.mark.parametrize("source", SOURCES)
def test_two_dots_behind_a_link_are_the_folder_above_its_target(here: Path, source: str) -> None:
    report = audit(here, source=source)
    assert [(one["name"], one["file"]) for one in report["workloads"]] == [("far", "a.yaml")]
    assert report["source"]["name"] == source


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_read_is_what_is_edited(here: Path, source: str) -> None:
    [action] = remediate(here, source=source)["actions"]
    assert (action["status"], action["file"]) == ("changed", "a.yaml")
    assert (fixed(here.parent / "far"), fixed(here)) == (True, False)


@pytest.mark.parametrize("source", [*SOURCES, ".", "./", "a.yaml", "../here", "../here/../far"])
def test_the_diff_names_the_file_that_is_edited(here: Path, source: str, monkeypatch: Any) -> None:
    read, options = _open(here, {"source": source})
    [diff] = run_remediate(read, options, check=True).diffs
    monkeypatch.chdir(here)
    edited = here.parent / "far" if "far" in source or "link" in source else here
    assert os.path.realpath(diff.header) == str(edited / "a.yaml")


def test_a_file_with_a_second_name_elsewhere_is_not_parted_from_it(here: Path) -> None:
    outside = here.parent / "outside.yaml"
    os.link(here / "a.yaml", outside)
    [action] = remediate(here)["actions"]
    assert (action["status"], "hard links" in action["reason"]) == ("failed", True)
    assert not fixed(here)
    assert os.path.samefile(here / "a.yaml", outside)


def test_a_link_out_of_the_source_is_read_and_not_edited(here: Path) -> None:
    (here / "b.yaml").symlink_to(here.parent / "far" / "a.yaml")
    report = remediate(here)
    actions = {action["object"]: action["status"] for action in report["actions"]}
    assert actions == {"shop/Deployment/near": "changed", "shop/Deployment/far": "refused"}
    assert not fixed(here.parent / "far")
    assert (here / "b.yaml").is_symlink()


def test_a_source_that_is_itself_a_link(here: Path) -> None:
    (here.parent / "source").symlink_to(here)
    [action] = remediate(here.parent, source="source")["actions"]
    assert (action["status"], action["file"], fixed(here)) == ("changed", "a.yaml", True)
    assert (here.parent / "source").is_symlink()


def test_an_action_says_in_which_environment_it_was(here: Path) -> None:
    (here / "staging").mkdir()
    (here / "staging" / "a.yaml").write_text((here / "a.yaml").read_text())
    (here / "link").unlink()
    assert sorted(action["environment"] for action in remediate(here)["actions"]) == [".", "staging"]
