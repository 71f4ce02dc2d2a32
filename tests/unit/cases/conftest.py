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

from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates

HERE = Path(__file__).parent


def _open(folder: Path, given: dict[str, Any]) -> tuple[ManifestSource, Any]:
    defaults = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    options = read_options(
        defaults | {"source": ".", "_directory": str(folder), "_snippets": read_templates(None)} | given
    )
    assert options.path and options.source and options.version
    source = ManifestSource(
        options.path, options.source, options.selection, options.version, version_assumed=options.version_assumed
    )
    return source, options


@pytest.fixture
def audited() -> Callable[..., dict[str, Any]]:
    """audited(folder, **options): the report of an audit. A folder's name alone is that of a case."""

    def audit(folder: str | Path, **options: Any) -> dict[str, Any]:
        report = run_audit(*_open(HERE / folder, options)).report
        counts = report["summary"]
        assert counts["found"] == counts["workloads"] + counts["excluded"] + counts["unreadable"]
        return report

    return audit


@pytest.fixture
def remediated() -> Callable[..., dict[str, Any]]:
    """remediated(folder, **options): fix the files of a folder; the report of that run."""

    def remediate(folder: Path, **options: Any) -> dict[str, Any]:
        return run_remediate(*_open(folder, options), check=False).report

    return remediate


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """case(name): a copy of a case's input, to be changed."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(HERE / name, tmp_path / name))

    return copy
