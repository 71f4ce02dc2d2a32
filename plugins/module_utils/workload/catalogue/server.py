# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of how one server stops: the form of an entry of the catalogue, which is data.

To add a server, copy an entry of one of the files beside this one, and read CONTRIBUTING.md, "Add a server".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

UNLIMITED = math.inf  # it waits until the last request or job is done
# What it does in a pod: it stands in front of applications, is one or runs one, or works on a queue.
PROXY, APPLICATION, WORKER = "proxy", "application", "worker"
# Units of a number without one, beside s, m, h and ms.
UNIT_REQUIRED = ""  # it is an error
DIGITS_ONLY = "digits"  # seconds; with a unit, the server ignores it


@dataclass(frozen=True, slots=True)
class Flag:
    """An argument with a value. `unit` is that of a number without one: s, m, h, ms, or one of those above.

    Given twice, the last one counts; a `*` in the name stands for a part that users choose, and the longest counts.
    `anywhere`: no other program has a flag of this name, so that it counts where the program is not known as well;
    `unless`: but one whose name is this word.
    """

    name: str
    unit: str = "s"
    anywhere: bool = False
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable whose value is the time; its name in upper case. `unit` and `*` as of a flag."""

    name: str
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class Options:
    """An environment variable that holds further arguments, such as GUNICORN_CMD_ARGS. Its name in upper case."""

    name: str


@dataclass(frozen=True, slots=True)
class JsonKey:
    """A key of the JSON that an environment variable holds, nested, dotted or both. Its name in upper case."""

    variable: str
    name: str
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class SpringKey:
    """A property of Spring Boot's own files: application.yml, application.properties and those of active profiles."""

    name: str
    unit: str = "ms"


@dataclass(frozen=True, slots=True)
class FileKey:
    """A line of a configuration file. `file` matches its whole name, group 1 of `line` is the value, whatever it is.

    Where several lines match, the last one counts if `last_wins`, else none does: code may choose among them.
    """

    name: str
    file: str
    line: str
    unit: str = "s"
    last_wins: bool = False


Place: TypeAlias = "Flag | Variable | Options | JsonKey | SpringKey | FileKey"


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting and one of its values, in lower case. Of `places`, the first that is set decides."""

    name: str
    value: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """How one server stops. Seconds; every tuple in the order of precedence, the first that is set decides.

    `role` is PROXY, APPLICATION or WORKER; empty for all else.

    Recognised by
    - `programs`: base names of the program, or of what an interpreter or `bundle exec` runs; `subcommand`: the word
      that must follow it, such as `worker` of Celery.
    - `images`: paths of images that start it without a command, as Docker Hub's `library/nginx`; `library/php:fpm`
      means the tags of that image that contain `fpm`. `entrypoints`: those of them that start it whatever their
      arguments are. All others may run an argument that is no flag as a command of its own, by a script as ENTRYPOINT
      or without any.
    Stopped by
    - `drains_on`: signals after which it finishes what is in flight; `ends_on`: those after which it does not.
    - `image_signal`: the signal that `images` declare (STOPSIGNAL); empty where images that are built for it declare
      one or another. `signal_since`: the tag of an image, such as library/nginx, from which on it does; before, the
      runtime sends SIGTERM.
    - `cut_by_term`: SIGTERM ends a drain that is under way.
    For how long
    - `timeout`: where its shutdown timeout is set; `default`: what it is where nothing sets it, UNLIMITED, or None
      where that depends on its version or on the application, as `unknown_because` says. `default_since`: the tag of
      an image, such as grafana/grafana, from which on the default holds; in no other image is it certain.
      `file_in_image`: a file of the image that may set it, too.
      `file_from`: what names a file that may set it; the image has none of its own. `config_flags`: arguments that
      name its configuration file, which then may have any name; `folders`: where it looks for one by itself.
      `zero_is_unlimited`: a timeout of 0 is none.
    - `ends_where`: settings with which it does not drain at all; `waits_where`: arguments and variables with which it
      waits without limit; `drains_where`: without this setting, its timeout has no effect.
    - `own_delay`: where a time is set for which it goes on as before after the signal, and drains then;
      `own_delay_default`: what it is where nothing sets it; `own_delay_where`: the setting without which it does not;
      `own_delay_built_in`: the property that decides it when its image is built: the delay is time to allow for, but no
      pause to rely on.
    - `requeues`: a job that it does not finish in time goes back to its queue.
    - `at_end` says what happens to the rest, `refuses_new` whether new requests are refused meanwhile, `advice` is the
      setting that a user would write, with {seconds}; `note` is for docs/servers.md, `source` where all that is said.
    - `origin`: where a user declares it, for reports; empty for what is built in.
    """

    name: str
    role: str = ""
    programs: tuple[str, ...] = ()
    subcommand: str = ""
    images: tuple[str, ...] = ()
    entrypoints: tuple[str, ...] = ()
    drains_on: tuple[str, ...] = ("TERM",)
    ends_on: tuple[str, ...] = ()
    image_signal: str = "TERM"
    signal_since: tuple[tuple[str, str], ...] = ()
    cut_by_term: bool = True
    timeout: tuple[Place, ...] = ()
    default: float | None = None
    default_since: tuple[tuple[str, str], ...] = ()
    unknown_because: str = ""
    file_in_image: str = ""
    file_from: tuple[Flag | Variable, ...] = ()
    config_flags: tuple[Flag, ...] = ()
    folders: tuple[str, ...] = ()
    zero_is_unlimited: bool = False
    ends_where: tuple[Switch, ...] = ()
    waits_where: tuple[str, ...] = ()
    drains_where: Switch | None = None
    own_delay: tuple[Place, ...] = ()
    own_delay_default: int = 0
    own_delay_where: Switch | None = None
    own_delay_built_in: str = ""
    requeues: bool = False
    at_end: str = ""
    refuses_new: str = ""
    advice: str = ""
    note: str = ""
    source: tuple[str, ...] = field(default=())
    origin: str = ""

    def told(self, source: str) -> str:
        """A source of a number with the place where a user declares this server, if that is what it rests on."""
        return f"{source} ({self.origin}; {self.source[0]:.200})" if self.origin else source
