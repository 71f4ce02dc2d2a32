# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of changes to a cluster: written before each patch, so that it is complete however the run ends."""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.undo import Undo
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.text import json_text
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge_patches

SCHEMA = "graceful.termination/journal/v1"
NAME = "journal.jsonl"
CONFLICT = "conflict"  # the status of a patch that the server did not store; another one may follow


class Journal:
    """The file journal.jsonl in `folder`, one JSON map a line, only ever appended to. Used from several threads.

    `run` tells the lines of one run, whatever the number of its waves, from those of others. `flat` is the folder in
    which the journal was before each host had its own: it is read as well, never written. UIDs say whose its lines are.
    """

    def __init__(self, folder: str, run: str, flat: str | None = None):
        self.path = os.path.join(folder, NAME)
        self._read_too = [os.path.join(flat, NAME)] if flat else []
        self._run = run

    def patching(self, obj: dict[str, Any], undo: Undo) -> None:
        """Record the values before the patch, and the patch. Raises OSError."""
        self._add(obj, {"before": undo.before, "patch": undo.patch})

    def ended(self, obj: dict[str, Any], status: str, reason: str | None) -> None:
        """Record the outcome. Raises OSError."""
        self._add(obj, {"status": status, "reason": reason})

    def last(self, uid: str) -> Undo | None:
        """What the last run that patched it did to it; None where it rolled out, was rolled back or is unknown.

        Raises SourceError.
        """
        return self._undo(line for line in self._lines() if line.get("uid") == uid)

    def own(self, uid: str) -> Undo | None:
        """What this run did to an object, whether it rolled out or not; None where that is nothing.

        Raises SourceError.
        """
        return self._undo(
            line
            for line in self._lines()
            if line.get("uid") == uid and line.get("run") == self._run and line.get("status") != "changed"
        )

    @staticmethod
    def _undo(lines: Iterable[dict[str, Any]]) -> Undo | None:
        before: dict[str, Any] = {}
        patch: dict[str, Any] = {}
        run = None
        earlier = before, patch, run
        for line in lines:
            if line.get("status") in ("changed", "restored"):
                patch = {}
            elif line.get("status") == CONFLICT:
                before, patch, run = earlier
            if "patch" not in line:
                continue
            earlier = before, patch, run
            if line.get("run") != run or not patch:
                before, patch, run = {}, {}, line.get("run")
            # If the response to the first of two patches was lost, that patch has the values before both.
            before, patch = merge_patches(line["before"], before), merge_patches(patch, line["patch"])
        return Undo(before, patch) if patch else None

    def _add(self, obj: dict[str, Any], what: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        entry = {
            "schema": SCHEMA,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run": self._run,
            "object": f"{metadata.get('namespace')}/{obj['kind']}/{metadata['name']}",
            "uid": metadata.get("uid"),
            "resourceVersion": metadata.get("resourceVersion"),
            **what,
        }
        # A single append is written completely or not at all, even with concurrent writers. What a hook ran may be
        # confidential, so only the owner may read the file.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json_text(entry).encode())
        finally:
            os.close(descriptor)

    def _lines(self) -> Iterator[dict[str, Any]]:
        # A run without a host of its own still writes the flat one: what happened last comes last.
        files = [_lines_of(path) for path in (*self._read_too, self.path)]
        yield from heapq.merge(*files, key=lambda line: str(line.get("at")))


def _lines_of(path: str) -> Iterator[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            for text in stream:
                try:
                    line = json.loads(text)
                except ValueError:
                    continue  # cut off by a full disk
                if isinstance(line, dict) and line.get("schema") == SCHEMA:
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise SourceError(f"the journal {path} cannot be read: {error.strerror}") from error
