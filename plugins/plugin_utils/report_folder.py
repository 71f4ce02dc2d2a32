# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder on the controller for reports, and for patches that the owners of objects should apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.base.files import require_own, write_file
from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.report.folder import FORMATS, write_reports
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import patch_file, values_file
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import folder_of, probe


@dataclass(frozen=True, slots=True)
class ReportFolder:
    """`formats` are keys of FORMATS. `flat` is the folder of all hosts, where this is the one of a host below it."""

    path: Path
    formats: Sequence[str]
    flat: Path | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any], flat: Path | None = None) -> ReportFolder | None:
        """The one that a module's arguments ask for; None where no report is to be written. Raises ValueError."""
        path = folder_of(arguments)
        return cls(path, arguments.get("report_formats") or list(FORMATS), flat) if path else None

    @property
    def report(self) -> Path:
        """report.json."""
        return self.path / FORMATS["json"]

    @property
    def baseline(self) -> Path:
        """The report to compare with: the last one of this host, or the one from before hosts had their own folders."""
        before = self.flat / FORMATS["json"] if self.flat else self.report
        return self.report if self.report.exists() or not before.is_file() else before

    def probe(self) -> None:
        """Create the folder. Raises ValueError if no report could be written, or would replace a foreign file."""
        try:
            probe(self.path)
            for name in self.formats:
                require_own(self.path / FORMATS[name])
        except OSError as error:
            raise ValueError(f"report_dir: {error.filename or self.path}: {error.strerror}; nothing was done") from None

    def write(self, report: dict[str, Any]) -> list[str]:
        """Write the report in all formats and return the paths. Raises OSError."""
        return write_reports(self.path, self.formats, report)

    def write_patches(self, report: Mapping[str, Any]) -> list[str]:
        """Write the patches for objects with another owner, and remove those of earlier runs that are obsolete.

        With them go the values for Helm, where the chart is known. Returns the paths. Raises OSError.
        """
        written = []
        for workload in report["workloads"] if report["source"]["type"] == "cluster" else ():
            place = workload["namespace"], workload["kind"], workload["name"]
            owner, helm = visible(workload["owner"]), workload["helm"]
            usage = f"# For {owner}: name this file under patches in the kustomization.\n"
            written += _write(self.path / patch_file(*place), usage, workload["patch"])
            if helm:
                chart = f"chart {helm['chart']} {helm['version']}"
                usage = f"# For {owner}: values for {chart}, to add to its own.\n"
                usage += f"# As a dependency of another chart they go below the key {helm['chart']}, or its alias.\n"
            written += _write(self.path / values_file(*place), usage, helm and helm["values"])
        return written


def _write(path: Path, comment: str, content: dict[str, Any] | None) -> list[str]:
    if content is None:
        with suppress(FileExistsError):
            require_own(path)
            path.unlink(missing_ok=True)
        return []
    comment += "# graceful.termination rewrites this file with each report.\n"
    write_file(path, comment + yaml.safe_dump(content, sort_keys=False))
    return [str(path)]
