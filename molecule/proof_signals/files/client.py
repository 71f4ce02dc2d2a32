# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers: `client.py order ADDRESS` has twelve jobs done. `client.py stay ADDRESS` stays on four connections until
they end, with one request after the other. It prints a line when each has had an answer, and how they ended, as JSON.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

CONNECTIONS, JOBS, LIMIT = 4, 12, 90  # the last one in seconds

all_there = threading.Barrier(CONNECTIONS, lambda: print("each has had an answer", flush=True), timeout=20)


def stay(address: str, ends: list[str], answers: list[int]) -> None:
    """Send requests on one connection until the server announces its end, or ends it in the middle of a request."""
    connection = http.client.HTTPConnection(address, 8080, timeout=10)
    begin, first = time.monotonic(), True
    while time.monotonic() - begin < LIMIT:
        try:
            connection.request("GET", "/work")
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            ends.append("cut")
            return
        answers.append(answer.status)
        if first:
            all_there.wait()
            first = False
        if answer.will_close:
            ends.append("in order")
            return
    ends.append("not at all")


def main() -> None:
    """Be the customers that the arguments ask for."""
    what, address = sys.argv[1:]
    if what == "order":
        for _job in range(JOBS):
            connection = http.client.HTTPConnection(address, 8080, timeout=10)
            connection.request("GET", "/order")
            connection.getresponse().read()
            connection.close()
        return
    ends: list[str] = []
    answers: list[int] = []
    threads = [threading.Thread(target=stay, args=(address, ends, answers)) for _number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {"connections": CONNECTIONS, "ends": ends, "answers": len(answers), "statuses": sorted(set(answers))}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
