# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Celery workers: on SIGTERM they wait for their tasks without limit, unless a soft shutdown is configured."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import ANNOTATION

REMAP = "REMAP_SIGTERM"
_CELERY = re.compile(r"(?:^|[\s/'\"])celery\s")
_WORKER = re.compile(r"(?:^|\s)worker(?:\s|$)")
_SOFT = re.compile(r"\s(?:worker)?[._]soft_shutdown_timeout=([\d.]+)", re.IGNORECASE)


def celery_timeout(settings: Settings) -> Timeout | None:
    """The soft shutdown's timeout, or why there is no limit; None where no Celery worker runs."""
    program = _CELERY.search(settings.arguments)
    if not program or not _WORKER.search(settings.arguments[program.end() :]):
        return None
    soft = _SOFT.search(settings.arguments)
    seconds = seconds_of(soft[1]) if soft else None
    # Only the shutdown that SIGQUIT starts is a soft one, and it cancels at its end what still runs.
    if settings.value(REMAP) == "SIGQUIT":
        if seconds:
            return Timeout(seconds, "argument worker.soft_shutdown_timeout")
        why = f"with {REMAP}=SIGQUIT a Celery worker cancels its tasks after worker_soft_shutdown_timeout"
        return Timeout(None, f"unknown: {why}, which its application sets")
    return Timeout(
        None,
        "unknown: after SIGTERM a Celery worker waits for its running tasks without limit; annotation "
        f"{ANNOTATION}drain-seconds, the longest task, would settle it",
        unlimited=True,
    )
