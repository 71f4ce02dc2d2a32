# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classifies an error of the HTTP library as a class of loss."""

from __future__ import annotations

import errno
import http.client
import ssl
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill._urllib3 import urllib3
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLOSED,
    OTHER,
    REFUSED,
    RESET,
    TIMEOUT,
    UNANSWERED,
    UNREACHABLE,
)

_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)
_PORT_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def classify(error: BaseException) -> tuple[str, str]:
    """(one of CLASSES, the innermost reason)."""
    causes = list(_causes(error))
    reason = " ".join(str(causes[-1]).split())[:200] or type(causes[-1]).__name__
    known = urllib3.exceptions
    # In this order: RemoteDisconnected, for one, is a ConnectionResetError without any reset.
    for name, kinds in (
        (REFUSED, (ConnectionRefusedError,)),
        (CLOSED, (http.client.IncompleteRead, http.client.BadStatusLine, known.IncompleteRead)),
        (CLOSED, (known.InvalidChunkLength, ssl.SSLEOFError, ssl.SSLZeroReturnError)),
        (RESET, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)),
    ):
        if any(isinstance(cause, kinds) for cause in causes):
            return name, reason
    if any(getattr(cause, "errno", None) in _NO_WAY for cause in causes):
        return UNREACHABLE, reason
    if any(isinstance(cause, TimeoutError | known.TimeoutError) for cause in causes) and not any(
        isinstance(cause, known.NewConnectionError) for cause in causes
    ):
        connecting = any(isinstance(cause, known.ConnectTimeoutError) for cause in causes)
        return UNANSWERED if connecting else TIMEOUT, reason
    return OTHER, reason


def port_taken(error: BaseException) -> bool:
    """Whether the requested local port was not available: nothing was sent."""
    return any(getattr(cause, "errno", None) in _PORT_TAKEN for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, the innermost last."""
    todo, seen = [error], set()
    while todo:
        cause = todo.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        before = None if cause.__suppress_context__ else cause.__context__
        inner = [*cause.args, getattr(cause, "reason", None), cause.__cause__, before]
        todo += [entry for entry in inner if isinstance(entry, BaseException)]
