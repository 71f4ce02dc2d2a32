# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding, and a budget, mean for a drill: the tables that both predictions are made with.

They follow from what the rules say of themselves and from how Kubernetes stops a pod, and are not fitted to what was
measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.graceful.termination.tools.calibration.variants import EVICT, RESTART

YES, NO, UNKNOWN = "yes", "no", "unknown"
FRESH, IN_FLIGHT, KILLED, CAPACITY, STUCK = "fresh lost", "in flight cut", "killed", "capacity lost", "stuck"
OUTCOMES = {
    FRESH: "a request on a fresh connection is lost",
    IN_FLIGHT: "an upload that is under way is cut",
    KILLED: "a container uses up its grace period and is killed (exit code 137)",
    CAPACITY: "fewer pods are ready than the Deployment asks for",
    STUCK: "the restart, or the eviction, does not come to its end",
}
# Where requests come through kube-proxy, 5 s let that learn of a stop; prestop-stops-server-early counts so, too.
ENOUGH_SECONDS = 5
FLOOR_SECONDS = 2  # what the kubelet gives a container whose hook has used up the grace period
SERIOUS = ("error", "warning")


@dataclass(frozen=True)
class Meaning:
    """What a finding of one of these severities means for a drill in one of these modes: `outcomes` are predicted,
    those in `open` are not known unless something else predicts them."""

    rule: str
    outcomes: tuple[str, ...]
    why: str
    modes: tuple[str, ...] = (RESTART, EVICT)
    severities: tuple[str, ...] = SERIOUS
    open: tuple[str, ...] = ()


MEANINGS = (
    Meaning("prestop-missing", (FRESH,), "SIGTERM comes before the proxies know that the pod stops"),
    Meaning("prestop-tcp-socket", (FRESH,), "the hook fails at once, so there is no delay"),
    Meaning("prestop-stops-server-early", (FRESH,), "the server is away before the proxies know"),
    Meaning("prestop-too-short", (FRESH,), "SIGTERM may come before the proxies know"),
    Meaning("prestop-in-background", (), "SIGTERM comes at once where the runtime does not wait", open=(FRESH,)),
    Meaning("no-readiness-probe", (FRESH,), "requests go to new pods that do not listen yet"),
    Meaning("recreate-strategy-serving", (FRESH, CAPACITY), "all pods stop before a new one starts", (RESTART,)),
    Meaning("rollout-loses-capacity", (CAPACITY,), "a pod stops before a new one is ready", (RESTART,)),
    Meaning("prestop-exceeds-grace", (IN_FLIGHT, KILLED), "the hook leaves 2 s, then comes SIGKILL"),
    Meaning("pid1-shell-wrapper", (KILLED,), "the server never gets SIGTERM: it serves on until SIGKILL"),
    # It is an info where no drain is declared. That weighs what a stop costs: the signal has no effect either way.
    Meaning(
        "pid1-sigterm-unhandled",
        (KILLED,),
        "SIGTERM has no effect: it serves on until SIGKILL",
        severities=(*SERIOUS, "info"),
    ),
    # An info, for it accuses no one. But a drain that is only declared is not one that is known.
    Meaning(
        "pid1-runtime-default",
        (),
        "a handler is no proof of a drain: only a stop under load decides",
        severities=(*SERIOUS, "info"),
        open=(IN_FLIGHT, KILLED),
    ),
    Meaning("surge-port-conflict", (STUCK,), "the new pod waits for a port that the old one has", (RESTART,)),
    Meaning("pdb-blocks-eviction", (STUCK,), "no eviction is ever allowed", (EVICT,)),
    Meaning("single-replica", (), "a rolling update starts the next pod first"),
    Meaning("grace-period-insufficient", (), "the margin is missing, or more: the budget decides"),
    Meaning("prestop-starves-drain", (), "the budget decides"),
)
BUDGET = (
    ("preStop + drain > grace", (IN_FLIGHT, KILLED), "what is longer than the rest of the grace period is cut"),
    (f"0 < preStop < {ENOUGH_SECONDS} s", (FRESH,), "SIGTERM may come before the proxies know"),
)
