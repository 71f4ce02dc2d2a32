# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers work on a queue, by the program that they run."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import CATALOGUE
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import WORKER
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    basename,
    commands_of,
    script_of,
)

_CATALOGUED = [server for server in CATALOGUE if server.role == WORKER]
# A task of an application, such as "artisan horizon"; a word with a colon in it can be nothing else.
_TASKS = {
    words[0]: words[1]
    for server in _CATALOGUED
    for program in server.programs
    if len(words := program.split()) > 1 and ":" not in words[1]
}
# Programs, and for those that also schedule and show, the word that makes them a worker. The names written out are of
# workers that the catalogue does not have.
_WORKERS = frozenset(
    (
        *(
            program.split()[-1]
            for server in _CATALOGUED
            for program in server.programs
            if not server.subcommand and program.split()[-1] not in _TASKS.values()
        ),
        *("arq", "huey_consumer", "huey_consumer.py", "rqworker", "queue:listen", "jobs:work", "delayed_job"),
    )
)
_SUBCOMMANDS = {
    **{program: server.subcommand for server in _CATALOGUED if server.subcommand for program in server.programs},
    **dict.fromkeys(("taskiq", "procrastinate"), "worker"),
}
_WORKER_WORD = re.compile(r"(?:^|[^a-z])(?:worker|consumer)(?:$|[^a-z_])", re.IGNORECASE)
_NAMED = ("-A", "--app", "-b", "--broker")  # what follows is called by its owner
# A script is called after what it starts, such as start-sidekiq.sh, and after the part if that is not the worker.
_SCRIPT_OF = frozenset((*_WORKERS, *_SUBCOMMANDS, "huey", "resque"))
_OTHER_PARTS = frozenset(
    ("beat", "exit", "flower", "health", "info", "monitor", "scheduler", "status", "stop", "ui", "web")
)


def queue_worker(container: Container) -> str | None:
    """The known program that works on a queue; empty where only a word or the name of a script says so, else None."""
    script = script_of(container.words)
    commands = [command.split() for command in commands_of(script)] if script is not None else [list(container.words)]
    word = False
    for command in commands:
        plain = _plain(command)
        names = [basename(part) for part in plain]
        for index, name in enumerate(names):
            if name in _WORKERS or (name in _SUBCOMMANDS and _SUBCOMMANDS[name] in names[index:]):
                return name
            if name in _TASKS and _TASKS[name] in names[index:]:
                return _TASKS[name]
        word = word or (not _SUBCOMMANDS.keys() & set(names) and any(_WORKER_WORD.search(part) for part in plain))
        word = word or any(_is_script_of_worker(name) for name in names)
    return "" if word else None


def _is_script_of_worker(name: str) -> bool:
    if not name.endswith(".sh"):
        return False
    words = set(re.split(r"[^a-z0-9]+", name.removesuffix(".sh").lower()))
    return bool(words & _SCRIPT_OF) and not words & _OTHER_PARTS


def _plain(command: list[str]) -> list[str]:
    """The words that say what runs: no flags such as --workers=4, and no names of the owner's."""
    pairs = zip(["", *command], command, strict=False)
    return [word for before, word in pairs if not word.startswith("-") and before not in _NAMED]
