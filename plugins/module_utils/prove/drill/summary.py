# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill for a person at a terminal: what was lost, what that proves, and how the pods stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import count, visible, wrap

_SHOWN_PODS = 10
_LABEL = 14  # columns
_BOLD, _RED, _YELLOW, _GREEN = "1", "31", "33", "32"
_COLORS = {
    "passed": _GREEN,
    "failed": _RED,
    "error": _RED,
    "unclear": _YELLOW,
    "noisy": _YELLOW,
    "interrupted": _YELLOW,
}


def render(document: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """A drill.json dictionary as text that ends with a line end. `width` in columns; `color` adds SGR codes."""
    lines = []
    for label, text, code in _rows(document):
        first, *rest = wrap(visible(text), max(width, 40) - _LABEL)
        painted = f"\x1b[{code}m{label:<{_LABEL}}\x1b[0m" if color and code and label else f"{label:<{_LABEL}}"
        lines += [(painted + first).rstrip(), *(" " * _LABEL + line for line in rest)]
    return "\n".join(lines) + "\n"


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(label, text, color of the label)."""
    workload = document["workload"]
    name = f"{workload['namespace']}/{workload['kind']}/{workload['name']}"
    rounds = count(len(document["rounds"]), "round")
    yield "drill", f"{name} on {document['cluster']}, {document['mode']}, {rounds}, {document['url']}", _BOLD
    for noise in document["noise"]:
        rate = noise["rate"]
        yield (
            "noise",
            f"{_lost(sum(noise['lost'].values()), noise['requests'], noise['lost'])} with nothing stopped, in "
            f"{noise['seconds']:g} s; {rate['achieved']:g} of {rate['asked']:g} fresh connections a second",
            "",
        )
    label = "lost"
    for stream, counted in document["streams"].items():
        lost = sum(counted["lost"].values())
        if counted["requests"] or not counted.get("reason"):
            bound = counted["bound"]["text"].partition(": ")[2]
            yield (
                label,
                f"{stream:<11} {_lost(lost, counted['requests'], counted['lost'])}: {bound}",
                _RED if lost else "",
            )
        else:
            yield label, f"{stream:<11} not sent: {counted['reason']}", ""
        label = ""
    if document["when"]:
        when = ", ".join(f"{amount:,} {moment}" for moment, amount in document["when"].items())
        yield "", f"{'when':<11} {when}", ""
    yield "proven", document["bound"]["text"], ""
    label = "stopped"
    for pod in document["pods"][:_SHOWN_PODS]:
        yield label, f"{pod['name']}: {_stop(pod)}", ""
        label = ""
    if len(document["pods"]) > _SHOWN_PODS:
        yield label, f"and {len(document['pods']) - _SHOWN_PODS} more pods in drill.json", ""
    for check in document["checks"]:
        yield check["result"], f"{check['check']}: {check['evidence']}", _COLORS.get(check["result"], "")
    for hint in document["hints"]:
        yield "hint", hint, ""
    yield document["status"].upper(), document["reason"], _COLORS.get(document["status"], "")


def _lost(lost: int, requests: int, classes: Mapping[str, int]) -> str:
    named = ", ".join(f"{name} {amount:,}" for name, amount in classes.items())
    return f"{lost:,} of {requests:,} lost" + (f" ({named})" if named else "")


def _stop(pod: Mapping[str, Any]) -> str:
    """Such as `app exit 0 after 12 s, 30 s allowed`."""
    texts = []
    for container in pod["containers"]:
        code, seconds = container["exit_code"], container["stop_seconds"]
        text = f"{container['name']} " + ("no exit code seen" if code is None else f"exit {code}")
        texts.append(text + (f" after {seconds:g} s" if seconds is not None else ""))
    allowed = f"; {pod['grace']} s allowed" if pod["grace"] is not None else ""
    going = "" if pod["gone_at"] else "; not deleted yet"
    return f"{', '.join(texts)}{allowed}{going}"
