# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers of Python."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    Flag,
    Options,
    Server,
    Variable,
)

SERVERS = (
    Server(
        name="gunicorn",
        programs=("gunicorn",),
        drains_on=("TERM",),
        ends_on=("QUIT", "INT"),
        timeout=(Flag("--graceful-timeout", anywhere=True), Options("GUNICORN_CMD_ARGS")),
        default=30,
        file_in_image="gunicorn.conf.py",
        at_end="kills the workers",
        refuses_new="at once",
        advice="--graceful-timeout {seconds}",
        source=("https://docs.gunicorn.org/en/stable/settings.html#graceful-timeout",),
    ),
    Server(
        name="uvicorn",
        programs=("uvicorn",),
        drains_on=("TERM", "INT"),
        timeout=(
            Flag("--timeout-graceful-shutdown", anywhere=True),
            Variable("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN"),
        ),
        default=UNLIMITED,
        at_end="cancels the tasks of the requests",
        refuses_new="at once",
        advice="--timeout-graceful-shutdown {seconds}",
        source=("https://www.uvicorn.org/settings/#timeouts",),
    ),
    Server(
        name="Celery worker",
        programs=("celery",),
        subcommand="worker",
        drains_on=("TERM",),
        ends_on=("QUIT",),
        default=UNLIMITED,
        advice="--soft-shutdown",
        source=("https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker",),
    ),
)
