# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody would notice that pods end badly. Opinions: how a team watches its systems is its own affair."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.remedy import TERMINATION_ALERTS, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule

UNSEEN = NotEvaluated("no PrometheusRule with alerts on pods is to be seen: they may be kept elsewhere")
UNTESTED = NotEvaluated("no result of a drill or a trace is stored: only a stop under load shows what is lost")


def _alerts_missing(case: Case) -> Iterator[Hit | NotEvaluated]:
    context = case.context
    # What is true of the whole cluster is said once.
    if case.workload.identity != context.first or context.why_unknown("PrometheusRule", ""):
        return
    if not any(rules.pods for rules in context.alerting):
        yield UNSEEN
    elif not any(rules.terminations for rules in context.alerting):
        yield Hit(
            f"none of {len(context.alerting)} PrometheusRules has an alert on how pods end (overdue deletions, "
            "containers killed at the end of their grace period): lost requests go unnoticed. Said of all workloads, "
            "once, at the first",
            "metadata",
            Remedy(TERMINATION_ALERTS, "a PrometheusRule is a new object, and who is to be alerted is not known"),
        )


def _untested(case: Case) -> Iterator[NotEvaluated]:
    if case.profile.takes_requests and "scaled-to-zero" not in case.profile.traits:
        yield UNTESTED


RULES = (
    Rule(
        id="termination-alerts-missing",
        title="No alert on how pods end",
        severity="info",
        evidence="context",
        why="Kills at the end of the grace period, overdue deletions and blocked evictions show in metrics long before "
        "somebody reports lost requests.",
        traps=(
            "an alert that uses a recording rule",
            "no PrometheusRule with alerts on pods: they may be kept elsewhere",
            "alerts on restarts only: they say nothing of how pods end",
        ),
        check=_alerts_missing,
        remedies=(TERMINATION_ALERTS,),
        seed="conclusion",
        needs=("PrometheusRule",),
        opinion=True,
    ),
    Rule(
        id="graceful-shutdown-untested",
        title="Nobody has seen it stop gracefully",
        severity="info",
        evidence="runtime",
        why="Settings only make a graceful stop possible. A drill under load shows whether requests are lost.",
        traps=("scaled to zero: there is nothing to stop", "batch, worker and controller workloads: no requests"),
        check=_untested,
        seed="soul test",
        opinion=True,
    ),
)
