# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: which API server a connection leads to, as a digest to compare and show."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import cluster_entry, given

_PORTS = {"http": 80, "https": 443}


def address_of(configuration: Any) -> str:
    """Of an open connection: its server, the CA that verifies it, and the proxy."""
    authority = _content(configuration.ssl_ca_cert) if configuration.verify_ssl else ""
    return _digest(configuration.host, authority, configuration.proxy)


def foreseen_address(auth: Mapping[str, Any]) -> str | None:
    """Of the options of a connection, without opening it; None if no kubeconfig or option names a server.

    Compare it only with others from this function. Equal ones lead to the same cluster; different ones may.
    """
    cluster = cluster_entry(auth)
    server = given(auth, "host") or cluster.get("server")
    if not server:
        return None
    data = cluster.get("certificate-authority-data")
    authority = _content(given(auth, "ca_cert") or cluster.get("certificate-authority")) or _decoded(data)
    name = cluster.get("tls-server-name")
    return _digest(str(server), authority, given(auth, "proxy") or cluster.get("proxy-url"), name)


def _digest(server: str, *more: Any) -> str:
    # A user name or password in the address does not belong to the server.
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    whole = [parts.scheme, host, port, parts.path.rstrip("/"), *(str(entry or "") for entry in more)]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def _content(path: Any) -> str:
    try:
        return "".join(Path(str(path)).read_text(encoding="utf-8").split()) if path else ""
    except (OSError, UnicodeDecodeError):
        return str(path)


def _decoded(data: Any) -> str:
    try:
        return "".join(base64.b64decode(str(data or "")).decode().split())
    except ValueError:
        return str(data)
