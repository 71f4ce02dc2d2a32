# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces: their labels, and whether a service mesh injects its proxy into their pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_labels, get_map

# What asks a mesh to inject, on a namespace or on a pod template: (label or annotation, its value or None for any).
ASKS = (
    ("istio-injection", "enabled"),
    ("istio.io/rev", None),
    ("sidecar.istio.io/inject", "true"),
    ("linkerd.io/inject", "enabled"),
    ("linkerd.io/inject", "ingress"),
)


@dataclass(frozen=True, slots=True)
class Namespace:
    """`meshed`: a mesh injects a proxy into each pod that does not refuse it."""

    labels: dict[str, str]
    meshed: bool


def read_namespace(obj: Obj) -> Namespace:
    """Raises Unreadable."""
    metadata = get_map(obj, "metadata", "")
    return Namespace(get_labels(metadata, "labels", "metadata"), asks_for_proxy(metadata))


def asks_for_proxy(metadata: Mapping[str, Any]) -> bool:
    """Whether the labels or annotations of a namespace or a pod template ask a mesh to inject."""
    texts = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    return any(texts.get(key) == value if value else bool(texts.get(key)) for key, value in ASKS)
