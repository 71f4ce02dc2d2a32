# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: which cluster the options mean, and what is wrong with a kubeconfig."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import yaml

# If one of these is complete, it is used with the host, and no kubeconfig is read.
_CREDENTIALS = (("username", "password"), ("api_key",), ("client_cert", "client_key"))
# How a path begins that is nothing else; several are separated by colons.
_PATH = re.compile(r"(~|/|\./|\.\./)[^\n{}]{0,4095}")
# Second names of options in environment variables.
_SECOND_NAMES = {"client_cert": "cert_file", "client_key": "key_file"}


def cluster_name(auth: Mapping[str, Any]) -> str:
    """The name of the cluster in reports: its context, or its host without one. The order is kubernetes.core's."""
    host, context = given(auth, "host"), given(auth, "context")
    if _needs_none(auth):
        return without_user(str(host))
    inside = os.environ.get("KUBERNETES_SERVICE_HOST")
    if inside and not context and not given(auth, "kubeconfig"):
        return f"in-cluster {inside}"
    return str(context or _contexts(auth)[1] or (without_user(str(host)) if host else "the live cluster"))


def _needs_none(auth: Mapping[str, Any]) -> bool:
    """Whether no kubeconfig is read."""
    complete = any(all(given(auth, option) for option in options) for options in _CREDENTIALS)
    return bool(given(auth, "host")) and complete


def overruled(auth: Mapping[str, Any]) -> str | None:
    """Why the environment overrides the context or kubeconfig that was set; else None."""
    named = next((option for option in ("context", "kubeconfig") if auth.get(option)), None)
    host = given(auth, "host")
    if not named or auth.get("host") or not host:
        return None
    return (
        f"{named} is set, but K8S_AUTH_HOST in the environment overrides it with {without_user(str(host))}: "
        "unset K8S_AUTH_HOST, or set host (termination_host), too"
    )


def cluster_entry(auth: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of the kubeconfig for the cluster of the context in use; empty if it cannot be read.

    The server, proxy-url and tls-server-name, certificate-authority-data, or certificate-authority, a path.
    """
    contexts: dict[str, Any] = {}
    clusters: dict[str, Any] = {}
    current = None
    for folder, part in _parts(_kubeconfig(auth)):
        if not isinstance(part, Mapping):
            continue
        current = current or part.get("current-context")
        for kind, found in (("context", contexts), ("cluster", clusters)):
            listed = part.get(f"{kind}s")
            for entry in listed if isinstance(listed, list) else ():
                if isinstance(entry, Mapping) and isinstance(entry.get(kind), Mapping):
                    found.setdefault(str(entry.get("name")), entry[kind] | {"folder": folder})
    context = contexts.get(str(given(auth, "context") or current), {})
    cluster = dict(clusters.get(str(context.get("cluster")), {}))
    folder = cluster.pop("folder", "")
    if cluster.get("certificate-authority"):
        cluster["certificate-authority"] = os.path.join(folder, str(cluster["certificate-authority"]))
    return cluster


def without_user(host: str) -> str:
    """An address without a user's name and password in it."""
    parts = urlsplit(host)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else host


def shown(auth: Mapping[str, Any]) -> str:
    """The kubeconfig in messages."""
    kubeconfig = _kubeconfig(auth)
    return kubeconfig if isinstance(kubeconfig, str) else "given as a map"


def kubeconfig_problem(auth: Mapping[str, Any], error: Exception) -> str | None:
    """Why the kubeconfig cannot be used, if known; None if it is not the cause."""
    kubeconfig, context = _kubeconfig(auth), given(auth, "context")
    absent = isinstance(kubeconfig, str) and not any(os.path.isfile(file) for file in _files(kubeconfig))
    if absent and not _needs_none(auth):
        if given(auth, "kubeconfig"):
            return f"kubeconfig {kubeconfig}: no such file"
        return (
            "source is unset, which means the live cluster, but no connection is configured and there is no "
            f"{kubeconfig}: set kubeconfig (K8S_AUTH_KUBECONFIG), or host and api_key (K8S_AUTH_HOST, K8S_AUTH_API_KEY)"
            "; or set source to a file or folder of manifests"
        )
    if mark := getattr(error, "problem_mark", None):  # the text of the error quotes the file, credentials and all
        return f"kubeconfig {shown(auth)}: not valid YAML at line {mark.line + 1}"
    known = _contexts(auth)[0]
    if context and context not in known:
        return f"context '{context}' is not in the kubeconfig {shown(auth)}; it has {', '.join(known) or 'no context'}"
    return None


def public_words(kubeconfig: Any) -> set[str]:
    """All text of a kubeconfig that is given as a map, except in its users; a path, which messages name.

    Other text may be the content of a kubeconfig, or a token by mistake, so it stays secret.
    """
    if isinstance(kubeconfig, str) and _PATH.fullmatch(kubeconfig):
        return {kubeconfig}
    if not isinstance(kubeconfig, Mapping):
        return set()
    users = kubeconfig.get("users") or ()
    held = [entry.get("user") for entry in users if isinstance(entry, Mapping)]
    return set(_texts(kubeconfig)) - set(_texts(held))


def passwords(value: Any) -> set[str]:
    """The passwords in URLs in a value, such as proxy-url, both quoted and unquoted."""
    found = set()
    for text in _texts(value):
        with suppress(ValueError):
            if "://" in text and (password := urlsplit(text).password):
                found |= {password, unquote(password)}
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)


def given(auth: Mapping[str, Any], option: str) -> Any:
    """An option's value, or its environment variable's, as kubernetes.core reads them."""
    names = (option, _SECOND_NAMES.get(option, option))
    return auth.get(option) or next(filter(None, (os.environ.get(f"K8S_AUTH_{name.upper()}") for name in names)), None)


def _kubeconfig(auth: Mapping[str, Any]) -> Any:
    return given(auth, "kubeconfig") or os.environ.get("KUBECONFIG") or "~/.kube/config"


def _files(kubeconfig: str) -> list[str]:
    return [os.path.expanduser(file) for file in kubeconfig.split(os.pathsep) if file]


def _contexts(auth: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """The names of the contexts, and the current one; empty if they cannot be read: the client says why."""
    kubeconfig = _kubeconfig(auth)
    names: dict[str, None] = {}
    current = None
    for _folder, part in _parts(kubeconfig):
        contexts = part.get("contexts") if isinstance(part, dict) else None
        if isinstance(contexts, list):
            names |= {str(entry.get("name")): None for entry in contexts if isinstance(entry, dict)}
            current = current or part.get("current-context")
    return list(names), current


def _parts(kubeconfig: Any) -> list[tuple[str, Any]]:
    """(folder, content) of each file of a kubeconfig that can be read, or of the map that it is."""
    if not isinstance(kubeconfig, str):
        return [("", kubeconfig)]
    parts = []
    for file in _files(kubeconfig):
        try:
            with open(file, encoding="utf-8") as stream:
                parts.append((os.path.dirname(file), yaml.safe_load(stream)))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
    return parts
