# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtimes whose programs decide by themselves how they stop."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    Server,
)

SERVERS = (
    Server(
        name="Node.js",
        programs=("node", "nodejs"),
        drains_on=(),
        unknown_because="it has no shutdown timeout: the program's own handler of SIGTERM decides; without one "
        "the signal is ignored as PID 1",
        advice="process.on('SIGTERM', …) with server.close() and a limit of {seconds} s",
        source=("tried with Node.js 20.20 as PID 1 and under tini",),
    ),
    Server(
        name="Next.js",
        programs=("next",),
        subcommand="start",
        drains_on=("TERM", "INT"),
        default=UNLIMITED,
        refuses_new="at once",
        note="not where NEXT_MANUAL_SIG_HANDLE is set",
        source=("next 15.5, dist/server/lib/start-server.js",),
    ),
    Server(
        name="Bun",
        programs=("bun", "bunx"),
        drains_on=(),
        unknown_because="it has no shutdown timeout: the program's own handler of SIGTERM decides",
        source=("tried with Bun 1.4.5",),
    ),
    Server(
        name="Deno",
        programs=("deno",),
        drains_on=(),
        unknown_because="it has no shutdown timeout: the program's own handler of SIGTERM decides",
        source=("tried with Deno 2.9.6",),
    ),
    Server(
        name="Go net/http",
        drains_on=(),
        unknown_because="a Go program exits at once unless it calls Server.Shutdown, with a limit of its own",
        note="no name tells a Go program",
        source=("go1.26, net/http/server.go",),
    ),
    Server(
        name="Temporal worker",
        drains_on=(),
        requeues=True,
        unknown_because="WorkerStopTimeout is in its code, 0 s by default",
        at_end="the service starts activities again by their retry policy",
        note="no name tells a worker",
        source=("go.temporal.io/sdk 1.51, internal/worker.go",),
    ),
)
