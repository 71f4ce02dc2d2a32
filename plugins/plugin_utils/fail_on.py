# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option fail_on, and the earlier report to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.report import gate
from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder


@dataclass(frozen=True, slots=True)
class FailOn:
    """`baseline` is the path of the last report, `earlier` that report; both are None if not needed.

    `shared`: the earlier report is from before each host had its own folder, so it may be of another host.
    """

    value: str
    baseline: Path | None = None
    earlier: dict[str, Any] | None = None
    shared: bool = False

    @classmethod
    def of(cls, arguments: Mapping[str, Any], folder: ReportFolder | None) -> FailOn:
        """Read the earlier report before this run replaces it. Raises ValueError if nothing could be compared."""
        value = arguments.get("fail_on") or "never"
        if value != "new":
            return cls(value)
        if not folder or "json" not in folder.formats:
            raise ValueError(
                "fail_on new compares with the report.json of the last run: set report_dir (termination_report_dir), "
                "and keep json in report_formats; nothing was done"
            )
        path = folder.baseline
        try:
            return cls(value, folder.report, gate.read_earlier(path.read_text(encoding="utf-8")), path != folder.report)
        except FileNotFoundError:
            return cls(value, folder.report)
        except (ValueError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise ValueError(f"fail_on new: {path}: {why}; nothing was done") from None

    def compare(self, report: dict[str, Any]) -> str | None:
        """Mark in the report what is new. Returns a warning if nothing could be compared."""
        if self.value != "new":
            return None
        earlier = self.earlier
        if self.shared and earlier and earlier["source"].get("name") != report["source"]["name"]:
            earlier = None
        reason = gate.compare(report, earlier)
        if not reason:
            return None
        return f"fail_on new: {reason}, so nothing was compared; the baseline is now {self.baseline}"

    def verdict(self, report: Mapping[str, Any]) -> str | None:
        """Why the task fails because of its findings; None if it does not."""
        return gate.verdict(report, self.value)
