# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of human formats about changes: what they cost, what was done, what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, number, visible
from ansible_collections.graceful.termination.plugins.module_utils.report.view import rank, ranked

# The order in which a person reads them; other statuses come last.
ACTION_STATUSES = ("failed", "refused", "skipped", "changed", "would-change", "unchanged")


def preflight(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what preflight found, the objects concerned), each text once, the most frequent first."""
    about: dict[str, list[str]] = {}
    for action in report["actions"]:
        for note in action.get("preflight") or ():
            about.setdefault(visible(note), []).append(visible(action["object"]))
    return ranked(about)


def cost(report: Mapping[str, Any]) -> str:
    """The cost of the changes of a check-mode run on a live cluster, with untrusted names; empty without changes."""
    found = report.get("cost")
    if not found or not found["workloads"] or report["source"]["type"] != "cluster":
        return ""
    pods = found["pods_restarted"]
    text = f"{count(found['workloads'], 'workload')}, {count(pods, 'pod restarts', 'pods restart')}"
    drill = found.get("drill")
    if drill:
        text += f", {drill['pods_restarted']:,} of them for the drill of {drill['object']}"
    if pods:
        text += "; the first rollout still stops them with the old spec"
    drain = found["node_drain"]
    if drain:
        text += (
            f"; a node drain takes up to {number(drain['seconds_longer'])} s longer "
            f"({drain['object']}: grace {drain['grace_before']} → {drain['grace_after']} s)"
        )
    return text


def in_waves(report: Mapping[str, Any]) -> bool:
    """Whether there was more than one wave, so that the wave is shown."""
    return any(action.get("wave") not in (None, 1) for action in report["actions"])


def aftermath(action: Mapping[str, Any], *, waves: bool) -> str:
    """The reason of an action, and with `waves` its wave; untrusted text."""
    wave = f"wave {action['wave']}" if waves and action.get("wave") else ""
    return "; ".join(filter(None, (wave, action.get("reason"))))


def actions(report: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """The counts by status in one line, and all actions except unchanged ones, those that need a person first."""
    amounts = Counter(action["status"] for action in report["actions"])
    known = [status for status in ACTION_STATUSES if amounts[status]]
    counts = [
        f"{amounts[status]:,} {visible(status).replace('-', ' ')}" for status in known + sorted({*amounts} - {*known})
    ]
    rows = [action for action in report["actions"] if action["status"] != "unchanged"]
    rows.sort(key=lambda action: (rank(action["status"], ACTION_STATUSES), action["object"], action.get("file") or ""))
    return ", ".join(counts) or "nothing to do", rows
