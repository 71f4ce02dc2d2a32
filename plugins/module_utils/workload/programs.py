# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about programs that hooks call: data, one row each.

Servers' own stop commands are in stop_commands.py, and Windows' programs in windows.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Their time is not worth counting, and no hook calls them for it. What reads its input ends at once as well: the
# kubelet connects none to a hook. What copies or sends data is not here, as that may take long.
INSTANT = frozenset(
    (
        *("alias", "basename", "cat", "cd", "chgrp", "chmod", "chown", "cut", "date", "declare", "dirname", "echo"),
        *("env", "export", "expr", "false", "getopts", "grep", "hash", "head", "hostname", "id", "jobs", "kill"),
        *("killall", "let", "ln", "local", "logger", "ls", "mkdir", "mktemp", "pgrep", "pidof", "pkill"),
        *("printenv", "printf", "ps", "pwd", "read", "readlink", "readonly", "rm", "rmdir", "sed", "seq", "set"),
        *("shift", "shopt", "sort", "stat", "tail", "tee", "test", "touch", "tr", "trap", "true", "type", "typeset"),
        *("ulimit", "umask", "unalias", "uname", "uniq", "unset", "uptime", "wc", "which", "whoami", ":", "[", "[["),
        *("((", "break", "continue", "disown", "return", "egrep", "fgrep", "truncate", "renice", "awk"),
        *("gawk", "jps", "lsof", "netstat", "ss"),
    )
)
# Whether these succeed is what a script calls them for.
ASKS = frozenset(("[", "[[", "((", "test", "grep", "egrep", "fgrep", "pgrep", "pidof", "ps", "read", "which", "type"))
ONLY_SAYS = frozenset(("echo", "printf", "true", ":", "date", "set", "sleep", "usleep"))
# A shell's own words. Without a shell there are no such programs.
OF_THE_SHELL = frozenset(
    (
        *("exec", "exit", "source", ".", ":", "eval", "export", "set", "unset", "trap", "shift", "local", "return"),
        *("if", "while", "until", "for", "case", "{", "(", "!", "[[", "readonly"),
    )
)
KILLERS = ("kill", "pkill", "killall", "killall5", "fuser", "skill")
NEVER_END = frozenset(("pause", "yes", "catatonit"))
FOLLOWS = re.compile(r"-[a-zA-Z0-9]*[fF]|--follow(?:=\w+)?")  # options of tail and of journalctl


@dataclass(frozen=True, slots=True)
class Prefix:
    """A program that starts the one behind it. `operands`: how many words of its own come first.

    `valued` are the options whose value is the next word; `variables`: NAME=VALUE may come first, too.
    """

    operands: int = 0
    valued: str = ""
    variables: bool = False

    def behind(self, words: Sequence[str]) -> list[str]:
        """The words that follow its options and variables: its own operands, then the program that it starts."""
        rest = list(words)
        while rest and rest[0].startswith("-") and rest[0] != "-":
            option = rest.pop(0)
            if option == "--":
                break
            if option in self.valued.split():
                del rest[:1]
        while rest and self.variables and ("=" in rest[0] or rest[0] == "-"):
            rest.pop(0)
        return rest


STARTERS = {
    "exec": Prefix(valued="-a"),
    "command": Prefix(),
    "builtin": Prefix(),
    "nohup": Prefix(),
    "nice": Prefix(valued="-n --adjustment"),
    "ionice": Prefix(valued="-c -n --class --classdata"),
    "chrt": Prefix(operands=1),
    "stdbuf": Prefix(valued="-i -o -e --input --output --error"),
    "time": Prefix(valued="-f -o"),
    "env": Prefix(valued="-u --unset -C --chdir", variables=True),
    "sudo": Prefix(valued="-u -g -h -p --user --group", variables=True),
    "doas": Prefix(valued="-u"),
    "gosu": Prefix(operands=1),
    "su-exec": Prefix(operands=1),
    "chpst": Prefix(valued="-u -U -e -n"),
    "setpriv": Prefix(valued="--reuid --regid --groups"),
    "s6-setuidgid": Prefix(operands=1),
    "chroot": Prefix(operands=1),
    "timeout": Prefix(operands=1, valued="-s -k --signal --kill-after"),
    "setsid": Prefix(),
    "busybox": Prefix(),
    "toybox": Prefix(),
}
INITS = {  # they pass signals on, some of them others than they get
    "tini": Prefix(valued="-p -e"),
    "tini-static": Prefix(valued="-p -e"),
    "docker-init": Prefix(valued="-p -e"),
    "dumb-init": Prefix(valued="-r --rewrite"),
}
# Code that does nothing but sleep, by the option that gives it to an interpreter. Seconds, but Node's milliseconds.
_N = r"(\d{1,9}(?:\.\d{1,9})?)"
SLEEPING_CODE = (
    (re.compile(r"python[\d.]*|pypy3?"), "-c", re.compile(rf"\s*import time\s*[;\n]\s*time\.sleep\({_N}\)[;\s]*"), 1),
    (
        re.compile(r"python[\d.]*|pypy3?"),
        "-c",
        re.compile(rf"\s*from time import sleep\s*[;\n]\s*sleep\({_N}\)[;\s]*"),
        1,
    ),
    (re.compile(r"python[\d.]*"), "-c", re.compile(rf"\s*__import__\(['\"]time['\"]\)\.sleep\({_N}\)[;\s]*"), 1),
    (re.compile(r"perl"), "-e", re.compile(rf"\s*sleep\s*\(?\s*{_N}\s*\)?[;\s]*"), 1),
    (re.compile(r"perl"), "-e", re.compile(rf"\s*select\(\s*undef,\s*undef,\s*undef,\s*{_N}\s*\)[;\s]*"), 1),
    (re.compile(r"ruby"), "-e", re.compile(rf"\s*sleep[\s(]\s*{_N}\s*\)?[;\s]*"), 1),
    (re.compile(r"php[\d.]*"), "-r", re.compile(rf"\s*sleep\(\s*{_N}\s*\);?\s*"), 1),
    (
        re.compile(r"node(?:js)?"),
        "-e",
        re.compile(rf"\s*setTimeout\(\s*\(\)\s*=>\s*\{{\s*\}},\s*{_N}\s*\);?\s*"),
        0.001,
    ),
)
