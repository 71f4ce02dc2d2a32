# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an earlier drill showed about a workload, kept beside drill.json for the audits that come later."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.files import write_file
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import RESTARTED_AT
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

FOLDER = "drills"  # in the folder of the reports; one file a workload
SCHEMA = "graceful.termination/drill/v1"
# A noisy, interrupted or broken drill shows nothing, and does not replace one that does.
PASSED, FAILED = "passed", "failed"
_MOST_BYTES = 2**22
_EXERCISED = ("strategy", "updateStrategy", "minReadySeconds")


@dataclass(frozen=True, slots=True)
class Proof:
    """The last drill that came to a result. `uid` distinguishes its workload from namesakes; `deployed`: see there."""

    uid: str
    deployed: str
    passed: bool
    ended_at: datetime
    requests: int
    lost: int


def deployed(workload: Workload) -> str:
    """A digest of what a drill exercises: the pod template and the strategy, but not when it was restarted last."""
    template = copy.deepcopy(workload.spec.get("template") or {})
    metadata = template.get("metadata") or {}
    annotations = metadata.pop("annotations", None) or {}
    annotations.pop(RESTARTED_AT, None)
    metadata.pop("creationTimestamp", None)
    parts = [template, annotations, [workload.spec.get(key) for key in _EXERCISED]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def keep(folder: str, document: Mapping[str, Any]) -> None:
    """Keep the result of a drill that has one. Raises OSError."""
    if document["status"] in (PASSED, FAILED):
        workload = document["workload"]
        name = "-".join(workload[key] for key in ("namespace", "kind", "name"))
        write_file(Path(folder) / FOLDER / f"{name}.json", json.dumps(document, indent=2) + "\n")


def read_proofs(*folders: str) -> dict[str, Proof]:
    """By UID of the workload, the last one of all folders. What is no result of a drill is left out."""
    found: dict[str, Proof] = {}
    for path in [path for folder in folders for path in sorted(Path(folder, FOLDER).glob("*.json"))]:
        try:
            if path.stat().st_size > _MOST_BYTES:
                continue
            proof = _proof(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if proof is not None and (proof.uid not in found or found[proof.uid].ended_at < proof.ended_at):
            found[proof.uid] = proof
    return found


def _proof(document: dict[str, Any]) -> Proof | None:
    if document["schema"] != SCHEMA or document["status"] not in (PASSED, FAILED):
        return None
    workload, ended_at = document["workload"], datetime.fromisoformat(document["ended_at"]).astimezone(UTC)
    numbers = int(document["requests"]), int(document["lost_total"])
    return Proof(str(workload["uid"]), str(workload["deployed"]), document["status"] == PASSED, ended_at, *numbers)
