# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: the one file that knows kubernetes.core and the Kubernetes client.

Both may be missing: an audit of manifests does not need them.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils._k8s.address import address_of
from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils._k8s.bounded import (
    RestClient,
    TooLong,
    bounded_clients,
    read_lines,
)
from ansible_collections.graceful.termination.plugins.module_utils._k8s.execute import execute
from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import (
    cluster_name,
    kubeconfig_problem,
    overruled,
    shown,
)
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import (
    JSON,
    Answer,
    Executed,
    Query,
    Unreachable,
    failure,
    retry,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Obj

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
except ImportError:
    get_api_client = None
try:
    import kubernetes
    import urllib3
    from kubernetes.client.exceptions import ApiException
except ImportError:
    kubernetes = None

CONNECT_SECONDS = 10
READ_SECONDS = 60  # between two parts of a response; an admission webhook may need 30
OPEN_SECONDS = 30
EXEC_SECONDS = 10
EXEC_BYTES = 2**21
POOL = 16  # connections; more than the worker threads
_BROKEN_RELEASES = ("36.0.0", "36.0.1")


class KubernetesTransport:
    """A connection through kubernetes.core's client. `verified`: the server's certificate is checked.

    `address` identifies the server and its CA: two connections to the same cluster have the same one.
    """

    def __init__(self, client: Any, name: str, hint: str):
        self.name = name
        self.hint = hint
        self.verified = bool(client.configuration.verify_ssl)
        self.address = address_of(client.configuration)
        self._client = client.client
        # The client's own retries would hide what this product counts and reports; redirects stay as they were.
        configuration = client.configuration
        configuration.retries = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=3)
        configuration.connection_pool_maxsize = POOL
        self._client.client.rest_client = RestClient(configuration)

    def send(self, method: str, path: str, query: Query, body: Obj | None, accept: str = JSON) -> Answer:
        """One request; see Transport."""
        try:
            response = self._request(method, path, query, body, accept)
            return Answer(response.status, response.data)
        except ApiException as error:
            return self._answered(error)
        except (urllib3.exceptions.HTTPError, TooLong) as error:
            raise _unreachable(self.name, error) from None

    def lines(self, path: str, query: Query, what: str) -> Iterator[bytes]:
        """The lines of the response to a GET; see Transport."""
        try:
            response = self._request("GET", path, query, None, JSON)
            try:
                yield from read_lines(response)
            finally:
                response.close()
        except ApiException as error:
            raise failure(self._answered(error), self, what) from None
        except (urllib3.exceptions.HTTPError, TooLong) as error:
            raise _unreachable(self.name, error) from None

    def execute(self, namespace: str, pod: str, container: str, command: tuple[str, ...], what: str) -> Executed:
        """Run a command in a container; see Transport."""
        client = self._client.client
        if any(name.lower().startswith("impersonate") for name in client.default_headers):
            # The library would drop the header, and the command would run with more rights than intended.
            raise Unreachable(f"{self.name}: the Kubernetes client cannot impersonate in an exec", passing=False)
        limits = {"seconds": EXEC_SECONDS, "limit": EXEC_BYTES}
        try:
            done = execute(client, namespace, pod, container, command, **limits)
        except OSError as error:
            raise Unreachable(f"{self.name}: cannot {what}: {_short(error)}") from None
        if isinstance(done, Answer):
            raise failure(done, self, what)
        return done

    def _answered(self, error: Any) -> Answer:
        if error.status:
            return _answer(error)
        raise _no_tls(self.name, str(error.reason)) from None

    def _request(self, method: str, path: str, query: Query, body: Obj | None, accept: str) -> Any:
        return self._client.request(
            method,
            path,
            body=body,
            query_params=list(query),
            header_params={"Accept": accept},
            content_type="application/strategic-merge-patch+json" if method == "PATCH" else None,
            serialize=False,
            _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
        )


def connect(params: Mapping[str, Any]) -> KubernetesTransport:
    """Open the connection that the module's options or the K8S_AUTH_ variables describe.

    Raises SourceError with what to install, to give or to correct.
    """
    _require_libraries()
    auth = {option: params[option] for option in AUTH_OPTIONS if params.get(option) is not None}
    if problem := overruled(auth):
        raise SourceError(problem)
    opening = _Opening(cluster_name(auth))
    listener = _Listener(opening)
    logging.getLogger().addHandler(listener)
    try:
        client = _open(auth, opening)
    finally:
        logging.getLogger().removeHandler(listener)
    return KubernetesTransport(client, opening.name, opening.hint)


def _require_libraries() -> None:
    missing = []
    if get_api_client is None:
        missing.append("the collection kubernetes.core (ansible-galaxy collection install kubernetes.core)")
    if kubernetes is None:
        missing.append(
            f"the Python library kubernetes for {sys.executable} (pip install 'kubernetes>=24.2.0,!=36.0.0,!=36.0.1')"
        )
    if missing:
        raise SourceError(
            f"source is unset, which means the live cluster, and that needs {' and '.join(missing)}; or set source to "
            "a file or folder of manifests"
        )
    if kubernetes.__version__ in _BROKEN_RELEASES:
        raise SourceError(
            f"the Python library kubernetes {kubernetes.__version__} sends no token to the API server: install another "
            "release (pip install 'kubernetes>=24.2.0,!=36.0.0,!=36.0.1')"
        )


@dataclass
class _Opening:
    """The server to connect to, in messages; see Server."""

    name: str
    hint: str = ""


class _Listener(logging.Handler):
    """Catches what the client only logs: why a credential plugin of the kubeconfig returned no credentials."""

    def __init__(self, opening: _Opening) -> None:
        super().__init__(logging.ERROR)
        self._opening = opening

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the last error."""
        self._opening.hint = " ".join(record.getMessage().split())[:200]


def _open(auth: dict[str, Any], opening: _Opening) -> Any:
    """kubernetes.core's client, with a time limit: creating one may list the API groups of the server."""
    opened: list[Any] = []

    def attempt() -> Answer:
        problems: list[Exception] = []

        def work() -> None:
            try:
                with bounded_clients():
                    opened.append(get_api_client(**auth))
            except Exception as error:  # an invalid kubeconfig can raise any exception of its libraries
                problems.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(OPEN_SECONDS)
        if opened:
            return Answer(200)
        if not problems:
            raise Unreachable(f"{opening.name}: no response within {OPEN_SECONDS} s", passing=False)
        if isinstance(problems[0], ApiException) and problems[0].status:
            return _answer(problems[0])
        raise _refused(auth, opening.name, problems[0])

    answer, again = retry(attempt)
    if not opened:
        raise failure(answer, opening, "read the API groups", again=again)
    return opened[0]


def _refused(auth: dict[str, Any], name: str, error: Exception) -> SourceError:
    """Why there is no connection, and what to change."""
    if isinstance(error, ApiException):
        return _no_tls(name, str(error.reason))
    if isinstance(error, urllib3.exceptions.HTTPError | TooLong):
        problem = _unreachable(name, error)
        problem.passing = False  # urllib3 has tried four times by now
        return problem
    if isinstance(error, OSError) and error.filename:
        return SourceError(f"{name}: cannot read {error.filename}: {error.strerror}")
    reason = kubeconfig_problem(auth, error)
    if reason:
        return SourceError(reason)
    text = f"{type(error).__name__}: " if isinstance(error, LookupError | TypeError | AttributeError) else ""
    text += " ".join(str(error).split())[:300]
    return SourceError(f"{name}: cannot connect with these options and the kubeconfig {shown(auth)}: {text}")


def _answer(error: Any) -> Answer:
    body = error.body or b""
    headers = {str(name).lower(): str(value) for name, value in dict(error.headers or {}).items()}
    return Answer(error.status, body.encode() if isinstance(body, str) else bytes(body), headers)


def _unreachable(name: str, error: Any) -> Unreachable:
    """Describe a failure below HTTP, and what to check."""
    if isinstance(error, TooLong):
        text = f"{name}: {error}: is this the address of an API server?"
        return Unreachable(text, passing=False)
    reason, pool = getattr(error, "reason", None) or error, getattr(error, "pool", None)
    cause = reason
    while cause.__cause__:  # of a proxy there are two steps to what the system said
        cause = cause.__cause__
    known = urllib3.exceptions
    if isinstance(reason, known.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return _no_tls(name, str(reason))
    if isinstance(reason, known.ProxyError):
        text = f"the proxy refused the connection ({_short(cause)}): check proxy and no_proxy (K8S_AUTH_PROXY)"
    elif isinstance(reason, known.ReadTimeoutError):
        text = f"no response within {READ_SECONDS} s"
    elif isinstance(reason, known.ConnectTimeoutError) and not isinstance(reason, known.NewConnectionError):
        text = f"no connection within {CONNECT_SECONDS} s: is the address right, and does a firewall block it?"
    elif isinstance(reason, known.NewConnectionError):
        text = f"no connection ({_short(cause)}): is the address right, and is the API server running?"
    else:
        text = f"the connection broke ({_short(cause)})"
    where = f"{pool.host}:{pool.port}: " if pool else ""
    return Unreachable(f"{name}: cannot reach the API server: {where}{text}")


def _no_tls(name: str, reason: str) -> Unreachable:
    text = re.sub(r"\s*\(_ssl\.c:\d+\)|\s+", " ", reason).strip()[:300]
    if "EOF" in text:
        # A load balancer in front of a restarting server accepts the connection, and then has no backend for it.
        return Unreachable(
            f"{name}: cannot reach the API server: the connection ended before TLS began: is it running?"
        )
    return Unreachable(
        f"{name}: TLS failed: {text}. Is the address right, and does ca_cert (K8S_AUTH_SSL_CA_CERT) or the CA in the "
        "kubeconfig belong to this cluster?",
        passing=False,
    )


def _short(error: Any) -> str:
    return str(getattr(error, "strerror", None) or error).rpartition(">: ")[2][:200]
