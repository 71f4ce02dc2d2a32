# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host of a play is a separate cluster. If it is not, that is handled before anything is read or changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.graceful.termination.plugins.module_utils._ansible.front import IDENTIFY
from ansible_collections.graceful.termination.plugins.module_utils._k8s.address import foreseen_address
from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.plugin_utils.given import PLACE, normalise
from ansible_collections.graceful.termination.plugins.plugin_utils.host import Host
from ansible_collections.graceful.termination.plugins.plugin_utils.ledger import Claim, Cluster, Ledger, are_disjoint
from ansible_collections.graceful.termination.plugins.plugin_utils.module_result import run_module

_FORESEEN = (*PLACE, "ca_cert", "proxy", "namespaces", "exclude_namespaces", "source")
_LIST = {"type": "list", "elements": "str"}
_NEXT = (
    "run only one of them (--limit, or the pattern of the play), or give each different namespaces "
    "(termination_namespaces)"
)


class OneCluster:
    """The rule for the task of one host. `changes`: its module changes a cluster or stops pods."""

    def __init__(self, action: ActionBase, host: Host, task_vars: dict[str, Any] | None, *, changes: bool):
        self._action = action
        self._host = host
        self._task_vars = task_vars
        self._changes = changes
        self._ledger: Ledger | None = None

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        """Why nothing is done, as far as known without a connection; `arguments` are normalised."""
        if self._is_alone(arguments) or self._action._task.run_once:
            return None
        if not self._has_connection(arguments):
            first = visible(self._host.others[0])
            return (
                f"host {visible(self._host.name)} has no connection of its own, so it would work on the same cluster "
                f"as other hosts of the play, such as {first}: set termination_kubeconfig, termination_context or "
                "termination_host for each of them, or run one host alone (--limit); nothing was done"
            )
        other = self._foreseen(arguments) if self._changes else None
        return self._conflict(other, "they have the same API server") if other else None

    def settle(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Find out which cluster this is and claim it. Returns the result if the task ends here, else None.

        Raises AnsibleError.
        """
        if self._is_alone(arguments):
            return None
        whole_arguments = {name: value for name, value in arguments.items() if name != "_snippets"}
        result, whole = run_module(self._action, whole_arguments | {IDENTIFY: True}, self._task_vars)
        if "cluster" not in whole:
            return result
        ledger = Ledger(self._host, None if self._changes else str(self._action._task._uuid))
        claim = Claim(
            self._host.name,
            Cluster(**whole["cluster"]),
            self._namespaces(arguments),
            "" if self._changes else _scope(arguments),
        )
        try:
            other = ledger.claim(claim, changes=self._changes)
        except (OSError, ValueError) as error:
            raise AnsibleError(f"cannot record which host has which cluster: {error}; nothing was done") from None
        if other is None:
            self._ledger = ledger
            return None
        known = claim.cluster.description if other.cluster.uid else "they have the same API server"
        if self._changes:
            return {"failed": True, "msg": self._conflict(other.host, known)}
        text = f"hosts {visible(other.host)} and {visible(self._host.name)} are the same cluster ({known})"
        judged = f"it is judged once, at {visible(other.host)}"
        return {"changed": False, "judged_at": other.host, "msg": f"{text}: {judged}"}

    def give_up(self) -> None:
        """Nothing was read: another host may."""
        if self._ledger and not self._changes:
            self._ledger.withdraw(self._host.name)

    def _conflict(self, other: str, known: str) -> str:
        own = visible(self._host.name)
        first, second = sorted((visible(other), own))
        return f"hosts {first} and {second} are the same cluster ({known}): nothing was done at {own}; {_NEXT}"

    def _is_alone(self, arguments: Mapping[str, Any]) -> bool:
        """Whether there is no other host, or no cluster."""
        return not self._host.others or "source" in arguments

    def _has_connection(self, arguments: Mapping[str, Any]) -> bool:
        environment: dict[str, Any] = {}
        self._action._compute_environment_string(environment)  # the keyword environment of the task
        return any(arguments.get(name) or environment.get(f"K8S_AUTH_{name.upper()}") for name in PLACE)

    def _namespaces(self, arguments: Mapping[str, Any]) -> list[str] | None:
        if not self._changes:
            return sorted(arguments["namespaces"]) if arguments.get("namespaces") else None
        return _named(arguments)

    def _foreseen(self, arguments: Mapping[str, Any]) -> str | None:
        """Another host with the same server in its variables, and without separate namespaces.

        Variables of plays, roles and tasks cannot be seen from another host: then only the claims decide.
        """
        own = self._seen(self._host.name)
        if own is None or any(own.get(name) != arguments.get(name) for name in _FORESEEN):
            return None
        address = foreseen_address(own)
        for name in self._host.others if address else ():
            other = self._seen(name)
            if other is None or "source" in other or not any(other.get(option) for option in PLACE):
                continue
            if foreseen_address(other) == address and not are_disjoint(_named(own), _named(other)):
                return name
        return None

    def _seen(self, name: str) -> dict[str, Any] | None:
        """What inventory and extra variables say of a host that runs its modules here; None if unknown."""
        if self._action._connection.transport != "local":
            return None
        try:
            known = (self._task_vars or {})["hostvars"][name]
            if known.get("ansible_connection", "local") != "local":
                return None
            given = {option: known[f"termination_{option}"] for option in _FORESEEN if f"termination_{option}" in known}
            return normalise(given, {"namespaces": _LIST, "exclude_namespaces": _LIST, "source": {"type": "str"}})
        except (AnsibleError, KeyError, TypeError, ValueError):
            return None


def _named(arguments: Mapping[str, Any]) -> list[str] | None:
    """The namespaces that are worked on, where each is named; None is all, or some of all."""
    return Selection.from_options(
        {name: arguments.get(name) for name in ("namespaces", "exclude_namespaces")}
    ).named_namespaces


def _scope(arguments: Mapping[str, Any]) -> str:
    """The options of an audit except namespaces, as a digest: equal options give the same result."""
    apart = {*AUTH_OPTIONS, "report_dir", "namespaces"}
    asked = {name: value for name, value in arguments.items() if name not in apart and not name.startswith("_")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
