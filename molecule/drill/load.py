#!/usr/bin/env python
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send fresh connections to a URL at a steady rate until told to stop, and count what became of each.

usage: load.py URL RATE OUTPUT STOP
RATE is in connections a second; it ends when the file STOP exists, or after 240 s.
Writes {"requests": n, "lost": {class: n}} to OUTPUT.
"""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import pathlib
import sys
import time
import urllib.parse

LIMIT = 240.0  # seconds
TIMEOUT = 5.0


def request(host: str, path: str) -> str:
    """Open a connection, ask once, close it; return "ok" or the class of the failure."""
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
        return "ok" if status == 200 else f"status {status}"
    except OSError as error:
        return type(error).__name__
    except http.client.HTTPException as error:
        return type(error).__name__
    finally:
        connection.close()


def main(url: str, rate: float, output: pathlib.Path, stop: pathlib.Path) -> None:
    """Run the load."""
    parts = urllib.parse.urlsplit(url)
    counts: collections.Counter[str] = collections.Counter()
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
        running = []
        while not stop.exists() and time.monotonic() - begin < LIMIT:
            running.append(pool.submit(request, parts.netloc, parts.path or "/"))
            # Against the clock, so that a slow answer does not slow the rate down.
            time.sleep(max(0.0, begin + len(running) / rate - time.monotonic()))
        counts.update(future.result() for future in running)
    lost = {name: count for name, count in sorted(counts.items()) if name != "ok"}
    output.write_text(json.dumps({"requests": counts.total(), "lost": lost}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4]))
