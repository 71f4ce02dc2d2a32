# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind cluster that the scenarios run on: its images, its life and its state."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from testbed import images
from testbed.common import TOOLS, Failure, attempt, cache_folder, run, say
from testbed.processes import answer
from testbed.settings import AUDIT_POLICY, kind_config

_PULL = 30  # seconds for a registry to hand out the smallest image
_BUILD = TOOLS / "kind-node/build"


def _has_image(image: str) -> bool:
    return answer("docker", "image", "inspect", image) is not None


class Cluster:
    """The cluster of this name, whether it exists or not. All its files are in the folder `state`."""

    def __init__(self, name: str):
        self.name = name
        self.state = cache_folder() / "clusters" / name
        self._node = f"{name}-control-plane"
        os.environ["PATH"] = f"{cache_folder()}/kind-node/bin:{os.environ['PATH']}"

    def exists(self) -> bool:
        """Whether there is one, healthy or not."""
        return bool(answer("docker", "ps", "--all", "--quiet", "--filter", f"label=io.x-k8s.kind.cluster={self.name}"))

    def _healthy(self) -> bool:
        kubectl = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
        ready = ("wait", "--for=condition=Ready", "node", "--all", "--timeout=10s")
        return answer("docker", "exec", self._node, *kubectl, *ready) is not None

    def have_images(self) -> str:
        """Have the node image and the scenarios' images in Docker: pulled, or built. Returns the node image."""
        node = os.environ.get("KIND_NODE_IMAGE") or self._node_image()
        if node == images.BUILT_NODE:
            run(_BUILD)
            return node
        run(_BUILD, "kind")
        for image in (node, *images.SCENARIOS):
            if not _has_image(image):
                self._pull(image)
        return node

    def _pull(self, image: str) -> None:
        what = f"pulling {image}, which Docker does not have"
        attempt(self.state / "pull.log", what, lambda log: log.run("docker", "pull", image))

    def _node_image(self) -> str:
        """The one that Docker has; else the released one if a registry answers, else the one that is built here.

        A registry is tried with the smallest image, which is needed anyway.
        """
        for image in (images.RELEASED_NODE, images.BUILT_NODE):
            if _has_image(image):
                return image
        say(f"is there a registry? asking for {images.BUSYBOX}")
        if answer("docker", "pull", "-q", images.BUSYBOX, timeout=_PULL) is not None:
            return images.RELEASED_NODE
        say(f"no registry answered within {_PULL} s: building the images")
        return images.BUILT_NODE

    def up(self, node_ports: Sequence[int]) -> None:
        """Have the images and the cluster. One that runs with the same settings is used again, another replaced."""
        image = self.have_images()
        image_id = answer("docker", "image", "inspect", "-f", "{{.Id}}", image)
        if image_id is None:
            raise Failure(f"Docker has no image {image}")
        wanted = {
            self.state / "kind.yaml": kind_config(image, image_id, self.state, node_ports),
            self.state / "policy/policy.yaml": AUDIT_POLICY,
        }
        exists = self.exists()
        same = all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in wanted.items())
        if exists and same and self._healthy():
            say(f"the cluster {self.name} runs already")
        else:
            if exists:
                say(f"the cluster {self.name} is not healthy or has other settings: replacing it")
                self._delete()
            self._create(image, wanted, node_ports)
        what = "loading what the scenarios run"
        self._kind("load", what, "load", "docker-image", "--name", self.name, *images.SCENARIOS)

    def _create(self, image: str, files: dict[Path, str], node_ports: Sequence[int]) -> None:
        _check_ports(node_ports)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.audit_log.parent)
        self.audit_log.parent.mkdir()
        # The API server would make it readable to root alone.
        self.audit_log.touch()
        self.audit_log.chmod(0o644)
        files_of_it = ("--config", str(self.state / "kind.yaml"), "--kubeconfig", str(self.kubeconfig))
        create = ("create", "cluster", "--name", self.name, *files_of_it, "--wait", "180s")
        self._kind("create", f"creating the cluster {self.name} from {image}", *create)

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.state / "audit/audit.log"

    @property
    def kubeconfig(self) -> Path:
        """Its kubeconfig."""
        return self.state / "kubeconfig"

    def down(self) -> None:
        """Delete it."""
        if not self.exists():
            say(f"there is no cluster {self.name}")
            return
        run(_BUILD, "kind")
        self._delete()

    def _delete(self) -> None:
        delete = ("delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))
        self._kind("delete", f"deleting the cluster {self.name}", *delete)

    def load(self, wanted: Sequence[str]) -> None:
        """Put images that Docker has on the node."""
        for image in wanted:
            if not _has_image(image):
                raise Failure(f'load: Docker has no image named "{image}"')
        run(_BUILD, "kind")
        self._kind("load", f"loading {' '.join(wanted)}", "load", "docker-image", "--name", self.name, *wanted)

    def export(self, kubeconfig: str) -> None:
        """Add its context to a kubeconfig and make it the current one."""
        export = ("export", "kubeconfig", "--name", self.name, "--kubeconfig", kubeconfig)
        self._kind("export", f"writing {kubeconfig}", *export)

    def link_audit_log(self, link: Path) -> None:
        """Make `link` one to the audit log."""
        new = link.with_name(f"{link.name}.{os.getpid()}.new")
        new.symlink_to(self.audit_log)
        new.replace(link)

    def status(self) -> str:
        """What runs and where its files are. Raises Failure where it does not run."""
        if not self.exists():
            raise Failure(f"there is no cluster {self.name}")
        if not self._healthy():
            raise Failure(f"the cluster {self.name} exists, but its node is not Ready: see docker logs {self._node}")
        image = answer("docker", "inspect", "-f", "{{.Config.Image}}", self._node)
        mapped = re.findall(r"hostPort: (\d+)", (self.state / "kind.yaml").read_text(encoding="utf-8"))
        return (
            f"cluster     {self.name}, context kind-{self.name}, node image {image}\n"
            f"kubeconfig  {self.kubeconfig}\n"
            f"audit log   {self.audit_log}\n"
            f"NodePorts   {' '.join(mapped) + ' on 127.0.0.1' if mapped else 'none'}"
        )

    def _kind(self, log: str, what: str, *arguments: str) -> None:
        attempt(self.state / f"{log}.log", what, lambda into: into.run("kind", *arguments))


def _check_ports(ports: Sequence[int]) -> None:
    """Raise Failure where something listens on one of these ports of 127.0.0.1."""
    taken = [port for port in ports if _listens(port)]
    if not taken:
        return
    containers = (answer("docker", "ps", "--format", "{{.Names}} {{.Ports}}") or "").splitlines()
    of_docker = [line for line in containers if f":{taken[0]}-" in line]
    whose = "\n".join(of_docker) or "not one of this Docker's containers; see: ss -ltnp"
    raise Failure(
        f"127.0.0.1 already listens on {' '.join(map(str, taken))}, which the cluster's NodePorts need: {whose}."
        " End that first."
    )


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
