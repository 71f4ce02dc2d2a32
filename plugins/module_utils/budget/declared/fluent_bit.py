# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fluent Bit: how long it goes on sending after SIGTERM."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import (
    Timeout,
    seconds_of,
    unread,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.fluent_bit import read_fluent_bit
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.names import FLUENT_BIT, agent_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

DEFAULT_SECONDS = 5


def fluent_bit_timeout(settings: Settings) -> Timeout | None:
    """`grace` of the service section, or its default where the whole configuration is known and sets none."""
    if agent_of(settings.container) != FLUENT_BIT:
        return None
    config = read_fluent_bit(settings)
    services = [section for section in config.sections if section.name == "service"]
    written = [section for section in services if "grace" in section.entries]
    if written:
        seconds = seconds_of(written[-1].entries["grace"])
        place = f"{written[-1].place} service grace"
        return unread(place) if seconds is None else Timeout(seconds, place)
    if services and config.complete:
        source = f"default of Fluent Bit for grace, which {services[-1].place} does not set"
        return Timeout(DEFAULT_SECONDS, source, is_default=True)
    return None
