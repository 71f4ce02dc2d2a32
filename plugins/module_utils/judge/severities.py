# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own severities: how much a rule matters where this is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import closest
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import SEVERITIES, Rule

OFF = "off"


def apply_severities(rules: Sequence[Rule], severities: Mapping[str, Any] | None) -> tuple[Rule, ...]:
    """The rules with the severities of `termination_severities`; those that are off are left out.

    Raises ValueError for an unknown rule or severity, and when no rule remains.
    """
    chosen = {rule: _severity(str(rule), severity) for rule, severity in (severities or {}).items()}
    remaining = tuple(
        replace(rule, override=chosen[rule.id]) if rule.id in chosen else rule
        for rule in rules
        if chosen.get(rule.id) != OFF
    )
    if not remaining:
        raise ValueError("severities: every selected rule is off: leave at least one on")
    return remaining


def _severity(rule: str, severity: object) -> str:
    if rule not in {known.id for known in RULES}:
        raise ValueError(f"severities: no rule '{rule}'{closest(rule)}")
    # In YAML, off without quotes is false.
    if severity is False:
        return OFF
    if not isinstance(severity, str) or severity not in (*SEVERITIES, OFF):
        raise ValueError(f"severities.{rule}: '{severity!s:.40}' is not one of {', '.join((*SEVERITIES, OFF))}")
    return severity
