# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server would refuse of a workload, as far as a change of the product can bring it about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_HANDLERS = ("exec", "httpGet", "sleep", "tcpSocket")


def faults(obj: dict[str, Any]) -> list[str]:
    """Why the API server would refuse it, each reason with its place."""
    spec = obj["spec"]
    found = list(_of_the_strategy(obj, spec))
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return found + list(_of_the_pod(spec["template"]["spec"]))


def _of_the_strategy(obj: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    ready, deadline = spec.get("minReadySeconds", 0), spec.get("progressDeadlineSeconds", 600)
    if not _whole(ready):
        yield f"minReadySeconds {ready!r}"
    elif obj["kind"] == "Deployment" and deadline <= ready:
        yield "progressDeadlineSeconds must be greater than minReadySeconds"
    if obj["kind"] != "Deployment":
        return
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type", "RollingUpdate") not in ("RollingUpdate", "Recreate"):
        yield "no such strategy"
    if strategy.get("type") == "Recreate" and rolling is not None:
        yield "rollingUpdate may not be specified when strategy is Recreate"
    knobs = [(rolling or {}).get(key, "25%") for key in ("maxSurge", "maxUnavailable")]
    for knob in knobs:
        if not _whole(knob) and not (isinstance(knob, str) and knob.endswith("%") and knob[:-1].isdigit()):
            yield f"{knob!r} is neither a number nor a percentage"
    if all(knob in (0, "0%") for knob in knobs):
        yield "maxUnavailable may not be 0 when maxSurge is 0"
    if isinstance(knobs[1], str) and len(knobs[1]) > 4:
        yield "maxUnavailable must not be greater than 100%"


def _of_the_pod(pod: dict[str, Any]) -> Iterator[str]:
    grace = pod.get("terminationGracePeriodSeconds", 30)
    if not _whole(grace):
        yield f"terminationGracePeriodSeconds {grace!r}"
        return
    for container in (*pod["containers"], *(pod.get("initContainers") or ())):
        name = container["name"]
        for hook, handler in (container.get("lifecycle") or {}).items():
            kinds = [kind for kind in _HANDLERS if (handler or {}).get(kind) is not None]
            if handler is not None and len(kinds) != 1:
                yield f"{name}.{hook} has {len(kinds)} handlers"
            if handler and any(kind not in _HANDLERS or handler[kind] is None for kind in handler):
                yield f"{name}.{hook} has something else than a handler"
            if "sleep" in kinds:
                seconds = handler["sleep"].get("seconds")
                if not _whole(seconds) or seconds > grace:
                    yield f"{name}.{hook}.sleep.seconds {seconds!r} is not between 0 and the grace period"
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            own = (container.get(probe) or {}).get("terminationGracePeriodSeconds")
            if own is not None and (probe == "readinessProbe" or not _whole(own) or own == 0):
                yield f"{name}.{probe}.terminationGracePeriodSeconds {own!r}"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
