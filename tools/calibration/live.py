# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a variant as it runs, with evidence from its pods, before any of them was ever stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tools.calibration.cluster import Cluster, refusing
from ansible_collections.graceful.termination.tools.calibration.playbooks import EVIDENCE, Playbooks
from ansible_collections.graceful.termination.tools.calibration.variants import Refused, Variant

SETTLE_SECONDS = 12  # the audit judges nothing of PID 1 in the first 10 s of a container
_OF_PID_1 = ("pid1-runtime-default", "pid1-sigterm-unhandled")
_OF_STOPS = ("grace-period-exceeded", "pod-stuck-terminating", "prestop-hook-failed", "unclean-exit-code")
_WITHOUT_A_STOP = ("grace-period-exceeded", "unclean-exit-code")  # are not evaluated


class LiveAudits:
    """Puts one variant after the other into the cluster. Whoever uses it ends with `close`."""

    def __init__(self, kubeconfig: Path):
        self._cluster = Cluster(kubeconfig)
        self._playbooks = Playbooks(kubeconfig)

    def close(self) -> None:
        """Delete the namespace."""
        self._cluster.close()

    def audit(self, variant: Variant) -> dict[str, Any]:
        """report.json. Raises Refused where the cluster does, and see `require_evidence`."""
        with refusing():
            self._cluster.put(variant)
        time.sleep(SETTLE_SECONDS)
        report = self._playbooks.audit(variant)
        require_evidence(report, variant)
        return report


def require_evidence(report: dict[str, Any], variant: Variant) -> None:
    """Raises Refused for a report that lacks evidence from the pods, or that knows of a stop of one."""
    lacks = sorted(set(EVIDENCE) - set(report["scope"]["evidence"]))
    if lacks:
        raise Refused(f"{variant.name}: its audit has no evidence of {', '.join(lacks)}")
    unknown = {entry["rule"]: entry["reason"] for entry in report["not_evaluated"]}
    for rule in _OF_PID_1:
        if rule in unknown:
            raise Refused(f"{variant.name}: the audit of its pods leaves {rule} open: {unknown[rule]}")
    found = {entry["rule"] for entry in report["findings"]}
    stops = [rule for rule in _OF_STOPS if rule in found or (rule in _WITHOUT_A_STOP and rule not in unknown)]
    if stops:
        raise Refused(f"{variant.name}: its pods had been stopped before they were audited: {', '.join(stops)}")
