# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: one command in one container, over a WebSocket, with an end to its time and its output."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Executed

try:
    from kubernetes.stream import stream
    from websocket import ABNF
except ImportError:
    stream = None

_STDOUT, _RESULT = 1, 3  # channels
_MOST_RESULT = 2**16
_HANDSHAKE = re.compile(r"Handshake status (\d{3})")
_MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"')
_ABSENT = re.compile(r"executable file .{0,200}not found|no such file or directory|not found in \$PATH", re.I | re.S)
_CANNOT_START = (126, 127)


def execute(
    client: Any, namespace: str, pod: str, container: str, command: tuple[str, ...], *, seconds: float, most: int
) -> Executed | Answer:
    """Run a command and return what it wrote, at most `most` bytes within `seconds`; an Answer where it was refused.

    Raises TimeoutError, OSError (ConnectionError included).
    """
    outcome: list[Executed | Answer | Exception] = []
    opened: list[Any] = []

    def work() -> None:
        try:
            opened.append(_open(client, namespace, pod, container, command))
            outcome.append(_read(opened[0].sock, time.monotonic() + seconds, most))
        except Exception as error:  # of three libraries below each other
            outcome.append(_refused(error))

    # The client opens a connection without a limit to its time.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds + 1)
    for connection in opened:
        threading.Thread(target=_close, args=(connection,), daemon=True).start()
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:g} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _open(client: Any, namespace: str, pod: str, container: str, command: tuple[str, ...]) -> Any:
    # CoreV1Api brings the models of all kinds along: half a second, and much memory, for what few runs need.
    from kubernetes.client import ApiClient, CoreV1Api

    # A client of its own: for as long as the call takes, the library changes the methods of the one it is given.
    return stream(
        CoreV1Api(ApiClient(client.configuration)).connect_get_namespaced_pod_exec,
        pod,
        namespace,
        container=container,
        command=list(command),
        stdin=False,
        stdout=True,
        stderr=False,
        tty=False,
        _preload_content=False,
    )


def _close(connection: Any) -> None:
    try:
        connection.close()
    except Exception:  # it is over anyway
        return


def _read(socket: Any, deadline: float, most: int) -> Executed:
    """Read frames one by one: the library's own loop ends neither in time nor in size if the other side goes on."""
    output, result = bytearray(), bytearray()
    while len(output) < most and len(result) < _MOST_RESULT:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("it did not end in time")
        socket.settimeout(left)
        code, frame = socket.recv_data_frame(True)
        if code == ABNF.OPCODE_CLOSE:
            break
        if code in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            channel, data = frame.data[0], frame.data[1:]
            if channel == _STDOUT:
                output += data
            elif channel == _RESULT:
                result += data
    return _executed(bytes(output[:most]), bytes(result))


def _executed(output: bytes, result: bytes) -> Executed:
    try:
        status = json.loads(result)
        if status.get("status") == "Success":
            return Executed(output, 0)
        causes = (status.get("details") or {}).get("causes") or ()
        code = next((int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"), None)
        message = str(status.get("message") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        code, message = None, ""
    return Executed(output, code, absent=code in _CANNOT_START or bool(_ABSENT.search(message)))


def _refused(error: Exception) -> Answer | Exception:
    """What the library put into the text of an exception, parsed back."""
    text = f"{getattr(error, 'reason', None) or error}"
    handshake = _HANDSHAKE.search(text)
    if handshake:
        message = _MESSAGE.search(text)
        detail = message[1].replace("\\\\", "\\").replace('\\"', '"') if message else ""
        return Answer(int(handshake[1]), json.dumps({"message": detail}).encode())
    if isinstance(error, OSError):
        return error
    return ConnectionError(" ".join(text.split())[:200])
