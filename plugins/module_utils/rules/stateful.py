# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and brokers: what they flush, hand over or check when they stop takes longer than a web server's drain."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import GRACE_PERIOD, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule


def _too_short(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if workload.grace <= 2:
        return  # grace-period-zero
    for store in case.data_stores:
        name, usual = store.name, store.usual_seconds
        if workload.grace >= usual:
            continue
        yield Hit(
            f"{name} keeps its data on a volume and is killed {workload.grace} s after termination starts: what it "
            "has not flushed or handed over by then needs a recovery at the next start",
            f"{workload.pod_path}.terminationGracePeriodSeconds",
            Remedy(
                GRACE_PERIOD,
                f"{usual} s is a rule of thumb; only its owner knows how long a stop takes with its data",
                {"grace_seconds": usual},
            ),
            store.container,
            numbers={"grace_seconds": workload.grace, "usual_seconds": usual},
        )


RULES = (
    Rule(
        id="stateful-grace-too-short",
        title="Database or broker with a short grace period",
        severity="warning",
        evidence="static",
        why="A store that is killed in its shutdown recovers at the next start from its log, which takes longer than "
        "the stop would have, and a killed broker hands nothing over.",
        exceptions=(
            "managed by an operator (an ownerReference), which sets the grace period",
            "no claim, hostPath or other volume that outlives the pod where the store runs: it keeps nothing",
            "exporters, proxies and consoles called after a store",
            "a declared drain: then the budget is known",
            "a grace period of 60 s, or 120 s for PostgreSQL, MySQL, Elasticsearch, Kafka, RabbitMQ, MongoDB",
        ),
        check=_too_short,
        seed="nine steps: 6; fault 3",
        remedies=(GRACE_PERIOD,),
        by_hand=True,
    ),
)
