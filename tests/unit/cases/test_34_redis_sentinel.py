# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis with a hook that hands over to another node, which may take longer than the grace period.

Reported as bitnami/charts#36422, #14800, #12598, CloudPirates-io/helm-charts#781.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Audited = Callable[..., dict[str, Any]]


CASE = "34-redis-sentinel"


def test_its_grace_period_is_short_and_nothing_is_automatic(audited: Audited) -> None:
    report = audited(CASE)
    rules = {one["rule"] for one in report["findings"]}
    assert "stateful-grace-too-short" in rules
    assert not {"prestop-missing", "publish-not-ready-addresses"} & rules
    assert report["summary"]["remediable"] == 0
