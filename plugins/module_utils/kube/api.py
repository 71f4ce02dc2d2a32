# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to an API server: retried where that helps, counted, and their failures as readable text."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.throttle import Throttle
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj

PAGE = 500  # objects; the API server holds one page in memory, and so do we
TRIES = 5
JSON = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_NO_API = "the response is not from a Kubernetes API server"
LONGEST_PAUSE = 30.0  # seconds
THREADS = 8
MOST_PAGES = 600  # of a list: 300,000 objects, and Kubernetes is made for 150,000 pods
_RESTARTS = 3  # of a LIST whose continue token has expired
_STARTING = 30.0  # seconds in which an API server that was away may not know all rights yet
Query = tuple[tuple[str, str], ...]
Job = TypeVar("Job")
Result = TypeVar("Result")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's response, whatever the status. `headers` have lower-case names."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a container wrote. `code` is None if unknown; `absent`: there is no such program."""

    output: bytes
    code: int | None
    absent: bool = False


class Server(Protocol):
    """Whom messages speak of: what reports call it, and what went wrong with the credentials, empty if nothing did."""

    name: str
    hint: str


class Transport(Server, Protocol):
    """One connection to one API server. Used from several threads at a time."""

    def send(self, method: str, path: str, query: Query, body: Obj | None, accept: str = JSON) -> Answer:
        """Send one request; a `body` to PATCH with is a strategic merge patch, `accept` the form of the answer.

        Raises Unreachable without an answer.
        """

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        """The lines of the answer to a GET, as they come. Raises Unreachable, ApiError."""

    def execute(self, namespace: str, pod: str, container: str, command: tuple[str, ...], what: str) -> Executed:
        """Run a command in a container, within limits of time and output. Raises Unreachable, ApiError."""


class Unreachable(SourceError):
    """No answer."""

    def __init__(self, message: str, *, passing: bool = True):
        super().__init__(message)
        self.passing = passing


class ApiError(SourceError):
    """The server refused a request. `detail` is its own message, one line.

    `again`: the request had been sent before without an answer, so the first one may have been carried out.
    """

    def __init__(self, message: str, status: int, detail: str, *, again: bool = False):
        super().__init__(message)
        self.status = status
        self.passing = worth_repeating(status)
        self.detail = detail
        self.again = again

    @property
    def user(self) -> str | None:
        """The user the server authenticated; it names that user when it forbids something."""
        match = re.search(r'User "([^"]+)"', self.detail)
        return match[1] if match else None


def retry(
    send: Callable[[], Answer],
    pause: Callable[[float], None] = time.sleep,
    passing: Callable[[Answer], bool] | None = None,
) -> tuple[Answer, bool]:
    """Send until there is a usable response, at most TRIES times. The flag says whether one try had no clear end.

    `passing` says which other responses may be temporary.
    Raises Unreachable when the last try got no answer.
    """
    again, attempt = False, 0
    while True:
        attempt += 1
        wait = min(2**attempt / 4, LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        try:
            answer = send()
        except Unreachable as error:
            if attempt == TRIES or not error.passing:
                raise
            again = True
        else:
            if attempt == TRIES or not (worth_repeating(answer.status) or (passing and passing(answer))):
                return answer, again
            again |= answer.status >= 500
            asked = answer.headers.get("retry-after", "")
            if asked.isdecimal():
                wait = min(float(asked), LONGEST_PAUSE)
        pause(wait)


def worth_repeating(status: int) -> bool:
    """Whether a server that answers so may answer otherwise in a moment."""
    return status == 429 or status >= 500


def concurrently(work: Callable[[Job], Result], jobs: Iterable[Job], threads: int = THREADS) -> Iterator[Result]:
    """The results in the order of the jobs. An exception, or an end of the iteration, starts no further job."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(work, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


class Api:
    """The requests to an API server. `requests` counts every try; `what` describes the request, for messages.

    Each try to write waits for its turn in `writes`. A dry run stores nothing, and does not wait.
    """

    def __init__(
        self, transport: Transport, pause: Callable[[float], None] = time.sleep, writes: Throttle | None = None
    ):
        self.name = transport.name
        self.requests = 0
        self._transport = transport
        self._pause = pause
        self._writes = writes
        self._lock = threading.Lock()
        self._lost: float | None = None  # when the server was last not there, by the monotonic clock

    def reason(self, error: Exception) -> str:
        """An error's text for a report, which names the cluster once for all."""
        return str(error).removeprefix(f"{self.name}: ")

    def get(self, path: str, what: str, query: Query = ()) -> dict[str, Any]:
        """Read one object, or a list in one piece. Raises ApiError, Unreachable."""
        return self._json("GET", path, query, None, what)

    def metadata(self, path: str, what: str, query: Query = (), accept: str = METADATA_ONLY) -> dict[str, Any]:
        """Read no more than the metadata of an object: its content does not leave the server. Raises as get does."""
        return self._json("GET", path, query, None, what, accept=accept)

    def patch(self, path: str, body: Obj, query: Query, what: str) -> dict[str, Any]:
        """Send a strategic merge patch and return the object as it is stored. Raises ApiError, Unreachable."""
        return self._json("PATCH", path, query, body, what)

    def create(self, path: str, body: Obj, what: str) -> dict[str, Any]:
        """Create an object, or do what its kind requests, such as an eviction. Raises ApiError, Unreachable."""
        return self._json("POST", path, (), body, what)

    def delete(self, path: str, body: Obj, what: str) -> dict[str, Any]:
        """Delete an object; the body is its DeleteOptions. Raises ApiError, Unreachable."""
        return self._json("DELETE", path, (), body, what)

    def watch(self, path: str, what: str, query: Query) -> Iterator[dict[str, Any]]:
        """The events of a watch until the server ends it. Raises ApiError (410: it has to start again), Unreachable."""
        with self._lock:
            self.requests += 1
        for line in self._transport.lines(path, (*query, ("watch", "true")), what):
            event = _loads(line)
            if not isinstance(event, dict):
                raise Unreachable(f"{self.name}: cannot {what}: the response was cut off")
            if event.get("type") == "ERROR":
                status = event.get("object")
                code = status.get("code") if isinstance(status, dict) else None
                text = json.dumps(status).encode()
                raise failure(Answer(code if isinstance(code, int) else 500, text), self._transport, what)
            yield event

    def lines(self, path: str, what: str, query: Query) -> Iterator[bytes]:
        """The lines of an answer that is no JSON, such as a log, as they come. Raises ApiError, Unreachable."""
        with self._lock:
            self.requests += 1
        yield from self._transport.lines(path, query, what)

    def execute(self, namespace: str, pod: str, container: str, command: tuple[str, ...]) -> Executed:
        """Run a command in a container, once. Raises ApiError, Unreachable."""
        with self._lock:
            self.requests += 1
        what = f"execute {command[0]} in pod {pod} in namespace {namespace}"
        return self._transport.execute(namespace, pod, container, command, what)

    def objects(self, path: str, what: str, trim: Callable[[Obj], Kept], query: Query = ()) -> list[Kept]:
        """Read all objects, page by page; `trim` is what stays of each. Raises ApiError, Unreachable."""
        for _restart in range(_RESTARTS):
            try:
                return self._pages(path, what, trim, query)
            except ApiError as error:
                if error.status != 410:
                    raise
        raise SourceError(f"{self.name}: cannot {what}: the list expired {_RESTARTS} times before its end")

    def _pages(self, path: str, what: str, trim: Callable[[Obj], Kept], query: Query) -> list[Kept]:
        items: list[Kept] = []
        following: Query = ()
        for _number in range(MOST_PAGES):
            page = self._json("GET", path, (*query, ("limit", str(PAGE)), *following), None, what)
            found, metadata = page.get("items") or [], page.get("metadata") or {}
            if not isinstance(found, list) or not isinstance(metadata, dict):
                raise SourceError(f"{self.name}: cannot {what}: {_NO_API}")
            items += [trim(item) for item in found]
            token = metadata.get("continue")
            if not token:
                return items
            following = (("continue", str(token)),)
        raise SourceError(f"{self.name}: cannot {what}: the server announces page after page without an end")

    def _json(
        self, method: str, path: str, query: Query, body: Obj | None, what: str, *, accept: str = JSON
    ) -> dict[str, Any]:
        writes = method != "GET" and ("dryRun", "All") not in query

        def send() -> Answer:
            if writes and self._writes:
                self._writes.wait()
            with self._lock:
                self.requests += 1
            try:
                return self._transport.send(method, path, query, body, accept)
            except Unreachable:
                self._lost = time.monotonic()
                raise

        answer, again = retry(send, self._pause, self._knows_no_rights_yet)
        if not 200 <= answer.status <= 299:
            raise failure(answer, self._transport, what, again=again)
        content = _loads(answer.body)
        if not isinstance(content, dict):
            raise SourceError(f"{self.name}: cannot {what}: {_NO_API}")
        return content

    def _knows_no_rights_yet(self, answer: Answer) -> bool:
        """An API server that has just started answers before it has read who has which right."""
        return answer.status == 403 and self._lost is not None and time.monotonic() - self._lost < _STARTING


def failure(answer: Answer, server: Server, what: str, *, again: bool = False) -> ApiError:
    """The exception for an answer that is not a success, with what to do about it."""
    status = _loads(answer.body)
    detail = str(status.get("message") or "") if isinstance(status, dict) else answer.body.decode("utf-8", "replace")
    detail = " ".join(detail.split())[:400]
    error = ApiError("", answer.status, detail, again=again)
    if answer.status == 401:
        text = f"the server does not accept the credentials (401), so it did not {what}: a token that was revoked or "
        text += "has expired? Log in again, or set api_key (K8S_AUTH_API_KEY) to a new token"
    elif error.user == "system:anonymous":
        text = f"no credentials reached the server (user system:anonymous), so it did not {what}: set "
        text += "api_key (K8S_AUTH_API_KEY), or check the user in the kubeconfig"
    elif answer.status == 403 and error.user:
        text = f"forbidden: user {error.user} cannot {what} (403)"
    else:
        text = f"cannot {what} ({answer.status})" + (f": {detail}" if detail else "")
    if server.hint and (answer.status == 401 or error.user == "system:anonymous"):
        text += f"; its credentials failed: {server.hint}"
    error.args = (f"{server.name}: {text}",)
    return error


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
