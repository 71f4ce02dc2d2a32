# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with a mesh proxy: it does not exit by itself when the work is done."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.rules.mesh_proxies import (
    ANNOUNCED,
    annotations_path,
    classic,
    doubt,
    native_remedy,
    own,
    quits,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import MESH_NATIVE_SIDECAR
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import BATCH_KINDS


def _job_never_completes(case: Case) -> Iterator[Hit | NotEvaluated]:
    if case.workload.kind not in BATCH_KINDS:
        return
    if doubt(case):
        yield ANNOUNCED
    if quits(case):
        return
    # A program of the image may well make the proxy exit; a command that is written out would show it.
    hidden = any(not container.command for container in own(case))
    for proxy in classic(case):
        yield Hit(
            f"nothing stops {proxy.name} when the work is done: the pod never completes, and the Job stays active "
            "until it is stopped by hand",
            annotations_path(case) if proxy.container is None or proxy.injected else proxy.container.path,
            native_remedy(proxy),
            proxy.container,
            "warning" if hidden else None,
        )


RULES = (
    Rule(
        id="mesh-job-never-completes",
        title="Job whose mesh proxy never exits",
        severity="error",
        evidence="context",
        why="A pod completes when all of its ordinary containers have exited. The proxy does not exit by itself.",
        exceptions=(
            "a native sidecar",
            "a call that stops the proxy, or a program that makes that call",
            "a program of the image that may do so: a warning",
            "workloads that run forever",
        ),
        check=_job_never_completes,
        seed="fault 5",
        remedies=(MESH_NATIVE_SIDECAR,),
        needs=("Pod",),
    ),
)
