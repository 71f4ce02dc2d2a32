# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checked options of a debug session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import (
    TRACE_OPTIONS,
    TraceOptions,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.options import (
    read_options as read_trace_options,
)

# Documented in plugins/modules/pod_debug.py. Those with an underscore are set by the action plugin, not by a user.
DEBUG_OPTIONS: dict[str, dict[str, Any]] = {
    **TRACE_OPTIONS,
    "image": {"type": "str", "default": "docker.io/library/busybox:1.35"},
    "container": {"type": "str"},
    "capture": {"type": "bool", "default": False},
    "_script": {"type": "str", "required": True},
}


@dataclass(frozen=True, slots=True)
class DebugOptions:
    """`container` None chooses one; `script` is what runs in the ephemeral container."""

    trace: TraceOptions
    image: str
    container: str | None
    capture: bool
    script: str


def read_options(params: Mapping[str, Any]) -> DebugOptions:
    """Check module parameters. Raises ValueError: the option, the reason and what is valid."""
    image = params["image"].strip()
    if not image:
        raise ValueError("image: is empty: set an image with /bin/sh, cat, awk and sleep")
    return DebugOptions(
        read_trace_options(params), image, params["container"] or None, params["capture"], params["_script"]
    )
