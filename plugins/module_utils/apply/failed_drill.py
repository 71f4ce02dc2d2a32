# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workloads of a first wave that came up, but whose drill did not pass."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.apply.caution import Caution
from ansible_collections.graceful.termination.plugins.module_utils.apply.wait import nothing_sent
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import in_last_wave
from ansible_collections.graceful.termination.plugins.module_utils.apply.written import Written
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot


def not_drilled(snapshot: Snapshot, caution: Caution) -> list[Written]:
    """Their outcomes, failed; none where no drill forbids to go on. What was there before, the journal knows."""
    words, progress = caution.undrilled, caution.progress
    if not words:
        return []
    wave = {entry["object"]: entry for entry in progress.actions if in_last_wave(entry, progress)}
    return [
        Written(
            Action(workload, "failed", f"rolled out, but {words}", tuple(wave[workload.key]["fields"])),
            None,
            workload.obj,
            nothing_sent(workload),
            caution.journal.own(workload.obj["metadata"]["uid"]) if caution.journal else None,
        )
        for workload in snapshot.workloads
        if workload.key in wave
    ]
