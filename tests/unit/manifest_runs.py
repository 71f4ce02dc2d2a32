# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's runs on a folder of manifests, without Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.run.options import (
    AUDIT_OPTIONS,
    Options,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates

_TEMPLATES = read_templates(None)


def audit(folder: Path, **given: Any) -> dict[str, Any]:
    """The report of an audit; `given` are options of the module."""
    report = run_audit(*_open(folder, given)).report
    counts = report["summary"]
    others = sum(counts["not_judged"].values())
    assert counts["found"] == counts["workloads"] + counts["excluded"] + counts["unreadable"] + others
    assert counts["unreadable"] == len(report["skipped"])
    return report


def remediate(folder: Path, **given: Any) -> dict[str, Any]:
    """Fix the files of a folder; the report of that run."""
    return run_remediate(*_open(folder, given), check=False).report


def _open(folder: Path, given: dict[str, Any]) -> tuple[ManifestSource, Options]:
    defaults = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    options = read_options(defaults | {"source": ".", "_directory": str(folder), "_snippets": _TEMPLATES} | given)
    assert options.path and options.source and options.version
    source = ManifestSource(
        options.path, options.source, options.selection, options.version, version_assumed=options.version_assumed
    )
    return source, options


def severities(report: dict[str, Any], name: str) -> dict[str, str]:
    """The severities of a workload's findings by rule, without the infos."""
    return {
        one["rule"]: one["severity"] for one in report["findings"] if one["name"] == name and one["severity"] != "info"
    }
