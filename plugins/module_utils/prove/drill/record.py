# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drill.json: everything that is known of a drill at one moment, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.bound import bound_text, upper_bound
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DrillOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLASSES,
    KEPT,
    OK,
    REUSED,
    STREAMS,
    UPLOAD,
    Counts,
    Sample,
    Tally,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.verdict import (
    AFTER,
    LEFTOVER_SECONDS,
    UNSERVED,
    Check,
    Events,
    clean_exit,
    finishes_in_flight,
    leftovers,
    releases,
    stops_accepting,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import SCHEMA, deployed
from ansible_collections.graceful.termination.plugins.module_utils.workload.exits import (
    judge_exit,
    runs_java,
    stop_seconds,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

RUNNING, INTERRUPTED, ERROR = "running", "interrupted", "error"
SHOWN_LOSSES = 200


@dataclass
class Phase:
    """A time under load. `asked` and `achieved` are fresh connections a second."""

    tally: Tally = field(default_factory=Tally)
    asked: float = 0.0
    achieved: float = 0.0
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """For the document."""
        counts = self.tally.counts()
        return {
            "requests": counts.requests,
            "lost": counts.by_class(),
            "seconds": round(self.seconds, 1),
            "rate": {"asked": self.asked, "achieved": round(self.achieved, 1), "late": self.tally.late},
        }


@dataclass
class Record:
    """A drill so far. `status` is RUNNING, one of verdict.conclude, INTERRUPTED or ERROR; times are since the epoch."""

    options: DrillOptions
    workload: Workload
    cluster: str
    started_at: float
    hook_seconds: float
    upload_seconds: float
    status: str = RUNNING
    reason: str = ""
    held: bool = True
    no_upload: str = ""
    noise: list[Phase] = field(default_factory=list)
    load: Phase = field(default_factory=Phase)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    pods: Sequence[Pod] = ()
    outages: Sequence[tuple[float, float]] = ()
    ended_at: float | None = None

    @property
    def noise_lost(self) -> int:
        """Requests of the last noise run that failed; the ones before it ran at a rate that was given up."""
        return self.noise[-1].tally.counts().lost if self.noise else 0

    def document(self) -> dict[str, Any]:
        """drill.json."""
        counts = self.load.tally.counts()
        events = Events([pod for pod in self.pods if pod.marked_at is not None], self.outages)
        workload = self.workload
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "status": self.status,
            "reason": self.reason,
            "started_at": _time(self.started_at),
            "ended_at": _time(self.ended_at),
            "cluster": self.cluster,
            "workload": {
                "apiVersion": workload.api_version,
                "kind": workload.kind,
                "namespace": workload.namespace,
                "name": workload.name,
                "uid": workload.obj["metadata"].get("uid"),
                "deployed": deployed(workload),
            },
            "url": self.options.url,
            "mode": self.options.mode,
            "max_lost": self.options.max_lost,
            "changed": self.changed,
            "noise": [phase.told() for phase in self.noise],
            "rounds": self.rounds,
            "rate": self.load.told()["rate"],
            "requests": counts.requests,
            "lost": counts.by_class(),
            "lost_total": counts.lost,
            "bound": _bound(counts.lost, counts.requests),
            "streams": self._streams(counts),
            "when": dict(sorted(Counter(events.moment(loss) for loss in counts.losses).items())),
            "losses": [_loss(loss, events) for loss in counts.losses[:SHOWN_LOSSES]],
            "losses_left_out": max(0, counts.lost - SHOWN_LOSSES),
            "classes": {name: CLASSES[name] for name in counts.by_class()},
            "pods": [self._pod(pod) for pod in events.stops],
            "checks": [
                {"check": check.question, "result": check.result, "evidence": check.evidence}
                for check in self._checks(events)
            ],
            "hints": self._hints(counts, events),
        }

    def _streams(self, counts: Counts) -> dict[str, Any]:
        streams: dict[str, Any] = {}
        for stream in STREAMS:
            outcomes = counts.outcomes[stream]
            total, lost = outcomes.total(), outcomes.total() - outcomes[OK]
            streams[stream] = {"requests": total, "lost": counts.by_class(stream), "bound": _bound(lost, total)}
        streams[KEPT]["closed_by_server"] = self.load.tally.closes
        streams[UPLOAD] |= {
            "seconds": self.upload_seconds,
            "abandoned": self.load.tally.abandoned,
            "reason": self.no_upload,
        }
        return streams

    def _pod(self, pod: Pod) -> dict[str, Any]:
        containers = []
        for ended, (result, why) in zip(pod.containers, self._exits(pod), strict=True):
            containers.append(
                {
                    "name": ended.name,
                    "exit_code": ended.exit_code,
                    "reason": ended.reason,
                    "finished_at": ended.finished_at or None,
                    "stop_seconds": stop_seconds(ended, pod),
                    "result": result,
                    "evidence": why,
                }
            )
        return {
            "name": pod.name,
            "uid": pod.uid,
            "round": pod.round,
            "stop_seen_at": _time(pod.marked_at),
            "gone_at": _time(pod.gone_at),
            "grace": pod.grace,
            "containers": containers,
        }

    def _exits(self, pod: Pod) -> list[tuple[str, str]]:
        java = {container.name for container in self.workload.containers if runs_java(container)}
        return [judge_exit(ended, pod, java=ended.name in java) for ended in pod.containers]

    def _checks(self, events: Events) -> list[Check]:
        tally = self.load.tally
        gone = [pod for pod in events.stops if pod.gone_at is not None]
        return [
            stops_accepting(tally, events),
            finishes_in_flight(tally, events, self.hook_seconds, self.no_upload),
            releases(tally),
            clean_exit([result for pod in gone for result in self._exits(pod)]),
        ]

    def _hints(self, counts: Counts, events: Events) -> list[str]:
        hints = []
        noise = self.noise[-1].tally.counts().losses if self.noise else ()
        old = leftovers(counts.losses, events) + leftovers(noise, Events())
        if old:
            hints.append(
                f"{count(old, 'loss', 'losses')} after {LEFTOVER_SECONDS:g} s or more, with no pod stopping: so ends a "
                "connection that a node's connection tracking still sends to a pod that is gone; it remembers for "
                "2 minutes, so after a drill or an outage that lost requests, wait that long and drill again"
            )
        moments = Counter(events.moment(loss) for loss in counts.losses)
        after = moments[AFTER] - leftovers(counts.losses, events)
        if after > 0:
            hints.append(
                f"{count(after, 'loss', 'losses')} after the pods had gone: what forwards to them (kube-proxy, an "
                "ingress, a load balancer) had not yet learned it: they stop too soon for it, or it learns too slowly"
            )
        if moments[UNSERVED]:
            hints.append(
                f"{count(moments[UNSERVED], 'loss', 'losses')} while no pod was ready: whoever took them away (the "
                "rollout strategy, an eviction, a deletion) left none to serve"
            )
        if self.noise and self.noise[-1].asked < self.options.rate:
            hints.append(
                f"the client could not send {self.options.rate} fresh connections a second: it was lowered to "
                f"{self.noise[-1].asked:g}"
            )
        if counts.by_class().get(REUSED):
            hints.append(f"{REUSED}: {CLASSES[REUSED]}")
        return hints


def _loss(loss: Sample, events: Events) -> dict[str, Any]:
    return {
        "at": _time(loss.at),
        "took": round(loss.took, 2),
        "stream": loss.stream,
        "class": loss.outcome,
        "detail": loss.detail,
        "when": events.moment(loss),
    }


def _bound(lost: int, requests: int) -> dict[str, Any]:
    return {"upper": upper_bound(lost, requests), "confidence": 0.95, "text": bound_text(lost, requests)}


def _time(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds is not None else None
