# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RBAC files grant no more than what is asked for; the scenario permissions shows that it is enough."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
FILES = sorted(ROLES.glob("*/files/rbac-*.yaml"))
# What is read one by one. All else comes in lists.
ONE_BY_ONE = {
    "audit": {"namespaces", "configmaps", "pods/exec"},
    # A workload again where it has changed since it was listed, and the accounts of those that are patched.
    "remediate": {
        "namespaces", "configmaps", "serviceaccounts", "deployments", "statefulsets", "daemonsets", "cronjobs",
    },
    "drill": {"namespaces", "deployments", "statefulsets", "daemonsets"},
    "trace": {"namespaces", "deployments", "statefulsets", "daemonsets", "pods"},
    "debug": {"namespaces", "deployments", "statefulsets", "daemonsets", "pods", "pods/log"},
}  # fmt: skip
WRITTEN = {
    "audit": {("create", "pods/exec")},
    "remediate": {("patch", kind) for kind in ("deployments", "statefulsets", "daemonsets", "cronjobs")},
    "drill": {
        ("create", "pods/eviction"), *(("patch", kind) for kind in ("deployments", "statefulsets", "daemonsets")),
    },
    "trace": {("create", "pods/eviction")},
    "debug": {("create", "pods/eviction"), ("patch", "pods/ephemeralcontainers")},
}  # fmt: skip


def rights(file: Path) -> dict[str, set[str]]:
    """Verbs by resource."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for item in yaml.safe_load(file.read_text(encoding="utf-8"))["items"]:
        for rule in item.get("rules", ()):
            for resource in rule["resources"]:
                found[resource] |= set(rule["verbs"])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_each_right_is_one_that_is_used(file: Path) -> None:
    role, granted = file.parts[-3], rights(file)
    assert granted
    assert "secrets" not in granted
    assert {resource for resource, verbs in granted.items() if "get" in verbs} <= ONE_BY_ONE[role]
    writes = {(verb, resource) for resource, verbs in granted.items() for verb in verbs - {"get", "list", "watch"}}
    assert writes <= WRITTEN[role]
    assert not any("*" in verbs for verbs in granted.values())
    assert "*" not in granted
