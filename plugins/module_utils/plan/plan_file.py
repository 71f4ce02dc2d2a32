# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan file: what check mode says would be done, for a person to approve, and the measure of what is then done."""

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
LIFETIME = timedelta(hours=72)  # an approval may take a weekend, and what has changed meanwhile is refused anyhow
_AGAIN = "make a new one in check mode; nothing was done"


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan that may be applied. `objects` are its entries by the identity of their workload."""

    path: str
    generated_at: str
    digest: str
    objects: dict[Identity, dict[str, Any]]

    def as_report(self) -> dict[str, Any]:
        """What a report says of the plan that was applied."""
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
        """(the changes that are exactly as planned; the other objects of the plan, as (entry, status, reason)).

        `refused` names the workloads of which the report says already why they are not changed.
        """
        present = {workload.identity: workload for workload in workloads}
        now = {planned.change.workload.identity: planned for planned in changes}
        exact, others = [], []
        for name, entry in self.objects.items():
            workload, planned = present.get(name), now.get(name)
            if name in refused:
                continue
            if workload is None:
                others.append((entry, "refused", "it is gone, or not among what this run looks at"))
            elif _is_done(workload, entry):
                others.append((entry, "unchanged", "it already is as planned"))
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

    Of objects it has names and what is to be sent, nothing that they hold.
    """
    plan: dict[str, Any] = {
        "schema": SCHEMA,
        "generated_at": now.isoformat(timespec="seconds"),
        "expires_at": (now + LIFETIME).isoformat(timespec="seconds"),
        "version": VERSION,
        "source": source.identity(),
        "cost": dict(cost),
        "note": "the first rollout still stops the old pods by their old spec",
        "objects": [_entry(planned, source) for planned in sorted(changes, key=_identity)],
    }
    return plan | {"digest": digest(plan)}


def to_text(plan: Mapping[str, Any]) -> str:
    """The plan as the text of its file."""
    return json_text(plan, indent=1)


def read_plan(text: str, path: str, source: Source, now: datetime) -> Approved:
    """Check a plan as a whole. Raises ValueError where it must not be applied, with the next step."""
    try:
        plan = json.loads(text)
        if plan["schema"] != SCHEMA:
            raise ValueError
        stated = plan.pop("digest")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"plan {path}: not a plan of this version ({SCHEMA}): {_AGAIN}") from None
    if stated != digest(plan):
        raise ValueError(f"plan {path}: it was edited after it was made (its digest is another): {_AGAIN}")
    if now > datetime.fromisoformat(plan["expires_at"]):
        raise ValueError(f"plan {path}: it expired at {plan['expires_at']}: {_AGAIN}")
    here = source.identity()
    if _foreign(plan["source"], here):
        raise ValueError(
            f"plan {path}: it is for {_words(plan['source'])}, and this is {_words(here)}; nothing was done"
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


def _words(source: Mapping[str, Any]) -> str:
    if source["type"] == "manifests":
        return f"the manifests {source['name']}"
    return f"the cluster {source['name']}" + (f" ({source['uid']})" if source.get("uid") else "")


def _is_done(workload: Workload, entry: Mapping[str, Any]) -> bool:
    """Whether the object has all that the plan would send, as after an earlier run that applied it."""
    try:
        after = merge(merge(workload.obj, entry["strategy"]), entry["template"])
    except MergeError:
        return False
    return same(workload.obj, after)


def _drifted(now: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """Why an object is not the one that was planned for. A new status alone, such as a pod that restarted, is none."""
    planned = entry["state"]
    if planned.get("uid") != now.get("uid"):
        return "it was deleted and made anew since the plan was made"
    if any(planned.get(key) != value for key, value in now.items() if key != "resourceVersion"):
        return "changed since the plan was made"
    return None


def _differs(change: Change | None, entry: Mapping[str, Any]) -> str | None:
    """Why what this run would send is not what was approved."""
    if change and (change.strategy, change.template) == (entry["strategy"], entry["template"]):
        return None
    what = "something else" if change else "nothing"
    return (
        f"this run would do {what}: its options, its templates or what is around the workload (Services, autoscalers) "
        "are no longer those of the plan"
    )
