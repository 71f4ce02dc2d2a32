# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest of an object's content, without the fields that controllers keep rewriting."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj

_NOT_CONTENT = ("resourceVersion", "generation", "managedFields")


def digest(value: Any) -> str:
    """Such as `sha256:9f86…` of plain data; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # JSON can say what no UTF-8 can.
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def content_of(obj: Obj) -> dict[str, Any]:
    """An object of a cluster without its status and what counts its versions."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _NOT_CONTENT}
    return {key: value for key, value in obj.items() if key != "status"} | {"metadata": metadata}
