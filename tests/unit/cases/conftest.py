# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases from public bug reports and from files of people who do this job: the input of each beside its test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.manifest_runs import audit, remediate

HERE = Path(__file__).parent


@pytest.fixture
def audited() -> Callable[..., dict[str, Any]]:
    """audited(folder, **options): the report of an audit. A folder's name alone is that of a case."""
    return lambda folder, **options: audit(HERE / folder, **options)


@pytest.fixture
def remediated() -> Callable[..., dict[str, Any]]:
    """remediated(folder, **options): fix the files of a folder; the report of that run."""
    return remediate


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """case(name): a copy of a case's input, to be changed."""
    return lambda name: Path(shutil.copytree(HERE / name, tmp_path / name))
