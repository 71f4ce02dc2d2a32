# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller side of a module run: reads templates, writes reports, shows the summary."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.kube.kinds import OPT_IN_KINDS
from ansible_collections.graceful.termination.plugins.module_utils.report import terminal
from ansible_collections.graceful.termination.plugins.module_utils.report.excerpt import excerpt
from ansible_collections.graceful.termination.plugins.module_utils.report.folder import FORMATS
from ansible_collections.graceful.termination.plugins.module_utils.report.view import not_judged
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS
from ansible_collections.graceful.termination.plugins.plugin_utils.fail_on import FailOn
from ansible_collections.graceful.termination.plugins.plugin_utils.host_action import HostAction
from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import wants_color, width
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.plugins.plugin_utils.waves import run_waves

display = Display()
SHOWN_PATCHES = 50  # what a registered result holds; all of them are in the folder


class ReportAction(HostAction):
    """Base of the action plugins whose module makes a report."""

    options = AUDIT_OPTIONS
    changes = False
    _folder: ReportFolder | None
    _fail_on: FailOn

    def renewed(self) -> tuple[str, ...]:
        """The reports."""
        return tuple(FORMATS.values())

    def check(self, arguments: dict[str, Any]) -> None:
        """Read templates and the earlier report, and make the folder."""
        arguments["_snippets"] = read_templates(arguments.get("template_dir"))
        self._folder = ReportFolder.of(arguments, self.flat)
        if self.flat:
            arguments["_flat_dir"] = str(self.flat)  # what was begun or drilled before each host had its own folder
        if self._folder:
            self._folder.probe()  # before anything is changed: a change without a report cannot be followed up
        self._fail_on = FailOn.of(arguments, self._folder)

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module of the same name; its report goes to files and terminal, an excerpt into the result."""
        result, report = run_waves(self, arguments, self._folder, task_vars)
        return result if report is None else _conclude(result, report, self._folder, self._fail_on)


def _conclude(
    result: dict[str, Any], report: dict[str, Any], folder: ReportFolder | None, fail_on: FailOn
) -> dict[str, Any]:
    """Compare, show and write the report, and say whether the task fails."""
    warnings = [fail_on.compare(report), _refusals(report), _nothing_judged(report)]
    result |= excerpt(report)  # compared by now
    # Written first: the report exists whatever happens to the terminal.
    problems = [_failures(report), _write(result, report, folder)]
    display.display(terminal.render(report, width=width(), color=wants_color(), hints=_hints(report)))
    verdict = fail_on.verdict(report)
    if verdict:
        # Ansible prints the whole result of a failure; the findings are already on the terminal and in the report.
        result.pop("findings")
        problems.append(verdict + ("; see " + result["reports"][0] if result.get("reports") else ""))
    if any(warnings):
        result["warnings"] = result.get("warnings", []) + [warning for warning in warnings if warning]
    if any(problems):
        result |= {"failed": True, "msg": "; ".join(problem for problem in problems if problem)}
    return result


def _write(result: dict[str, Any], report: dict[str, Any], folder: ReportFolder | None) -> str | None:
    """Write the files and list them in the result. Returns why that failed, or None."""
    if not folder:
        return None
    try:
        result["reports"] = folder.write(report)
        result["patches"] = folder.write_patches(report)[:SHOWN_PATCHES]
    except OSError as error:
        return f"report_dir: {error.filename or folder.path}: {error.strerror}"
    return None


def _refusals(report: Mapping[str, Any]) -> str | None:
    """A warning about refused objects of a plan."""
    refused = [entry for entry in report["actions"] if entry["status"] == "refused"] if report.get("plan") else []
    if not refused:
        return None
    first = f"{refused[0]['object']}: {refused[0]['reason']}"
    return visible(f"{len(refused)} of {report['plan']['objects']} objects of the plan were refused; first: {first}")


def _nothing_judged(report: Mapping[str, Any]) -> str | None:
    """A warning that a run judged nothing: without findings it would look like an all-clear."""
    summary = report["summary"]
    if summary["workloads"]:
        return None
    counts = f"{summary['found']:,} found, {summary['excluded']:,} excluded, {summary['unreadable']:,} unreadable"
    counts += not_judged(summary).replace(" +", ",")
    added = [kind for kind in summary.get("not_judged") or () if kind in OPT_IN_KINDS]
    more = f"; name {' and '.join(added)} in kinds (termination_kinds) to judge them" if added else ""
    why = "that is no all-clear; check source, namespaces, kinds, names and labels"
    return f"no workload was judged ({counts}): {why}{more}"


def _failures(report: Mapping[str, Any]) -> str | None:
    """Which changes failed, for the message of the task."""
    failed = [entry for entry in report["actions"] if entry["status"] == "failed"]
    if not failed:
        return None
    more = f" (and {len(failed) - 1} more, see actions)" if len(failed) > 1 else ""
    first = f"{failed[0]['object']}: {failed[0]['reason']}"
    return f"{len(failed)} of {len(report['actions'])} changes failed: {first}{more}"


def _hints(report: Mapping[str, Any]) -> list[str]:
    """The commands to run next."""
    if report["mode"] != "audit" or not report["summary"]["remediable"]:
        return []
    # make knows how it was called; the connection and selection of a cluster cannot be guessed.
    command = os.environ.get("GRACEFUL_NEXT")
    if command is None and report["source"]["type"] == "manifests":
        source = shlex.quote(report["source"]["name"])
        command = f"ansible-playbook graceful.termination.remediate -e termination_source={source} --check --diff"
    with_them = ", with the waivers and drains of this run" if report.get("waivers") or report.get("drains") else ""
    return [f"{command}    shows the diff, writes nothing{with_them}"] if command else []
