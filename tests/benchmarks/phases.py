# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an audit spends its time: the seconds of its phases within the module, without Ansible around it.

phases.py FOLDER     of a folder of manifests
phases.py            of the cluster of KUBECONFIG

Prints one line of JSON: seconds by phase, in the order in which they come.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils._k8s.client import connect
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.report.document import to_json
from ansible_collections.graceful.termination.plugins.module_utils.run import run
from ansible_collections.graceful.termination.plugins.module_utils.run.cluster import cluster_source
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates


def timed(seconds: dict[str, float], name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its time added under a name."""

    def timing(*arguments: Any, **more: Any) -> Any:
        begin = time.monotonic()
        try:
            return work(*arguments, **more)
        finally:
            seconds[name] = seconds.get(name, 0) + time.monotonic() - begin

    return timing


def main(folder: str | None = None) -> None:
    """Audit once, and say where the time went."""
    gc.disable()  # as the module does
    given = {"source": folder, "_directory": "/", "_snippets": read_templates(None)}
    options = read_options({name: option.get("default") for name, option in AUDIT_OPTIONS.items()} | given)
    source: Any
    if options.path is None or options.source is None or options.version is None:
        source = cluster_source(Api(connect({})), options)
    else:
        source = ManifestSource(
            options.path, options.source, options.selection, options.version, version_assumed=options.version_assumed
        )
    seconds: dict[str, float] = {}
    for name, owner, function in (
        ("read and parse" if folder else "read", run, "_read"),
        ("judge and plan", run, "_judge"),
        ("try the edits" if folder else "ask who owns what is to be changed", type(source), "refusals"),
        ("make the report", run, "_report"),
    ):
        setattr(owner, function, timed(seconds, name, getattr(owner, function)))
    outcome = run.run_audit(source, options)
    timed(seconds, "write it as JSON", to_json)(outcome.report)
    tried = next(name for name in seconds if name.startswith(("try", "ask")))
    seconds["judge and plan"] -= seconds[tried]
    print(json.dumps({name: round(taken, 2) for name, taken in seconds.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
