# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small API servers on this machine, and plays that reach them: which request goes to which server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[4]
_VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
READY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


class ApiServer:
    """With one Deployment, shop/web, that has something to fix. `uid` None: nobody may read kube-system."""

    def __init__(self, uid: str | None) -> None:
        self.uid = uid
        self.seen: list[tuple[str, str]] = []
        self.deployment = _deployment()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.api = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def judged(self) -> int:
        """How often the Deployments were listed."""
        return sum(method == "GET" and path.endswith("/deployments") for method, path in self.seen)

    @property
    def written(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [(method, path) for method, path in self.seen if method != "GET"]

    def answer(self, path: str, patch: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/version":
            return 200, _VERSION
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "groups": []}
        if path.endswith("/namespaces/kube-system"):
            if self.uid is None:
                return 403, {"kind": "Status", "status": "Failure", "code": 403, "message": "forbidden"}
            return 200, {"metadata": {"name": "kube-system", "uid": self.uid}}
        if path.endswith("/deployments/web"):
            return 200, _merged(self.deployment, patch)
        if "/namespaces/" in path and path.rpartition("/")[0].endswith("/namespaces"):
            return 200, {"metadata": {"name": path.rpartition("/")[2], "uid": "n"}}
        other = "/namespaces/" in path and "/namespaces/shop/" not in path
        return 200, {"items": [self.deployment] if path.endswith("/deployments") and not other else [], "metadata": {}}


def _deployment() -> dict[str, Any]:
    """Its preStop hook is longer than its grace period."""
    pause = {"preStop": {"sleep": {"seconds": 40}}}
    pod = {"containers": [{"name": "web", "image": "registry.example/web:1", "lifecycle": pause}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod | {"terminationGracePeriodSeconds": 30}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "w", "resourceVersion": "1", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        "status": READY,
    }


def _merged(obj: Any, patch: Any) -> Any:
    """Only maps are merged: no patch of these tests has more. Nothing is stored."""
    if not isinstance(obj, dict) or not isinstance(patch, dict):
        return patch
    return obj | {key: _merged(obj.get(key), value) for key, value in patch.items()}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        api: ApiServer = self.server.api  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length) or b"{}")
        path = self.path.partition("?")[0]
        if path not in ("/version", "/apis"):
            api.seen.append((self.command, path))
        status, content = api.answer(path, sent)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PATCH = do_POST = do_DELETE = do_GET

    def log_message(self, *_args: Any) -> None:
        """Nothing on the screen."""


@contextmanager
def servers(*uids: str | None) -> Iterator[list[ApiServer]]:
    """One server for each uid."""
    started = [ApiServer(uid) for uid in uids]
    try:
        yield started
    finally:
        for server in started:
            server.close()


def kubeconfig(path: Path, contexts: Mapping[str, str], current: str) -> Path:
    """A kubeconfig with these contexts, each with the URL of its server."""
    clusters = [{"name": name, "cluster": {"server": url}} for name, url in contexts.items()]
    named = [{"name": name, "context": {"cluster": name, "user": "u"}} for name in contexts]
    content = {"apiVersion": "v1", "kind": "Config", "current-context": current, "clusters": clusters}
    path.write_text(yaml.safe_dump(content | {"contexts": named, "users": [{"name": "u", "user": {"token": "t"}}]}))
    return path


def play(
    folder: Path,
    playbook: str,
    hosts: Mapping[str, Mapping[str, Any]],
    *arguments: str,
    given: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection on an inventory of hosts with their variables; all at a time.

    With `keywords` it is a play of the same role that has these.
    """
    inventory = {"all": {"hosts": {name: dict(variables) for name, variables in hosts.items()}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    file = ROOT / f"playbooks/{playbook}.yml"
    if keywords:
        [entry] = yaml.safe_load(file.read_text(encoding="utf-8"))
        file = folder / "play.yml"
        file.write_text(yaml.safe_dump([entry | keywords]), encoding="utf-8")
    return run(folder, str(file), "-i", "inventory.yml", "-f", str(len(hosts)), *arguments, given=given)


def run(folder: Path, *arguments: str, given: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """ansible-playbook in a folder, with extra variables, and without the settings of whoever runs the tests."""
    extra: Sequence[str] = ("-e", json.dumps(dict(given))) if given else ()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBE"))}
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *arguments, *extra],
        cwd=folder,
        env=environment
        | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
            "HOME": str(folder),
            "COLUMNS": "300",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
