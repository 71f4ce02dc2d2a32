# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull secrets that a pod names, or that it gets from its ServiceAccount."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict


def named_secrets(holder: Obj, path: str) -> tuple[str, ...]:
    """The pull secrets that a pod spec or a ServiceAccount names. Raises Unreadable."""
    entries = get_maps(holder, "imagePullSecrets", path)
    return tuple(name for entry in entries if (name := get(entry, "name", str, f"{path}.imagePullSecrets", "")))


def account_of(pod: Obj) -> str:
    """The ServiceAccount of a pod spec. Raises Unreadable."""
    return get(pod, "serviceAccountName", str, "spec", "") or "default"


def judge_secrets(named: Mapping[str, bool | str], holder: str) -> Verdict:
    """`named` maps each pull secret to whether it exists, or the reason why that is unknown; `holder` names them."""
    missing = [name for name, exists in named.items() if exists is False]
    unknown = sorted({reason for reason in named.values() if isinstance(reason, str)})
    notes = tuple(f"pull secrets: not checked: {reason}" for reason in unknown)
    if not missing:
        return Verdict(notes=notes)
    there = "does not exist" if len(missing) == 1 else "do not exist"
    text = f"pull secret {', '.join(missing)}, which {holder} names, {there}"
    if len(missing) < len(named):
        return Verdict(notes=(*notes, text))
    text += ": without it, only public images and images already on the node start"
    return Verdict(blocks=(f"{text}; create it or name another one",), notes=notes)
