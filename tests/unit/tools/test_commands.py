# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands of the Makefile say when they cannot start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in an otherwise usual environment and return what it printed."""
    return subprocess.run(
        [TOOLS / command[0], *command[1:]],
        env=os.environ | {"SOURCE": "", "CONTEXT": "", "CHECK": "", "GRACEFUL_CACHE": "/nonexistent"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def interpreter(folder: Path, script: str) -> str:
    """Return a stand-in for a Python: a shell script with these lines."""
    path = folder / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("answer", ["is Python 3.9", "is Python 3.12 without the module ensurepip"])
def test_an_unfit_python_is_named_with_its_fault(tmp_path: Path, answer: str) -> None:
    """The person learns which interpreter was found, what it lacks, and what to install."""
    python = interpreter(tmp_path, f"echo '{answer}'")
    result = run("venv", "manifests", PYTHON=python, GRACEFUL_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 1
    assert f"{python} {answer}" in result.stderr
    assert "apt-get install python3-venv" in result.stderr
    assert not (tmp_path / "cache").exists()


def test_an_environment_that_cannot_be_made_leaves_none(tmp_path: Path) -> None:
    """A failed installation is reported with its reason and is not taken for a finished one by the next run."""
    python = interpreter(tmp_path, f'[ "$1" != -m ] || {{ echo disk full; exit 1; }}; exec "{sys.executable}" "$@"')
    result = run("venv", "manifests", PYTHON=python, GRACEFUL_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 1
    assert "disk full" in result.stderr
    assert [path.suffix for path in (tmp_path / "cache/venv").iterdir()] == [".log"]


@pytest.mark.parametrize("playbook", ["audit", "remediate"])
def test_without_a_source_the_usage_is_shown(playbook: str) -> None:
    """Nothing runs by accident on whatever cluster the kubeconfig happens to name."""
    result = run("play", playbook)
    assert result.returncode == 2
    assert f"usage: make {playbook} SOURCE=" in result.stderr
    assert f"make {playbook} CONTEXT=" in result.stderr


def test_manifests_and_a_cluster_at_once_are_refused() -> None:
    """Which of the two is meant is not guessed."""
    result = run("play", "audit", SOURCE="examples", CONTEXT="prod")
    assert result.returncode == 1
    assert "SOURCE and CONTEXT are both given" in result.stderr


def test_standard_input_cannot_be_remediated() -> None:
    """There is no file to write the fix to."""
    result = run("play", "remediate", SOURCE="-")
    assert result.returncode == 1
    assert "use it with make audit only" in result.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose playbook only says what it was given, in the environment of these tests."""
    for name in ("play", "play_variables.py", "common.sh"):
        (tmp_path / "tools").mkdir(exist_ok=True)
        shutil.copy(TOOLS / name, tmp_path / "tools" / name)
    binaries = Path(sys.executable).parent
    (tmp_path / "tools/venv").write_text(f"#!/bin/sh\necho '{binaries.parent}'\n")
    (tmp_path / "tools/venv").chmod(0o755)
    (tmp_path / "ansible.cfg").write_text("[defaults]\nlocalhost_warning = false\n")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/audit.yml").write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        '    - {ansible.builtin.copy: {content: "{{ [termination_source, termination_report_dir] | to_json }}",'
        " dest: given.json, mode: '600'}}\n"
    )
    return tmp_path


NAMES = [
    "{{ lookup('pipe', 'touch harmed') }}",
    'deploy\'s "folder" {% raw %}: !unsafe # c \\ {',
    "ünïcode 🦀 \x85 two\nlines",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_whatever_it_looks_like(checkout: Path, name: str) -> None:
    """No part of it is a template, an option or YAML."""
    environment = os.environ | {"SOURCE": name, "REPORT": name, "CONTEXT": "", "CHECK": ""}
    command = [str(checkout / "tools/play"), "audit"]
    result = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads((checkout / "playbooks/given.json").read_text()) == [name, name]
    assert not list(checkout.rglob("harmed"))


def test_a_name_that_is_no_text_is_refused(checkout: Path) -> None:
    """A name of other bytes than UTF-8 could be written into no report."""
    environment = os.environb | {b"SOURCE": b"caf\xe9", b"CONTEXT": b"", b"CHECK": b""}
    command = [str(checkout / "tools/play"), "audit"]
    result = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert "SOURCE or REPORT is not UTF-8" in result.stderr
