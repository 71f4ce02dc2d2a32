# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships logs and metrics, and what moves data from one system to another."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    Flag,
    Server,
    Variable,
)

SERVERS = (
    Server(
        name="Vector",
        timeout=(
            Flag("--graceful-shutdown-limit-secs", anywhere=True),
            Variable("VECTOR_GRACEFUL_SHUTDOWN_LIMIT_SECS"),
        ),
        source=("https://vector.dev/docs/reference/cli/",),
    ),
    Server(
        name="Fluent Bit",
        source=("https://docs.fluentbit.io/",),
    ),
)
