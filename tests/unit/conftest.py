# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of all unit tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from ansible_collections.graceful.termination.plugins.module_utils.kube.barrier import Barrier
from ansible_collections.graceful.termination.tests.unit.kustomize import find_kustomize, only_on_path

# Ansible, which some tests start, does not start in these locales; the Makefile does the same.
if os.environ.get("LC_ALL") in ("C", "POSIX"):
    os.environ["LC_ALL"] = "C.UTF-8"

# The examples are the same in every run: what fails failed because of the change. With `make fuzz` they differ.
settings.register_profile("same", derandomize=True)
if not os.environ.get("FUZZ"):
    settings.load_profile("same")


@pytest.fixture(autouse=True)
def _errors_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run would report as one unreadable object is an error of a test."""
    monkeypatch.setattr(Barrier, "transparent", True)


@pytest.fixture
def kustomize(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that builds Kustomize trees, and nothing else on PATH."""
    program = find_kustomize()
    only_on_path(monkeypatch, tmp_path_factory.mktemp("kustomize") / "bin", program)
    return program


@pytest.fixture
def no_kustomize(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine with neither kustomize nor kubectl."""
    only_on_path(monkeypatch, tmp_path_factory.mktemp("nothing") / "bin")
