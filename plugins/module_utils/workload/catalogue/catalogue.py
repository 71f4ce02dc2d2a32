# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of the catalogue."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue import (
    jvm,
    php,
    pipelines,
    platform,
    programs,
    python,
    ruby,
    stores,
    web,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import Server

CATALOGUE: tuple[Server, ...] = (
    *web.SERVERS,
    *python.SERVERS,
    *ruby.SERVERS,
    *php.SERVERS,
    *jvm.SERVERS,
    *programs.SERVERS,
    *pipelines.SERVERS,
    *platform.SERVERS,
    *stores.SERVERS,
)
