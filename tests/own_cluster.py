# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind cluster of one's own, for what must not share one: the benchmarks and the faults."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_MANIFESTS, _ASIDE = "/etc/kubernetes/manifests", "/etc/kubernetes"


@contextmanager
def docker_engine() -> Iterator[None]:
    """Docker answers meanwhile; a daemon that was started for it is stopped afterwards."""
    started = subprocess.run(["tools/docker-engine", "start"], check=True, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        if "started" in started.stdout:
            subprocess.run(["tools/docker-engine", "stop"], check=False)


class OwnCluster:
    """Made anew, since what an interrupted run has left in one is not known. KUBECONFIG leads to it.

    `options` are those of tools/test-cluster up. All paths are relative to the checkout, which is the current folder.
    """

    def __init__(self, name: str, kubeconfig: Path, *options: str):
        self._name = name
        self.delete()
        self._tool("up", "--no-node-ports", "--kubeconfig", str(kubeconfig), *options)
        os.environ["KUBECONFIG"] = os.environ["K8S_AUTH_KUBECONFIG"] = str(kubeconfig)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.delete()

    def delete(self) -> None:
        """Delete it, if there is one."""
        self._tool("down")

    def node(self, *command: str, check: bool = True) -> bool:
        """Run a command on the node; whether it succeeded. With `check`, raises CalledProcessError where it did not."""
        script = 'eval "$(tools/docker-engine env)" && exec docker exec "$@"'
        line = ["bash", "-c", script, "bash", f"{self._name}-control-plane", *command]
        return subprocess.run(line, stdout=subprocess.DEVNULL, check=check).returncode == 0

    def stop(self, *parts: str) -> None:
        """Stop parts of the control plane by moving their static pod manifests away, and wait until they are gone."""
        for part in parts:
            self.node("mv", f"{_MANIFESTS}/{part}.yaml", f"{_ASIDE}/{part}.yaml")
        for part in parts:
            while self.node("pgrep", "-f", part, check=False):
                time.sleep(1)

    def start(self, *parts: str) -> None:
        """Let the kubelet start them again."""
        for part in parts:
            self.node("mv", f"{_ASIDE}/{part}.yaml", f"{_MANIFESTS}/{part}.yaml")

    def _tool(self, *arguments: str) -> None:
        environment = os.environ | {"GRACEFUL_CLUSTER": self._name}
        subprocess.run(["tools/test-cluster", *arguments], env=environment, check=True)
