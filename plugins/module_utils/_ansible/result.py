# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to the collection: how a module exits: a small result for Ansible, and everything in a private file."""

from __future__ import annotations

import json
import os
import select
from typing import Any

from ansible.module_utils.basic import AnsibleModule

OPTION = "_result_file"
WRITTEN = "result_file"  # in the result that Ansible gets: the file is there
_STDOUT = 1


def finish(module: AnsibleModule, result: dict[str, Any], **whole: Any) -> None:
    """Exit with `result`. The file that the action plugin asked for gets it, too, and `whole` (see plugin_utils).

    A result travels through Ansible's output, callbacks and AWX events, so it has to be small. On its way Ansible masks
    whatever looks like a secret option, and a "1" in a kubeconfig makes that every 1. The file is not masked.
    """
    path = module.params[OPTION]
    if path:
        try:
            _write(path, json.dumps({"result": result, **whole}))
        except OSError as error:
            module.fail_json(**result | {"msg": f"result file {path}: {error.strerror}"})
        result = result | {WRITTEN: True}
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def _write(path: str, text: str) -> None:
    """Write the file, readable by its owner only, unless the reader that would delete it has exited. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
    except OSError:
        os.unlink(path)
        raise
    if _abandoned():
        os.unlink(path)


def _abandoned() -> bool:
    """Whether the reader of this process's output has exited, as after an interrupted playbook."""
    poll = select.poll()
    poll.register(_STDOUT, 0)  # errors are always reported
    return any(event & (select.POLLERR | select.POLLHUP) for _descriptor, event in poll.poll(0))
