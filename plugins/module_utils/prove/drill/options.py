# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checked options of a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import ROLLING
from ansible_collections.graceful.termination.plugins.module_utils.prove.choose import (
    TARGET_OPTIONS,
    read_folder,
    read_selection,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection

RESTART, EVICT = "restart", "evict"

# Documented in plugins/modules/drill.py. Those with an underscore are set by the action plugin, not by a user.
DRILL_OPTIONS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "rounds": {"type": "int", "default": 3},
    "rate": {"type": "int", "default": 50},
    "mode": {"type": "str", "choices": [RESTART, EVICT], "default": RESTART},
    "max_lost": {"type": "int", "default": 0},
    **TARGET_OPTIONS,
    "_progress": {"type": "str", "default": ""},
}
_MINIMUM = {"rounds": 1, "rate": 1, "max_lost": 0, "wait_timeout": 1}
# One client cannot send more; its losses would then be its own.
_MAXIMUM = {"rate": 1000, "rounds": 1000}


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """`rate` in fresh connections a second; `wait_timeout` in seconds for each round; `folder` None writes no file."""

    url: str
    rounds: int
    rate: int
    mode: str
    max_lost: int
    wait_timeout: int
    selection: Selection
    folder: str | None


def read_options(params: Mapping[str, Any]) -> DrillOptions:
    """Check module parameters. Raises ValueError: the option, the reason and what is valid."""
    for name, minimum in _MINIMUM.items():
        if params[name] < minimum:
            raise ValueError(f"{name}: {params[name]} is less than {minimum}")
    for name, maximum in _MAXIMUM.items():
        if params[name] > maximum:
            raise ValueError(f"{name}: {params[name]} is more than {maximum}")
    return DrillOptions(
        url=checked_url(params["url"]),
        rounds=params["rounds"],
        rate=params["rate"],
        mode=params["mode"],
        max_lost=params["max_lost"],
        wait_timeout=params["wait_timeout"],
        selection=read_selection(params, f"a drill stops pods of {', '.join(ROLLING)} only"),
        folder=read_folder(params),
    )


def checked_url(url: str) -> str:
    """The checked URL, which reports show, too. Raises ValueError."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("url: not of the form http://host[:port]/path or https://host[:port]/path")
    if parts.username is not None:
        raise ValueError("url: reports would show the user name or password in it: use a URL without them")
    return url
