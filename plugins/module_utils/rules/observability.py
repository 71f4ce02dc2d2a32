# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anyone would notice that pods end badly. Opt-in: how a team monitors its systems is its own choice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import TERMINATION_ALERTS, TRACE, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import deployed

UNSEEN = NotEvaluated("no PrometheusRule with alerts on pods was found: alerts may be kept elsewhere")
UNTESTED = NotEvaluated("report_dir has no drill result: only a stop under load shows what is lost; run a drill")
OTHER = NotEvaluated(
    "the drill in report_dir tested another pod template or strategy than is deployed now; run it again"
)
VALID_DAYS = 90


def _alerts_missing(case: Case) -> Iterator[Hit | NotEvaluated]:
    context = case.context
    # What is true of the whole cluster is reported once.
    if case.workload.identity != context.population.first or context.coverage.why_unknown("PrometheusRule", ""):
        return
    if not any(rules.pods for rules in context.cluster.alerting):
        yield UNSEEN
    elif not any(rules.terminations for rules in context.cluster.alerting):
        yield Hit(
            f"none of {len(context.cluster.alerting)} PrometheusRules has an alert on how pods end (overdue deletions, "
            "containers killed at the end of their grace period): lost requests go unnoticed. Reported once for all "
            "workloads, at the first one",
            "metadata",
            Remedy(TERMINATION_ALERTS, "a PrometheusRule is a new object, and you must decide who is alerted"),
        )


def _untested(case: Case) -> Iterator[Hit | NotEvaluated]:
    if not case.profile.takes_requests or "scaled-to-zero" in case.profile.traits:
        return
    # The UID: a namesake in another cluster, or one that was deleted since, is not what was drilled.
    proof = case.context.inputs.drills.get(str(case.workload.obj["metadata"].get("uid")))
    if proof is None:
        yield UNTESTED
    elif proof.deployed != deployed(case.workload):
        yield OTHER
    elif not proof.passed:
        yield Hit(
            f"its drill of {proof.ended_at:%Y-%m-%d} failed: {proof.lost:,} of {proof.requests:,} requests were lost "
            "when its pods stopped",
            "metadata",
            Remedy(TRACE, "the drill counts what is lost; a trace shows where the time goes"),
            numbers={"lost": proof.lost, "requests": proof.requests},
        )
    elif datetime.now(UTC) - proof.ended_at > timedelta(days=VALID_DAYS):
        yield NotEvaluated(
            f"the drill in report_dir is from {proof.ended_at:%Y-%m-%d}, more than {VALID_DAYS} days ago; run it again"
        )


RULES = (
    Rule(
        id="termination-alerts-missing",
        title="No alert on how pods end",
        severity="info",
        evidence="context",
        why="Kills at the end of the grace period, overdue deletions and blocked evictions show in metrics long "
        "before lost requests are reported.",
        exceptions=(
            "an alert that uses a recording rule",
            "no PrometheusRule with alerts on pods: alerts may be kept elsewhere",
            "alerts on restarts only: they say nothing of how pods end",
        ),
        check=_alerts_missing,
        remedies=(TERMINATION_ALERTS,),
        seed="conclusion",
        needs=("PrometheusRule",),
        opt_in=True,
    ),
    Rule(
        id="graceful-shutdown-untested",
        title="Graceful shutdown never tested",
        severity="info",
        evidence="runtime",
        why="Settings only make a graceful stop possible. A drill under load shows whether requests are lost: one that "
        "passed within 90 days, of what is deployed now, with its result in the folder of the reports, is enough.",
        exceptions=(
            "scaled to zero: nothing to stop",
            "batch, worker and controller workloads: no requests",
            "a drill of a namesake, in another cluster or deleted since",
            "a drill of another pod template or strategy; one that was noisy or interrupted",
        ),
        check=_untested,
        remedies=(TRACE,),
        seed="soul test",
        opt_in=True,
    ),
)
