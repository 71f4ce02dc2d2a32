# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags that have moved: what is certain, what may be, and what is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.images import judge_images
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict

ONE, OTHER = "registry.example/app@sha256:1", "registry.example/app@sha256:2"


def template(image: str = "registry.example/app:1", policy: str = "IfNotPresent") -> dict[str, Any]:
    return {"containers": [{"name": "app", "image": image, "imagePullPolicy": policy}]}


def pod(image_id: str | None, image: str = "registry.example/app:1") -> dict[str, Any]:
    statuses = [{"name": "app", "imageID": image_id}] if image_id is not None else []
    return {"spec": template(image), "status": {"containerStatuses": statuses}}


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod(ONE)],
        [pod(ONE), pod(ONE)],
        [pod(ONE), pod("docker-pullable://mirror.example/app@sha256:1")],
        [pod(ONE), pod(None), pod("")],
        [pod(ONE), pod("sha256:9"), pod("sha256:8")],
        [pod(ONE), pod(OTHER, image="registry.example/app:0")],
    ],
    ids=["no pods", "one", "alike", "a mirror", "not started", "never in a registry", "another image"],
)
def test_what_is_no_difference(pods: list[dict[str, Any]]) -> None:
    assert judge_images(template(), pods) == Verdict()
    assert judge_images(template(policy="Always"), pods) == Verdict()


def test_two_builds_of_one_tag_are_told() -> None:
    (note,) = judge_images(template(), [pod(ONE), pod(OTHER)]).notes
    assert note.startswith(
        "image registry.example/app:1 of app: its pods run 2 different builds of it, so the tag has moved"
    )
    assert "a restarted pod may run any of them" in note


def test_where_it_is_pulled_anew_some_pods_would_certainly_change() -> None:
    verdict = judge_images(template(policy="Always"), [pod(ONE), pod(OTHER)])
    assert "some pods would get different code; pin the image by digest" in verdict.blocks[0]
    assert not verdict.notes


@pytest.mark.parametrize("image", ["app", "registry.example:5000/app", "registry.example/app:latest"])
def test_latest_is_whatever_it_is_by_then(image: str) -> None:
    (note,) = judge_images(template(image, "Always"), []).notes
    assert note == f"image {image} of app is pulled again: a restarted pod runs whatever the tag points to by then"
    assert judge_images(template(image), []) == Verdict()


def test_a_digest_never_moves() -> None:
    image = "registry.example/app:latest@sha256:1"
    assert judge_images(template(image, "Always"), [pod(ONE, image), pod(OTHER, image)]) == Verdict()


def test_init_containers_too() -> None:
    spec = {"containers": [], "initContainers": template()["containers"]}
    pods = [
        {"spec": spec, "status": {"initContainerStatuses": [{"name": "app", "imageID": one}]}} for one in (ONE, OTHER)
    ]
    assert judge_images(spec, pods).notes
