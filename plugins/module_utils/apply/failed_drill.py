# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workloads of a first wave that rolled out, but whose canary drill did not pass."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.apply.result import ApplyResult
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import in_last_wave
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot


def failed_canary(snapshot: Snapshot, guardrails: Guardrails) -> list[ApplyResult]:
    """The last wave, marked as failed; empty unless the drill stops the run. The values before are in the journal."""
    failure, progress = guardrails.canary_failure, guardrails.progress
    if not failure:
        return []
    wave = {entry["object"]: entry for entry in progress.actions if in_last_wave(entry, progress)}
    return [
        ApplyResult(
            Action(workload, "failed", f"rolled out, but {failure}", tuple(wave[workload.key]["fields"])),
            stored=workload.obj,
            restarts=True,
            undo=guardrails.journal.own(workload.obj["metadata"]["uid"]) if guardrails.journal else None,
        )
        for workload in snapshot.workloads
        if workload.key in wave
    ]
