# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a rollout failed, according to the cluster's events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, concurrently
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import EVENT
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_WARNINGS = (("fieldSelector", "type=Warning"),)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_LIMIT = 200  # characters of a message
# The first match is reported: what keeps pods from being created, before what keeps them from becoming ready.
_CAUSES = (
    ("quota", r"exceeded quota|failed quota"),
    ("webhook", r"admission webhook|failed calling webhook|ValidatingAdmissionPolicy|denied the request"),
    ("image", r"ErrImagePull|ImagePullBackOff|[Ff]ailed to pull|InvalidImageName|ErrImageNeverPull|pulling image"),
    ("probe", r"\bprobe (failed|errored)"),
    ("crash", r"BackOff.*(restarting failed container)|CrashLoopBackOff"),
    ("hook", r"Failed(PreStop|PostStart)Hook"),
    ("scheduling", r"FailedScheduling"),
    ("volume", r"FailedMount|FailedAttachVolume"),
)
# The characters of generated names: Kubernetes leaves out those that could spell a word.
_HASH = "[bcdfghjklmnpqrstvwxz2456789]"
_MADE = {
    "Deployment": rf"Deployment/NAME|ReplicaSet/NAME-{_HASH}{{1,10}}|Pod/NAME-{_HASH}{{1,10}}-{_HASH}{{5}}",
    "StatefulSet": r"StatefulSet/NAME|Pod/NAME-\d+",
    "DaemonSet": rf"DaemonSet/NAME|Pod/NAME-{_HASH}{{5}}",
}


def read_causes(api: Api, workloads: Sequence[tuple[Workload, datetime | None]]) -> list[str]:
    """For each workload the cause in its Warning events since then, such as `image: Failed to pull …`; empty for none.

    Without the right to read events, the text says so.
    """

    def read(namespace: str) -> list[Obj] | str:
        try:
            return api.objects(EVENT.path(namespace), f"list events in namespace {namespace}", _trim, _WARNINGS)
        except SourceError as error:
            return f"its events could not be read: {api.reason(error)}"

    namespaces = sorted({workload.namespace for workload, _since in workloads})
    events = dict(zip(namespaces, concurrently(read, namespaces), strict=True))
    return [_cause(workload, events[workload.namespace], since) for workload, since in workloads]


def _cause(workload: Workload, events: list[Obj] | str, since: datetime | None) -> str:
    if isinstance(events, str):
        return events
    begun = since.replace(microsecond=0) if since else _LONG_AGO  # the times of events have whole seconds
    made = re.compile(_MADE[workload.kind].replace("NAME", re.escape(workload.name)))
    texts = sorted(
        (event["text"] for event in events if made.fullmatch(event["about"]) and _time(event["at"]) >= begun),
        # Of several about the same cause, the longest has the most detail.
        key=lambda text: (-len(text), text),
    )
    for cause, pattern in _CAUSES:
        for text in texts:
            if re.search(pattern, text):
                return f"{cause}: {text}"
    return ""


def _trim(event: Obj) -> Obj:
    about = event.get("involvedObject") or {}
    series = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    text = " ".join(f"{event.get('reason') or ''}: {event.get('message') or ''}".split())
    return {
        "about": f"{about.get('kind')}/{about.get('name')}",
        "at": at or event["metadata"].get("creationTimestamp") or "",
        "text": text if len(text) <= _LIMIT else f"{text[:_LIMIT]}…",
    }


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _LONG_AGO
