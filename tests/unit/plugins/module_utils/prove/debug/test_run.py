# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ephemeral container: what is sent, when nothing is, and what comes of a container that does not work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Query
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import (
    attach,
    plan,
    wait_until_it_runs,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.options import (
    DEBUG_OPTIONS,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.run import foresee, run_debug
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.run import Pauses
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.cluster import (
    BY_NAME,
    BY_SERVICE,
    BY_UID,
    EVENTS,
    OF_WEB,
    POD,
    PODS,
    SLICES,
    Watched,
    api_of,
    ended,
    listed,
    live,
    piece,
    pod,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    Script,
    answer,
    failed,
    forbidden,
    script,
)

ATTACH = f"{POD}/ephemeralcontainers"
MANAGED: Query = (("fieldManager", "graceful-termination"),)
DRY: Query = (*MANAGED, ("dryRun", "All"))
MASKS = " ".join(["0" * 16] * 3)
LINES = ["observe 90", f"process 1 0 S 1 {MASKS} app", "looked"]


def options_of(**given: Any) -> Any:
    return read_options(
        {name: option.get("default") for name, option in DEBUG_OPTIONS.items()} | {"_script": 'echo "$1" $$'} | given
    )


def target_of(**spec: Any) -> Target:
    obj = pod()
    obj["spec"] |= spec
    return Target(obj, read_workload(live()), "named", ("web",), "")


def status(**state: Any) -> Any:
    obj = pod()
    obj["status"]["ephemeralContainerStatuses"] = [{"name": "graceful-debug-1", "state": state}]
    return answer(obj)


@pytest.fixture(autouse=True)
def same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: "1")


def test_the_container_has_the_least_rights_and_the_targets_processes() -> None:
    spec = plan(target_of(), options_of()).spec
    assert spec["targetContainerName"] == "app"
    assert spec["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # The kubelet makes one dollar sign of two, and values of $(NAME).
    assert spec["command"] == ["/bin/sh", "-c", 'echo "$$1" $$$$', "graceful-debug", "60", "40", "0", ""]


def test_only_a_capture_gets_more() -> None:
    spec = plan(target_of(), options_of(capture=True)).spec
    assert spec["securityContext"]["capabilities"] == {"add": ["NET_ADMIN", "NET_RAW"]}
    assert spec["command"][-1] == "capture"


def test_a_restart_may_take_long_to_reach_the_pod() -> None:
    assert plan(target_of(), options_of(mode="restart", wait_timeout=300)).seconds == 300


def test_of_processes_that_the_pod_shares_pid_1_is_not_the_targets() -> None:
    observer = plan(target_of(shareProcessNamespace=True), options_of())
    assert observer.shared
    assert observer.spec["command"][-2] == "1"


@pytest.mark.parametrize(
    ("annotation", "wanted", "container"),
    [(None, None, "app"), ("side", None, "side"), ("other", None, "app"), ("side", "app", "app")],
)
def test_which_container_is_looked_into(annotation: str | None, wanted: str | None, container: str) -> None:
    target = target_of(containers=[{"name": "app"}, {"name": "side"}])
    target.pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": annotation}
    assert plan(target, options_of(container=wanted)).container == container


@pytest.mark.parametrize(
    ("spec", "given", "reason"),
    [
        ({}, {"container": "x"}, "it has no container x; set container .* to one of app"),
        ({"hostPID": True}, {}, "hostPID"),
        ({"hostNetwork": True}, {"capture": True}, "of the whole node"),
        ({"os": {"name": "windows"}}, {}, "Windows"),
    ],
)
def test_what_would_show_nothing_or_too_much_is_refused(
    spec: dict[str, Any], given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceError, match=f"pod shop/web-1-a: nothing was attached: .*{reason}"):
        plan(target_of(**spec), options_of(**given))


def test_a_pod_on_its_nodes_network_can_be_looked_into_without_a_capture() -> None:
    assert plan(target_of(hostNetwork=True), options_of()).container == "app"


@pytest.mark.parametrize(
    ("reply", "capture", "reason"),
    [
        (failed(409, "uid mismatch"), False, "just replaced"),
        (failed(404, "not found"), False, "or deleted"),
        (failed(403, 'violates PodSecurity "baseline:latest": x'), True, "x; set capture .* to false, or debug a pod"),
        (
            failed(403, 'violates PodSecurity "restricted:latest": x'),
            False,
            "x; debug a pod in a namespace that allows",
        ),
        (
            forbidden("patch"),
            False,
            "forbidden: user jane cannot attach an ephemeral container to pod shop/web-1-a .403",
        ),
    ],
)
def test_a_refusal_is_told_with_what_to_do(reply: Answer, capture: bool, reason: str) -> None:
    target = target_of()
    with script() as declared:
        declared.expect("PATCH", ATTACH, reply, query=MANAGED)
        with pytest.raises(SourceError, match=reason):
            attach(api_of(declared), target, plan(target, options_of(capture=capture)))
    assert declared.bodies()[0]["metadata"] == {"uid": "uid-web-1-a"}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"waiting": {"reason": "ImagePullBackOff", "message": "no \x1b such"}}, "ImagePullBackOff: no .*x1b such"),
        ({"terminated": {"reason": "StartError", "exitCode": 128}}, "StartError"),
    ],
)
def test_a_container_that_cannot_start_is_waited_for_no_longer(state: dict[str, Any], reason: str) -> None:
    target = target_of()
    with script() as declared:
        declared.expect("GET", POD, status(waiting={"reason": "ContainerCreating"}), status(**state))
        with pytest.raises(SourceError, match=f"nothing was stopped: .*does not run: {reason}"):
            wait_until_it_runs(api_of(declared), target, plan(target, options_of()), 5, lambda _seconds: None)


class Logged(Watched):
    """A cluster whose ephemeral container writes a log, which ends with the pod."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._log = lines
        self.asked = threading.Event()

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        if path != f"{POD}/log":
            yield from super().lines(path, query, what)
            return
        assert query == (("container", "graceful-debug-1"), ("follow", "true"), ("timestamps", "true"))
        for line in self._log:
            if line == "stop":
                assert self.asked.wait(5)
            yield f"2027-01-04T09:30:00.123456789Z {line}".encode()


def cluster(lines: list[str], *events: Any) -> Logged:
    declared = Logged(lines)
    declared.expect("POST", f"{POD}/eviction", answer({"kind": "Status"}))
    declared.expect("PATCH", ATTACH, answer(pod()), query=MANAGED)
    declared.expect("GET", POD, status(running={}))
    if events:
        for path, (query, reply) in {
            SLICES: (BY_SERVICE, listed(piece("web-1-a", "web-1-b"))),
            EVENTS: (BY_UID, listed()),
            PODS: (OF_WEB, listed(pod())),
        }.items():
            declared.expect("GET", path, reply, query=query)
        declared.expect("GET", PODS, listed(pod()), query=BY_NAME)
        declared.tell(f"{PODS}?{BY_NAME[0][1]}", declared.asked, *events)
        declared.tell(f"{PODS}?{OF_WEB[0][1]}", declared.asked, ("ADDED", pod("web-1-c")))

        def evict(_body: Any) -> Any:
            declared.asked.set()
            return answer({"kind": "Status"})

        declared.expect("POST", f"{POD}/eviction", evict)
    return declared


def run(declared: Script, **given: Any) -> dict[str, Any]:
    options, target = options_of(**{"wait_timeout": 5, **given}), target_of()
    return run_debug(api_of(declared), target, options, plan(target, options), Pauses(0.01, 0.05))


def test_it_is_attached_before_the_pod_is_stopped_and_both_are_told(tmp_path: Path) -> None:
    done = ended()
    state = {"terminated": {"exitCode": 137, "finishedAt": "2027-01-04T09:30:04Z"}}
    done["status"]["ephemeralContainerStatuses"] = [{"name": "graceful-debug-1", "state": state}]
    declared = cluster(
        [*LINES, "stop", "looked"], ("MODIFIED", pod(marked=True)), ("MODIFIED", done), ("DELETED", done)
    )
    told = run(declared, report_dir=str(tmp_path))
    declared.check()
    sent = [
        (method, path, body and (body.get("deleteOptions") or {}).get("dryRun"))
        for method, path, _q, body in declared.seen
    ]
    order = [entry for entry in sent if entry[0] != "GET"]
    eviction = f"{POD}/eviction"
    assert order == [("POST", eviction, ["All"]), ("PATCH", ATTACH, None), ("POST", eviction, None)]
    assert told["observer"]["prolonged"] is False
    assert told["trace"]["containers"][0]["exit_code"] == 0
    assert [path.rpartition("/")[2] for path in told["files"]] == [
        "trace-shop-web-1-a.json",
        "trace-shop-web-1-a.svg",
        "debug-shop-web-1-a.json",
        "debug-shop-web-1-a.log",
    ]
    assert (tmp_path / "debug-shop-web-1-a.log").read_text().splitlines()[1].endswith(f"process 1 0 S 1 {MASKS} app")


@pytest.mark.parametrize(
    ("lines", "given", "reason"),
    [
        (["graceful-debug: awk: not found", "observe 90", "looked"], {}, "shows no processes: .*awk: not found"),
        ([*LINES, "tcpdump: not found"], {"capture": True}, "the image needs tcpdump.*: tcpdump: not found"),
    ],
)
def test_an_image_that_cannot_show_it_stops_nothing(lines: list[str], given: dict[str, bool], reason: str) -> None:
    declared = cluster(lines)
    with pytest.raises(SourceError, match=f"nothing was stopped: .*{reason}.*exits by itself within 60 s"):
        run(declared, **given)
    declared.check()


def test_what_a_disruption_budget_forbids_attaches_nothing() -> None:
    declared = Script().expect("POST", f"{POD}/eviction", *[failed(429, "budget")] * 5)
    with pytest.raises(SourceError, match="a PodDisruptionBudget blocks it"):
        run(declared)
    declared.check()


def test_without_the_right_to_evict_nothing_is_attached() -> None:
    declared = Script().expect("POST", f"{POD}/eviction", forbidden("create"))
    with pytest.raises(SourceError, match="nothing was attached: forbidden: user jane cannot evict"):
        run(declared)
    declared.check()


def test_check_mode_asks_for_both_and_says_what_it_may_not_ask() -> None:
    options, target = options_of(), target_of()
    with script() as declared:
        declared.expect("POST", f"{POD}/eviction", answer({"kind": "Status"}))
        declared.expect("PATCH", ATTACH, forbidden("patch"), query=DRY)
        unsure = foresee(api_of(declared), target, options, plan(target, options))
    assert unsure.startswith("forbidden: user jane cannot attach an ephemeral container to pod shop/web-1-a")


def test_an_empty_image_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="image: is empty"):
        options_of(image=" ")
