# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server of the catalogue a container runs, and whether the signal that stops the container reaches it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import INITS, STARTERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.servers import in_place
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    behind_init,
    script_of,
)

_VERSION = re.compile(r"-?[\d.]+$")  # php-fpm8.3, python3.12
_PYTHONS = ("python", "pypy")
# What runs the program behind it in the same process, by how many words of its own come between.
_RUNNERS = {
    "bundle": ("exec",),
    "poetry": ("run",),
    "pipenv": ("run",),
    "ddtrace-run": (),
    "opentelemetry-instrument": (),
    "newrelic-admin": ("run-program",),
}
# Starters that stay as the parent of what they start.
_FORKS = ("timeout", "sudo", "doas", "time")
_BY_PROGRAM: dict[str, list[Server]] = {}
for _server in CATALOGUE:
    for _program in _server.programs:
        _BY_PROGRAM.setdefault(_program, []).append(_server)
_BY_IMAGE = {image: server for server in CATALOGUE for image in server.images}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """`is_first`: it is certainly PID 1, or what an init passes each signal on to. `official`: its image is its own."""

    server: Server
    is_first: bool
    official: bool

    def signal_of(self, container: Container) -> str | None:
        """The signal that stops the container, without SIG; None where the image may declare another one."""
        if container.stop_signal:
            return container.stop_signal.removeprefix("SIG")
        if self.official:
            return self.server.image_signal
        # Images of applications seldom declare a signal; those built on the image of such a server have it from there.
        return "TERM" if self.server.image_signal == "TERM" else None


def running_server(container: Container) -> RunningServer | None:
    """The server that a container's command names, or its image where there is no command; None for any other."""
    image = _image_server(container)
    if not container.command and (not container.args or container.args[0].startswith("-")):
        return RunningServer(image, is_first=True, official=True) if image else None
    words, first = _process(container)
    server, same = _named(words)
    if server is None:
        return None
    official = server is image
    return RunningServer(server, is_first=first and same and (bool(container.command) or official), official=official)


def _process(container: Container) -> tuple[Sequence[str], bool]:
    """(the words of what runs in the end, whether it certainly is PID 1 or gets all its signals)."""
    words = container.words
    inner = behind_init(words)
    if basename(words[0]) in INITS and not inner:
        return words[1:], False  # dumb-init --rewrite
    words = inner or words
    if script_of(words) is None:
        return words, True
    replaced = in_place(words)
    if replaced:
        return replaced, True
    commands = commands_in(words)
    return (commands[-1].words, False) if commands else ((), False)


def _named(words: Sequence[str]) -> tuple[Server | None, bool]:
    """(the server that these words start, whether in the process that they start)."""
    same = True
    rest = list(words)
    while rest and basename(rest[0]) in STARTERS:
        same = same and basename(rest[0]) not in _FORKS
        starter = STARTERS[basename(rest[0])]
        rest = starter.behind(rest[1:])[starter.operands :]
    if rest and basename(rest[0]) in _RUNNERS:
        own = _RUNNERS[basename(rest[0])]
        if tuple(rest[1 : 1 + len(own)]) != own:
            return None, False
        rest = rest[1 + len(own) :]
    if rest and _plain(rest[0]) in _PYTHONS:
        rest = rest[1:]
        while rest and rest[0] in ("-u", "-O", "-B", "-I", "-s", "-E"):
            rest = rest[1:]
        if rest[:1] == ["-m"]:
            rest = rest[1:]
    if not rest:
        return None, False
    found = _BY_PROGRAM.get(basename(rest[0])) or _BY_PROGRAM.get(_plain(rest[0]), [])
    for server in found:
        if not server.subcommand or server.subcommand in rest[1:]:
            return server, same
    return None, False


def _plain(word: str) -> str:
    return _VERSION.sub("", basename(word))


def _image_server(container: Container) -> Server | None:
    """The server of an image that has exactly one of the known paths, from whatever registry or mirror."""
    host, slash, path = image_name(container).partition("/")
    named = not slash or any(mark in host for mark in ".:") or host == "localhost"
    hub = not slash or host in ("docker.io", "index.docker.io", "registry-1.docker.io")
    path = (path or host) if named else f"{host}/{path}"
    if hub and "/" not in path:
        path = f"library/{path}"
    segments = path.split("/")
    # Mirrors put folders of their own in front of a whole path.
    return next(
        (_BY_IMAGE[tail] for tail in ("/".join(segments[n:]) for n in range(len(segments))) if tail in _BY_IMAGE), None
    )
