# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module whose complete result is in a private file, and fetches it over the connection of the task."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.graceful.termination.plugins.module_utils._ansible.result import OPTION, WRITTEN
from ansible_collections.graceful.termination.plugins.module_utils._k8s.kubeconfig import passwords


def run_module(
    action: ActionBase, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None, name: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the result, the rest of the file). The second is empty if the module failed early.

    `name` is that of another module than the task's. The file has mode 0600 and is deleted when the task ends at the
    latest, however it ends. Raises AnsibleError.
    """
    with _folder(action) as folder:
        path = action._connection._shell.join_path(folder, f"result-{uuid4().hex}.json")
        result = action._execute_module(module_name=name, module_args={**arguments, OPTION: path}, task_vars=task_vars)
        _drop_private_arguments(result)
        # A module that Ansible refuses to start, for an unknown option, could not say what is secret.
        result = _hidden(result, passwords(arguments))
        if not result.pop(WRITTEN, False):
            return result, {}
        whole = json.loads(_fetch(action, path, task_vars))
    # Not the result from Ansible, in which every value that equals a secret option is masked.
    return result | whole.pop("result"), whole


@contextmanager
def _folder(action: ActionBase) -> Iterator[str]:
    """A folder of the host that only the user of the module can write to."""
    if not action._is_become_unprivileged():
        yield action._connection._shell.tmpdir or action._make_tmp_path()  # Ansible deletes it with the task
        return
    # The task's own folder belongs to the user who logs in.
    made = action._low_level_execute_command("umask 077 && mktemp -d", sudoable=True)
    lines = made["stdout"].split()
    if made["rc"] or not lines:
        raise AnsibleActionFail(f"no temporary folder for the result: mktemp: {made['stderr'].strip() or made['rc']}")
    try:
        yield lines[-1]
    finally:
        action._low_level_execute_command(action._connection._shell.remove(lines[-1], recurse=True), sudoable=True)


def _fetch(action: ActionBase, path: str, task_vars: dict[str, Any] | None) -> bytes:
    """The content of a file of the host. Raises AnsibleError."""
    connection = action._connection
    if connection.become:
        # It belongs to another user than the connection's.
        read = action._execute_module(
            module_name="ansible.legacy.slurp", module_args={"src": path}, task_vars=task_vars
        )
        if read.get("failed"):
            raise AnsibleActionFail(f"result file: {read.get('msg')}")
        return base64.b64decode(read["content"])
    if connection.transport == "local":
        content = Path(path).read_bytes()
        with suppress(OSError):  # deleted with the task at the latest
            Path(path).unlink()
        return content
    with tempfile.TemporaryDirectory(prefix="graceful-termination-") as folder:
        copy = Path(folder, "result.json")
        connection.fetch_file(path, str(copy))
        return copy.read_bytes()


def _hidden(value: Any, secrets: Iterable[str]) -> Any:
    """The same without these passwords in URLs. Elsewhere they stay: one may be a word that says something."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(f":{secret}@", ":********@")
        return value
    if isinstance(value, Mapping):
        return {key: _hidden(item, secrets) for key, item in value.items()}
    return [_hidden(item, secrets) for item in value] if isinstance(value, list | tuple) else value


def _drop_private_arguments(result: dict[str, Any]) -> None:
    """Ansible repeats a module's arguments in every event: the templates alone are 30 KB."""
    arguments = (result.get("invocation") or {}).get("module_args") or {}
    for name in [name for name in arguments if name.startswith("_")]:
        del arguments[name]
