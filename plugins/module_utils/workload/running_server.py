# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server of the catalogue a container runs, and whether the signal that stops the container reaches it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import (
    BUILT_IN,
    Catalogue,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.workload.programs import (
    INITS,
    STARTERS,
    Prefix,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    behind_init,
    in_place,
    script_of,
)

_VERSION = re.compile(r"-?[\d.]+$")  # php-fpm8.3, python3.12
_TAG = re.compile(r"v?(\d{1,4}(?:\.\d{1,4}){0,3})(?![\d.])")  # 1.19.4 of 1.19.4-alpine
_PYTHONS = ("python", "pypy")
_PHP = Prefix(valued="-d -c")
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
# What a language runs the tasks of an application with: entries name them with it, as in "artisan horizon".
_TASKS = {"artisan": "artisan", "rake": "rake", "rails": "rake"}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """`is_first`: it is certainly PID 1, or what an init passes each signal on to. `official`: its image is its own.

    `words` are the command that starts it, or the arguments alone where the image does.
    """

    server: Server
    is_first: bool
    official: bool
    words: Sequence[str]

    def signal_is_certain(self, container: Container) -> bool:
        """Whether no image can declare another signal than signal_of returns."""
        # An old tag may have been built again.
        return bool(container.stop_signal) or (self.official and not self._predates_signal(container))

    def signal_of(self, container: Container) -> str | None:
        """The signal that stops the container, without SIG; None where the image may declare another one."""
        if container.stop_signal:
            return container.stop_signal.removeprefix("SIG")
        if self.official:
            return "TERM" if self._predates_signal(container) else self.server.image_signal
        # Images of applications seldom declare a signal; those built on the image of such a server have it from there.
        return "TERM" if self.server.image_signal == "TERM" else None

    def default_holds(self, container: Container) -> bool | None:
        """Whether the version of the image has the default of its server; None where the image does not tell it."""
        if not self.server.default_since:
            return True
        predates = _predates(container, self.server.default_since)
        return None if predates is None else not predates

    def _predates_signal(self, container: Container) -> bool:
        """Whether the tag is of a version whose image declared no signal yet."""
        return bool(_predates(container, self.server.signal_since))


def _predates(container: Container, first_tags: Sequence[tuple[str, str]]) -> bool | None:
    """Whether the tag is older than the first one given for its image; None where nothing tells.

    A tag like 1.19 moves with its fixes.
    """
    since = next((since for image, since in first_tags if _is_image(container, image)), "")
    tag = _TAG.match(_tag_of(container))
    if not tag or not since:
        return None
    version, first = _numbers(tag[1]), _numbers(since)
    return version < first[: len(version)]


def _is_image(container: Container, path: str) -> bool:
    """Whether its image has this path in whatever registry or mirror; library/ is that of a name without a folder."""
    return f"/library/{image_name(container)}".endswith(f"/{path}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _tag_of(container: Container) -> str:
    return container.image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def running_server(container: Container, catalogue: Catalogue = BUILT_IN) -> RunningServer | None:
    """The server that a container's command names, or its image where there is no command; None for any other."""
    image = _image_server(container, catalogue)
    if not container.command and (not container.args or container.args[0].startswith("-")):
        return RunningServer(image, is_first=True, official=True, words=container.args) if image else None
    # Arguments replace no ENTRYPOINT; a script that is one may run them instead of the server.
    if image and not container.command and any(_is_image(container, path) for path in image.entrypoints):
        return RunningServer(image, is_first=True, official=True, words=container.args)
    words, first = _process(container)
    server, same = _named(words, catalogue)
    if server is None:
        return None
    official = server is image
    first = first and same and (bool(container.command) or official)
    return RunningServer(server, is_first=first, official=official, words=words)


def signalled_server(running: RunningServer | None) -> RunningServer | None:
    """The same where the server drains on another signal than SIGTERM; else None."""
    return running if running and running.server.image_signal not in ("", "TERM") else None


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


def _named(words: Sequence[str], catalogue: Catalogue) -> tuple[Server | None, bool]:
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
    if rest and _plain(rest[0]) == "php":
        rest = _PHP.behind(rest[1:])
    if not rest:
        return None, False
    program, known = basename(rest[0]), catalogue.by_program
    if program == "httpd" and not any("FOREGROUND" in word for word in rest):
        return None, False  # the small one of busybox and Alpine, which ignores SIGWINCH
    if program in _TASKS:
        tasks = (f"{_TASKS[program]} {word}" for word in rest[1:])
        found = next((known[task] for task in tasks if task in known), [])
    else:
        found = known.get(program) or known.get(_plain(program), [])
    return next(
        ((server, same) for server in found if not server.subcommand or server.subcommand in rest[1:]), (None, False)
    )


def _plain(word: str) -> str:
    return _VERSION.sub("", basename(word))


def _image_server(container: Container, catalogue: Catalogue) -> Server | None:
    """The server of an image that has exactly one of the known paths, from whatever registry or mirror."""
    host, slash, path = image_name(container).partition("/")
    named = not slash or any(mark in host for mark in ".:") or host == "localhost"
    hub = not slash or host in ("docker.io", "index.docker.io", "registry-1.docker.io")
    path = (path or host) if named else f"{host}/{path}"
    if hub and "/" not in path:
        path = f"library/{path}"
    segments = path.split("/")
    tag = _tag_of(container)
    # Mirrors put folders of their own in front of a whole path.
    tails = [f"{host}/{path}", *("/".join(segments[n:]) for n in range(len(segments)))]
    known = [server for tail in tails for word, server in catalogue.by_image.get(tail, ()) if word in tag]
    return next((server for server in known if server.origin), known[0] if known else None)
