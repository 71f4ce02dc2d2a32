# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Prometheus server, or a compatible HTTP API: queried with GET only, with clear error messages."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from ansible_collections.graceful.termination.plugins.module_utils.base.deadline import (
    Punctual,
    descriptor_of,
    ended_after,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.measured import (
    Durations,
    TooMuch,
    Unanswered,
    measure,
)

QUERY_SECONDS = 30  # the server cancels a query after this
_ANSWER_SECONDS = QUERY_SECONDS + 15
_LIMIT = 256 * 2**20  # bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a login page, or would send the credentials elsewhere."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """Follow none."""


class _Connection(Punctual, http.client.HTTPConnection):
    head_seconds = _ANSWER_SECONDS


class _TlsConnection(Punctual, http.client.HTTPSConnection):
    head_seconds = _ANSWER_SECONDS


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: Any) -> Any:
        """As the base class, with a deadline."""
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: Any) -> Any:
        """As the base class, with a deadline."""
        return self.do_open(_TlsConnection, req)


class Prometheus:
    """`url` is the server's base address; a user and password in it are sent, and never shown.

    Raises ValueError, without the URL in its text, if that is no http or https address.
    """

    def __init__(self, url: str):
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise ValueError("prometheus_url: not an address such as http://prometheus.example:9090") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                "prometheus_url: must be the server's base address and begin with http:// or https://, such as "
                "http://prometheus.example:9090"
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.name = f"Prometheus {host}{port}"
        self._base = urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._opener = urllib.request.build_opener(_NoRedirect, _Http, _Https)

    @cached_property
    def durations(self) -> Durations:
        """The measured request durations of all workloads and Services, queried once a run."""
        return measure(self.ask)

    def ask(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """The (labels, value) pairs of an instant query. Raises Unanswered, and TooMuch for a slow query."""
        query = urlencode({"query": expression, "timeout": f"{QUERY_SECONDS}s"})
        request = urllib.request.Request(f"{self._base}/api/v1/query?{query}", headers=self._headers)
        try:
            with self._opener.open(request, timeout=_ANSWER_SECONDS) as response:
                status, body = response.status, _whole(response)
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, b""
                with suppress(OSError, http.client.HTTPException):  # the status alone says enough
                    body = _whole(error)
        except TimeoutError:
            raise TooMuch(f"{self.name}: no response within {_ANSWER_SECONDS} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise TooMuch(f"{self.name}: no response within {_ANSWER_SECONDS} s") from None
            raise Unanswered(f"{self.name}: cannot be reached: {_line(str(reason) or type(reason).__name__)}") from None
        if len(body) > _LIMIT:
            raise TooMuch(f"{self.name}: its response is larger than {_LIMIT // 2**20} MiB")
        return self._read(status, body)

    def _read(self, status: int, body: bytes) -> list[tuple[Mapping[str, str], float]]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict) and answer.get("errorType"):
            text = f"{self.name}: {_line(str(answer['errorType']))} ({status}): {_line(str(answer.get('error')))}"
            # For these queries, "execution" can only mean too many samples.
            raise TooMuch(text) if answer["errorType"] in ("timeout", "execution", "canceled") else Unanswered(text)
        if status in (401, 403):
            raise Unanswered(
                f"{self.name}: it rejects the credentials, or requires some ({status}): set them in "
                "prometheus_url (termination_prometheus_url), as in https://user:password@host"
            )
        if 300 <= status <= 399:
            raise Unanswered(
                f"{self.name}: it redirects ({status}), perhaps to a login page: set the address of the server itself"
            )
        if status != 200:
            raise Unanswered(f"{self.name}: it responds with {status}: is this the base address of the server?")
        try:
            return [_sample(entry) for entry in answer["data"]["result"]]
        except (TypeError, KeyError, ValueError, IndexError, AttributeError):
            raise Unanswered(
                f"{self.name}: this is not a response of a Prometheus server: is this its base address?"
            ) from None


def _whole(response: Any) -> bytes:
    with ended_after(_ANSWER_SECONDS, descriptor_of(response)):
        return response.read(_LIMIT + 1)


def _sample(entry: dict[str, Any]) -> tuple[Mapping[str, str], float]:
    return {str(name): str(text) for name, text in entry["metric"].items()}, float(entry["value"][1])


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
