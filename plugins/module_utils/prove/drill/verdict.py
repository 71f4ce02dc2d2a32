# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers the four questions of a clean stop from what was seen, and decides whether a drill passed.

A result is one of PASSED, FAILED, UNCLEAR (seen, but it can mean either) and NOT_OBSERVED.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLOSED,
    FRESH,
    KEPT,
    OK,
    REFUSED,
    RESET,
    TIMEOUT,
    UNANSWERED,
    UNREACHABLE,
    Sample,
    Tally,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import (
    FAILED,
    NOT_OBSERVED,
    PASSED,
    UNCLEAR,
)

NOISY = "noisy"
BEFORE, STOPPING, AFTER = "before any pod stopped", "while a pod stopped", "after the pods had gone"
UNSERVED = "while no pod was ready"
# The earliest time after which a connection to a deleted pod fails; the client's own timeout may come first.
LEFTOVER_SECONDS = 2.0
_LEARNING_SECONDS = 3.0  # in which kube-proxy and load balancers learn that pods were deleted
_CUT = (RESET, CLOSED, TIMEOUT)
_TURNED_AWAY = (REFUSED, UNREACHABLE, UNANSWERED)  # before there was a connection


@dataclass(frozen=True, slots=True)
class Check:
    """One question, its result, and what was seen."""

    question: str
    result: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to the pods: those that stopped, and when none was ready (begin and end)."""

    stops: Sequence[Pod] = ()
    outages: Sequence[tuple[float, float]] = ()

    def moment(self, sample: Sample) -> str:
        """UNSERVED, STOPPING, BEFORE or AFTER: when a request was sent."""
        if any(begin <= sample.at <= end for begin, end in self.outages):
            return UNSERVED
        if self.stopping(sample):
            return STOPPING
        gone = any(pod.gone_at is not None and pod.gone_at < sample.at for pod in self.stops)
        return AFTER if gone else BEFORE

    def quiet(self, sample: Sample, seconds: float) -> bool:
        """Whether a request was sent before any pod stopped, or so many seconds after the last one was deleted."""
        gone = [pod.gone_at for pod in self.stops if pod.gone_at is not None]
        return self.moment(sample) == BEFORE or (
            self.moment(sample) == AFTER and all(end > sample.at or end + seconds < sample.at for end in gone)
        )

    def stopping(self, sample: Sample) -> bool:
        """Whether a pod was stopping at any time between a request and its end."""
        return any(_overlap(sample, pod) for pod in self.stops)

    def crossed(self, sample: Sample, hook_seconds: float) -> bool:
        """Whether a request was sent before a pod started to stop and was still in flight after its preStop hook."""
        return any(
            pod.marked_at is not None
            and sample.at <= pod.marked_at
            and sample.at + sample.took >= pod.marked_at + hook_seconds
            for pod in self.stops
        )


def leftovers(losses: Sequence[Sample], events: Events) -> int:
    """How many losses look like connections that a node still sent to a deleted pod."""
    return sum(
        loss.stream == FRESH
        and loss.outcome in (RESET, CLOSED, UNREACHABLE, UNANSWERED, TIMEOUT)
        and loss.took >= LEFTOVER_SECONDS
        and events.quiet(loss, _LEARNING_SECONDS)
        for loss in losses
    )


def stops_accepting(tally: Tally, events: Events) -> Check:
    """From outside: whether a connection opened while a pod stopped was lost."""
    question = "stops accepting"
    windows = [(pod.marked_at, pod.gone_at or float("inf")) for pod in events.stops if pod.marked_at is not None]
    begun = sum(any(start <= at <= end for start, end in windows) for at in tally.fresh_starts())
    lost = [loss for loss in tally.counts().losses if loss.stream == FRESH and events.stopping(loss)]
    if not begun:
        return Check(question, NOT_OBSERVED, "no fresh connection was opened while a pod stopped")
    seen = f"{count(begun, 'fresh connection')} opened while a pod stopped; failed: {_counted(lost, 'none')}"
    if lost:
        return Check(question, FAILED, seen)
    return Check(question, PASSED, f"{seen}; whether a stopping pod still listened cannot be seen from outside")


def finishes_in_flight(tally: Tally, events: Events, hook_seconds: float, why_no_upload: str) -> Check:
    """Whether requests under way at the SIGTERM of a pod, after its hook of so many seconds, were completed."""
    question = "finishes what is in flight"
    # A refused request was never in flight: that is the first question, not this one.
    uploads = [one for one in list(tally.uploads) if one.outcome not in _TURNED_AWAY and events.stopping(one)]
    cut = [sample for sample in uploads if sample.outcome != OK]
    crossing = [sample for sample in uploads if sample in cut or events.crossed(sample, hook_seconds)]
    answers = [
        loss
        for loss in tally.counts().losses
        if loss.stream in (FRESH, KEPT) and loss.outcome in _CUT and events.stopping(loss)
    ]
    seen = f"{count(len(crossing), 'upload')} under way at the SIGTERM of a pod; cut: {_counted(cut, 'none')}"
    if why_no_upload:
        seen = f"no upload: {why_no_upload}"
    elif not crossing:
        seen = "no upload was under way at the SIGTERM of a pod"
    if answers:
        seen += f"; short requests cut: {_counted(answers, 'none')}"
    if cut or answers:
        return Check(question, FAILED, seen)
    if not crossing:
        return Check(question, NOT_OBSERVED, seen)
    return Check(question, PASSED, f"{seen}; which pod served each of them cannot be seen from outside")


def releases(tally: Tally) -> Check:
    """Connections and file handles can only be seen inside."""
    return Check(
        "releases connections and file handles",
        NOT_OBSERVED,
        "visible only inside the container, where a drill runs nothing; from outside: "
        f"{count(tally.closes, 'keep-alive connection')} closed cleanly by the server",
    )


def clean_exit(results: Sequence[tuple[str, str]]) -> Check:
    """`results`: one (result, why) for each container that stopped."""
    question = "exits cleanly"
    if not results:
        return Check(question, NOT_OBSERVED, "no container stopped")
    found = Counter(results)
    seen = "; ".join(f"{why} ({count(amount, 'container')})" for (_result, why), amount in sorted(found.items()))
    for result in (FAILED, UNCLEAR, NOT_OBSERVED):
        if any(entry == result for entry, _why in found):
            return Check(question, result, seen)
    return Check(question, PASSED, seen)


def conclude(lost: int, allowed: int, noise_lost: int, *, held: bool) -> tuple[str, str]:
    """(PASSED, FAILED or NOISY, why). A client that loses requests by itself proves nothing."""
    if noise_lost:
        return NOISY, (
            f"{noise_lost:,} requests were lost before anything was stopped, so later losses cannot be "
            "attributed to the stops"
        )
    if not held:
        return NOISY, "the client could not sustain even a lowered rate, so the losses may be its own"
    if lost > allowed:
        return FAILED, f"{lost:,} requests lost, {allowed:,} allowed"
    return PASSED, f"{lost:,} requests lost, {allowed:,} allowed"


def _overlap(sample: Sample, pod: Pod) -> bool:
    begin, end = pod.marked_at, pod.gone_at
    return begin is not None and begin <= sample.at + sample.took and (end is None or sample.at <= end)


def _counted(samples: Sequence[Sample], none: str) -> str:
    if not samples:
        return none
    classes = Counter(sample.outcome for sample in samples)
    return f"{len(samples):,} ({', '.join(f'{name} {amount}' for name, amount in sorted(classes.items()))})"
