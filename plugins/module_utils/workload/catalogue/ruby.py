# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers of Ruby."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    FileKey,
    Flag,
    Server,
)

SERVERS = (
    Server(
        name="Sidekiq",
        programs=("sidekiq", "sidekiqswarm"),
        drains_on=("TERM",),
        timeout=(
            Flag("-t"),
            Flag("--timeout"),
            FileKey(":timeout", r"sidekiq\.ya?ml", r"^[ \t]*:?timeout:[ \t]*(\d+)[ \t]*(?:#.*)?$", last_wins=True),
        ),
        default=25,
        file_in_image="config/sidekiq.yml",
        requeues=True,
        at_end="pushes unfinished jobs back to Redis",
        advice="-t {seconds}",
        source=("https://github.com/sidekiq/sidekiq/wiki/Signals",),
    ),
    Server(
        name="Puma",
        programs=("puma",),
        drains_on=("TERM", "INT"),
        timeout=(
            FileKey("force_shutdown_after", r"puma\.rb", r"^[ \t]*force_shutdown_after[ \t(]+(\d+)\)?[ \t]*(?:#.*)?$"),
        ),
        advice="force_shutdown_after {seconds}",
        source=("https://github.com/puma/puma/blob/master/lib/puma/dsl.rb",),
    ),
)
