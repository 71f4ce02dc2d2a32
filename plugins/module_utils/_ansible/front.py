# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: the start of each of its modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import finish
from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import passwords, public_words
from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.libraries import MISSING
from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.kube.identity import cluster_uid

if TYPE_CHECKING:
    from ansible_collections.graceful.termination.plugins.module_utils._k8s.client import KubernetesTransport


IDENTIFY = "_identify"  # the option that makes a module only report its cluster


def open_module(options: dict[str, dict[str, Any]]) -> AnsibleModule:
    """The module with these options and those of a connection. Fails it if a Python library is missing."""
    module = AnsibleModule(argument_spec={**AUTH_OPTIONS, **options}, supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib(MISSING))
    # Ansible masks every word of a kubeconfig that is given as a map, and so every v1 and every context in a report.
    module.no_log_values -= public_words(module.params.get("kubeconfig")) - {
        module.params.get("password"),
        module.params.get("api_key"),
    }
    # With -vvv Ansible shows all arguments, also those that the module refuses, such as a URL to drill with a password.
    texts = [value for value in module.params.values() if isinstance(value, str)]
    module.no_log_values |= passwords([*texts, *(module.params.get(option) for option in AUTH_OPTIONS)])
    if module.params.get(IDENTIFY):
        _identify(module)
    return module


def _identify(module: AnsibleModule) -> None:
    """Exit with the cluster's `uid` (None if kube-system cannot be read), `address` and `name`; do nothing else."""
    try:
        connection = open_connection(module)
        cluster = {"uid": cluster_uid(Api(connection)), "address": connection.address, "name": connection.name}
    except SourceError as error:
        module.fail_json(msg=str(error))
    finish(module, {"changed": False}, cluster=cluster)


def open_connection(module: AnsibleModule) -> KubernetesTransport:
    """The connection that the options ask for, with a warning where the server's certificate is not verified.

    Raises SourceError.
    """
    # Imported here: loading the Kubernetes client costs 0.2 s, which manifests do not need.
    from ansible_collections.graceful.termination.plugins.module_utils._k8s.client import connect

    connection = connect(module.params)
    if not connection.verified:
        name = visible(connection.name)
        module.warn(
            f"{name}: the API server's certificate is not verified, so anyone on the network path can read the "
            "credentials and change the responses: set validate_certs (K8S_AUTH_VERIFY_SSL) to true, with ca_cert"
        )
    return connection
