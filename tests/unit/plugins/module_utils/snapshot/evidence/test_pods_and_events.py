# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod an event is of, whatever it is called, and which pod is looked into."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence import events, pods
from ansible_collections.graceful.termination.plugins.module_utils.workload.pods import assign
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import cron_job, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    at,
    event,
    pod,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("web-7d9f8b6c5d-x2x4z", "Deployment"),
        ("web-0", "StatefulSet"),
        ("web-x2x4z", "DaemonSet"),
        ("web-12", "StatefulSet"),
    ],
)
def test_a_pod_that_is_gone_is_told_by_its_name(name: str, kind: str) -> None:
    of = [read_workload(workload(kind=one)) for one in ("Deployment", "StatefulSet", "DaemonSet")]
    assert assign([name], of, {}) == {name: f"shop/{kind}/web"}


def test_the_pods_of_a_cron_job() -> None:
    name = "nightly-29112345-x2x4z"
    assert assign([name], [read_workload(cron_job())], {}) == {name: "shop/CronJob/nightly"}


@pytest.mark.parametrize("name", ["web", "web-api-7d9f8b6c5d-x2x4z", "web-7d9f8b6c5d-aeiou", "web-0-0", "other-0"])
def test_other_names_are_of_nobody(name: str) -> None:
    of = [read_workload(workload(kind=one)) for one in ("Deployment", "StatefulSet", "DaemonSet")]
    assert assign([name], of, {}) == {}


def test_a_name_that_fits_two_is_of_neither_and_an_owner_decides() -> None:
    of = [read_workload(workload()), read_workload(workload(kind="DaemonSet", name="web-5d4f"))]
    assert assign(["web-5d4f-x2x4z"], of, {}) == {}
    assert assign(["web-5d4f-x2x4z"], of, {"web-5d4f-x2x4z": of[0].key}) == {"web-5d4f-x2x4z": of[0].key}


def test_an_event_is_read_in_each_of_its_forms() -> None:
    series = event("Killing", -9, lastTimestamp=None, count=None, eventTime=at(-5))
    series["series"] = {"count": 4, "lastObservedTime": at(-3)}
    found = events.read_events([event("Killing", -9, count=2), series, event("Pulled", 0)])
    assert [(one.reason, one.count, one.container) for one in found] == [("Killing", 2, "app"), ("Killing", 4, "app")]
    assert (found[1].last or 0) - (found[0].last or 0) == 6


@pytest.mark.parametrize(
    "broken",
    [
        {"involvedObject": []},
        {"count": "2"},
        {"lastTimestamp": "yesterday"},
        {"involvedObject": {"fieldPath": "spec.containers{\n}"}},
        {"series": 7},
    ],
)
def test_broken_events_break_nothing(broken: dict[str, Any]) -> None:
    for one in events.read_events([event("Killing", 0) | broken]):
        assert one.container in ("", "app")


def test_the_pod_to_look_into_is_ready_of_the_newest_template_and_long_there() -> None:
    newest = {"pod-template-hash": "2"}
    objects = [
        pod("old", metadata={"creationTimestamp": at(-9000)}),
        pod("new-2", metadata={"creationTimestamp": at(-100), "labels": newest}),
        pod("new-1", metadata={"creationTimestamp": at(-200), "labels": newest}),
        pod("new-0", metadata={"creationTimestamp": at(-300), "labels": newest}, deleted=10),
        pod("unready", metadata={"creationTimestamp": at(-50), "labels": {"pod-template-hash": "3"}}),
    ]
    objects[-1]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    chosen = pods.representative(pods.read_pods(objects))
    assert chosen
    assert chosen.name == "new-1"
    assert pods.representative(pods.read_pods(objects[3:])) is None


def test_environments_are_not_kept() -> None:
    assert "s3cret" not in repr(pods.trim(pod()))
    assert "nobody copies" not in repr(events.trim(event("Killing", 0)))


@pytest.mark.parametrize(
    "broken",
    [{"status": []}, {"metadata": {"name": 7}}, {"status": {"containerStatuses": ["x"]}}, {"spec": 1}],
)
def test_broken_pods_break_nothing(broken: dict[str, Any]) -> None:
    assert pods.read_pods([pod() | broken]) == []


def test_a_time_that_is_none_is_not_known() -> None:
    (read,) = pods.read_pods([pod(metadata={"deletionTimestamp": "soon"})])
    assert read.deletion == ""
