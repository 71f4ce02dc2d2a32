# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan file: check mode writes it, with its cost; the run that applies it reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import Guardrails
from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange, cost_of
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan_file import (
    Approved,
    build_plan,
    read_plan,
    to_text,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Source
from ansible_collections.graceful.termination.plugins.module_utils.run.choose import canary_pods
from ansible_collections.graceful.termination.plugins.module_utils.run.wave import Wave
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot


def open_plan(source: Source, guardrails: Guardrails, *, check: bool) -> Approved | None:
    """The plan that this run applies, if any. Raises ValueError if it must not be applied, SourceError."""
    if not guardrails.plan or check:
        return None
    try:
        text = Path(guardrails.plan).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(
            f"plan {guardrails.plan}: no such file; write it with check mode (--check) and the same options; "
            "nothing was done"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"plan {guardrails.plan}: {reason}; nothing was done") from None
    return read_plan(text, guardrails.plan, source, datetime.now(UTC))


def cost(changes: Sequence[PlannedChange], wave: Wave, snapshot: Snapshot) -> dict[str, Any]:
    """The cost of the changes of all waves, the drill included."""
    canary = wave.canary if changes else None
    return cost_of(changes, (canary.key, canary_pods(canary, snapshot, 0)) if canary else None)


def write_plan(source: Source, changes: Sequence[PlannedChange], cost: Mapping[str, Any], path: str) -> None:
    """Write the plan of a check-mode run. Raises ValueError."""
    try:
        write_file(Path(path), to_text(build_plan(source, changes, cost, datetime.now(UTC))))
    except OSError as error:
        raise ValueError(f"plan {path}: {error.strerror}; nothing was done") from None
