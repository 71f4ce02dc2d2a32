# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan file: what check mode would do, for a person to approve; the real run applies exactly that."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.base.text import json_text
from ansible_collections.graceful.termination.plugins.module_utils.kube.digest import digest
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import MergeError, merge, same
from ansible_collections.graceful.termination.plugins.module_utils.plan.cost import PlannedChange
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.plan.source import Source
from ansible_collections.graceful.termination.plugins.module_utils.workload.identity import Identity, identity_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

SCHEMA = "graceful.termination/plan/v1"
LIFETIME = timedelta(hours=72)  # an approval may wait over a weekend; drift is refused anyway
_AGAIN = "write a new one in check mode; nothing was done"


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan that may be applied. `objects` maps the identity of a workload to its entry."""

    path: str
    generated_at: str
    digest: str
    objects: dict[Identity, dict[str, Any]]

    def as_report(self) -> dict[str, Any]:
        """The plan that was applied, for the report."""
        return {
            "path": self.path,
            "generated_at": self.generated_at,
            "digest": self.digest,
            "objects": len(self.objects),
        }

    def measure(
        self,
        changes: Sequence[PlannedChange],
        workloads: Sequence[Workload],
        source: Source,
        refused: Collection[Identity],
    ) -> tuple[list[PlannedChange], list[tuple[dict[str, Any], str, str]]]:
        """(the changes that are exactly as planned; the other objects of the plan as (entry, status, reason)).

        `refused` names the workloads that the report already lists as refused.
        """
        present = {workload.identity: workload for workload in workloads}
        now = {planned.change.workload.identity: planned for planned in changes}
        exact, others = [], []
        for name, entry in self.objects.items():
            workload, planned = present.get(name), now.get(name)
            if name in refused:
                continue
            if workload is None:
                others.append((entry, "refused", "it was deleted, or this run does not select it"))
            elif _is_done(workload, entry):
                others.append((entry, "unchanged", "it is already as planned"))
            else:
                change = planned.change if planned else None
                reason = _drifted(source.state_of(workload), entry) or _differs(change, entry)
                if reason:
                    others.append((entry, "refused", reason))
                elif planned:
                    exact.append(planned)
        return exact, others


def build_plan(
    source: Source, changes: Sequence[PlannedChange], cost: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The plan of a check-mode run as a map; `cost` as cost_of makes it.

    It has the names of objects and the patches, but nothing else of their content.
    """
    plan: dict[str, Any] = {
        "schema": SCHEMA,
        "generated_at": now.isoformat(timespec="seconds"),
        "expires_at": (now + LIFETIME).isoformat(timespec="seconds"),
        "version": VERSION,
        "source": source.identity(),
        "cost": dict(cost),
        "note": "the first rollout still stops the old pods with their old spec",
        "objects": [_entry(planned, source) for planned in sorted(changes, key=_identity)],
    }
    return plan | {"digest": digest(plan)}


def to_text(plan: Mapping[str, Any]) -> str:
    """The plan as the text of its file."""
    return json_text(plan, indent=1)


def read_plan(text: str, path: str, source: Source, now: datetime) -> Approved:
    """Check a plan as a whole. Raises ValueError with the next step if it must not be applied."""
    try:
        plan = json.loads(text)
        if plan["schema"] != SCHEMA:
            raise ValueError
        stated = plan.pop("digest")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"plan {path}: not a plan of this version ({SCHEMA}): {_AGAIN}") from None
    if stated != digest(plan):
        raise ValueError(f"plan {path}: it was edited after it was written (its digest does not match): {_AGAIN}")
    if now > datetime.fromisoformat(plan["expires_at"]):
        raise ValueError(f"plan {path}: it expired at {plan['expires_at']}: {_AGAIN}")
    here = source.identity()
    if _foreign(plan["source"], here):
        raise ValueError(
            f"plan {path}: it is for {_describe(plan['source'])}, and this is {_describe(here)}; nothing was done"
        )
    objects = {identity_in(entry): entry for entry in plan["objects"]}
    return Approved(path, plan["generated_at"], stated, objects)


def _identity(planned: PlannedChange) -> tuple[Any, ...]:
    return planned.change.workload.identity


def _entry(planned: PlannedChange, source: Source) -> dict[str, Any]:
    change = planned.change
    workload, origin = change.workload, change.workload.origin
    return {
        "object": workload.key,
        "apiVersion": workload.api_version,
        "file": origin.file,
        "document": origin.document,
        "item": origin.item,
        "environment": origin.environment,
        "line": origin.line,
        "state": source.state_of(workload),
        "fields": sorted(change.fields),
        "solves": [
            {"rule": finding.rule.id, "severity": finding.severity, "container": finding.container}
            for finding in change.solves
        ],
        "pods_restarted": planned.pods,
        "preflight": list(planned.notes),
        "grace": {"before": workload.grace, "after": change.budget_after.grace},
        "strategy": change.strategy,
        "template": change.template,
    }


def _foreign(planned: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    if planned["type"] != here["type"]:
        return True
    if planned.get("uid") and here.get("uid"):
        return planned["uid"] != here["uid"]
    return planned["name"] != here["name"]


def _describe(source: Mapping[str, Any]) -> str:
    if source["type"] == "manifests":
        return f"the manifests {source['name']}"
    return f"the cluster {source['name']}" + (f" ({source['uid']})" if source.get("uid") else "")


def _is_done(workload: Workload, entry: Mapping[str, Any]) -> bool:
    """Whether the object already has everything that the plan would send, as after an earlier run."""
    try:
        after = merge(merge(workload.obj, entry["strategy"]), entry["template"])
    except MergeError:
        return False
    return same(workload.obj, after)


def _drifted(now: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """How an object has drifted from the planned state; None if it has not. A new status alone is no drift."""
    planned = entry["state"]
    if planned.get("uid") != now.get("uid"):
        return "it was deleted and recreated since the plan was made"
    if any(planned.get(key) != value for key, value in now.items() if key != "resourceVersion"):
        return "drifted since the plan was made"
    return None


def _differs(change: Change | None, entry: Mapping[str, Any]) -> str | None:
    """Why this run would send something other than what was approved."""
    if change and (change.strategy, change.template) == (entry["strategy"], entry["template"]):
        return None
    what = "make a different change" if change else "change nothing"
    return (
        f"this run would {what}: its options, its templates or the context of the workload (Services, autoscalers) "
        "have drifted since the plan was made"
    )
