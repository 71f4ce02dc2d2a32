# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of a termination: what a pod needs between the API's delete and SIGKILL, against what it gets.

required = max over containers (preStop + own delay + drain) + sidecar + margin, all in seconds. preStop and the
application's drain share one budget, the grace period; native sidecars stop after the application, out of the same
budget. A server's own delay is a pause that it makes after its stop signal, before it drains. A hook that
itself tells the server to drain and waits for it counts with the pause before that: the rest is the drain.
Of a chain of proxy and application it is the longest preStop and the longest drain of all its containers: each must
have as long a pause as what stands in front of it, and then its time to drain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.drain import NO_REQUESTS, Drain
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.budget.profile import Profile
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime, hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.running_server import (
    running_server,
    signalled_server,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds. `container` is the one that needs most; `explicit` is False where grace is the API server's default.

    `drain_known` says whether the drain of every container that receives requests is known, `known` whether no part of
    any container can be longer; while it is False, `required` is a lower bound. `unknown`: what may be longer than
    shown, the drain aside.
    """

    container: str
    grace: int
    explicit: bool
    prestop: HookTime
    drain: Drain
    sidecars: tuple[str, ...]
    margin: int
    drain_known: bool
    known: bool
    unknown: str = ""

    @property
    def required(self) -> int:
        """The sum of the known parts: a lower bound while `known` is False."""
        return self.prestop.seconds + self.drain.delay.seconds + (self.drain.seconds or 0) + self.margin

    def as_report(self) -> dict[str, Any]:
        """The `budget` of report.json. A part that cannot be known is null and counts as 0 in `required`."""
        sidecar = "no native sidecar"
        if self.sidecars:
            sidecar = f"assumed 0 for {', '.join(self.sidecars)}: its stop time is not declared"
        prestop_known = self.prestop.exact or self.prestop.seconds > 0
        return {
            "container": self.container,
            "grace": self.grace,
            "prestop": self.prestop.seconds if prestop_known else None,
            "drain": self.drain.seconds,
            "own_delay": self.drain.delay.seconds,
            "need": self.drain.need.as_report() if self.drain.need else None,
            "allowance": self.drain.allowance.as_report() if self.drain.allowance else None,
            "sidecar": 0,
            "margin": self.margin,
            "required": self.required,
            "known": self.known,
            "sources": {
                "grace": "terminationGracePeriodSeconds" if self.explicit else "default of the API server",
                "prestop": self.prestop.source,
                "drain": self.drain.source,
                "own_delay": self.drain.delay.source,
                "sidecar": sidecar,
                "margin": "policy",
                "unknown": self.unknown or None,
            },
        }


def prestop_of(workload: Workload, container: Container, drain: Drain, hook: HookTime | None = None) -> HookTime:
    """What the container's hook, or the one given, takes beside its drain."""
    hook = hook or hook_time(container.pre_stop)
    running = signalled_server(running_server(container)) if hook.signal and workload.application_is_pid1 else None
    if not running or not running.is_first:
        return hook
    return hook.beside_drain(running.server.image_signal, drain.expected or 0)


def compute_budget(
    workload: Workload,
    profile: Profile,
    policy: Policy,
    *,
    prestop: Mapping[str, HookTime] | None = None,
    grace: int | None = None,
) -> Budget:
    """The budget as it stands, or as it would be with other hooks (by container name) and another grace period."""
    containers = {container.name: container for container in workload.all_containers}
    drains = dict.fromkeys(containers, NO_REQUESTS) | profile.drains
    chain = [container.name for container in profile.chain.members]
    longest = max((drains[name] for name in chain), key=lambda drain: drain.seconds or 0, default=NO_REQUESTS)
    hooks = {
        name: prestop_of(
            workload,
            container,
            longest if name in chain and drains[name].seconds is None else drains[name],
            (prestop or {}).get(name),
        )
        for name, container in containers.items()
    }
    drain_known = all(drain.seconds is not None for drain in profile.drains.values())

    def needs(name: str) -> tuple[HookTime, Drain]:
        if name not in chain:
            return hooks[name], drains[name]
        first = max(chain, key=lambda one: hooks[one].seconds)
        hook = hooks[first]
        if hook.seconds > hooks[name].seconds:
            return replace(hook, source=f"{hook.source}, of container {first}"), drains[name]
        return hooks[name], drains[name]

    def total(name: str) -> tuple[int, bool]:
        hook, drain = needs(name)
        # Of equals the one that receives requests: its drain is what there is to know.
        return hook.seconds + drain.delay.seconds + (drain.seconds or 0), name in profile.drains

    name = max(containers, key=total)
    hook, drain = needs(name)
    return Budget(
        container=name,
        grace=workload.grace if grace is None else grace,
        explicit=grace is not None or workload.pod.get("terminationGracePeriodSeconds") is not None,
        prestop=hook,
        drain=drain,
        sidecars=tuple(container.name for container in workload.sidecars),
        margin=policy.margin_seconds,
        drain_known=drain_known,
        known=drain_known
        and all(drain.exact and drain.delay.exact for drain in profile.drains.values())
        and all(hook.exact for hook in hooks.values()),
        unknown=_unknown(hook, drain, profile.drains, hooks),
    )


def _unknown(hook: HookTime, drain: Drain, drains: Mapping[str, Drain], hooks: Mapping[str, HookTime]) -> str:
    """What makes the sum a lower bound, beside the drain that is shown: its hook, or a part of another container."""
    if not hook.exact:
        return hook.source
    others = [f"drain of {name}: {one.source}" for name, one in drains.items() if one.seconds is None]
    if drain.seconds is not None and others:
        return others[0]
    return next((f"preStop of {name}: {one.source}" for name, one in hooks.items() if not one.exact), "")
