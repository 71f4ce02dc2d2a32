# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kustomize that the tests build with: the tools' own, or that of this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from testbed.common import cache_folder


def find_kustomize() -> Path:
    """The program. Fails the test where there is none."""
    own = cache_folder() / "kind-node/bin/kustomize"
    found = own if os.access(own, os.X_OK) else shutil.which("kustomize")
    if not found:
        pytest.fail(f"no kustomize in {own} nor on PATH: make it with tools/kind-node/build kustomize", pytrace=False)
    return Path(found)


def only_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, *programs: Path) -> None:
    """Let PATH be a folder with just these programs."""
    folder.mkdir()
    for program in programs:
        (folder / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(folder))
