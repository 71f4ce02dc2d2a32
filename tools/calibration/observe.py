# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill showed, in the words of a prediction, and where the two disagree."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from ansible_collections.graceful.termination.tools.calibration.meanings import (
    CAPACITY,
    FRESH,
    IN_FLIGHT,
    KILLED,
    NO,
    OUTCOMES,
    STUCK,
    UNKNOWN,
    YES,
)
from ansible_collections.graceful.termination.tools.calibration.variants import Refused

NOT_OBSERVED = "not observed"
NOTHING_LOST, STOP_SECONDS = "nothing lost", "stop seconds"
TOLERANCE = 2  # seconds, to which the API shows how long a stop was
_CUT = ("reset", "closed-early", "timeout")  # an upload that was refused was not under way


def observe(drill: dict[str, Any], least_ready: int, replicas: int) -> dict[str, Any]:
    """What is kept of a drill.json. `least_ready`: pods that were ready at the worst moment.

    Raises Refused where the drill came to no end that says anything.
    """
    stuck = drill["status"] == "error" and "not done after" in drill["reason"]
    if drill["status"] not in ("passed", "failed") and not stuck:
        raise Refused(f"the drill is {drill['status']}: {drill['reason']}")
    uploads, in_flight = drill["streams"]["upload"], drill["checks"][1]["result"]
    containers = [container for pod in drill["pods"] for container in pod["containers"]]
    codes = Counter(str(entry["exit_code"]) for entry in containers if entry["exit_code"] is not None)
    seconds = [entry["stop_seconds"] for entry in containers if entry["stop_seconds"] is not None]
    cut = sum(uploads["lost"].get(name, 0) for name in _CUT)
    return {
        "outcomes": {
            FRESH: _yes(drill["streams"]["fresh"]["lost"]),
            IN_FLIGHT: NOT_OBSERVED if not cut and in_flight == "not observed" else _yes(cut),
            KILLED: NOT_OBSERVED if containers and not codes else _yes(codes["137"]),
            CAPACITY: _yes(least_ready < replicas),
            STUCK: _yes(stuck),
        },
        "requests": drill["requests"],
        "lost": drill["lost"],
        "lost_total": drill["lost_total"],
        "bound": drill["bound"]["text"],
        "streams": {
            name: {"requests": stream["requests"], "lost": stream["lost"], "bound": stream["bound"]["text"]}
            for name, stream in drill["streams"].items()
        },
        "exit_codes": dict(codes),
        "stop_seconds": [round(min(seconds)), round(max(seconds))] if seconds else None,
        "least_ready": least_ready,
        "rounds": len(drill["rounds"]),
        "upload_seconds": uploads["seconds"],
        "ended_at": drill["ended_at"],
    }


def compare(prediction: dict[str, Any], measurement: dict[str, Any]) -> dict[str, bool]:
    """Whether each outcome that was predicted and observed agrees."""
    agrees = {
        outcome: predicted == measurement["outcomes"][outcome]
        for outcome in OUTCOMES
        if (predicted := prediction["outcomes"][outcome]) != UNKNOWN
        and measurement["outcomes"][outcome] != NOT_OBSERVED
    }
    if prediction["clean"]:
        agrees[NOTHING_LOST] = measurement["lost_total"] == 0
    if prediction["stop_seconds"] and measurement["stop_seconds"]:
        least, most = prediction["stop_seconds"]
        shortest, longest = measurement["stop_seconds"]
        agrees[STOP_SECONDS] = shortest >= least - TOLERANCE and (most is None or longest <= most + TOLERANCE)
    return agrees


def disagreements(prediction: dict[str, Any], measurement: dict[str, Any]) -> list[str]:
    """What was measured otherwise than predicted."""
    return [outcome for outcome, agrees in compare(prediction, measurement).items() if not agrees]


def fingerprint(predicted: dict[str, Any]) -> str:
    """Of both predictions of a variant and its digest, so that a measurement names the ones it was made for."""
    return hashlib.sha256(json.dumps(predicted, sort_keys=True).encode()).hexdigest()[:16]


def _yes(what: object) -> str:
    return YES if what else NO
