# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of remediate: which changes are made now, and what is told of those that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.canary import Canary
from ansible_collections.graceful.termination.plugins.module_utils.apply.caution import Caution
from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.screening import cleared
from ansible_collections.graceful.termination.plugins.module_utils.apply.waves import (
    ALL_AT_ONCE,
    Progress,
    Schedule,
    in_last_wave,
    schedule,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.base.text import count
from ansible_collections.graceful.termination.plugins.module_utils.plan.audit import Audit
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import Step, cost_of
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan_file import (
    Approved,
    build_plan,
    read_plan,
    to_text,
)
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import NOT_YET, Action, Source
from ansible_collections.graceful.termination.plugins.module_utils.report.document import action_entry, report_action
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity

_Place = tuple[Any, ...]


@dataclass
class Wave:
    """What is done now, and `later`: the steps of waves to come. `actions` are entries of the report, earlier waves in.

    `numbers` are the waves of the steps, by the identities of their workloads; `of` is how many waves there are.
    `canary` is to be drilled once one of its workloads is changed. `warning` is what a person is to know of it.
    """

    steps: tuple[Step, ...]
    later: tuple[Step, ...]
    numbers: dict[Identity, int]
    number: int
    of: int
    total: int
    actions: list[dict[str, Any]]
    canary: Canary | None = None
    warning: str | None = None

    @property
    def changes(self) -> list[Change]:
        """What the source is to write."""
        return [step.change for step in self.steps]

    def told(self, action: Action) -> Action:
        """The action with its wave, and with what was seen before the start."""
        identity = action.workload.identity
        notes = next((step.notes for step in self.steps if step.change.workload.identity == identity), ())
        return replace(action, wave=self.numbers.get(identity), preflight=notes)

    def end(self, actions: Sequence[Action], interrupted: str | None, before: Progress) -> Progress | None:
        """Take in what became of the wave. Returns where the next one begins; None where there is none."""
        self.actions += map(report_action, actions)
        stop = f"not started: {interrupted}" if interrupted else None
        if not stop and any(action.status == "failed" and action.wave for action in actions):
            stop = f"not started: wave {self.number} of {self.of} did not come up"
        elif not stop and any(action.stops for action in actions):
            stop = NOT_YET
        if stop:
            self.actions += [report_action(Action(step.change.workload, "skipped", stop)) for step in self.later]
        changed = any(action.status == "changed" and action.wave for action in actions)
        due = self.canary.arguments() if self.canary and changed and not before.drill else None
        if stop or not (self.later or due):
            return None
        return Progress(
            before.run,
            self.number,
            self.total,
            before.started + len(self.steps),
            before.pods + sum(step.pods for step in self.steps),
            self.of,
            self.actions,
            before.drill,
            due,
        )


def open_plan(source: Source, caution: Caution, *, check: bool) -> Approved | None:
    """The plan that this run applies, if it applies one. Raises ValueError where it must not, SourceError."""
    if not caution.plan or check:
        return None
    try:
        text = Path(caution.plan).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(
            f"plan {caution.plan}: there is none to apply: check mode (--check) with the same options writes it; "
            "nothing was done"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"plan {caution.plan}: {reason}; nothing was done") from None
    return read_plan(text, caution.plan, source, datetime.now(UTC))


def choose(
    snapshot: Snapshot, judged: Audit, source: Source, caution: Caution, approved: Approved | None, *, check: bool
) -> Wave:
    """What is to be done now of what was judged: the next wave, in check mode all of them."""
    progress, live = caution.progress, snapshot.type == "cluster"
    undrilled = caution.undrilled
    # Those of a wave that was not drilled with success are told anew.
    wave = {entry["object"] for entry in progress.actions if undrilled and in_last_wave(entry, progress)}
    again = [workload for workload in snapshot.workloads if workload.key in wave]
    actions = [entry for entry in progress.actions if entry["object"] not in {workload.key for workload in again}]
    done = {_place(entry) for entry in progress.actions}
    told = [report_action(Action(workload, "refused", reason)) for workload, reason in judged.refused]
    steps = [step for step in judged.steps if _place(report_action(Action(step.change.workload, ""))) not in done]
    if approved:
        planned = {(entry["object"], entry["file"]) for entry in approved.objects.values()}
        steps, others = approved.measure(
            steps, snapshot.workloads, source, {workload.identity for workload, _reason in judged.refused}
        )
        told = [entry for entry in told if (entry["object"], entry["file"]) in planned]
        told += [action_entry(entry["object"], entry["file"], entry["line"], *why) for entry, *why in others]
    waves = caution.waves if live else ALL_AT_ONCE
    plan = Schedule(((1, tuple(steps)),), ())
    warning = canary = None
    if live:
        canary = caution.canary if steps or undrilled else None
        first, reserved = (canary.key, _drilled_pods(canary, snapshot, progress.wave)) if canary else ("", 0)

        def arrange(withheld: Mapping[_Place, str]) -> Schedule:
            most = caution.max_pods
            return schedule(steps, waves, most, progress, first=first, reserved=reserved, withheld=withheld)

        plan = arrange({})
        over = None if check else caution.over(datetime.now(UTC))
        amount = sum(len(part) for _number, part in plan.waves)
        if undrilled:
            plan = plan.closed(f"not started: after wave {progress.wave} of {progress.of} {undrilled}")
        elif over and amount:
            plan = plan.closed(f"not started: {over}")
            warning = f"{count(amount, 'workload was', 'workloads were')} not begun: {over}: the next run goes on"
        else:
            plan = cleared(arrange, source, every=check)
    now = plan.waves if check else plan.waves[:1]
    later = [step for _number, part in plan.waves[len(now) :] for step in part]
    if later:
        later += (step for step, _reason in plan.crowded)  # decided anew when the next wave begins
        left = plan.left
    else:
        left = (*plan.left, *plan.crowded)
    told += [report_action(Action(step.change.workload, "skipped", reason)) for step, reason in left]
    actions += [entry for entry in told if _place(entry) not in done]
    numbers = {step.change.workload.identity: number for number, part in now for step in part}
    numbers |= {workload.identity: progress.wave for workload in again}
    return Wave(
        steps=tuple(step for _number, part in now for step in part),
        later=tuple(later),
        numbers=numbers,
        number=now[-1][0] if now else len(waves),
        of=len(waves),
        total=progress.total or len(steps),
        actions=actions,
        canary=canary,
        warning=warning,
    )


def cost(steps: Sequence[Step], wave: Wave, snapshot: Snapshot) -> dict[str, Any]:
    """What those steps of all waves that would be done cost, the drill included."""
    canary = wave.canary if steps else None
    return cost_of(steps, (canary.key, _drilled_pods(canary, snapshot, 0)) if canary else None)


def write_plan(source: Source, steps: Sequence[Step], cost: Mapping[str, Any], path: str) -> None:
    """Write what a run in check mode says would be done. Raises ValueError."""
    try:
        write_file(Path(path), to_text(build_plan(source, steps, cost, datetime.now(UTC))))
    except OSError as error:
        raise ValueError(f"plan {path}: {error.strerror}; nothing was done") from None


def _drilled_pods(canary: Canary, snapshot: Snapshot, wave: int) -> int:
    """How many pods the drill restarts. Raises ValueError where the workload is not there before the first `wave`."""
    for workload in snapshot.workloads:
        if workload.key == canary.key:
            return workload.pods_wanted or 0
    if wave:
        return 0  # gone meanwhile: the drill will say so
    raise ValueError(
        f"canary_drill (termination_canary_drill): {canary.key} is not among the workloads that this run looks at; "
        "nothing was done"
    )


def _place(entry: Mapping[str, Any]) -> _Place:
    return entry["object"], entry["file"], entry["line"]
