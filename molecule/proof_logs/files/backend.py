# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receives logs by OTLP over HTTP, as JSON, and tells of each pod how many lines it wrote and which of them came."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

received: dict[str, Counter[int]] = defaultdict(Counter)
refused: dict[str, set[int]] = defaultdict(set)
written: dict[str, int] = {}
away = False  # it then answers 503, and keeps nothing


def counts(pod: str) -> dict[str, object]:
    """What one pod wrote, None where it has not said so, what of it came, and what was refused."""
    came = received.get(pod, Counter())
    missing = [number for number in range(1, written.get(pod, 0) + 1) if number not in came]
    twice = sum(times > 1 for times in came.values())
    return {
        "pod": pod,
        "written": written.get(pod),
        "received": len(came),
        "refused": len(refused.get(pod, ())),
        "missing": missing,
        "twice": twice,
    }


class Backend(BaseHTTPRequestHandler):
    """POST /v1/logs, PUT /written/<pod> and /away, GET /."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Keep the lines of an ExportLogsServiceRequest, or note that they were refused."""
        body = self.body()
        refuse = away
        request = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        for resource in request["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    pod, number, _message = record["body"]["stringValue"].split(" ", 2)
                    if refuse:
                        refused[pod].add(int(number))
                    else:
                        received[pod][int(number)] += 1
        self.answer({}, 503 if refuse else 200)

    def do_PUT(self) -> None:
        """Keep how many lines a pod wrote, as it says itself; or be away, or back."""
        global away
        if self.path == "/away":
            away = json.loads(self.body())
        else:
            written[self.path.rpartition("/")[2]] = int(self.body())
        self.answer({})

    def do_GET(self) -> None:
        """The counts of each pod; `missing` are the numbers of its lines that did not come."""
        self.answer([counts(pod) for pod in sorted({*written, *received, *refused})])

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, content: object, status: int = 200) -> None:
        """Send the content as JSON."""
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 4318), Backend).serve_forever()
