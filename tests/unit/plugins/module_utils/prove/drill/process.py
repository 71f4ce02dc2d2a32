# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill in a process of its own, for tests that end it: process.py FOLDER. The round never ends by itself."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.run import Times, run_drill
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import interruptible
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    OF_WEB,
    PODS,
    Watched,
    api_of,
    listed,
    options,
    pod,
    web,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.servers import serving


class Endless:
    """Stops pods for as long as it takes."""

    changed = True

    def stop_pods(self, _mode: str) -> None:
        """Wait, as the real one does: a signal that another thread receives ends no sleep of this one."""
        for _time in range(600):
            time.sleep(0.1)


def main(folder: str) -> None:
    """Run it."""
    declared = Watched()
    declared.expect("GET", PODS, listed(pod("a")), query=OF_WEB)
    with serving() as server, interruptible(sys.stdout.fileno()):
        document = run_drill(
            api_of(declared),
            web(),
            options(url=server.url, report_dir=folder),
            times=Times(noise=0.3, lead=0.1, settle=0.1),
            driver=lambda _pods: Endless(),  # type: ignore[arg-type,return-value]
        )
    with suppress(BrokenPipeError):
        print(document["status"], flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
