# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker daemon of our own, with its own configuration, data, state, PID file and socket.

Nothing under /etc is touched. Its data, with the images, stays in the cache, so that a second start is quick.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

from testbed.common import TOOLS, Failure, cache_folder, indented_tail, lock, need, say
from testbed.processes import answer

_INTERVAL = 0.5  # seconds between two looks
_STARTS = 120  # seconds to start
_ENDS = 60  # seconds to end after SIGTERM
_SYS_RESOURCE = 24  # the bit of CAP_SYS_RESOURCE
# Where a system's containerd runs, dockerd uses it: hence namespaces, of which everything is ours.
_NAMESPACES = ("--containerd-namespace=graceful", "--containerd-plugins-namespace=graceful-plugins")


@cache
def folder() -> Path:
    """Where its socket and state are.

    Under /run: a socket's path is limited to 107 characters, and state must not outlive a reboot. One folder per cache.
    """
    told = subprocess.run(["cksum"], input=os.fsencode(cache_folder()), capture_output=True, check=True)
    return Path("/run/graceful-termination", told.stdout.decode().split()[0])


def _data() -> Path:
    return cache_folder() / "docker"


def _log() -> Path:
    return _data() / "dockerd.log"


def _pid_file() -> Path:
    return folder() / "docker.pid"


def _config() -> Path:
    return folder() / "daemon.json"


def _socket() -> Path:
    return folder() / "docker.sock"


def host() -> str:
    """The DOCKER_HOST that reaches it."""
    return f"unix://{_socket()}"


def runs() -> bool:
    """Whether it runs."""
    return process_with(_pid_file(), f"--config-file={_config()}") is not None


def process_with(pid_file: Path, argument: str) -> int | None:
    """The process of a PID file, if it has this argument: a PID alone may by now belong to any process."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(argument) in arguments else None


def _end(pid_file: Path, argument: str) -> None:
    """Send that process SIGTERM, and wait until it has ended."""
    pid = process_with(pid_file, argument)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _ENDS
    while process_with(pid_file, argument) is not None:
        if time.monotonic() > deadline:
            raise Failure(f"PID {pid} still runs {_ENDS} s after SIGTERM (log: {_log()})")
        time.sleep(_INTERVAL)


def start(why: str) -> bool:
    """Start it as root on Debian, because of `why`; False where another start was first. Sets DOCKER_HOST."""
    for path in (_data(), folder()):
        path.mkdir(parents=True, exist_ok=True)
    lock(folder() / "lock")  # of two starts at once, the second finds the daemon of the first
    os.environ["DOCKER_HOST"] = host()
    if runs():
        return False
    _install()
    _write_config()
    say(f"{why}: starting a daemon of our own, data in {_data()}, socket {_socket()}")
    _launch()
    return True


def stop() -> None:
    """End it, and the containers that it may have left when it was killed."""
    if not runs():
        if not (folder() / "exec").is_dir():
            say("no daemon of our own runs")
            return
        say("our own daemon was killed: starting it once more, for it to end the containers it left")
        _launch()
    say(f"stopping our own daemon, PID {_pid_file().read_text(encoding='ascii').strip()}")
    _end(_pid_file(), f"--config-file={_config()}")
    subprocess.run(["rm", "-rf", "--one-file-system", folder()], check=True)


def _install() -> None:
    fresh = not shutil.which("dockerd")
    need("dockerd", "docker.io")
    need("docker", "docker-cli")  # its own package from Debian 13 on
    # The package starts a daemon where there is systemd. It was not there before, so it is ours to end.
    if fresh and Path("/run/systemd/system").is_dir():
        answer("systemctl", "disable", "--now", "docker.socket", "docker.service")


def _write_config() -> None:
    settings: dict[str, object] = {
        "hosts": [host()],
        "pidfile": str(_pid_file()),
        "exec-root": str(folder() / "exec"),
        "data-root": str(_data() / "data"),
        "bridge": "none",  # docker0 could be another Docker's, and kind makes a network of its own
    }
    if not has_sys_resource(Path("/proc/self/status").read_text(encoding="ascii")):
        need("jq", "jq")
        say("root lacks CAP_SYS_RESOURCE here: containers run without it")
        # A copy: the daemon may outlive this checkout.
        runtime = _data() / "runc-bounded"
        shutil.copyfile(TOOLS / "kind-node/runc-bounded", runtime)
        runtime.chmod(0o755)
        settings |= {"default-runtime": "bounded", "runtimes": {"bounded": {"path": str(runtime)}}}
    _config().write_text(json.dumps(settings, indent=2), encoding="utf-8")


def has_sys_resource(status: str) -> bool:
    """Whether a process may use CAP_SYS_RESOURCE, as privileged containers ask for. `status`: its /proc/PID/status."""
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return bool(int(bounding, 16) >> _SYS_RESOURCE & 1)


def _launch() -> None:
    # What a daemon that was killed may have left: the containers stay, the new one ends them.
    _end(folder() / "exec/containerd/containerd.pid", str(folder() / "exec/containerd/containerd.toml"))
    for path in (_pid_file(), _socket()):
        path.unlink(missing_ok=True)
    os.environ["DOCKER_HOST"] = host()
    with _log().open("wb") as log:
        # In a session of its own, for it stays when this ends; and without this one's lock.
        process = subprocess.Popen(
            ["dockerd", f"--config-file={_config()}", *_NAMESPACES],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _STARTS
    while process.poll() is None and time.monotonic() < deadline:
        if answer("docker", "version", "--format", "{{.Server.Version}}", timeout=20):
            return
        time.sleep(_INTERVAL)
    print(indented_tail(_log()), end="", file=sys.stderr)
    raise Failure(f"our own dockerd did not come up (the whole log: {_log()})")
