# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What distinguishes workloads: a key is for people, an identity is unique in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Identity(NamedTuple):
    """Distinguishes a workload from every other one of a run, also those with the same key in other files; sorts them.

    `environment` is what it was built for, as in `Origin`. From a cluster the texts are empty and the numbers are 0:
    there a key is enough.
    """

    key: str
    file: str = ""
    document: int = 0
    item: int = 0
    environment: str = ""


def key_of(namespace: str, kind: str, name: str) -> str:
    """Such as shop/Deployment/checkout: how messages, reports and actions name a workload."""
    return f"{namespace}/{kind}/{name}"


def key_in(entry: Mapping[str, Any]) -> str:
    """The key of the workload that an entry of a report is about."""
    return key_of(entry["namespace"], entry["kind"], entry["name"])


def identity_in(entry: Mapping[str, Any]) -> Identity:
    """The identity of the workload that an entry of a plan is about."""
    file, document, item = entry.get("file") or "", entry.get("document") or 0, entry.get("item") or 0
    return Identity(entry["object"], file, document, item, entry.get("environment") or "")
