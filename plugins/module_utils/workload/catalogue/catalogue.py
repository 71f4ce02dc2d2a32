# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of the catalogue."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue import (
    jvm,
    pipelines,
    python,
    ruby,
    web,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server

CATALOGUE: tuple[Server, ...] = (*python.SERVERS, *ruby.SERVERS, *web.SERVERS, *jvm.SERVERS, *pipelines.SERVERS)
