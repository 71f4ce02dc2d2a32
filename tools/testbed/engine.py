# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Docker the tools use, and whether it can run kind."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from typing import Literal

from testbed import daemon
from testbed.common import Failure
from testbed.processes import answer

Owner = Literal["given", "own", "default"]  # given by DOCKER_HOST, a daemon of our own, or Docker's default

_CONFINEMENT = ("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined")


def choose() -> Owner:
    """Set DOCKER_HOST to the Docker to use, and say whose it is."""
    given = os.environ.pop("DOCKER_HOST", "")
    if given and given != daemon.host():
        os.environ["DOCKER_HOST"] = given
        return "given"
    if daemon.runs():
        os.environ["DOCKER_HOST"] = daemon.host()
        return "own"
    return "default"


def chosen() -> str:
    """How messages name the Docker in use."""
    return os.environ.get("DOCKER_HOST") or "default context"


def version() -> str | None:
    """The version of the Docker that answers; None where none does within 20 s."""
    return answer("docker", "version", "--format", "{{.Server.Version}}", timeout=20)


def complaint() -> str:
    """Why the docker command reaches no Docker, in its own words."""
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return last.removesuffix(" Is the docker daemon running?").removesuffix(".")


def check_can_run_kind() -> None:
    """Raise Failure unless Docker starts a privileged container, as kind needs.

    It tries one, made of this machine's own `true`, rather than guess from capabilities.
    """
    image = f"graceful/engine-check:{os.getpid()}"
    true = shutil.which("true") or "/bin/true"
    imported, message = _docker(60, "import", "-", image, feed=_archive(true))
    if not imported:
        raise Failure(f"Docker ({chosen()}) answers but cannot import an image: {message}")
    options = ("--rm", "--privileged", "--cgroupns", "private", "--network", "none", "--tmpfs", "/run", *_CONFINEMENT)
    ran, message = _docker(120, "run", *options, image, true)
    _docker(60, "image", "rm", "-f", image)
    if not ran:
        raise Failure(
            f"Docker ({chosen()}) answers but cannot run kind, as it cannot start a privileged container: "
            f"{message.partition(chr(10))[0]}\n"
            "  Its configuration is left as it is: allow it to, or point DOCKER_HOST to another Docker."
        )


def _archive(program: str) -> bytes:
    """A tar archive of a program and the libraries that it is linked with."""
    libraries = re.findall(r"/[^ \n]+", answer("ldd", program) or "")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", dereference=True) as archive:
        for path in (program, *libraries):
            archive.add(path)
    return content.getvalue()


def _docker(timeout: int, *arguments: str, feed: bytes | None = None) -> tuple[bool, str]:
    """Whether the command succeeded within so many seconds, and its errors."""
    try:
        done = subprocess.run(["docker", *arguments], input=feed, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer within {timeout} s"
    return done.returncode == 0, done.stderr.decode(errors="replace").strip()
