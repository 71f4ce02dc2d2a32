# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of one change that was written to a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change. `stored` is the object as the server returned it last; None when nothing was stored.

    `template` is the part that was stored and restarts pods, empty if there is none. `undo` is None where it is not
    known what was there before; `down`: its rollout is known not to have come up.
    """

    action: Action
    diff: Diff | None = None
    stored: dict | None = None
    template: dict[str, Any] | None = None
    undo: Undo | None = None
    down: bool = False
