# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grace period: whether the budget of a termination fits into it."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared import ingress_nginx
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    FOREGROUND_FIRST,
    GRACE_PERIOD,
    Remedy,
    grace_for_default,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import is_idle
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import DEFAULT_GRACE


def _has_claim(case: Case) -> bool:
    workload = case.workload
    return any(volume.get("persistentVolumeClaim") for volume in get_maps(workload.pod, "volumes", workload.pod_path))


def _zero(case: Case) -> Iterator[Hit]:
    workload = case.workload
    if workload.grace > 2 or case.profile.name == "batch" or all(is_idle(one) for one in workload.containers):
        return
    stateful = workload.kind == "StatefulSet" or _has_claim(case)
    if stateful:
        lost = "data not yet flushed is"
    elif case.profile.name == "serving":
        lost = "requests in flight are"
    else:
        lost = "work in progress is"
    yield Hit(
        f"a grace period of {workload.grace} s leaves no time to shut down: {lost} lost at every stop",
        f"{workload.pod_path}.terminationGracePeriodSeconds",
        Remedy(
            GRACE_PERIOD,
            variables={"least_seconds": max([DEFAULT_GRACE, *(store.usual_seconds for store in case.data_stores)])},
        ),
        severity="error" if stateful or case.profile.name == "serving" else None,
        numbers={"grace_seconds": workload.grace},
    )


def _insufficient(case: Case) -> Iterator[Hit]:
    budget = case.budget
    # With a hook of unknown time the sum is a lower bound; where even that is too much, nothing more need be known.
    known = budget.drain_known or budget.drain.seconds
    if not known or budget.required <= budget.grace or any(_zero(case)):
        return
    if ingress_nginx.OPTION in budget.drain.source:
        return  # ingress-controller-drain says it, and what it means
    if budget.drain.how == "route":
        return  # so does long-request-exceeds-grace
    if budget.drain.how == "default":
        yield from _shorter_than_default(case)
        return
    least = "" if budget.known else "at least "
    delay = f" + own delay {budget.drain.delay.seconds}" if budget.drain.delay.seconds else ""
    # A worker whose timeout ends before the pod does has put its jobs back by then, or does so in the next seconds.
    allowance = budget.drain.allowance
    requeues = budget.drain.need is None and allowance and allowance.server and allowance.server.requeues
    only_margin = budget.required - budget.margin <= budget.grace
    tight = requeues and only_margin
    declared = budget.drain.need is not None and budget.drain.need.how == "declared"
    # Of what only some container runtimes wait for, it is not certain that it is missing.
    maybe = budget.required - (budget.prestop.seconds - budget.prestop.certain) <= budget.grace
    cut_for_certain = (declared or not only_margin) and not maybe
    cut = "jobs that are not back in their queue by then are lost" if tight else "what is still in flight then is cut"
    yield Hit(
        f"stopping takes {least}{budget.required} s (preStop {budget.prestop.seconds}{budget.prestop.remark}{delay} "
        f"+ drain {budget.drain.seconds} + margin {budget.margin}), but "
        f"the pod is killed after {budget.grace} s: {cut}",
        f"{case.workload.pod_path}.terminationGracePeriodSeconds",
        Remedy(GRACE_PERIOD, FOREGROUND_FIRST if maybe else None),
        # A declared drain is expected to be used; of a measured one, only one request in a thousand is cut. Where the
        # server's own timeout ends before the pod does, only the margin is lacking.
        severity="error" if budget.drain.seconds and budget.drain.promised and cut_for_certain else None,
        numbers={"required_seconds": budget.required, "grace_seconds": budget.grace},
        evidence=case.profile.drain_evidence,
    )


def _shorter_than_default(case: Case) -> Iterator[Hit]:
    """The server's default is longer than the pod lives; whether any request takes that long is not known."""
    budget, drain = case.budget, case.budget.drain
    needed = budget.required - budget.margin
    if needed <= budget.grace or drain.seconds is None:
        return
    left = budget.grace - (needed - drain.seconds)
    if left <= 0:
        return  # prestop-exceeds-grace
    yield Hit(
        f"the server gives what is in flight up to {drain.seconds} s ({drain.source}), but the pod is killed {left} s "
        "after SIGTERM: what takes longer is cut",
        f"{case.workload.pod_path}.terminationGracePeriodSeconds",
        grace_for_default(budget.required),
        severity="info",
        numbers={"required_seconds": budget.required, "grace_seconds": budget.grace, "left_seconds": left},
        evidence=case.profile.drain_evidence,
    )


RULES = (
    Rule(
        id="grace-period-zero",
        title="Grace period of two seconds or less",
        severity="warning",
        evidence="static",
        why="There is no time for SIGTERM to be handled: every stop is a kill. For a StatefulSet it also breaks the "
        "guarantee that at most one pod of an identity runs.",
        exceptions=(
            "batch workloads, whose pods may be thrown away",
            "placeholder pods: pause, or sleep as their command",
        ),
        check=_zero,
        remedies=(GRACE_PERIOD,),
        seed="nine steps: 5; 2 settings: grace",
    ),
    Rule(
        id="grace-period-insufficient",
        title="Grace period shorter than the shutdown needs",
        severity="warning",
        evidence="static",
        why="preStop, drain and margin add up to more than the grace period; the kubelet kills the rest.",
        exceptions=(
            "an unknown drain time: counted as unknown, not as a finding",
            "the sum equals the grace period",
            "a timeout of the server that ends before the pod does: it lacks only the margin, a warning",
        ),
        check=_insufficient,
        remedies=(GRACE_PERIOD,),
        seed="2 settings: grace",
        needs=("ConfigMap", "Service"),
    ),
)
