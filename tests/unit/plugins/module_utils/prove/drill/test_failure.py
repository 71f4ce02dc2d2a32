# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classes of what the HTTP library raises."""

from __future__ import annotations

import errno
import http.client
import ssl
from typing import Any

import pytest
import urllib3

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.failure import classify, port_taken
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    CLOSED,
    OTHER,
    REFUSED,
    RESET,
    TIMEOUT,
    UNANSWERED,
    UNREACHABLE,
)


def aborted(cause: Exception) -> Exception:
    return urllib3.exceptions.ProtocolError("Connection aborted.", cause)


def unopened(cause: OSError) -> Exception:
    error = urllib3.exceptions.NewConnectionError(None, "failed")  # type: ignore[arg-type]
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (unopened(ConnectionRefusedError(errno.ECONNREFUSED, "refused")), REFUSED),
        (unopened(OSError(errno.EHOSTUNREACH, "no route")), UNREACHABLE),
        (aborted(OSError(errno.ENETUNREACH, "no network")), UNREACHABLE),
        (aborted(ConnectionResetError(errno.ECONNRESET, "reset")), RESET),
        (aborted(BrokenPipeError(errno.EPIPE, "pipe")), RESET),
        (aborted(http.client.RemoteDisconnected("gone")), CLOSED),
        (aborted(http.client.IncompleteRead(b"x", 10)), CLOSED),
        (urllib3.exceptions.SSLError(ssl.SSLEOFError(8, "EOF")), CLOSED),
        (urllib3.exceptions.ReadTimeoutError(None, "/", "read"), TIMEOUT),  # type: ignore[arg-type]
        (urllib3.exceptions.ConnectTimeoutError(None, "connect"), UNANSWERED),
        (urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("not for this name")), OTHER),
        (urllib3.exceptions.LocationValueError("no host"), OTHER),
    ],
)
def test_each_error_has_its_class_and_its_words(error: Any, outcome: str) -> None:
    name, words = classify(error)
    assert name == outcome
    assert words and "\n" not in words


@pytest.mark.parametrize(("number", "taken"), [(errno.EADDRINUSE, True), (errno.ECONNREFUSED, False)])
def test_a_local_port_that_is_taken_is_no_loss(number: int, taken: bool) -> None:
    assert port_taken(unopened(OSError(number, "x"))) is taken
