# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of files that are part of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates

_TEMPLATES = read_templates(None)


def audit_file(path: Path, **more: Any) -> dict[str, Any]:
    """The report of an audit of the file as a user would give it; `more` are options of the module."""
    options = read_options(
        {option: entry.get("default") for option, entry in AUDIT_OPTIONS.items()}
        | {"source": path.name, "_directory": str(path.parent), "_snippets": _TEMPLATES}
        | more
    )
    assert options.path and options.source and options.version
    source = ManifestSource(options.path, options.source, options.selection, options.version, version_assumed=True)
    return run_audit(source, options).report
