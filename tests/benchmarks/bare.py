# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bare client that the benchmarks compare with: requests to an API server, a few at a time, and nothing else.

bare.py list PATH...        LIST each path in pages of 500, concurrently; decode; forget
bare.py patch FILE          PATCH what a file names: lines of JSON, [path, strategic merge patch]
bare.py yaml FOLDER         parse all files with PyYAML's C loader

Prints one line of JSON: seconds (without the start of Python), requests, objects. The cluster is that of KUBECONFIG.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes
import yaml

PAGE = 500
THREADS = 8
MERGE = "application/strategic-merge-patch+json"


class Server:
    """One API server, over a pool of connections."""

    def __init__(self) -> None:
        # The client itself reads the variable when it is imported, which is too early.
        kubernetes.config.load_kube_config(os.environ["KUBECONFIG"])
        configuration = kubernetes.client.Configuration.get_default_copy()
        configuration.connection_pool_maxsize = THREADS
        self._host = configuration.host
        self._pool = kubernetes.client.ApiClient(configuration).rest_client.pool_manager
        self.requests = 0

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> dict[str, Any]:
        """Send one request. Raises RuntimeError with the server's words where it is refused."""
        self.requests += 1
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind, "Accept": "application/json"}
        answer = self._pool.request(method, self._host + path, body=data, headers=headers, timeout=60)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')[:300]}")
        return json.loads(answer.data)

    def status(self, path: str, user: str) -> int:
        """GET a path as somebody else; what the answer is worth."""
        self.requests += 1
        return int(self._pool.request("GET", self._host + path, headers={"Impersonate-User": user}, timeout=60).status)

    def count(self, path: str) -> int:
        """LIST a path page by page; how many objects there are."""
        found, token = 0, ""
        while True:
            page = self.send("GET", f"{path}?limit={PAGE}{token}")
            found += len(page["items"])
            if not page["metadata"].get("continue"):
                return found
            token = f"&continue={page['metadata']['continue']}"


def concurrently(work: Callable[..., Any], jobs: Iterable[Any]) -> list[Any]:
    """The results of all jobs, THREADS at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, jobs))


def main(command: str, *arguments: str) -> None:
    """Do it, and say how long it took."""
    if command == "yaml":
        begin = time.monotonic()
        texts = (path.read_bytes() for path in Path(arguments[0]).iterdir())
        objects = sum(len(list(yaml.load_all(text, Loader=yaml.CSafeLoader))) for text in texts)
        print(json.dumps({"seconds": round(time.monotonic() - begin, 3), "requests": 0, "objects": objects}))
        return
    server = Server()
    if command == "list":
        begin = time.monotonic()
        objects = sum(concurrently(server.count, arguments))
    else:
        jobs = [json.loads(line) for line in Path(arguments[0]).read_text(encoding="utf-8").splitlines()]
        begin = time.monotonic()
        concurrently(lambda job: server.send("PATCH", job[0], job[1], MERGE), jobs)
        objects = len(jobs)
    seconds = time.monotonic() - begin
    print(json.dumps({"seconds": round(seconds, 3), "requests": server.requests, "objects": objects}))


if __name__ == "__main__":
    main(*sys.argv[1:])
