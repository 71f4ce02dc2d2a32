# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the program that builds Kustomize trees: kustomize, or kubectl, which holds it. No network, no plugins."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

SECONDS = 60  # for one build
OUTPUT = 64 * 2**20  # bytes of one build
_MEMORY = 4 * 2**30  # bytes of one build: an input of a few lines can ask for all there is
_LOOK = 0.02  # seconds between two checks of a build


class BuildFailed(Exception):
    """A kustomization was not built. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Program:
    """An executable and the words before the folder."""

    path: str
    arguments: tuple[str, ...]

    def build(self, folder: str) -> str:
        """What the kustomization in a folder builds, as YAML. Raises BuildFailed."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [self.path, *self.arguments, "--load-restrictor=LoadRestrictionsRootOnly", folder],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    env=_environment(),
                    cwd=folder,
                    start_new_session=True,
                )
            except OSError as error:
                raise BuildFailed(f"{self.path} does not start: {error.strerror}") from None
            try:
                _wait(process, output.fileno())
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if process.returncode:
                raise BuildFailed(_reason(os.pread(errors.fileno(), 2**16, 0).decode(errors="replace")))
            output.seek(0)
            return output.read().decode(errors="replace")


def find_program() -> Program | None:
    """The program of this machine; None where there is none."""
    for name, arguments in (("kustomize", ("build",)), ("kubectl", ("kustomize",))):
        if path := shutil.which(name):
            return Program(path, arguments)
    return None


def _environment() -> dict[str, str]:
    """Little of our own: a kustomization can write a variable of the environment into a ConfigMap.

    An address that slipped through finds a git that may not fetch, and a proxy that does not answer.
    """
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {**own, **proxies, "GIT_ALLOW_PROTOCOL": "none", "KUBECONFIG": os.devnull}


def _wait(process: subprocess.Popen[bytes], output: int) -> None:
    """Wait for the end of a build within its limits. Raises BuildFailed."""
    with contextlib.suppress(OSError, AttributeError, ValueError):  # it has ended, or this is not Linux
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    end = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
        if os.fstat(output).st_size > OUTPUT:
            raise BuildFailed(f"it builds more than {OUTPUT // 2**20} MiB")
        if process.returncode is not None:
            return
        if time.monotonic() > end:
            raise BuildFailed(f"its build takes longer than {SECONDS} s")


def _reason(errors: str) -> str:
    """The last line of what it wrote, which is its error."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("#")]
    text = lines[-1].removeprefix("Error: ").removeprefix("error: ") if lines else "kustomize gives no reason"
    return f"its build fails: {text}"
