# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule proposes: a Jinja snippet of templates/, and whether it may be applied without a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PRESTOP_SLEEP = "prestop-sleep"
PRESTOP_EXEC_SLEEP = "prestop-exec-sleep"
GRACE_PERIOD = "grace-period"
ROLLOUT_STRATEGY = "rollout-strategy"
READINESS_PROBE = "readiness-probe"
POSTSTART_REMOVE = "poststart-remove"
PRESTOP_REMOVE = "prestop-remove"
EXEC_ENTRYPOINT = "exec-entrypoint"
ROLLOUT_IN_PLACE = "rollout-in-place"
REPLICAS = "replicas"
DISRUPTION_BUDGET = "pod-disruption-budget"
LIVENESS_PROBE = "liveness-probe"
# Each has its file templates/<remedy>.yaml.j2; a test compares this list with the folder.
REMEDIES = (
    PRESTOP_SLEEP,
    PRESTOP_EXEC_SLEEP,
    GRACE_PERIOD,
    ROLLOUT_STRATEGY,
    READINESS_PROBE,
    POSTSTART_REMOVE,
    PRESTOP_REMOVE,
    EXEC_ENTRYPOINT,
    ROLLOUT_IN_PLACE,
    REPLICAS,
    DISRUPTION_BUDGET,
    LIVENESS_PROBE,
)
# What a snippet gets beyond the common variables, when no finding gave it a better value.
DEFAULT_VARIABLES: dict[str, dict[str, Any]] = {
    READINESS_PROBE: {"port": None},
    ROLLOUT_STRATEGY: {"max_surge": "25%"},
    EXEC_ENTRYPOINT: {"single": False},
    REPLICAS: {"replicas": 2},
    DISRUPTION_BUDGET: {"selector": {}},
    LIVENESS_PROBE: {"failure_threshold": 6},
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """`manual` is None for a remedy that may be applied automatically, else the reason why a person must decide.

    `variables` go to the snippet beside those that the plan adds (container, seconds, grace_seconds).
    """

    name: str
    manual: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
