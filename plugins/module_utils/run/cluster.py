# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as the source that the options of a run describe."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.run.options import Options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import replan
from ansible_collections.graceful.termination.plugins.module_utils.sources.cluster import ClusterSource
from ansible_collections.graceful.termination.plugins.module_utils.sources.read import Wanted


def cluster_source(api: Api, options: Options, interruption: Interruption | None = None) -> ClusterSource:
    """The source that reads what the options select, and writes within their limits."""
    return ClusterSource(
        api,
        Wanted(options.selection, options.rules, options.evidence),
        lambda workload, snapshot: replan(workload, snapshot, options),
        interruption,
        guardrails=options.guardrails,
        patch_owned=options.patch_owned,
        reports=options.report_dir is not None,
    )
