# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that stop the server of their own container."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import (
    Command,
    calls_of,
    commands_in,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.mesh_names import LINKERD_ADMIN
from ansible_collections.graceful.termination.plugins.module_utils.workload.servers import server_of

_STOPPING = {"TERM", "QUIT", "INT", "KILL", "WINCH", "15", "3", "2", "9", "28"}
_OTHERS = {"HUP", "USR1", "USR2", "CONT", "STOP", "ALRM", "0", "1", "10", "12", "18", "19"}
# kill $(cat /run/server.pid): quoted text and substitutions are blanked in a command, so the script is asked.
_READS_PID = re.compile(r"(?:\$\(|`)\s?(?:cat|pidof|pgrep|head)\s")
_SERVERS = {  # program: the words of which one stops the server
    "nginx": ("quit", "stop"),
    "openresty": ("quit", "stop"),
    "kong": ("quit", "stop"),
    "apachectl": ("stop", "graceful-stop"),
    "apache2ctl": ("stop", "graceful-stop"),
    "httpd": ("stop", "graceful-stop"),
    "apache2": ("stop", "graceful-stop"),
    "supervisorctl": ("stop", "shutdown"),
    "catalina.sh": ("stop",),
    "shutdown.sh": (),
}


def stops_server(command: Command, text: str) -> bool:
    """Whether a command stops the server; `text` is the whole script that it is part of."""
    words = command.words[1:]
    if command.program == "kill":
        return _kills(words, text)
    if command.program in ("pkill", "killall"):
        return _stopping([word[1:] for word in words if word.startswith("-")] + _after_s(words))
    if command.program in _SERVERS:
        stopping = _SERVERS[command.program]
        waits = any(word.startswith("--wait") for word in words)  # kong's own pause before it quits
        return not waits and (not stopping or any(word in stopping for word in words))
    return any(
        call.loopback and call.port != LINKERD_ADMIN and call.path.endswith("/shutdown") for call in calls_of(command)
    )


def hook_stops_server(container: Container) -> bool:
    """Whether the preStop hook stops the server of its container, gracefully or not."""
    words = container.pre_stop.command if container.pre_stop else ()
    return asks_for_drain(container) or any(stops_server(command, " ".join(words)) for command in commands_in(words))


def asks_for_drain(container: Container) -> bool:
    """Whether the hook sends the signal on which this server drains; to others it may mean to reload, such as USR1."""
    server = server_of(container)
    return server is not None and hook_time(container.pre_stop).signal == server.signal


def _kills(words: Sequence[str], text: str) -> bool:
    """Whether `kill` with these words ends PID 1, or a process whose id is read from somewhere."""
    named = _after_s(words)
    options = [word[1:] for word in words[:1] if word.startswith("-")]
    targets = [word for word in words[len(options) :] if word not in ("--", *named)]
    reads = "_" in targets and bool(_READS_PID.search(text))
    return ("1" in targets or "-1" in targets or reads) and _stopping(named or options)


def _after_s(words: Sequence[str]) -> list[str]:
    """The value of `-s SIGNAL`."""
    return [value for option, value in pairwise(words) if option in ("-s", "-n", "--signal")]


def _stopping(signals: Sequence[str]) -> bool:
    """Whether of these options one names a signal that stops; without any signal it is SIGTERM."""
    known = [name for signal in signals if (name := signal.upper().removeprefix("SIG")) in _STOPPING | _OTHERS]
    return not known or known[0] in _STOPPING
