# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of the calibration on the test cluster: one variant in it at a time."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import kubernetes
import urllib3

from ansible_collections.graceful.termination.tools.calibration.variants import NAMESPACE, Refused, Variant

PORT = 30083
_WAIT = 120  # seconds for anything that the cluster is asked for
_ANSWERS = 10  # in a row, until a new Service counts as known everywhere
# What its client raises where the API server refuses, or does not answer.
ERRORS = (kubernetes.client.ApiException, kubernetes.utils.FailToCreateError, urllib3.exceptions.HTTPError)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Raises Refused with the cluster's words in place of ERRORS."""
    try:
        yield
    except ERRORS as error:
        raise Refused(f"the cluster: {' '.join(str(error).split())}") from None


class Cluster:
    """Whoever uses it ends with `close`."""

    def __init__(self, kubeconfig: Path):
        client = kubernetes.config.new_client_from_config(str(kubeconfig))
        self._client = client
        self._core = kubernetes.client.CoreV1Api(client)
        self._apps = kubernetes.client.AppsV1Api(client)
        self._policy = kubernetes.client.PolicyV1Api(client)
        self.version = kubernetes.client.VersionApi(client).get_code().git_version

    def put(self, variant: Variant) -> None:
        """The variant alone, with all its pods ready."""
        self.clear()
        for obj in variant.objects:
            kubernetes.utils.create_from_dict(self._client, obj)
        wanted = variant.deployment["spec"]["replicas"]
        _until(lambda: self._ready(variant.name) == wanted, f"{wanted} pods are not ready")

    def url(self, path: str) -> tuple[str, bool]:
        """Where the Service answers, and whether Docker's forwarder stands in between."""
        node = self._core.list_node().items[0]
        address = next(entry.address for entry in node.status.addresses if entry.type == "InternalIP")
        direct, forward = f"http://{address}:{PORT}", f"http://127.0.0.1:{PORT}"
        _until(lambda: _answers(direct) or _answers(forward), f"neither {direct} nor {forward} answers")
        forwarded = not _answers(direct)
        base = forward if forwarded else direct
        _until(lambda: all(_answers(base) for _number in range(_ANSWERS)), f"{base} does not answer")
        return base + path, forwarded

    def clear(self) -> None:
        """Nothing of a variant is left; the namespace is there."""
        _until(lambda: self._phase() != "Terminating", f"namespace {NAMESPACE} is still being deleted")
        if not self._phase():
            self._core.create_namespace({"metadata": {"name": NAMESPACE}})
            return
        self._apps.delete_collection_namespaced_deployment(NAMESPACE, propagation_policy="Background")
        self._core.delete_collection_namespaced_service(NAMESPACE)
        self._policy.delete_collection_namespaced_pod_disruption_budget(NAMESPACE)
        self._core.delete_collection_namespaced_config_map(NAMESPACE, field_selector="metadata.name=server")

        def gone() -> bool:
            # Again and again, for a ReplicaSet makes new ones until it is gone itself; no one waits for their grace.
            self._core.delete_collection_namespaced_pod(NAMESPACE, grace_period_seconds=1)
            return not self._core.list_namespaced_pod(NAMESPACE).items

        _until(gone, f"the pods of namespace {NAMESPACE} do not go away")
        # An audit would read them as evidence, and those of an earlier variant's pods, so called, for the next one's.
        self._core.delete_collection_namespaced_event(NAMESPACE)

    def _phase(self) -> str:
        """Of the namespace; empty where there is none."""
        spaces = self._core.list_namespace(field_selector=f"metadata.name={NAMESPACE}").items
        return spaces[0].status.phase if spaces else ""

    def close(self) -> None:
        """Leave nothing behind, or say what is left: what was found out until then is worth more."""
        try:
            self.clear()
            self._core.delete_namespace(NAMESPACE)
        except (Refused, *ERRORS) as error:
            print(f"namespace {NAMESPACE} is left in the cluster: {' '.join(str(error).split())}")

    def _ready(self, name: str) -> int:
        return self._apps.read_namespaced_deployment_status(name, NAMESPACE).status.ready_replicas or 0

    def watch_ready(self, name: str) -> Callable[[], int]:
        """Watch how many pods are ready from now on; the function ends it and returns the least there were."""
        least = self._ready(name)
        watch = kubernetes.watch.Watch()

        def follow() -> None:
            nonlocal least
            deployments = self._apps.list_namespaced_deployment
            with contextlib.suppress(*ERRORS):  # so it ends when it is stopped
                for event in watch.stream(deployments, NAMESPACE, field_selector=f"metadata.name={name}"):
                    least = min(least, event["object"].status.ready_replicas or 0)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()

        def end() -> int:
            if not thread.is_alive():
                raise Refused("the watch of its Deployment ended before the drill did")
            watch.stop()
            return least

        return end


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/", timeout=2) as answer:
            return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False


def _until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _WAIT
    while not true():
        if time.monotonic() > deadline:
            raise Refused(f"{otherwise} after {_WAIT} s")
        time.sleep(0.5)
