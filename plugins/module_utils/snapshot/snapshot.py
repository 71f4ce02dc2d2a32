# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source has read: workloads, their context, and an account of everything that could not be judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, document or object that cannot be judged. `where` is a file or an object's key; `line` is 1-based."""

    where: str
    line: int | None
    reason: str
    is_file: bool = True


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """A kind or namespace that the source may not read: which rules cannot be evaluated, and why."""

    rule: str
    reason: str
    scope: str
    count: int = 1


@dataclass
class Snapshot:
    """found = workloads + excluded + skipped + not_judged, on every input.

    `not_judged` counts by kind what runs pods and was neither asked for nor is of a kind that rules know.
    `bases` are the folders that hold a kustomization, below the source. `environments` are the contexts of
    those that cannot run beside each other, by the name of the environment, and `beside` the names of the environments
    whose objects each of these holds; `context` is that of all else. `versions` are the names that files go by in these
    two which hold a version of their own, such as dev.yaml and prod.yaml.
    """

    type: str
    name: str
    version: Version
    server_version: str | None = None
    version_assumed: bool = False
    requests: int = 0
    workloads: list[Workload] = field(default_factory=list)
    excluded: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    not_judged: dict[str, int] = field(default_factory=dict)
    gaps: list[CoverageGap] = field(default_factory=list)
    context: Context = field(default_factory=Context)
    environments: dict[str, Context] = field(default_factory=dict)
    beside: dict[str, tuple[str, ...]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    bases: set[str] = field(default_factory=set)

    def see(self, kind: str, number: int) -> None:
        """Count what runs pods and is not judged."""
        self.not_judged[kind] = self.not_judged.get(kind, 0) + number

    @property
    def contexts(self) -> list[Context]:
        """Every context, each once."""
        return list({id(context): context for context in (self.context, *self.environments.values())}.values())

    def contexts_with(self, workload: Workload) -> list[Context]:
        """Every context that holds this workload's environment, each once."""
        if not self.environments:
            return [self.context]
        name = self._name_of(workload)
        every = {**self.environments, "": self.context}
        found = (every[other] for other, names in self.beside.items() if name in names)
        return list({id(context): context for context in found}.values())

    def context_of(self, workload: Workload) -> Context:
        """The context of this workload."""
        return self.environments.get(self._name_of(workload), self.context)

    def _name_of(self, workload: Workload) -> str:
        return workload.origin.environment or self.versions.get(workload.origin.file or "", "")
