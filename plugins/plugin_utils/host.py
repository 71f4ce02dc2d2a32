# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host of a task: its name, the others of its play, and its folder among theirs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible

_UNSAFE = re.compile(r"[^\w.-]")


def safe_name(host: str) -> str:
    """The name of a host as the name of a folder."""
    name = _UNSAFE.sub("_", host)
    return f"_{name[1:]}" if name.startswith(".") else name


@dataclass(frozen=True, slots=True)
class Host:
    """`play` is all of the play, failed ones and other batches among them; `inventory` all that there are, sorted.

    `play_key` is the same at all hosts of a play.
    """

    name: str
    play: tuple[str, ...]
    inventory: tuple[str, ...]
    play_key: str

    @classmethod
    def of(cls, task_vars: Mapping[str, Any] | None) -> Host:
        """The host of a task, from its variables."""
        known = task_vars or {}
        name = str(known.get("inventory_hostname") or "localhost")
        play = tuple(map(str, known.get("ansible_play_hosts_all") or (name,)))
        inventory = tuple(sorted(map(str, (known.get("groups") or {}).get("all") or ())))
        whole = json.dumps([str(known.get("ansible_play_name")), sorted(play)])
        return cls(name, play, inventory, hashlib.sha256(whole.encode()).hexdigest())

    @property
    def others(self) -> list[str]:
        """The others of the play."""
        return [name for name in self.play if name != self.name]

    @property
    def folder(self) -> str | None:
        """Its folder below that of the reports; None for the implicit localhost, which is alone.

        Raises ValueError where another host of the inventory would write into the same.
        """
        if self.name not in self.inventory:
            return None
        own = safe_name(self.name)
        # Some file systems do not distinguish upper and lower case.
        same = [name for name in self.inventory if name != self.name and safe_name(name).casefold() == own.casefold()]
        if same:
            raise ValueError(
                f"report_dir: the hosts {visible(self.name)} and {visible(same[0])} would both write into the folder "
                f"{own}: rename one of them; nothing was done"
            )
        return own
