# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a debug session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file, write_file
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.document import document
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.follow import Follower
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observed import Observation, clean
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import (
    Observer,
    attach,
    wait_until_it_runs,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.options import DebugOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import COMPLETE, file_name
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.run import Pauses, run_trace
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import rehearse

_FIRST_LOOK = 10.0  # seconds
_LAST_LINES = 3.0
_LISTENING = "listening on"


def foresee(api: Api, target: Target, options: DebugOptions, observer: Observer) -> str:
    """Ask the server by dry runs whether it would attach and stop. Returns what could not be asked, or "".

    Raises SourceError if it would refuse.
    """
    unsure = [rehearse(api, target, options.trace.mode)]
    try:
        attach(api, target, observer, dry=True)
    except ApiError as error:
        if error.status != 403:
            raise
        unsure.append(api.reason(error))
    return "; ".join(filter(None, unsure))


def run_debug(
    api: Api, target: Target, options: DebugOptions, observer: Observer, pauses: Pauses | None = None
) -> dict[str, Any]:
    """Attach the observer, stop the pod, and report both. Raises as run_trace does; then nothing was stopped."""
    refused = rehearse(api, target, options.trace.mode)
    if refused:
        raise SourceError(f"pod {target.namespace}/{target.name}: nothing was attached: {refused}")
    attach(api, target, observer)
    wait_until_it_runs(api, target, observer, options.trace.wait_timeout)
    try:
        follower = Follower(api, target, observer)
        follower.start()
        _require_view(follower, target, observer, capture=options.capture)
        trace = run_trace(api, target, options.trace, pauses)
    except (SourceError, Interrupted) as error:
        error.args = (f"{error} ({observer.leftover})",)
        raise
    # After an interruption there is no wait: the pod continues to stop.
    seen = follower.finish(_LAST_LINES if trace["status"] == COMPLETE else 0.0)
    result = document(observer, seen, follower.trouble, trace, capture=options.capture)
    if options.trace.folder is not None:
        result["files"] = [*trace["files"], *_write(options.trace.folder, result, follower.lines())]
    return result


def _require_view(follower: Follower, target: Target, observer: Observer, *, capture: bool) -> None:
    """Raises SourceError if the observer does not show what was asked for."""

    def shown(seen: Observation) -> bool:
        return seen.last_at is not None and (any(look.processes for look in seen.looks) or not seen.sees_processes)

    def captured(seen: Observation) -> bool:
        return any(_LISTENING in word for word in seen.words)

    missing = ""
    if not follower.wait(shown, _FIRST_LOOK):
        missing = "it shows no processes: the image needs /bin/sh, cat, awk and sleep"
    elif capture and not follower.wait(captured, _FIRST_LOOK):
        missing = "the capture did not start: the image needs tcpdump, and the node must allow it"
    if missing:
        words = follower.trouble or "; ".join(follower.finish(0).words[:3])
        raise SourceError(
            f"pod {target.namespace}/{target.name}: nothing was stopped: ephemeral container of image "
            f"{observer.image}: {missing}" + (f": {words}" if words else "")
        )


def _write(folder: str, result: dict[str, Any], lines: list[str]) -> list[str]:
    """Write the document, and the log lines that it comes from. Raises OSError."""
    name = (result["pod"]["namespace"], result["pod"]["name"])
    document, log = (Path(folder) / file_name(*name, suffix, "debug") for suffix in ("json", "log"))
    write_file(document, json.dumps(result, indent=2) + "\n")
    replace_file(
        log, ("\n".join(map(clean, lines)) + "\n").encode()
    )  # belongs to the document next to it, which is ours
    return [str(document), str(log)]
