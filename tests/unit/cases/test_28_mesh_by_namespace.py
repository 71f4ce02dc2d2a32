# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Namespace in the input that injects a mesh's proxy.

Reported as alexandrevilain/temporal-operator#681, getredash/contrib-helm-chart#48, istio/istio#11045, #11659.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Audited = Callable[..., dict[str, Any]]


CASE = "28-mesh-by-namespace"


def test_what_the_mesh_decides_is_not_evaluated_rather_than_clean(audited: Audited) -> None:
    entries = audited(CASE)["not_evaluated"]
    asked = {entry["rule"]: entry["count"] for entry in entries if "its namespace requests a mesh" in entry["reason"]}
    assert asked == {"mesh-drain-too-short": 1, "mesh-job-never-completes": 1, "mesh-sidecar-not-native": 2}
