# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded terminations (folder recorded, from real clusters), and ways to tell them otherwise."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.document import (
    COMPLETE,
    Outcome,
    document,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import (
    TRACE_OPTIONS,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.recorder import EVENTS, POD, Seen
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.trigger import Request
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload

FOLDER = Path(__file__).parent / "recorded"
NAMES = ("deaf", "no-binary", "long-hook", "slow-drain")


def options_of(**given: Any) -> Any:
    """Options of a trace, checked."""
    return read_options({name: option.get("default") for name, option in TRACE_OPTIONS.items()} | given)


class Story:
    """One termination as it was recorded; its methods change it, each returns the story."""

    def __init__(self, name: str):
        recorded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        self.pod: dict[str, Any] = recorded["pod"]
        self.services: list[str] = recorded["services"]
        self.request: Request | None = Request(*recorded["request"])
        self.seen = [Seen(*entry) for entry in recorded["seen"]]
        self.unseen: dict[str, str] = {}
        self.status = COMPLETE
        self.kind = "Deployment"

    @property
    def container(self) -> dict[str, Any]:
        """The only container of the pod's spec."""
        found: dict[str, Any] = self.pod["spec"]["containers"][0]
        return found

    def without(self, wanted: Callable[[Seen], bool]) -> Story:
        """Drop what was seen."""
        self.seen = [entry for entry in self.seen if not wanted(entry)]
        return self

    def without_watch(self, *names: str) -> Story:
        """As without the right to watch."""
        self.unseen |= dict.fromkeys(names, "forbidden: cannot watch (403)")
        return self.without(lambda entry: entry.watch in names)

    def without_event(self, reason: str) -> Story:
        """Drop the events of one reason."""
        return self.without(lambda entry: entry.watch == EVENTS and entry.obj["reason"] == reason)

    def ending(self, code: int, reason: str = "Error", **fields: Any) -> Story:
        """Let the container end otherwise; `seconds` moves the time of its end."""
        seconds = fields.pop("seconds", None)

        def change(obj: dict[str, Any]) -> None:
            for status in obj["status"]["containerStatuses"]:
                if status["terminated"]:
                    status["terminated"] |= {"exitCode": code, "reason": reason, **fields}
                    if seconds is not None:
                        status["terminated"]["finishedAt"] = self._at(seconds)

        return self.pods(change)

    def unready_after(self, seconds: float) -> Story:
        """Let the readiness probe fail before the containers end."""
        marked = next(
            entry for entry in self.seen if entry.watch == POD and "deletionTimestamp" in entry.obj["metadata"]
        )
        obj = copy.deepcopy(marked.obj)
        for condition in obj["status"]["conditions"]:
            if condition["type"] == "Ready":
                condition["status"] = "False"
        self.seen.append(Seen(marked.at + seconds, POD, "MODIFIED", obj))
        self.seen.sort(key=lambda entry: entry.at)
        return self

    def pods(self, change: Callable[[dict[str, Any]], None]) -> Story:
        """Change each state of the pod."""
        self.seen = [copy.deepcopy(entry) for entry in self.seen]
        for entry in self.seen:
            if entry.watch == POD:
                change(entry.obj)
        return self

    def document(self, **given: Any) -> dict[str, Any]:
        """The trace of it."""
        workload = {
            "apiVersion": "apps/v1",
            "kind": self.kind,
            "metadata": {"name": self.services[0], "namespace": "shop"},
            "spec": {"template": {"spec": self.pod["spec"]}},
        }
        target = Target(self.pod, read_workload(workload), "the oldest ready one of 2", tuple(self.services), "")
        outcome = Outcome(self.status, "", self.seen, self.request, self.unseen)
        return document(target, options_of(**given), outcome, "test", 9)

    def verdict(self) -> tuple[str | None, str]:
        """(cause, level)."""
        verdict = self.document()["verdict"]
        return verdict["cause"], verdict["level"]

    def _at(self, seconds: float) -> str:
        from datetime import datetime, timedelta

        for entry in self.seen:
            metadata = entry.obj.get("metadata", {})
            if entry.watch == POD and metadata.get("deletionTimestamp"):
                begun = timedelta(seconds=seconds - metadata["deletionGracePeriodSeconds"])
                return (datetime.fromisoformat(metadata["deletionTimestamp"]) + begun).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise AssertionError("the pod was not marked")


def steps_of(trace: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Steps by name; of several containers or Services the last one."""
    return {step["name"]: step for step in trace["steps"]}
