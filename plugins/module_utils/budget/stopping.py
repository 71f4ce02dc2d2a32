# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of one workload do when they stop: hooks, drains, own delays. Each is worked out once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from ansible_collections.graceful.termination.plugins.module_utils.base.derived import Derived
from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import (
    Budget,
    prestop_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import (
    NO_REQUESTS,
    Drain,
    Need,
    contradiction,
    declared_need,
    listed_need,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import OwnDelay, own_delay_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.budget.profile import Profile
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import (
    delays_itself,
    has_shutdown_manager,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import (
    SLEEP_ACTION,
    Version,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import DeclaredNeed
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings, SettingsReader
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import (
    NO_HOOK,
    HookTime,
    hook_time,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    RunningServer,
    signalled_server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import stops_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True)
class Stopping(Derived):
    """One workload with its profile and budget, its context, the user's policy and the cluster's version.

    What a property reads is of a wrong type only where the API server would refuse it: then it raises Unreadable.
    """

    workload: Workload
    profile: Profile
    budget: Budget
    context: Context
    policy: Policy
    version: Version
    reader: SettingsReader

    @property
    def oldest(self) -> Version:
        """The oldest that takes part: the API server must keep a field, and every kubelet must know it."""
        return min(self.version, self.context.cluster.oldest_kubelet or self.version)

    def settings_of(self, container: Container) -> Settings:
        """What is set for a container from outside its image."""
        return self.reader.of(container)

    def signalled_server(self, container: Container) -> RunningServer | None:
        """The known server that a container runs, where it drains on another signal than SIGTERM."""
        return signalled_server(self.settings_of(container).running)

    def hook_of(self, container: Container) -> HookTime:
        """How long the preStop hook of a container takes, injected ones included."""
        if container.pre_stop not in self._hooks:
            self._hooks[container.pre_stop] = hook_time(container.pre_stop)
        return self._hooks[container.pre_stop]

    def drain_of(self, container: Container) -> Drain:
        """How long the requests of a container take; 0 for one that gets none."""
        return self.profile.drains.get(container.name, NO_REQUESTS)

    @cached_property
    def declared_need(self) -> Need | None:
        """How long its requests or jobs take, as its annotation or the user's list declares."""
        return declared_need(self.workload, self.context)

    @property
    def listed_need(self) -> DeclaredNeed | None:
        """The entry of the user's list that says so, where it is one."""
        return listed_need(self.workload, self.context)

    @property
    def contradiction(self) -> str | None:
        """What the user's list says otherwise than its annotation, which counts."""
        return contradiction(self.workload, self.context)

    def prestop_of(self, container: Container) -> HookTime:
        """What the hook of a container takes beside its drain."""
        return prestop_of(self.workload, container, self.drain_of(container), self.hook_of(container))

    def pause_of(self, container: Container) -> HookTime:
        """What passes before a container gets SIGTERM, or before its hook stops its server."""
        hook, handler = self.hook_of(container), container.pre_stop
        if handler and handler.kind == "sleep" and self.oldest < SLEEP_ACTION:
            return NO_HOOK  # the field is dropped, or the hook fails
        stop = next(iter(stops_of(container)), None)
        if stop and not stop.starts.endless:
            return replace(hook, seconds=math.floor(stop.starts.least), exact=stop.starts.exact, drains=False)
        return hook

    @cached_property
    def serving_containers(self) -> tuple[Container, ...]:
        """The containers that requests reach, those behind another one of the pod included."""
        reached = {container.name for container in self.profile.drain_containers}
        behind = tuple(one for one in self.profile.chain.behind if one.name not in reached)
        return self.profile.drain_containers + behind

    @cached_property
    def delays_itself(self) -> bool:
        """Whether its server goes on serving for a while after SIGTERM, without any hook."""
        return self.has_shutdown_manager or any(map(self.keeps_serving, self.profile.drain_containers))

    def keeps_serving(self, container: Container) -> bool:
        """Whether the server of a container goes on serving for a while after SIGTERM, without any hook."""
        return delays_itself(self.own_delay_of(container), self.settings_of(container).arguments)

    def own_delay_of(self, container: Container) -> OwnDelay:
        """What the server of a container pauses by itself before it drains."""
        if container.name in self.profile.drains:
            return self.profile.drains[container.name].delay
        if container.name not in self._delays:
            self._delays[container.name] = own_delay_of(self.settings_of(container))
        return self._delays[container.name]

    @cached_property
    def has_shutdown_manager(self) -> bool:
        """Whether a companion container holds the pod back until its connections are gone."""
        return has_shutdown_manager(self.workload)

    @cached_property
    def wanted_prestop(self) -> tuple[int, str]:
        """(seconds, source) of the preStop delay that the policy wants for it."""
        return self.policy.prestop_for(self.profile.traits)

    @cached_property
    def _hooks(self) -> dict[Handler | None, HookTime]:
        return {}

    @cached_property
    def _delays(self) -> dict[str, OwnDelay]:
        return {}
