# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source of workloads can do. Only a source knows where objects come from and how they are written back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.snapshot import Snapshot
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

NOT_YET = "not started: what an earlier run patched has not come up"


@dataclass(frozen=True, slots=True)
class Action:
    """What became of one workload. `status`: changed, would-change, unchanged, refused, failed or skipped.

    `fields` are the dotted paths that were written, or would be. What was written and then went wrong has failed.
    `restored` are those that were rolled back then. `wave` is None for what no wave has to do with. `stops`: no further
    wave may begin, although this workload is of none. `preflight` are its notes.
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
        """Whether the workload is no longer as it was."""
        return self.status == "changed" or (self.status == "failed" and bool(self.fields or self.restored))


@dataclass(frozen=True, slots=True)
class Diff:
    """One before and after for Ansible's --diff; `header` names the file or object."""

    header: str
    before: str
    after: str


class Judging(Protocol):
    """Judges a workload as it would be, in what is around it."""

    def worse(self, before: Workload, after: Workload) -> str | None:
        """Why a workload would be worse off than before; None when it would not."""

    def open(self, workload: Workload) -> frozenset[str]:
        """The fingerprints of its findings that nobody has waived."""


class Source(Protocol):
    """Where workloads come from, and where their changes go back to."""

    def read(self) -> Snapshot:
        """Read everything that the selection takes. Raises SourceError when there is nothing to read from."""

    def identity(self) -> dict[str, Any]:
        """What this source is, for a plan: `type`, `name`, and of a cluster `uid`, None if it cannot be read."""

    def state_of(self, workload: Workload) -> dict[str, Any]:
        """What tells this very state of an object from any other: a plan made for it holds for no other."""

    def refusals(self, changes: Sequence[Change], judging: Judging) -> dict[int, str]:
        """Which changes this source could not take, by their index, and why. Writes nothing.

        What a change does elsewhere, as in the other overlays of a base, is judged there as well.
        """

    def preflight(self, changes: Sequence[Change]) -> list[Verdict]:
        """Whether the pods that each of these changes recreates can start. Writes nothing."""

    def apply(self, changes: Sequence[Change], *, check: bool) -> Iterator[tuple[Action, Diff | None]]:
        """Write the changes, or with `check` only say what would be written. One failure does not stop the others."""
