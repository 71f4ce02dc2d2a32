# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that keep serving for a while after SIGTERM by themselves: as own_delay.py says, or by what has no number."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import OwnDelay
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

# Seconds of a pause, or of service after the stop signal, that let kube-proxy learn of a stop.
# Measured on kind with a server that ends at once, fresh connections lost in four restarts: 14 of 3,700 with a pause of
# 1 s, 1 of 4,064 with 2 s, 0 of 4,616 with 3 s, and 0 of 8,743 with 5 s. Proxies of large clusters are slower.
ENOUGH = 5
_DELAYS_ITSELF = re.compile(
    r"(?:^|\s)--?(?:shutdown-(?:grace-period|delay|delay-duration)|http\.shutdowndelay|wait-for-healthcheck-interval)"
    r"[= ](\S+)",
    re.IGNORECASE,
)
_SHUTDOWN_MANAGERS = ("shutdown-manager",)


def delays_itself(delay: OwnDelay, arguments: str) -> bool:
    """Whether a server with this delay and these arguments serves on long enough after SIGTERM, without any hook."""
    if delay.pause >= ENOUGH:
        return True
    given = [seconds_of(text) for text in _DELAYS_ITSELF.findall(arguments)]
    return any(seconds is None or seconds >= ENOUGH for seconds in given)


def has_shutdown_manager(workload: Workload) -> bool:
    """Whether a companion container holds the pod back until its connections are gone."""
    return any(container.name in _SHUTDOWN_MANAGERS for container in workload.all_containers)
