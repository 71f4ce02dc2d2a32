# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a connection as variables of the roles: kubernetes.core specifies them, and here is what they mean."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS

_KEPT = ("type", "elements", "no_log")
_MEANINGS: dict[str, list[str]] = {
    "kubeconfig": [
        "The kubeconfig of this host's cluster, a path or its content as a map. Unset, E(K8S_AUTH_KUBECONFIG), else"
        " E(KUBECONFIG), else C(~/.kube/config).",
        "Each host of an inventory is a cluster. Where a play has several hosts, each of them sets this,"
        " C(termination_context) or C(termination_host).",
    ],
    "context": ["The context in the kubeconfig. Unset, E(K8S_AUTH_CONTEXT), else the current one."],
    "host": ["The URL of the API server. Unset, E(K8S_AUTH_HOST), else that of the kubeconfig."],
    "api_key": ["A bearer token for the API server. Unset, E(K8S_AUTH_API_KEY). Keep it in a vault."],
    "username": ["A user name for basic authentication. Unset, E(K8S_AUTH_USERNAME)."],
    "password": ["The password of that user. Unset, E(K8S_AUTH_PASSWORD). Keep it in a vault."],
    "validate_certs": ["Whether the API server's certificate is verified. Unset, E(K8S_AUTH_VERIFY_SSL)."],
    "ca_cert": ["A file with the authority that verifies the API server. Unset, E(K8S_AUTH_SSL_CA_CERT)."],
    "client_cert": ["A file with a client certificate. Unset, E(K8S_AUTH_CERT_FILE)."],
    "client_key": ["The file with the key of that certificate. Unset, E(K8S_AUTH_KEY_FILE)."],
    "proxy": ["The URL of an HTTP proxy on the way to the API server. Unset, E(K8S_AUTH_PROXY)."],
    "no_proxy": ["Hosts, domains and networks that the proxy is not used for. Unset, E(K8S_AUTH_NO_PROXY)."],
    "proxy_headers": ["Headers for the proxy, a map of C(proxy_basic_auth), C(basic_auth) and C(user_agent)."],
    "persist_config": [
        "Whether refreshed tokens are written back into the kubeconfig. Unset, E(K8S_AUTH_PERSIST_CONFIG)."
    ],
    "impersonate_user": ["A user to impersonate. Unset, E(K8S_AUTH_IMPERSONATE_USER)."],
    "impersonate_groups": ["Groups to impersonate. Unset, E(K8S_AUTH_IMPERSONATE_GROUPS)."],
}
_HEADERS = {
    "proxy_basic_auth": "User and password for the proxy, separated by a colon.",
    "basic_auth": "User and password for basic authentication, separated by a colon.",
    "user_agent": "The name of the client.",
}


def connection_options() -> dict[str, dict[str, Any]]:
    """Each option of kubernetes.core, with its description. Raises KeyError for one that has none here."""
    described = {name: _described(spec, _MEANINGS[name]) for name, spec in AUTH_OPTIONS.items()}
    headers = AUTH_OPTIONS["proxy_headers"]["options"]
    described["proxy_headers"]["suboptions"] = {
        name: _described(spec, [_HEADERS[name]]) for name, spec in headers.items()
    }
    return described


def _described(spec: dict[str, Any], description: list[str]) -> dict[str, Any]:
    return {"description": description, "type": "str"} | {key: spec[key] for key in _KEPT if key in spec}
