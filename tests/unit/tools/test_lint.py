# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files `make lint` gives to shellcheck."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS, load

lint = load(TOOLS / "lint")


@pytest.mark.parametrize(
    ("first", "shell"),
    [
        ("#!/usr/bin/env bash", True),
        ("#!/bin/sh", True),
        ("#!/bin/sh -eu", True),
        ("# shellcheck shell=bash", True),
        ("#!/usr/bin/env python3", False),
        ("#!/usr/bin/env fish", False),
        ("# See bash", False),
        ("\x7fELF", False),
        ("", False),
    ],
)
def test_a_shell_script_is_known_by_its_first_line(tmp_path: Path, first: str, shell: bool) -> None:
    path = tmp_path / "script"
    path.write_text(f"{first}\n#!/bin/sh\n")
    assert lint.is_shell(path) is shell


def test_every_shell_script_of_the_checkout_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOOLS.parent)
    assert {"tools/venv", "tools/play", "tools/common.sh", "tools/kind-node/runc-bounded"} <= {*lint.shell_scripts()}
