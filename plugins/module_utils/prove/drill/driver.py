# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops the pods of a workload, by a rolling restart or by evictions, and waits until their replacements serve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.product import FIELD_MANAGER
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD, WORKLOADS
from ansible_collections.graceful.termination.plugins.module_utils.kube.rollout import (
    COMPLETE,
    PROGRESSING,
    RESTARTED_AT,
    conditions_of,
    rollout_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import RESTART
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pod, Pods
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

_POLL = 0.5  # seconds


@dataclass
class Driver:
    """`timeout` in seconds for each wait. `changed`: a restart or an eviction has started. Nothing is left behind."""

    api: Api
    workload: Workload
    pods: Pods
    timeout: int
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    changed: bool = False

    def stop_pods(self, mode: str) -> None:
        """One round. Raises SourceError (ApiError included) if it cannot be completed."""
        old = [pod for pod in self.pods.all() if pod.marked_at is None and pod.gone_at is None]
        if not old:
            raise SourceError(f"{self.workload.key}: it has no pods to stop")
        if mode == RESTART:
            self._restart(old)
        else:
            self._evict_all(old)

    def _restart(self, old: list[Pod]) -> None:
        """What `kubectl rollout restart` does."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: stamp}}}}}
        self.api.patch(self._path(), body, (("fieldManager", FIELD_MANAGER),), f"restart {self.workload.key}")
        self.changed = True

        def waits_for() -> str:
            obj = {**self.api.get(self._path(), f"get {self.workload.key}"), "kind": self.workload.kind}
            rollout = rollout_of(obj)
            if rollout.state == PROGRESSING:
                return "; ".join(filter(None, (rollout.reason, conditions_of(obj))))
            if rollout.state != COMPLETE:
                raise SourceError(f"{self.workload.key}: {rollout.reason}")
            return self._remaining(old)

        self._wait(waits_for)

    def _evict_all(self, old: list[Pod]) -> None:
        """One pod after the other, each once all others serve."""
        serving = sum(pod.serving for pod in old)
        for pod in old:
            self._require_another(pod)
            self._evict(pod)

            def waits_for(pod: Pod = pod) -> str:
                ready = sum(other.serving for other in self.pods.all())
                return self._remaining([pod]) or (f"{ready} of {serving} pods ready" if ready < serving else "")

            self._wait(waits_for)

    def _require_another(self, pod: Pod) -> None:
        if not any(other.serving for other in self.pods.all() if other is not pod):
            raise SourceError(
                f"{self.workload.key}: pod {pod.name} was not evicted: no other pod is ready, so it is the last "
                "endpoint; run at least two replicas, or drill with mode restart (termination_drill_mode)"
            )

    def _evict(self, pod: Pod) -> None:
        path = f"{POD.path(self.workload.namespace, pod.name)}/eviction"
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": self.workload.namespace},
            # The UID, so that it is never a recreated pod of the same name, as of a StatefulSet.
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        }

        def refused() -> str:
            try:
                self.api.create(path, body, f"evict pod {pod.name}")
                self.changed = True
            except ApiError as error:
                if error.status == 429:
                    return f"a PodDisruptionBudget blocks the eviction of pod {pod.name}: {error.detail}"
                if error.status not in (404, 409):
                    raise
            return ""  # also if another client has just deleted it

        self._wait(refused)

    def _remaining(self, old: list[Pod]) -> str:
        """Which of the old pods still exist, as text."""
        self.pods.all()  # raises if the pods can no longer be watched
        remaining = [pod.name for pod in old if pod.gone_at is None]
        return (
            f"{len(remaining)} of {len(old)} old pods are not deleted yet, such as {remaining[0]}" if remaining else ""
        )

    def _wait(self, waits_for: Callable[[], str]) -> None:
        """Wait until `waits_for` returns "". Raises SourceError after the timeout."""
        deadline = self.now() + self.timeout
        while True:
            reason = waits_for()
            if not reason:
                return
            if self.now() >= deadline:
                raise SourceError(f"{self.workload.key}: not complete after {self.timeout} s: {reason}")
            self.pause(_POLL)

    def _path(self) -> str:
        return WORKLOADS[self.workload.kind].path(self.workload.namespace, self.workload.name)
