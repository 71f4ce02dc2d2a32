# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a source of workloads. Only a source knows where objects come from and how to write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

NOT_YET = "not started: a rollout of an earlier run failed"


@dataclass(frozen=True, slots=True)
class Action:
    """The outcome for one workload. `status`: changed, would-change, unchanged, refused, failed or skipped.

    `fields` are the dotted paths that were written, or would be. A written change whose rollout fails has failed.
    `restored` are those that were rolled back. `wave` is None for what belongs to no wave. `stops`: no further wave may
    start, although this workload belongs to none. `preflight` are its notes.
    """

    workload: Workload
    status: str
    reason: str | None = None
    fields: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    wave: int | None = None
    stops: bool = False
    preflight: tuple[str, ...] = ()

    @property
    def written(self) -> bool:
        """Whether the workload was changed."""
        return self.status == "changed" or (self.status == "failed" and bool(self.fields or self.restored))


@dataclass(frozen=True, slots=True)
class Diff:
    """One before and after for Ansible's --diff; `header` names the file or object."""

    header: str
    before: str
    after: str


class Judging(Protocol):
    """Judges a workload as it would be, in its context."""

    def worse(self, before: Workload, after: Workload) -> str | None:
        """Why a workload would be worse off than before; None if it would not."""

    def open(self, workload: Workload) -> frozenset[str]:
        """The fingerprints of its findings that are not waived."""


class Source(Protocol):
    """Where workloads come from, and where their changes are written."""

    def read(self) -> Snapshot:
        """Read everything that is selected. Raises SourceError if the source cannot be read."""

    def identity(self) -> dict[str, Any]:
        """What this source is, for a plan: `type`, `name`, and for a cluster `uid`, None if it cannot be read."""

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """Identifies this exact state of an object: a plan is valid for no other."""

    def refusals(self, changes: Sequence[Change], judging: Judging) -> dict[int, str]:
        """The changes that this source cannot write, by index, with the reason. Writes nothing.

        What a change does elsewhere, such as in other overlays of a base, is judged there as well.
        """

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """Whether the pods that each of these changes recreates can start. Writes nothing."""

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Write the changes, or with `check` only report them. One failure does not stop the others."""
