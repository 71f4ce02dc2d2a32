# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drill.json: a record as plain data."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.bound import bound_text, upper_bound
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.record import Phase, Record
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLASSES,
    KEPT,
    OK,
    REUSED,
    STREAMS,
    UPLOAD,
    Counts,
    Sample,
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

SHOWN_LOSSES = 200


def document(record: Record) -> dict[str, Any]:
    """drill.json from a record that does not change: see Record.frozen."""
    counts = record.load.tally.counts()
    events = Events([pod for pod in record.pods if pod.marked_at is not None], record.outages)
    workload = record.workload
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "status": record.status,
        "reason": record.reason,
        "started_at": _time(record.started_at),
        "ended_at": _time(record.ended_at),
        "cluster": record.cluster,
        "workload": {
            "apiVersion": workload.api_version,
            "kind": workload.kind,
            "namespace": workload.namespace,
            "name": workload.name,
            "uid": workload.obj["metadata"].get("uid"),
            "deployed": deployed(workload),
        },
        "url": record.options.url,
        "mode": record.options.mode,
        "max_lost": record.options.max_lost,
        "changed": record.changed,
        "noise": [_phase(phase) for phase in record.noise],
        "rounds": record.rounds,
        "rate": _phase(record.load)["rate"],
        "requests": counts.requests,
        "lost": counts.by_class(),
        "lost_total": counts.lost,
        "bound": _bound(counts.lost, counts.requests),
        "streams": _streams(record, counts),
        "when": dict(sorted(Counter(events.moment(loss) for loss in counts.losses).items())),
        "losses": [_loss(loss, events) for loss in counts.losses[:SHOWN_LOSSES]],
        "losses_left_out": max(0, counts.lost - SHOWN_LOSSES),
        "classes": {name: CLASSES[name] for name in counts.by_class()},
        "pods": [_pod(record, pod) for pod in events.stops],
        "checks": [
            {"check": check.question, "result": check.result, "evidence": check.evidence}
            for check in _checks(record, events)
        ],
        "hints": _hints(record, counts, events),
    }


def _streams(record: Record, counts: Counts) -> dict[str, Any]:
    streams: dict[str, Any] = {}
    for stream in STREAMS:
        outcomes = counts.outcomes[stream]
        total, lost = outcomes.total(), outcomes.total() - outcomes[OK]
        streams[stream] = {"requests": total, "lost": counts.by_class(stream), "bound": _bound(lost, total)}
    streams[KEPT]["closed_by_server"] = record.load.tally.closes
    streams[UPLOAD] |= {
        "seconds": record.upload_seconds,
        "abandoned": record.load.tally.abandoned,
        "reason": record.no_upload,
    }
    return streams


def _pod(record: Record, pod: Pod) -> dict[str, Any]:
    containers = []
    for ended, (result, why) in zip(pod.containers, _exits(record, pod), strict=True):
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


def _exits(record: Record, pod: Pod) -> list[tuple[str, str]]:
    java = {container.name for container in record.workload.containers if runs_java(container)}
    return [judge_exit(ended, pod, java=ended.name in java) for ended in pod.containers]


def _checks(record: Record, events: Events) -> list[Check]:
    tally = record.load.tally
    gone = [pod for pod in events.stops if pod.gone_at is not None]
    return [
        stops_accepting(tally, events),
        finishes_in_flight(tally, events, record.hook_seconds, record.no_upload),
        releases(tally),
        clean_exit([result for pod in gone for result in _exits(record, pod)]),
    ]


def _hints(record: Record, counts: Counts, events: Events) -> list[str]:
    hints = []
    noise = record.noise[-1].tally.counts().losses if record.noise else ()
    old = leftovers(counts.losses, events) + leftovers(noise, Events())
    if old:
        hints.append(
            f"{count(old, 'loss', 'losses')} after {LEFTOVER_SECONDS:g} s or more while no pod was stopping: the "
            "connection tracking of a node probably still sent them to a deleted pod; its entries last 2 minutes, so "
            "after a drill or an outage that lost requests, wait that long and drill again"
        )
    moments = Counter(events.moment(loss) for loss in counts.losses)
    after = moments[AFTER] - leftovers(counts.losses, events)
    if after > 0:
        hints.append(
            f"{count(after, 'loss', 'losses')} after the pods had gone: kube-proxy, an ingress or a load balancer "
            "still sent requests to them: the pods stop too soon, or endpoint changes arrive too late"
        )
    if moments[UNSERVED]:
        hints.append(
            f"{count(moments[UNSERVED], 'loss', 'losses')} while no pod was ready: the rollout "
            "strategy, an eviction or a deletion left none to serve"
        )
    if record.noise and record.noise[-1].asked < record.options.rate:
        hints.append(
            f"the client could not send {record.options.rate} fresh connections a second: the rate was lowered to "
            f"{record.noise[-1].asked:g}"
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


def _phase(phase: Phase) -> dict[str, Any]:
    counts = phase.tally.counts()
    return {
        "requests": counts.requests,
        "lost": counts.by_class(),
        "seconds": round(phase.seconds, 1),
        "rate": {"asked": phase.asked, "achieved": round(phase.achieved, 1), "late": phase.tally.late},
    }


def _bound(lost: int, requests: int) -> dict[str, Any]:
    return {"upper": upper_bound(lost, requests), "confidence": 0.95, "text": bound_text(lost, requests)}


def _time(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds is not None else None
