# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files `make lint` gives to shellcheck, and how long they are."""

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


def test_a_long_shell_script_says_why_it_is_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOOLS.parent)
    texts = {name: Path(name).read_text(encoding="utf-8") for name in lint.shell_scripts()}
    long = {name for name, text in texts.items() if len(text.splitlines()) > 60}
    assert sorted(name for name in long if "\n# In shell, though it is long: " not in texts[name]) == []
