# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images whose tag may have moved: a restart would then run different code."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict

PIN = "pin the image by digest, or first roll out the build that you want"


def judge_images(template: Obj, pods: Sequence[Obj]) -> Verdict:
    """`template` is a pod spec, `pods` are live pods created from it."""
    verdict = Verdict()
    for container in (*get_maps(template, "containers", "spec"), *get_maps(template, "initContainers", "spec")):
        image, name = str(container.get("image")), str(container.get("name"))
        if "@" in image:
            continue  # pinned by digest
        always = container.get("imagePullPolicy") == "Always"
        builds = {build for pod in pods if (build := _build(pod, name, image))}
        what = f"image {image} of {name}"
        if len(builds) > 1:
            text = f"{what}: its pods run {len(builds)} different builds of it, so the tag has moved"
            if always:
                verdict += Verdict(
                    blocks=(f"{text}, and it is pulled again: some pods would get different code; {PIN}",)
                )
            else:
                verdict += Verdict(notes=(f"{text}: a restarted pod may run any of them; {PIN}",))
        elif always and _is_latest(image):
            verdict += Verdict(
                notes=(f"{what} is pulled again: a restarted pod runs whatever the tag points to by then",)
            )
    return verdict


def _build(pod: Obj, name: str, image: str) -> str | None:
    """The digest that a container of the pod runs; None if that is another image or has no registry digest.

    The id of an image that was never in a registry differs by architecture and proves nothing.
    """
    spec, status = pod["spec"], pod.get("status") or {}
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    if not any(container.get("name") == name and container.get("image") == image for container in containers):
        return None
    statuses = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    found = next((entry.get("imageID") or "" for entry in statuses if entry.get("name") == name), "")
    return found.partition("@")[2] or None


def _is_latest(image: str) -> bool:
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest")
