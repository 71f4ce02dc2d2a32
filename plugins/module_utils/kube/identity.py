# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster an API server is one of."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api, ApiError
from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import NAMESPACE


def cluster_uid(api: Api) -> str | None:
    """The uid of the namespace kube-system, which no other cluster has; None where it may not be read.

    Raises SourceError (ApiError included).
    """
    try:
        found = api.metadata(NAMESPACE.path(None, "kube-system"), "get namespace kube-system")
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return None
    return str((found.get("metadata") or {}).get("uid") or "") or None
