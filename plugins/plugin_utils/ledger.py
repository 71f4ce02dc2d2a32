# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host works on which cluster: a ledger shared by all processes of one ansible-playbook run.

Ansible runs the hosts of a play in processes of their own, some at a time, or in batches (serial), or each as fast as
it can (strategy free). The ledger is a file in the private folder that Ansible makes for a run and deletes at its end.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible import constants as C

from ansible_collections.graceful.termination.plugins.plugin_utils.host import Host

_FILE = "graceful-termination-clusters.json"


@dataclass(frozen=True, slots=True)
class Cluster:
    """`uid` is None if it may not be read; `address` identifies server and CA; `name` is for messages."""

    uid: str | None
    address: str
    name: str

    def is_same(self, other: Cluster) -> bool:
        """By the uid, or else by the address."""
        if self.uid and other.uid:
            return self.uid == other.uid
        return self.address == other.address

    @property
    def description(self) -> str:
        """What identifies it, for messages."""
        return f"kube-system has the UID {self.uid}" if self.uid else "the same API server"


@dataclass(frozen=True, slots=True)
class Claim:
    """A host works on a cluster, in `namespaces`; None is all. `scope` is a digest of all other options."""

    host: str
    cluster: Cluster
    namespaces: list[str] | None
    scope: str = ""

    def is_disjoint(self, other: Claim) -> bool:
        """Whether both name their namespaces, and have none in common."""
        return are_disjoint(self.namespaces, other.namespaces)

    def covers(self, other: Claim) -> bool:
        """Whether this includes everything that the other asks for."""
        if self.scope != other.scope:
            return False
        return self.namespaces is None or (
            other.namespaces is not None and set(other.namespaces) <= set(self.namespaces)
        )


def are_disjoint(one: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Whether two lists of namespaces have none in common; None is all."""
    return one is not None and other is not None and not set(one) & set(other)


class Ledger:
    """The claims of one play on clusters. `task` is None for changes, whose claims last for the whole play."""

    def __init__(self, host: Host, task: str | None, folder: str | Path | None = None):
        self._file = Path(folder or C.DEFAULT_LOCAL_TMP, _FILE)
        self._key = f"{host.play_key} {task or 'changes'}"

    def claim(self, claim: Claim, *, changes: bool) -> Claim | None:
        """Add the claim, unless another host has the cluster: then return the claim of that host.

        For changes, any claim on the cluster counts unless it is on other namespaces; for reads, only one that covers
        this one. Raises OSError, ValueError for a ledger that cannot be read.
        """
        with self._open() as book:
            entries = [_read(entry) for entry in book.setdefault(self._key, [])]
            others = [entry for entry in entries if entry.host != claim.host and entry.cluster.is_same(claim.cluster)]
            for other in others:
                if (not other.is_disjoint(claim)) if changes else other.covers(claim):
                    return other
            book[self._key].append(asdict(claim))
        return None

    def withdraw(self, host: str) -> None:
        """Remove the claims of a host that has read nothing. Raises OSError, ValueError."""
        with self._open() as book:
            book[self._key] = [entry for entry in book.get(self._key, []) if entry["host"] != host]

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """The content of the file, locked for one process and saved at the end."""
        with self._file.open("a+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            text = stream.read()
            book = json.loads(text) if text else {}
            yield book
            stream.seek(0)
            stream.truncate()
            stream.write(json.dumps(book))


def _read(entry: Mapping[str, Any]) -> Claim:
    return Claim(entry["host"], Cluster(**entry["cluster"]), entry["namespaces"], entry["scope"])
