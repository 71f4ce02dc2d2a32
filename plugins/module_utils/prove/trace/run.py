# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a trace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file, write_file
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import (
    COMPLETE,
    FAILURE,
    INTERRUPTED,
    TIMEOUT,
    Outcome,
    document,
    file_name,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.history import History
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import RESTART, TraceOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import (
    ENDPOINTS,
    POD,
    REPLACEMENT,
    Recorder,
    Seen,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.streams import streams_for
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.svg import draw
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import Request, stop


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds: until the watches are connected, and for events that arrive after the pod is deleted."""

    settle: float = 0.5
    linger: float = 1.5


def run_trace(api: Api, target: Target, options: TraceOptions, pauses: Pauses | None = None) -> dict[str, Any]:
    """Stop the pod and record it. Raises SourceError, Interrupted if nothing was stopped; Unreadable, OSError.

    Later errors, an interruption included, are the status and reason of the document. Nothing is created, so nothing
    is left behind.
    """
    recorder = Recorder(api)
    if target.blind:
        recorder.unseen[ENDPOINTS] = target.blind
    times = pauses or Pauses()
    try:
        for stream in streams_for(target):
            recorder.open(stream)
        if POD in recorder.unseen:
            raise SourceError(f"{api.name}: nothing was stopped: {recorder.unseen[POD]}")
        time.sleep(times.settle)
        outcome = _record(recorder, target, options, times)
    finally:
        recorder.close()
    result = document(target, options, outcome, api.name, api.requests)
    if options.folder is not None:
        result["files"] = _write(options.folder, result)
    return result


def _record(recorder: Recorder, target: Target, options: TraceOptions, times: Pauses) -> Outcome:
    request: Request | None = None
    try:
        request = stop(recorder.api, target, options.mode, recorder.now)
        status, reason = _watch(recorder, target, options, times)
    except Interrupted as error:
        # During the request it is unknown whether it succeeds, but the deletionTimestamp arrives at once.
        if request is None and not recorder.wait(_marked, recorder.now() + times.settle):
            raise
        status, reason = INTERRUPTED, f"interrupted by {error}; the pod continues to stop by itself"
    # A restart changes the template; the deletion request for the pod comes from its controller.
    own = None if options.mode == RESTART else request
    return Outcome(status, reason, recorder.seen(), own, dict(recorder.unseen))


def _watch(recorder: Recorder, target: Target, options: TraceOptions, times: Pauses) -> tuple[str, str]:
    """Wait until the pod is deleted and, if it has a workload, its replacement is ready."""
    until = recorder.now() + options.wait_timeout

    def over(seen: list[Seen]) -> bool:
        return POD in recorder.unseen or any(entry.watch == POD and entry.type == "DELETED" for entry in seen)

    deleted = recorder.wait(over, until)
    if POD in recorder.unseen:
        return FAILURE, f"the pod could no longer be watched: {recorder.unseen[POD]}"
    if not deleted:
        return TIMEOUT, f"the pod was not deleted after {options.wait_timeout} s"
    recorder.wait(_never, min(until, recorder.now() + times.linger))
    if target.workload is not None and not recorder.wait(_replaced(recorder, target.workload.kind), until):
        return COMPLETE, f"no replacement was ready {options.wait_timeout} s after the request"
    return COMPLETE, ""


def _replaced(recorder: Recorder, kind: str) -> Callable[[list[Seen]], bool]:
    def replaced(seen: list[Seen]) -> bool:
        found = History(seen, None, kind).replacement
        return REPLACEMENT in recorder.unseen or (found is not None and found[2] is not None)

    return replaced


def _never(_seen: list[Seen]) -> bool:
    return False


def _marked(seen: list[Seen]) -> bool:
    return any(entry.watch == POD and entry.obj["metadata"].get("deletionTimestamp") for entry in seen)


def _write(folder: str, result: dict[str, Any]) -> list[str]:
    """Write the document and its drawing, each atomically. Raises OSError."""
    document, drawing = (
        Path(folder) / file_name(result["pod"]["namespace"], result["pod"]["name"], suffix)
        for suffix in ("json", "svg")
    )
    write_file(document, json.dumps(result, indent=2) + "\n")
    replace_file(drawing, draw(result).encode())  # belongs to the document next to it, which is ours
    return [str(document), str(drawing)]
