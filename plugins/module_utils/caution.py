# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of remediate that say how far it goes at a time, and what it does where that goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ansible_collections.graceful.termination.plugins.module_utils.journal import Journal
from ansible_collections.graceful.termination.plugins.module_utils.waves import ALL_AT_ONCE, Progress, read_waves

# Documented in modules/remediate.py. The one with an underscore is set by the action plugin, which calls once a wave.
CAUTION_OPTIONS: dict[str, dict[str, Any]] = {
    "plan": {"type": "str"},
    "waves": {"type": "list", "elements": "str", "default": list(ALL_AT_ONCE)},
    "max_pods_restarted": {"type": "int"},
    "on_failure": {"type": "str", "choices": ["hold", "restore"], "default": "hold"},
    "_progress": {"type": "dict", "default": {}},
}


@dataclass(frozen=True, slots=True)
class Caution:
    """`plan` is the file that check mode writes and the real run applies, `max_pods` what a run restarts at most.

    `restores`: what does not come up is put back. Without a `journal` no later run can do that.
    """

    plan: str | None = None
    waves: tuple[str, ...] = ALL_AT_ONCE
    max_pods: int | None = None
    restores: bool = False
    progress: Progress = field(default_factory=Progress)
    journal: Journal | None = None


def read_caution(params: Mapping[str, Any], resolve: Callable[[str], str]) -> Caution:
    """Check module parameters; `resolve` makes a user's path one that can be opened. Raises ValueError."""
    waves, most, restores = read_waves(params["waves"]), params["max_pods_restarted"], params["on_failure"] == "restore"
    if most is not None and most < 0:
        raise ValueError(f"max_pods_restarted (termination_max_pods_restarted): {most} is not a number of pods")
    if not params["wait"] and (len(waves) > 1 or restores):
        what = "on_failure restore (termination_on_failure)" if restores else "more than one wave (termination_waves)"
        raise ValueError(f"{what} needs wait (termination_wait): what is not awaited cannot be judged")
    progress = Progress(**({"run": uuid4().hex} | params["_progress"]))
    folder = params["report_dir"]
    return Caution(
        plan=resolve(params["plan"]) if params["plan"] else None,
        waves=waves,
        max_pods=most,
        restores=restores,
        progress=progress,
        journal=Journal(resolve(folder), progress.run) if folder else None,
    )
