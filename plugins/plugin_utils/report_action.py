# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on the controller around a module run: templates in, reports and the summary for the person out."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible
from ansible_collections.graceful.termination.plugins.module_utils.report import gate, terminal
from ansible_collections.graceful.termination.plugins.module_utils.report.folder import FORMATS, write_reports
from ansible_collections.graceful.termination.plugins.module_utils.workload.ownership import patch_file, values_file
from ansible_collections.graceful.termination.plugins.plugin_utils.canary_drill import drill
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import probe, wants_color, width
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates

display = Display()
SHOWN_PATCHES = 50  # what a registered result holds; all of them are in the folder


class ReportAction(ActionBase):
    """Base of the action plugins whose module returns a report."""

    # Reports are written to folders of the controller; nothing is transferred by the action itself.
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module of the same name; its report goes to files and screen, its bounded rest into the result."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            arguments["_snippets"] = read_templates(arguments.get("template_dir"))
            if arguments.get("report_dir"):
                # Before anything is changed: a change without its report cannot be followed up.
                _probe(Path(arguments["report_dir"]).expanduser())
            earlier = _earlier(arguments)
        except ValueError as error:
            return {"failed": True, "msg": str(error)}
        arguments["_directory"] = os.getcwd()
        fail_on = arguments.get("fail_on") or "never"
        result = self._waves(arguments, task_vars)
        text = result.pop("report", None)
        if text is None:
            return result
        report = json.loads(text)
        if fail_on == "new":
            reason = gate.compare(report, earlier)
            if reason:
                baseline = f"from now on {_report_file(arguments)} is the baseline"
                result.setdefault("warnings", []).append(f"fail_on new: {reason}: nothing was compared; {baseline}")
        display.display(terminal.render(report, width=width(), color=wants_color(), hints=_next(report)))
        problems: list[str] = []
        if arguments.get("report_dir"):
            try:
                folder = Path(arguments["report_dir"]).expanduser()
                result["reports"] = write_reports(folder, _formats(arguments), report)
                result["patches"] = _write_patches(folder, report)[:SHOWN_PATCHES]
            except OSError as error:
                problems.append(f"report_dir: {error.filename or arguments['report_dir']}: {error.strerror}")
        refused = (
            [action for action in report["actions"] if action["status"] == "refused"] if report.get("plan") else []
        )
        if refused:
            first = f"{refused[0]['object']}: {refused[0]['reason']}"
            what = f"{len(refused)} of {report['plan']['objects']} objects of the plan were refused, such as {first}"
            result.setdefault("warnings", []).append(visible(what))
        failed = [action for action in report["actions"] if action["status"] == "failed"]
        if failed:
            first = f"{failed[0]['object']}: {failed[0]['reason']}"
            more = f" (and {len(failed) - 1} more, see actions)" if len(failed) > 1 else ""
            problems.insert(0, f"{len(failed)} of {len(report['actions'])} changes failed: {first}{more}")
        verdict = gate.verdict(report, fail_on)
        if verdict:
            # Ansible prints the whole result of a failure, and they are on the screen and in the report already.
            result.pop("findings", None)
            problems.append(verdict + ("; see " + result["reports"][0] if result.get("reports") else ""))
        if problems:
            result.update(failed=True, msg="; ".join(problems))
        return result

    def _waves(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Call the module once for each wave, and say after each where the run stands. The last call has the result."""
        diffs: list[dict[str, Any]] = []
        changed = False
        drilled: dict[str, Any] = {}
        while True:
            result = self._execute_module(module_args=arguments, task_vars=task_vars)
            diffs += result.get("diff") or []
            changed = changed or result.get("changed", False)
            following = result.pop("next_wave", None)
            if not following:
                break
            arguments["_progress"] = following
            report = json.loads(result["report"])
            display.display(
                f"wave {following['wave']} of {following['of']}: {following['started']} of {following['total']} "
                f"workloads changed, {count(following['pods'], 'pod')} restarted"
            )
            if arguments.get("report_dir"):
                with suppress(OSError):  # the last report tells it all, or that it could not be written
                    write_reports(Path(arguments["report_dir"]).expanduser(), _formats(arguments), report)
            due = following.pop("drill_due", None)
            if due:
                ended, drilled["drill"] = drill(self, arguments, due, task_vars)
                following["drill"] = ended.as_dict()
        result |= drilled
        result["changed"] = changed
        if diffs:
            result["diff"] = diffs
        return result


def _formats(arguments: dict[str, Any]) -> list[str]:
    return arguments.get("report_formats") or list(FORMATS)


def _report_file(arguments: dict[str, Any]) -> Path:
    return Path(arguments["report_dir"]).expanduser() / "report.json"


def _earlier(arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The report that this run is compared with, if it is to be and there is one. Raises ValueError."""
    if arguments.get("fail_on") != "new":
        return None
    if not arguments.get("report_dir") or "json" not in _formats(arguments):
        raise ValueError(
            "fail_on new compares with the report.json of the last run: set report_dir (termination_report_dir), and "
            "keep json in report_formats; nothing was done"
        )
    path = _report_file(arguments)
    try:
        return gate.read_earlier(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"fail_on new: {path}: {why}; nothing was done") from None


def _probe(folder: Path) -> None:
    """Raises ValueError where no report could be written."""
    try:
        probe(folder)
    except OSError as error:
        raise ValueError(f"report_dir: {error.filename or folder}: {error.strerror}; nothing was done") from None


def _next(report: dict[str, Any]) -> list[str]:
    """What a person would run now."""
    if report["mode"] != "audit" or not report["summary"]["remediable"]:
        return []
    # make knows how it was called; a cluster's connection and selection are the caller's, not to be guessed.
    command = os.environ.get("GRACEFUL_NEXT")
    if command is None and report["source"]["type"] == "manifests":
        source = shlex.quote(report["source"]["name"])
        command = f"ansible-playbook graceful.termination.remediate -e termination_source={source} --check --diff"
    return [f"{command}    shows the diff, writes nothing"] if command else []


def _write_patches(folder: Path, report: dict[str, Any]) -> list[str]:
    """Write the patches for objects that somebody else owns, and remove those of earlier runs that are obsolete.

    With them go the values for Helm, where the chart is known. Raises OSError.
    """
    written = []
    for workload in report["workloads"] if report["source"]["type"] == "cluster" else ():
        place = workload["namespace"], workload["kind"], workload["name"]
        owner, helm = visible(workload["owner"]), workload["helm"]
        usage = f"# For {owner}: name this file under patches in the kustomization.\n"
        written += _write(folder / patch_file(*place), usage, workload["patch"])
        if helm:
            usage = f"# For {owner}: values for chart {helm['chart']} {helm['version']}, beside those that it has.\n"
            usage += f"# As a dependency of another chart they go below the key {helm['chart']}, or its alias.\n"
        written += _write(folder / values_file(*place), usage, helm and helm["values"])
    return written


def _write(path: Path, comment: str, content: dict[str, Any] | None) -> list[str]:
    if content is None:
        path.unlink(missing_ok=True)
        return []
    write_file(path, comment + yaml.safe_dump(content, sort_keys=False))
    return [str(path)]
