# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user who is not root meets: files and folders that may not be read or written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[5]
MANIFEST = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: db
          image: registry.example/db:1
"""
NOBODY = 65534
# Runs in a process of its own. Root is refused nothing, so root becomes somebody else, whom the kernel refuses: but for
# imports, since nobody knows who may read the Python that runs this (a home folder of mode 0700 is above many).
SCRIPT = """
import builtins, json, os, sys
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
parameters = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
parameters |= {"source": ".", "_directory": sys.argv[1], "_snippets": read_templates(None)}
if os.geteuid() == 0:
    import_module, nobody = builtins.__import__, int(sys.argv[2])

    def import_as_root(*args, **kwargs):
        user = os.geteuid()
        os.seteuid(0)
        try:
            return import_module(*args, **kwargs)
        finally:
            os.seteuid(user)

    builtins.__import__ = import_as_root
    os.setgroups([])
    os.setresgid(nobody, nobody, 0)
    os.setresuid(nobody, nobody, 0)
chosen = read_options(parameters)
source = ManifestSource(chosen.path, chosen.source, chosen.selection, chosen.version, version_assumed=True)
print(json.dumps(run_remediate(source, chosen, check=False).report))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder below folders that everyone may enter, which pytest's own need not be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


def remediate_as_nobody(folder: Path) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(NOBODY)],
        env=os.environ | {"PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def write(path: Path, mode: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(MANIFEST)
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


def test_a_file_without_permission_to_read(folder: Path) -> None:
    write(folder / "secret.yaml", 0o000)
    write(folder / "open.yaml", 0o444)
    report = remediate_as_nobody(folder)
    assert report["summary"]["found"] == 2
    assert report["skipped"] == [{"file": "secret.yaml", "line": None, "reason": "cannot read: Permission denied"}]


def test_the_group_of_a_file_may_be_another(folder: Path) -> None:
    path = write(folder / "shared.yaml", 0o644)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, 1)
        os.chown(folder, NOBODY, NOBODY)
    report = remediate_as_nobody(folder)
    assert [action["status"] for action in report["actions"]] == ["changed"]
    assert "terminationGracePeriodSeconds: 30" in path.read_text()


def test_a_folder_without_permission_to_read(folder: Path) -> None:
    write(folder / "closed" / "app.yaml", 0o644)
    write(folder / "open.yaml", 0o444)
    (folder / "closed").chmod(0o000)
    try:
        report = remediate_as_nobody(folder)
    finally:
        (folder / "closed").chmod(0o755)
    assert [entry["file"] for entry in report["skipped"]] == ["closed"]


def test_a_file_without_permission_to_write(folder: Path) -> None:
    path = write(folder / "fixed-by-others.yaml", 0o444)
    report = remediate_as_nobody(folder)
    [action] = report["actions"]
    assert (action["status"], action["reason"]) == ("failed", "cannot write: Permission denied")
    assert path.read_text() == MANIFEST
