# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of one change to a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Action, Diff


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The outcome of one change.

    `stored` is the object as the server returned it last; None if nothing was stored. `restarts`: that replaces pods,
    so there is a rollout to follow. `sent` is what was sent of their spec, which each new pod must have; empty if that
    is nothing. `undo` is None if the values before are unknown. `rollout_failed`: it certainly failed.
    """

    action: Action
    diff: Diff | None = None
    stored: Obj | None = None
    restarts: bool = False
    sent: dict[str, Any] = field(default_factory=dict)
    undo: Undo | None = None
    rollout_failed: bool = False
