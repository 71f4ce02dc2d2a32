# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that keep serving for a while after SIGTERM by themselves: as own_delay.py says, or by what has no number."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.graceful.termination.plugins.module_utils.budget.own_delay import own_delay_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_DELAYS_ITSELF = re.compile(
    r"(?:^|\s)--?(?:shutdown-(?:grace-period|delay|delay-duration)|http\.shutdowndelay|wait-for-healthcheck-interval)"
    r"[= ](?!0m?s?(?:\s|$))",
    re.IGNORECASE,
)
_SHUTDOWN_MANAGERS = ("shutdown-manager",)


def delays_itself(settings: Iterable[Settings]) -> bool:
    """Whether one of the servers with these settings goes on serving for a while after SIGTERM, without any hook."""
    return any(_DELAYS_ITSELF.search(one.arguments) or own_delay_of(one).seconds for one in settings)


def has_shutdown_manager(workload: Workload) -> bool:
    """Whether a companion container holds the pod back until its connections are gone."""
    return any(container.name in _SHUTDOWN_MANAGERS for container in workload.all_containers)
