# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pause that a hook starts in the background: it delays SIGTERM only where the container runtime waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.budget.self_delay import ENOUGH
from ansible_collections.graceful.termination.plugins.module_utils.rules.pauses import as_intended
from ansible_collections.graceful.termination.plugins.module_utils.rules.prestop import (
    NEEDED_FOR_PAUSE,
    without_pause,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DECIDES,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_SLEEP,
    pause_instead,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.rules.senders import covered
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time, takes_no_time


def _in_background(case: Case) -> Iterator[Hit]:
    if not any(case.hook_of(container).background for container in case.profile.drain_containers):
        return
    enough = min(ENOUGH, case.wanted_prestop[0])

    def lacks(handler: Handler) -> bool:
        return takes_no_time(handler) or (
            hook_time(handler).background is not None and hook_time(handler).certain < enough
        )

    for container in without_pause(case, lacks):
        left = case.hook_of(container).background
        if not left:
            continue  # prestop-missing
        ends = f"ends after {left.after} s" if left.after else "returns at once"
        what = f"a pause of {left.pause} s" if left.pause else "a command"
        intended = as_intended(case, container)
        seconds, source = (intended["seconds"], "as the hook says") if intended else case.wanted_prestop
        too_short = f"; {left.pause} s are too short as well" if 0 < left.pause < enough else ""
        yield Hit(
            f"preStop {ends} and leaves {what} in the background: SIGTERM comes while new requests still arrive, and "
            "they are refused, unless the container runtime waits until the output of the command is closed, as "
            f"containerd does{too_short}; {seconds} s ({source}) in the foreground {covered(case, seconds)}",
            f"{container.path}.lifecycle.preStop",
            pause_instead(case, DECIDES, intended),
            container,
            "info" if "headless-only" in case.profile.traits or case.never_overlaps else None,
            {"prestop_seconds": left.after, "background_seconds": left.pause or None, "wanted_seconds": seconds},
        )


RULES = (
    Rule(
        id="prestop-in-background",
        title="preStop pause in the background",
        severity="warning",
        evidence="context",
        why="A hook has ended when its command has. What the command leaves in the background delays SIGTERM only "
        "where the container runtime waits for the output that it holds open. containerd does; of others it is not "
        "known.",
        exceptions=(
            "a background command that the script waits for",
            f"a pause of {ENOUGH} s or more in the foreground beside it",
            "a background command whose stdout and stderr both lead elsewhere, or that ends at once: prestop-missing",
            "a hook that stops the server, and a server that delays its own shutdown",
            "batch, worker and controller workloads serve no requests",
        ),
        check=_in_background,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP),
        by_hand=True,
        serving_only=True,
        seed="2 settings: preStop; fault 2",
        needs=(*NEEDED_FOR_PAUSE, "Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "TargetGroupBinding"),
    ),
)
