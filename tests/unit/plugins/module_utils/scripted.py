# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection whose every request is declared beforehand: one too many fails, and so does one too few.

It answers as the test says; how a real API server behaves is for the tests on a real cluster.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, Union

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import JSON, Answer, Api, Executed, Query
from ansible_collections.graceful.termination.plugins.module_utils.run.cluster import cluster_source
from ansible_collections.graceful.termination.plugins.module_utils.run.options import (
    AUDIT_OPTIONS,
    REMEDIATE_OPTIONS,
    Options,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster import ClusterSource
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import TEMPLATES

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2"}
DEPLOYMENTS = "/apis/apps/v1/deployments"
SHOP = "/apis/apps/v1/namespaces/shop/deployments"
WORKLOAD_LISTS = (
    DEPLOYMENTS,
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/cronjobs",
)
VIRTUAL_SERVICES = "/apis/networking.istio.io/v1/virtualservices"  # only where a rule needs them
# All but the last two are listed in namespaces too.
LISTS = (
    *WORKLOAD_LISTS,
    "/api/v1/services",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/api/v1/persistentvolumeclaims",
    "/apis/coordination.k8s.io/v1/leases",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
    "/apis/gateway.networking.k8s.io/v1/grpcroutes",
    "/apis/gateway.networking.k8s.io/v1/gateways",
    "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings",
    VIRTUAL_SERVICES,
    "/api/v1/nodes",
    "/api/v1/namespaces",
)
PAGE = (("limit", "500"),)
_MANAGER = ("fieldManager", "graceful-termination")
REAL, DRY = (_MANAGER,), (_MANAGER, ("dryRun", "All"))  # the queries of a PATCH
Reply = Union[Answer, Exception, Callable[[Any], Answer]]  # noqa: UP007


def answer(content: Any = None, status: int = 200, **headers: str) -> Answer:
    """An answer with this JSON."""
    return Answer(
        status, json.dumps(content).encode(), {name.replace("_", "-"): text for name, text in headers.items()}
    )


def failed(status: int, message: str = "", **headers: str) -> Answer:
    """An answer with a Status object."""
    return answer({"kind": "Status", "status": "Failure", "message": message, "code": status}, status, **headers)


def forbidden(verb: str = "list", user: str = "jane") -> Answer:
    """What RBAC says."""
    return failed(403, f'things is forbidden: User "{user}" cannot {verb} resource "things" in API group ""')


def items(*objects: dict[str, Any], following: str = "") -> Answer:
    """A page of a list; the objects are as the API server lists them, without kind and apiVersion."""
    bare = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
    return answer({"metadata": {"continue": following} if following else {}, "items": bare})


# What a look before the start asks for, and what is counted but not judged.
LOOKS = re.compile(r"/api/v1/(nodes|(namespaces/[^/]+/)?(resourcequotas|pods|serviceaccounts/[^/]+|secrets/[^/]+))")
OTHERS = re.compile(
    r"/apis|(/api/v1|/apis/apps/v1|/apis/batch/v1)/(.*/)?(replicasets|jobs|replicationcontrollers|pods)"
)


class RequestsOnly:
    """What a Transport is beside its requests: no watch, and no command in a container."""

    name = "test"
    hint = ""

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        """No test asks for it."""
        raise AssertionError(f"not declared: a watch of {path}")

    def execute(self, namespace: str, pod: str, container: str, command: tuple[str, ...], what: str) -> Executed:
        """No test asks for it."""
        raise AssertionError(f"not declared: {command} in {namespace}/{pod}")


class Script(RequestsOnly):
    """A Transport. `seen` are the requests with their bodies, in the order in which they came.

    `accepted` is the form of the answer that was asked for last, by path. Unless the test is about looks before the
    start, they need not be declared, and find nothing. So it is with the kinds that are counted and not judged.
    """

    def __init__(self, *, looks: bool = False) -> None:
        self._looks = looks
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.accepted: dict[str, str] = {}
        self._declared: dict[tuple[str, str, Query], list[Reply]] = {}
        self._lock = threading.Lock()

    def expect(self, method: str, path: str, *answers: Reply, query: Query = ()) -> Self:
        """Declare that this request comes as often as there are answers; a function is asked with the body."""
        self._declared.setdefault((method, path, query), []).extend(answers)
        return self

    def expect_lists(self, *, replaced: Mapping[str, Reply] | None = None, without: tuple[str, ...] = ()) -> Self:
        """Declare one reading of a whole cluster: every list is empty but for those that are replaced."""
        self.expect("GET", "/version", answer(VERSION))
        for path in [path for path in LISTS if path not in without]:
            self.expect("GET", path, (replaced or {}).get(path, items()), query=PAGE)
        assert set(replaced or {}) <= set(LISTS)
        return self

    def send(self, method: str, path: str, query: Query, body: dict[str, Any] | None, accept: str = JSON) -> Answer:
        """The declared answer."""
        with self._lock:
            declared = self._declared.get((method, path, query))
            if not declared and not self._looks and LOOKS.fullmatch(path):
                return items()
            if not declared and OTHERS.fullmatch(path):
                return items()
            self.seen.append((method, path, dict(query), body))
            self.accepted[path] = accept
            assert declared, f"not declared: {method} {path} {dict(query)}"
            result = declared.pop(0)
        if isinstance(result, Exception):
            raise result
        return result if isinstance(result, Answer) else result(body)

    def bodies(self, method: str = "PATCH") -> list[Any]:
        """The bodies that were sent with a method."""
        return [body for sent, _path, _query, body in self.seen if sent == method]

    def check(self) -> None:
        """Fails if a declared request did not come."""
        missing = [(method, path, dict(query)) for (method, path, query), left in self._declared.items() if left]
        assert not missing, f"declared, but not sent: {missing}"


@contextmanager
def script(*, looks: bool = False) -> Iterator[Script]:
    """A script that is checked at its end."""
    declared = Script(looks=looks)
    yield declared
    declared.check()


def options_of(**given: Any) -> Options:
    """Module options with their defaults."""
    spec = AUDIT_OPTIONS | REMEDIATE_OPTIONS
    parameters = {name: option.get("default") for name, option in spec.items()}
    parameters["writes_per_second"] = 0  # nobody waits in a test
    return read_options(parameters | {"_snippets": TEMPLATES} | given)


def source_of(transport: Script, options: Options, pauses: list[float] | None = None) -> ClusterSource:
    """The source on a script; it never really waits."""
    slept = pauses if pauses is not None else []
    return cluster_source(Api(transport, slept.append), options)
