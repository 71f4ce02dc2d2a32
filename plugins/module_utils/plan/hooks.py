# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preStop hooks of a pod are changed together: no container may stop before those that still send it requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import PRESTOP_SLEEP
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import MESH_PROXIES
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload


def seconds_of(case: Case, hit: Hit) -> int:
    """The pause that a hit proposes: its own if it may be applied automatically, else the policy's."""
    return case.wanted_prestop[0] if hit.remedy.manual else hit.remedy.variables.get("seconds", case.wanted_prestop[0])


def together(case: Case, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, and the same pause for containers in a chain with one that gets it, or without a hook.

    Those that still serve may call them, such as a server behind a proxy or a database proxy: they must not stop first.
    In a chain all of them get the longest of its pauses.
    """
    delays = [hit for hit in hits if hit.remedy.name == PRESTOP_SLEEP and hit.container]
    if not delays or not case.profile.takes_requests:
        return list(hits)
    delayed = {hit.container.name for hit in delays if hit.container}
    chained = _chained(case, delayed)
    seconds = max(seconds_of(case, hit) for hit in delays)
    seconds = max([seconds, *(case.hook_of(one).seconds for one in case.workload.containers if one.name in chained)])
    remedy = replace(delays[0].remedy, variables=delays[0].remedy.variables | {"seconds": seconds})
    companions = [
        one
        for one in case.workload.containers
        if one.name not in (*delayed, *MESH_PROXIES)
        and (not one.pre_stop or (one.name in chained and case.hook_of(one).seconds < seconds))
    ]
    return [
        *(
            replace(hit, remedy=remedy) if hit in delays and hit.container and hit.container.name in chained else hit
            for hit in hits
        ),
        *(replace(delays[0], container=container, remedy=remedy) for container in companions),
    ]


def fixed_hook(case: Case, hits: Sequence[Hit]) -> str | None:
    """Why a person must apply these pauses: a hook of the chain is too short and does more than pause."""
    for hit in together(case, hits)[len(hits) :]:
        container = hit.container
        if container and container.pre_stop and not _is_plain(case, container):
            return (
                f"the preStop hook of container {container.name} must become as long in the same change, and it does "
                "more than pause: extend it by hand"
            )
    return None


def falls_behind(case: Case, after: Workload) -> str | None:
    """Why a container would stop earlier than now, relative to those in front of it; None if none would."""
    chain = case.profile.chain.at_most
    before, now = _pauses(case.workload), _pauses(after)
    proxies = [one.name for one in chain.database_proxies]
    pairs = [(one.name, [front.name for front in chain.in_front_of(one)]) for one in chain.behind]
    pairs += [(name, [one for one in before if one not in (*proxies, *MESH_PROXIES)]) for name in proxies]
    for name, fronts in pairs:
        had = min(before[name] - max((before[one] for one in fronts), default=0), 0)
        has = min(now[name] - max((now[one] for one in fronts), default=0), 0)
        if has < had:
            return f"container {name} would stop {-has} s before the container in front of it, instead of {-had} s"
    return None


def _chained(case: Case, delayed: set[str]) -> set[str]:
    """The chain, if one of its containers gets a pause, and the database proxies, which are behind all containers."""
    members = {one.name for one in case.profile.chain.at_most.members}
    return (members if members & delayed else set()) | {one.name for one in case.profile.chain.database_proxies}


def _is_plain(case: Case, container: Container) -> bool:
    handler = container.pre_stop
    return handler is None or handler.kind == "tcpSocket" or case.hook_of(container).only_waits


def _pauses(workload: Workload) -> dict[str, int]:
    return {one.name: hook_time(one.pre_stop).seconds for one in workload.containers}
