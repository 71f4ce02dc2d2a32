# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod is chosen, and which must not be stopped."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target, find
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.cluster import (
    DEPLOYMENT,
    OF_WEB,
    POD,
    PODS,
    SLICES,
    SPACE,
    api_of,
    expect_choice,
    listed,
    live,
    piece,
    pod,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import options_of
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    PAGE,
    answer,
    failed,
    forbidden,
    script,
)

BY_WORKLOAD = {"namespaces": ["shop"], "kinds": ["Deployment"], "names": ["web"]}
BY_NAME = {"namespaces": ["shop"], "pod": "web-1-a"}
BOTH = (pod("web-1-b"), pod())


def chosen(*pods: dict[str, Any], slices: Any = None, given: Any = None, **options: Any) -> Target:
    with script() as declared:
        expect_choice(declared, *pods, slices=slices, **(given or {}))
        return find(api_of(declared), options_of(**BY_WORKLOAD, **options))


def refusal(*pods: dict[str, Any], slices: Any = None, given: Any = None, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        chosen(*pods, slices=slices, given=given, **options)
    assert "nothing was stopped" in str(caught.value)
    return str(caught.value)


def test_the_oldest_ready_pod_is_taken_and_that_is_said() -> None:
    pods = (
        pod("web-1-b"),
        pod("web-1-a", creationTimestamp="2027-01-03T09:00:00Z"),
        pod("web-1-0", ready=False, creationTimestamp="2027-01-01T09:00:00Z"),
        pod("web-1-1", marked=True, creationTimestamp="2027-01-01T09:00:00Z"),
        pod("alien", creationTimestamp="2027-01-01T09:00:00Z", ownerReferences=None),
    )
    target = chosen(*pods, slices=listed(piece("web-1-a", "web-1-b")))
    assert (target.name, target.chosen, target.services) == ("web-1-a", "the oldest ready one of 4", ("web",))


def test_without_a_ready_pod_there_is_nothing_to_trace() -> None:
    with script() as declared, pytest.raises(SourceError, match=r"none of its 1 pods is ready.*termination_trace_pod"):
        declared.expect("GET", "/apis/apps/v1/namespaces/shop/deployments", listed(live()), query=PAGE)
        declared.expect("GET", DEPLOYMENT, answer(live())).expect("GET", PODS, listed(pod(ready=False)), query=OF_WEB)
        find(api_of(declared), options_of(**BY_WORKLOAD))


@pytest.mark.parametrize(
    "slices",
    [
        [piece("web-1-a")],
        [piece("web-1-a"), piece("web-1-b", service="other")],
        [piece("web-1-a"), piece("web-1-b", ready=False)],
    ],
)
def test_the_last_ready_endpoint_stays(slices: list[dict[str, Any]]) -> None:
    text = refusal(pod(), slices=listed(*slices))
    assert "last ready endpoint of Service web" in text
    assert "termination_trace_allow_last_endpoint" in text
    assert chosen(pod(), slices=listed(*slices), allow_last_endpoint=True).name == "web-1-a"


@pytest.mark.parametrize(
    "slices",
    [
        [piece("web-1-a", "web-1-b")],
        [piece("web-1-a"), piece("web-1-b") | {"metadata": piece("x")["metadata"] | {"name": "web-y"}}],
        [piece("web-1-a", ready=False)],
        [piece("elsewhere", service="other")],
        [],
    ],
)
def test_a_pod_that_others_stand_in_for_or_nobody_asks_may_go(slices: list[dict[str, Any]]) -> None:
    assert chosen(*BOTH, slices=listed(*slices)).name == "web-1-a"


def test_an_endpoint_whose_readiness_is_unknown_is_ready() -> None:
    other = piece("web-1-a", "web-1-b")
    other["endpoints"][1]["conditions"] = {}
    assert chosen(*BOTH, slices=listed(other)).name == "web-1-a"


def test_without_the_right_to_see_slices_the_pods_of_the_workload_decide() -> None:
    target = chosen(*BOTH, slices=forbidden())
    assert target.services is None
    assert "403" in target.blind
    assert "no other pod of its workload is ready" in refusal(pod(), slices=forbidden())


def test_a_rolling_restart_keeps_others_ready_by_itself() -> None:
    rolling = {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}, "replicas": 1}
    assert chosen(pod(), slices=listed(piece("web-1-a")), given=rolling, mode="restart").name == "web-1-a"
    recreate = {"strategy": {"type": "Recreate"}}
    slices = listed(piece("web-1-a", "web-1-b"))
    assert "stops all pods at once" in refusal(*BOTH, slices=slices, given=recreate, mode="restart")


def named(obj: dict[str, Any], *more: tuple[str, Any], **options: Any) -> Target:
    with script() as declared:
        declared.expect("GET", POD, answer(obj))
        for path, reply in more:
            declared.expect("GET", path, reply, query=PAGE if path == SLICES else ())
        return find(api_of(declared), options_of(**BY_NAME, **options))


WITH_WORKLOAD = ((DEPLOYMENT, answer(live())), (SPACE, answer({"metadata": {"name": "shop"}})))
BARE = pod(ownerReferences=None)


def test_a_named_pod_is_taken_with_its_workload() -> None:
    target = named(pod(ready=False), *WITH_WORKLOAD, (SLICES, listed()))
    assert target.workload is not None
    assert (target.workload.key, target.chosen) == ("shop/Deployment/web", "named")


def test_a_bare_pod_has_no_workload() -> None:
    target = named(BARE, (SPACE, answer({"metadata": {"name": "shop"}})), (SLICES, listed()))
    assert target.workload is None


@pytest.mark.parametrize("status", [403, 404])
def test_a_workload_that_cannot_be_read_is_none(status: int) -> None:
    more = ((DEPLOYMENT, failed(status)), (SPACE, answer({"metadata": {"name": "shop"}})), (SLICES, listed()))
    assert named(pod(), *more).workload is None


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (pod(marked=True, ownerReferences=None), "it is already terminating"),
        (BARE | {"status": {"phase": "Succeeded"}}, "its containers have ended"),
        (pod(ownerReferences=None, annotations={"kubernetes.io/config.mirror": "x"}), "it is a static pod"),
        (pod(ownerReferences=None, namespace="kube-system"), "is a system namespace"),
    ],
)
def test_pods_that_must_not_be_stopped(obj: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        named(obj)


def test_the_namespace_may_forbid_it() -> None:
    space = {"metadata": {"name": "shop", "annotations": {"graceful.termination/managed": "false"}}}
    with pytest.raises(SourceError, match="allows no changes"):
        named(BARE, (SPACE, answer(space)))


def test_a_bare_pod_cannot_be_restarted() -> None:
    with pytest.raises(SourceError, match="mode restart needs"):
        named(BARE, mode="restart")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"pod": "a"}, "its namespace is missing"),
        ({"pod": "a", "namespaces": ["team-*"]}, "its namespace is missing"),
        ({"pod": "a", "namespaces": ["a", "b"]}, "its namespace is missing"),
        ({"kinds": ["CronJob"]}, "a trace chooses a pod of"),
        ({"wait_timeout": 0}, "less than 1"),
    ],
)
def test_options_that_make_no_sense(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        options_of(**given)
