# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fault each, in the middle of a run over workloads with pods; then a run that may finish, and one more."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bare import MERGE, THREADS, Server, concurrently

from .cluster import ACCOUNT, NAMESPACE, Cluster, command, kubectl
from .patched import ALL, HALF, Plan
from .playbook import Playbook, actions

WORKLOADS = 12
_COMMON = {"policy": {"prestop_seconds": {"default": 2}}, "wait_timeout": 120, "max_rollouts": 4}
_GAP = 0.3  # seconds
_CROWDED = 5  # seconds
_BOUND = "bound"  # the Secret that a token lives as long as


@dataclass(frozen=True)
class Case:
    """`fault` is called when the first patch is about to be sent, and returns what is to be told of it.

    `account` runs it by a token of the role's own account. `variables` hold for the first run only. `code` is the HTTP
    status by which the API server's log shows that the fault was there.
    """

    name: str
    fault: Callable[[Cluster, Playbook], dict[str, Any]]
    variables: dict[str, Any] = field(default_factory=dict)
    account: bool = False
    code: int | None = None


def run(case: Case, cluster: Cluster, folder: Path) -> dict[str, Any]:
    """What became of the workloads, and of the two runs after."""
    cluster.reset(WORKLOADS, pods=True)
    plan = Plan(cluster, folder, _COMMON)
    asked = len(cluster.requests(dry=True))
    playbook = Playbook(folder, _COMMON | case.variables, environment=_token(cluster) if case.account else None)
    playbook.wait_for_patch()
    facts = case.fault(cluster, playbook)
    first = playbook.finish() | {"fault": facts}
    first["statuses"] = dict(Counter(entry["status"] for entry in actions(folder)))
    first["reasons"] = sorted({entry["reason"] for entry in actions(folder) if entry["reason"]})
    first["codes"] = dict(Counter(str(entry["responseStatus"]["code"]) for entry in cluster.requests(dry=True)[asked:]))
    first["workloads"], first["patched_without_a_line_in_the_journal"] = plan.counts(), plan.unnoted()
    cluster.wait_for_server()
    second = Playbook(folder, _COMMON).finish() | {"workloads": plan.counts()}
    sent = len(cluster.requests())
    third = Playbook(folder, _COMMON).finish() | {"patches_sent": len(cluster.requests()) - sent}
    if case.code and str(case.code) not in first["codes"]:
        raise RuntimeError(f"{case.name}: no patch was answered with {case.code}: {first['codes']}")
    return {"case": case.name, "run": first, "next_run": second, "run_after_that": third}


def is_right(result: dict[str, Any]) -> bool:
    """Nothing half-applied, nothing unnoted, and the next run converged."""
    first, second, third = result["run"], result["next_run"], result["run_after_that"]
    return (
        first["workloads"][HALF] == first["patched_without_a_line_in_the_journal"] == 0
        and second["workloads"][ALL] == WORKLOADS
        and second["status"] == third["status"] == third["changed"] == third["patches_sent"] == 0
    )


def _token(cluster: Cluster) -> dict[str, str]:
    """The variables by which a run is the role's own account, as long as the Secret is there."""
    kubectl("delete", "secret", _BOUND, "--ignore-not-found")
    kubectl("create", "secret", "generic", _BOUND)
    bound = ("--bound-object-kind", "Secret", "--bound-object-name", _BOUND)
    host = command("kubectl", "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    return {
        "K8S_AUTH_KUBECONFIG": "/dev/null",
        "K8S_AUTH_HOST": host,
        "K8S_AUTH_API_KEY": kubectl("create", "token", ACCOUNT, "--duration", "10m", *bound).strip(),
        "K8S_AUTH_VERIFY_SSL": "false",
    }


def _server_killed(seconds: float) -> Callable[[Cluster, Playbook], dict[str, Any]]:
    def fault(cluster: Cluster, _playbook: Playbook) -> dict[str, Any]:
        time.sleep(seconds)
        return {"answered_again_after_seconds": cluster.kill_server()}

    return fault


def _token_dies(_cluster: Cluster, _playbook: Playbook) -> dict[str, Any]:
    kubectl("delete", "secret", _BOUND)
    return {}


def _terminated(_cluster: Cluster, playbook: Playbook) -> dict[str, Any]:
    time.sleep(2)
    begin = time.monotonic()
    playbook.terminate()
    playbook.wait_until_gone()
    return {"ended_after_seconds": round(time.monotonic() - begin, 1)}


def _others_write(_cluster: Cluster, playbook: Playbook) -> dict[str, Any]:
    """Somebody sets a label on each Deployment, some times a second, as long as the run lasts.

    A label makes no new generation of a Deployment. An annotation does, since it is copied to the ReplicaSets.
    """
    server, writes = Server(), Counter[str]()

    def write(number: int) -> None:
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web-{number:03}"
        while not playbook.ended:
            server.send("PATCH", path, {"metadata": {"labels": {"count": str(writes.total())}}}, MERGE)
            writes[path] += 1
            time.sleep(_GAP)

    threads = [threading.Thread(target=write, args=[number]) for number in range(WORKLOADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"writes_of_others": writes.total()}


def _throttled(_cluster: Cluster, _playbook: Playbook) -> dict[str, Any]:
    """For some seconds the API server has one place for requests of the account, and somebody else holds that.

    All others are answered with 429 and Retry-After.
    """
    limit = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": NAMESPACE},
        "spec": {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
            | {"limitResponse": {"type": "Reject"}},
        },
    }
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": NAMESPACE},
        "spec": {
            "matchingPrecedence": 2,  # right after what nothing limits
            "priorityLevelConfiguration": {"name": NAMESPACE},
            "rules": [
                {
                    "subjects": [
                        {"kind": "ServiceAccount", "serviceAccount": {"name": ACCOUNT, "namespace": NAMESPACE}}
                    ],
                    "resourceRules": [
                        {name: ["*"] for name in ("verbs", "apiGroups", "resources", "namespaces")}
                        | {"clusterScope": True}
                    ],
                }
            ],
        },
    }
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": [limit, schema]})
    command("kubectl", "apply", "-f", "-", text=objects)
    try:
        codes = concurrently(lambda _number: _hold(time.monotonic() + _CROWDED), range(THREADS))
    finally:
        command("kubectl", "delete", "-f", "-", text=objects)
    return {"crowded_for_seconds": _CROWDED, "others_were_answered": dict(sum(codes, Counter()))}


def _hold(end: float) -> Counter[str]:
    """Ask as the account until then for what takes the server 3 s; how often the answer had which status."""
    server, codes = Server(), Counter[str]()
    # It waits so long for a version that is still to come.
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?resourceVersion=999999999&resourceVersionMatch=NotOlderThan"
    while time.monotonic() < end:
        codes[str(server.status(path, user=f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"))] += 1
        time.sleep(0.1)
    return codes


CASES = (
    Case("the API server killed while workloads roll out", _server_killed(3)),
    Case("the API server killed while workloads are patched", _server_killed(0), {"writes_per_second": 5}),
    Case("a token that dies while patches are sent", _token_dies, {"writes_per_second": 1}, account=True, code=401),
    Case("SIGTERM while one workload rolls out and others wait", _terminated, {"max_rollouts": 1}),
    Case("somebody else writes to the same workloads all the time", _others_write, code=409),
    Case("an API server that turns requests away (429)", _throttled, {"writes_per_second": 2}, account=True, code=429),
)
