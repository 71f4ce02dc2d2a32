#!/usr/bin/env python
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send fresh connections to a URL at a steady rate until told to stop, and count what became of each.

usage: load.py URL RATE OUTPUT STOP
RATE is in connections a second; it ends when the file STOP exists, or after 240 s.
Writes {"requests": n, "lost": {class: n}, "losses": [{"at": s since the epoch, "took": s, "class": class}]} to OUTPUT,
at most 50 of the losses.
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
        # The server closes, as it would for most load balancers. Where the client closes first, the node's connection
        # tracking keeps the translation to a pod for two minutes, and a later connection from the same source port is
        # sent to that pod even if it is long gone (a reset after 3 s): a loss that no preStop delay can prevent.
        connection.request("GET", path, headers={"Connection": "close"})
        status = connection.getresponse().status
        return "ok" if status == 200 else f"status {status}"
    except OSError as error:
        return type(error).__name__
    except http.client.HTTPException as error:
        return type(error).__name__
    finally:
        connection.close()


def timed(host: str, path: str) -> tuple[float, float, str]:
    """When a request was sent, how long it took, and what became of it."""
    at, begin = time.time(), time.monotonic()
    answer = request(host, path)
    return at, time.monotonic() - begin, answer


def main(url: str, rate: float, output: pathlib.Path, stop: pathlib.Path) -> None:
    """Run the load."""
    parts = urllib.parse.urlsplit(url)
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
        running = []
        while not stop.exists() and time.monotonic() - begin < LIMIT:
            running.append(pool.submit(timed, parts.netloc, parts.path or "/"))
            # Against the clock, so that a slow answer does not slow the rate down.
            time.sleep(max(0.0, begin + len(running) / rate - time.monotonic()))
        answers = [future.result() for future in running]
    counts = collections.Counter(answer for _at, _took, answer in answers)
    losses = [{"at": round(at, 1), "took": round(took, 1), "class": name} for at, took, name in answers if name != "ok"]
    lost = {name: count for name, count in sorted(counts.items()) if name != "ok"}
    output.write_text(json.dumps({"requests": counts.total(), "lost": lost, "losses": losses[:50]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4]))
