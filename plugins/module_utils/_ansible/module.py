# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: what audit_info and remediate have in common as Ansible modules."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.graceful.termination.plugins.module_utils._ansible.front import open_connection, open_module
from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import finish
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.base.throttle import Throttle
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.manifests.excerpt import excerpt as excerpt_of
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Diff, Source
from ansible_collections.graceful.termination.plugins.module_utils.report.excerpt import excerpt
from ansible_collections.graceful.termination.plugins.module_utils.report.folder import write_reports
from ansible_collections.graceful.termination.plugins.module_utils.run.cluster import cluster_source
from ansible_collections.graceful.termination.plugins.module_utils.run.options import (
    AUDIT_OPTIONS,
    Options,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource


def execute(
    run: Callable[[Source, Options, AnsibleModule], Outcome],
    own_options: dict[str, dict[str, Any]] | None = None,
    interruption: Interruption | None = None,
) -> None:
    """Read the parameters, open the source, run, and exit the module with its result or one clear message.

    After an `interruption` the module writes the report itself, since the action plugin gets the same signal.
    """
    module = open_module({**AUDIT_OPTIONS, **(own_options or {})})
    # A run builds large structures without cycles and then exits: garbage collection would cost more than parsing.
    gc.disable()
    try:
        options = read_options(module.params)
        throttle = _throttle(options, interruption)
        outcome = run(_open(options, module, interruption, throttle), options, module)
    except (ValueError, SourceError) as error:
        module.fail_json(msg=str(error))
    if outcome.interrupted and module.params["report_dir"]:
        folder = Path(module.params["_directory"], Path(module.params["report_dir"]).expanduser())
        try:
            write_reports(folder, module.params["report_formats"], outcome.report)
        except OSError as error:
            module.fail_json(msg=f"{outcome.interrupted}; report_dir: {error.filename}: {error.strerror}")
    if outcome.warning:
        module.warn(visible(outcome.warning))
    if outcome.progress:
        outcome.progress.last_write = throttle.last
    finish(
        module,
        _result(outcome, module),
        report=outcome.report,
        next_wave=outcome.progress.as_dict() if outcome.progress else None,
    )


def _throttle(options: Options, interruption: Interruption | None) -> Throttle:
    """One rate for all waves: it continues from the call for the previous wave."""
    guardrails = options.guardrails
    pause = interruption.pause if interruption else time.sleep
    return Throttle(guardrails.writes, pause=pause, last=guardrails.progress.last_write)


def _open(options: Options, module: AnsibleModule, interruption: Interruption | None, throttle: Throttle) -> Source:
    if options.path is not None and options.source is not None and options.version is not None:
        return ManifestSource(
            options.path,
            options.source,
            options.selection,
            options.version,
            version_assumed=options.version_assumed,
            interruption=interruption,
        )
    interruption = interruption or Interruption()
    transport = open_connection(module)
    api = Api(transport, interruption.pause, throttle)
    return cluster_source(api, options, interruption)


def _result(outcome: Outcome, module: AnsibleModule) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": outcome.changed, **excerpt(outcome.report)}
    if outcome.fault:
        result |= {"failed": True, "msg": f"{outcome.fault}; the report has what was written"}
    elif outcome.interrupted:
        result |= {
            "failed": True,
            "msg": f"{outcome.interrupted}: no further change was started; actions has what was done",
        }
    if module._diff:
        result["diff"] = [_shown(diff) for diff in outcome.diffs]
    return result


def _shown(diff: Diff) -> dict[str, str]:
    """What Ansible shows and, with -v, prints: never a whole file."""
    before, after = excerpt_of(diff.before, diff.after)
    return {"before_header": diff.header, "after_header": diff.header, "before": before, "after": after}
