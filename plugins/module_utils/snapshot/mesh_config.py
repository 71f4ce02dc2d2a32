# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a mesh's proxy runs after SIGTERM, as its annotations and its own environment say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml
from ansible_collections.graceful.termination.plugins.module_utils.base.numbers import duration
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container

PROXY_CONFIG = "proxy.istio.io/config"
LINKERD_GRACE = "config.linkerd.io/shutdown-grace-period"
LINKERD_DEFAULT = 120  # seconds
_ISTIO_DEFAULT = 5.0  # seconds
_UNTIL_IDLE = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"
_LONGEST_TEXT = 16384  # real ones have some hundred characters


class _PlainLoader(yaml.SafeLoader):
    """YAML without references: a few lines of them can expand to gigabytes. In Python, so that depth is an error."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node. Raises YAMLError at a reference."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a reference")
        return super().compose_node(parent, index)


class MeshConfigError(ValueError):
    """Settings of a proxy that cannot be read. The message names the annotation or variable, never its text."""


@dataclass(frozen=True, slots=True)
class IstioDrain:
    """An Istio proxy exits `seconds` after SIGTERM, or with `until_idle` when its last connection has ended."""

    seconds: float
    until_idle: bool


def istio_drain(annotations: Mapping[str, str], proxy: Container | None) -> IstioDrain:
    """The drain of a proxy. Raises MeshConfigError.

    The environment of a live one also holds what the whole mesh is set to.
    """
    variables = _variables(proxy)
    meshwide = _read("variable PROXY_CONFIG", variables.get("PROXY_CONFIG", ""))
    own = _read(f"annotation {PROXY_CONFIG}", annotations.get(PROXY_CONFIG, ""))
    metadata = {**variables, **_metadata(meshwide), **_metadata(own)}
    declared = (meshwide | own).get("terminationDrainDuration")
    seconds = _ISTIO_DEFAULT if declared is None else duration(str(declared))
    if seconds is None:
        raise MeshConfigError("terminationDrainDuration is not a duration such as 30s")
    return IstioDrain(seconds, str(metadata.get(_UNTIL_IDLE)).lower() in ("true", "1"))


def linkerd_grace(annotations: Mapping[str, str]) -> tuple[float, bool]:
    """(seconds that a Linkerd proxy waits for its connections to end, whether declared). Raises MeshConfigError."""
    text = annotations.get(LINKERD_GRACE, "")
    if not text:
        return LINKERD_DEFAULT, False
    seconds = duration(text)
    if seconds is None:
        raise MeshConfigError(f"annotation {LINKERD_GRACE} is not a duration such as 120s")
    return seconds, True


def _variables(proxy: Container | None) -> dict[str, str]:
    entries = get_maps(proxy.spec, "env", proxy.path) if proxy else []
    return {str(entry.get("name")): entry["value"] for entry in entries if isinstance(entry.get("value"), str)}


def _metadata(config: Mapping[str, Any]) -> dict[str, Any]:
    metadata = config.get("proxyMetadata")
    return dict(metadata) if isinstance(metadata, dict) else {}


def _read(place: str, text: str) -> dict[str, Any]:
    """The settings in a text of YAML or JSON; empty where there is none. Raises MeshConfigError."""
    if len(text) > _LONGEST_TEXT:
        raise MeshConfigError(f"{place} is too long")
    try:
        config = yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        raise MeshConfigError(f"{place} is not readable YAML") from None
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise MeshConfigError(f"{place} is not a map of settings")
    return config
