# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule catalogue: one file per topic, named here because only static imports travel with a module."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.rules import (
    chains,
    data,
    disruption,
    disruption_policy,
    endpoints,
    grace,
    hook_text,
    jobs,
    load_balancer,
    logging,
    long_requests,
    mesh,
    mesh_jobs,
    misplaced,
    new_pods,
    nodes,
    observability,
    observed_stops,
    pid1,
    prestop,
    prestop_background,
    prestop_handlers,
    prestop_short,
    probe_settings,
    probes,
    rollout,
    runtime,
    server_timeout,
    sidecar_hooks,
    stateful,
    stop_signal,
    surge,
    workers,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *prestop.RULES,
    *prestop_background.RULES,
    *prestop_handlers.RULES,
    *prestop_short.RULES,
    *hook_text.RULES,
    *chains.RULES,
    *grace.RULES,
    *misplaced.RULES,
    *probes.RULES,
    *probe_settings.RULES,
    *rollout.RULES,
    *surge.RULES,
    *data.RULES,
    *disruption.RULES,
    *disruption_policy.RULES,
    *load_balancer.RULES,
    *new_pods.RULES,
    *endpoints.RULES,
    *long_requests.RULES,
    *pid1.RULES,
    *stop_signal.RULES,
    *server_timeout.RULES,
    *mesh.RULES,
    *mesh_jobs.RULES,
    *sidecar_hooks.RULES,
    *logging.RULES,
    *stateful.RULES,
    *jobs.RULES,
    *workers.RULES,
    *nodes.RULES,
    *runtime.RULES,
    *observed_stops.RULES,
    *observability.RULES,
)
DEFAULT = "default"  # in a list of rules: all that run when none is named


def select_rules(only: list[str] | None, skip: list[str] | None) -> tuple[Rule, ...]:
    """The rules of a run; opt-in rules only where they are named, alone or beside `default`.

    Raises ValueError, with the option, for an id that no rule has, and when no rule would run at all.
    """
    only, skip = only or [DEFAULT], skip or []
    ids = {rule.id for rule in RULES}
    for option, given, known in (("rules", only, ids | {DEFAULT}), ("skip_rules", skip, ids)):
        for identifier in given:
            if identifier not in known:
                raise ValueError(f"{option}: no rule '{identifier}'; the rules are {', '.join(sorted(known))}")
    wanted = {rule.id for rule in RULES if rule.id in only or (DEFAULT in only and not rule.opt_in)}
    chosen = tuple(rule for rule in RULES if rule.id in wanted and rule.id not in skip)
    if not chosen:
        raise ValueError("rules and skip_rules leave no rule to run: select at least one")
    return chosen
