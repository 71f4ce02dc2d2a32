# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database with one data directory must never run twice.

From deployments of MySQL and PostgreSQL with Recreate or maxSurge 0 on NFS, ReadWriteMany and hostPath.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tests.unit.manifest_runs import severities

Audited = Callable[..., dict[str, Any]]


CASE = "24-db-in-place-surge"


def test_no_advice_and_no_change_makes_a_second_server(audited: Audited) -> None:
    report = audited(CASE)
    assert severities(report, "db-nfs") == {}
    assert severities(report, "db-recreate") == {}
    assert severities(report, "db-hostpath") == {"stateful-grace-too-short": "warning"}
    assert not any(word in str(report["findings"]) for word in ("maxSurge", "rollout-strategy", "replicas: 2"))


def test_nothing_is_edited(case: Callable[[str], Path], remediated: Audited) -> None:
    folder = case(CASE)
    before = (folder / "d.yaml").read_bytes()
    remediated(folder)
    assert (folder / "d.yaml").read_bytes() == before
