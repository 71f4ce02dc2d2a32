# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins do first and last: normalised values, a cluster and a folder for each host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.graceful.termination.plugins.module_utils.base.text import visible
from ansible_collections.graceful.termination.plugins.plugin_utils.given import normalise, refuse_blank
from ansible_collections.graceful.termination.plugins.plugin_utils.host import Host
from ansible_collections.graceful.termination.plugins.plugin_utils.one_cluster import OneCluster
from ansible_collections.graceful.termination.plugins.plugin_utils.renewal import Renewal
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import folder_of, visible_result

display = Display()


class HostAction(ActionBase):
    """Base of the action plugins.

    `options` is the specification of the module; `changes`: it changes a cluster, or stops pods.
    """

    # Reports are written to folders of the controller; nothing is transferred by the action itself.
    TRANSFERS_FILES = False
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    changes: ClassVar[bool] = True
    flat: Path | None = None  # the folder of all hosts, where this one has its own below it

    def renewed(self) -> tuple[str, ...]:
        """The files that each run writes again."""
        return ()

    def check(self, arguments: dict[str, Any]) -> None:
        """Check everything before the work starts. May add arguments. Raises ValueError: nothing is done."""
        raise NotImplementedError

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The result of the task."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the work of the task, unless another host does it."""
        super().run(tmp, task_vars)
        host = Host.of(task_vars)
        try:
            arguments = normalise(self._task.args, self.options) | {"_directory": os.getcwd()}
            if self.changes:
                refuse_blank(self._task.args)
            folder = self._own_folder(arguments, host)
        except ValueError as error:
            return {"failed": True, "msg": visible(error)}
        renewal = Renewal(folder, self.renewed())
        result = self._run(arguments, task_vars, OneCluster(self, host, task_vars, changes=self.changes), renewal)
        if stale := renewal.end(result):
            result["msg"] = f"{result['msg']}; {stale}" if result.get("msg") else stale
        if "judged_at" in result:
            display.display(visible(f"{host.name}: {result['msg']}"))
        return visible_result(result)

    def _run(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None, cluster: OneCluster, renewal: Renewal
    ) -> dict[str, Any]:
        try:
            self.check(arguments)
            renewal.begin()
        except ValueError as error:
            return {"failed": True, "msg": str(error)}
        if refusal := cluster.refusal(arguments):
            return {"failed": True, "msg": refusal}
        ended = cluster.settle(arguments)
        if ended is not None:
            return ended
        result: dict[str, Any] = {}
        try:
            result = self.work(arguments, task_vars)
        finally:
            if "summary" not in result:
                cluster.give_up()
        return result

    def _own_folder(self, arguments: dict[str, Any], host: Host) -> Path | None:
        """Where the files of this host go; the argument report_dir becomes that. Raises ValueError."""
        folder = folder_of(arguments)
        below = host.folder if folder else None
        if folder and below:
            self.flat, folder = folder, folder / below
            arguments["report_dir"] = str(folder)
        return folder
