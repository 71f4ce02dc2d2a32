# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than SIGTERM, and which of them a container runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import Command, commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    commands_of,
    is_straight,
    script_of,
)

_PHP_FPM = re.compile(r"php-fpm[\d.]{0,5}")
_REGISTRIES = ("docker.io/", "index.docker.io/")


@dataclass(frozen=True, slots=True)
class Server:
    """A program and the signal on which it drains, such as QUIT.

    `images` are official ones, which declare that signal themselves. `cut_by_term`: SIGTERM ends a drain under way.
    """

    program: str
    signal: str
    images: tuple[str, ...]
    cut_by_term: bool = True


# The images of Docker's own that declare the signal, by the last segment of their names, and those of vendors.
_OFFICIAL = "library/"
SERVERS = tuple(
    Server(
        program,
        server.image_signal,
        tuple(image.removeprefix(_OFFICIAL) for image in server.images + server.other_images if ":" not in image),
        server.cut_by_term,
    )
    for server in CATALOGUE
    if server.image_signal not in ("", "TERM")
    for program in server.programs
)


def last_command(container: Container) -> Command | None:
    """What the container runs in the end, where its command is written out."""
    commands = commands_in(container.words) if container.command else []
    return commands[-1] if commands else None


def server_of(container: Container) -> Server | None:
    """The server that its command names, or its official image where there is none; None for any other."""
    command = last_command(container)
    if command is not None:
        return _named(command.program, container)
    if container.words:
        return None
    found = [server for server in SERVERS if is_official(container, server)]
    # An image of several servers, such as php, names none of them.
    return found[0] if len({server.signal for server in found}) == 1 else None


def runs(container: Container, program: str) -> bool:
    """Whether the container runs this program, by its command or by the name of its image."""
    return program in (basename(word) for word in container.words[:1]) or program in image_name(container).split("/")


def is_official(container: Container, server: Server) -> bool:
    """Whether the image is one that declares the server's signal."""
    name = image_name(container)
    for host in _REGISTRIES:
        name = name.removeprefix(host)
    return name in server.images or any(name.endswith(f"library/{image}") for image in server.images)


def first_process(container: Container) -> Server | None:
    """The server where it certainly is PID 1 of the container, so that a signal to PID 1 reaches it; else None."""
    server = server_of(container)
    if server is None or not container.command:
        return server  # an official image starts its server in place of its entrypoint
    words = in_place(container.words)
    if not words or _named(basename(words[0]), container) != server:
        return None
    # A small httpd of busybox or Alpine has no such word, and ignores SIGWINCH.
    if server.program == "httpd" and not any("FOREGROUND" in word for word in words):
        return None
    return server


def in_place(words: Sequence[str]) -> Sequence[str]:
    """The words that become PID 1: as they are, or those that a script ends with after `exec`; empty where unknown."""
    script = script_of(words)
    if script is None:
        return words
    last = (commands_of(script) or [""])[-1].split()
    straight = is_straight(script) and "|" not in script and script.count("exec") == 1
    return last[1:] if straight and last[:1] == ["exec"] else ()


def _named(program: str, container: Container) -> Server | None:
    name = "php-fpm" if _PHP_FPM.fullmatch(program) else program
    if name == "httpd" and image_name(container).rpartition("/")[2] == "busybox":
        return None  # busybox has a small server of that name, not Apache's
    return next((server for server in SERVERS if server.program == name), None)
