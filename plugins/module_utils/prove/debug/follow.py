# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the log of the observer while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import POD
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observed import (
    LINE_LIMIT,
    Observation,
    read,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.observer import Observer
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.target import Target

_LINE_LIMIT = 1000  # characters of one line


class Follower:
    """The lines of the log as they arrive. `trouble` is why they stopped, unless the container ended."""

    def __init__(self, api: Api, target: Target, observer: Observer):
        self.trouble = ""
        self._api = api
        self._path = f"{POD.path(target.namespace, target.name)}/log"
        self._what = f"read the log of container {observer.name} of pod {target.namespace}/{target.name}"
        self._query = (("container", observer.name), ("follow", "true"), ("timestamps", "true"))
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Start with the existing lines."""
        self._thread.start()

    def lines(self) -> list[str]:
        """The lines so far."""
        with self._news:
            return list(self._lines)

    def wait(self, enough: Callable[[Observation], bool], seconds: float) -> bool:
        """Wait at most so many seconds until enough was read; False if it never was."""
        until = time.monotonic() + seconds
        with self._news:
            while not enough(read(self._lines)):
                remaining = until - time.monotonic()
                if remaining <= 0 or self.trouble or not self._thread.is_alive():
                    return enough(read(self._lines))
                self._news.wait(min(remaining, 0.5))
            return True

    def finish(self, seconds: float) -> Observation:
        """Everything that was read; waits so many seconds for the last lines."""
        self._thread.join(seconds)
        return read(self.lines())

    def _follow(self) -> None:
        try:
            for line in self._api.lines(self._path, self._what, self._query):
                with self._news:
                    if len(self._lines) < LINE_LIMIT:
                        self._lines.append(line[:_LINE_LIMIT].decode("utf-8", "replace"))
                        self._news.notify_all()
        except SourceError as error:
            with self._news:
                self.trouble = str(error)
                self._news.notify_all()
