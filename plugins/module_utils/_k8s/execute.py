# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: one command in one container, over a WebSocket, with limits on time and output."""

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
_RESULT_LIMIT = 2**16
_HANDSHAKE = re.compile(r"Handshake status (\d{3})")
_MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"')
_ABSENT = re.compile(r"executable file .{0,200}not found|no such file or directory|not found in \$PATH", re.I | re.S)
_CANNOT_START = (126, 127)


def execute(
    client: Any, namespace: str, pod: str, container: str, command: tuple[str, ...], *, seconds: float, limit: int
) -> Executed | Answer:
    """Run a command and return what it wrote, at most `limit` bytes within `seconds`; an Answer if it was refused.

    Raises TimeoutError, OSError (ConnectionError included).
    """
    outcome: list[Executed | Answer | Exception] = []
    opened: list[Any] = []

    def work() -> None:
        try:
            opened.append(_open(client, namespace, pod, container, command))
            outcome.append(_read(opened[0].sock, time.monotonic() + seconds, limit))
        except Exception as error:  # from any of three stacked libraries
            outcome.append(_refused(error))

    # The client opens a connection without a time limit.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds + 1)
    for connection in opened:
        threading.Thread(target=_close, args=(connection,), daemon=True).start()
    if not outcome:
        raise TimeoutError(f"no response within {seconds:g} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _open(client: Any, namespace: str, pod: str, container: str, command: tuple[str, ...]) -> Any:
    # CoreV1Api imports the models of all kinds: 0.5 s and much memory, which few runs need.
    from kubernetes.client import ApiClient, CoreV1Api

    # A separate client: during the call the library replaces methods of the client.
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
    except Exception:  # the connection is not used any more
        return


def _read(socket: Any, deadline: float, limit: int) -> Executed:
    """Read frames one by one: the library's own loop limits neither time nor size."""
    output, result = bytearray(), bytearray()
    while len(output) < limit and len(result) < _RESULT_LIMIT:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("it did not finish in time")
        socket.settimeout(remaining)
        code, frame = socket.recv_data_frame(True)
        if code == ABNF.OPCODE_CLOSE:
            break
        if code in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            channel, data = frame.data[0], frame.data[1:]
            if channel == _STDOUT:
                output += data
            elif channel == _RESULT:
                result += data
    return _executed(bytes(output[:limit]), bytes(result))


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
    """The response that the library put into the text of an exception."""
    text = f"{getattr(error, 'reason', None) or error}"
    handshake = _HANDSHAKE.search(text)
    if handshake:
        message = _MESSAGE.search(text)
        detail = message[1].replace("\\\\", "\\").replace('\\"', '"') if message else ""
        return Answer(int(handshake[1]), json.dumps({"message": detail}).encode())
    if isinstance(error, OSError):
        return error
    return ConnectionError(" ".join(text.split())[:200])
