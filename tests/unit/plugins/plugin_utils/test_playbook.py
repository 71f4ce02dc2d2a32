# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real playbooks: what Ansible carries is small and right, and no private file outlives its task."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
# Ansible takes all text of such a map for secret, and masks it in every result: each 1, each e.
USER = {"exec": {"command": "login", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "e"}]}}
KUBECONFIG = {"apiVersion": "v1", "users": [{"name": "u", "user": USER}]}
WORKLOADS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With so many workloads that not all findings go into a result."""
    text = (ROOT / "examples/search.yaml").read_text(encoding="utf-8")
    (tmp_path / "shop").mkdir()
    for number in range(WORKLOADS):
        (tmp_path / f"shop/{number}.yaml").write_text(text.replace("name: search", f"name: search-{number}"))
    return tmp_path


def playbook(folder: Path, tasks: list[dict[str, Any]], hosts: str = "a,", *more: str) -> subprocess.Popen[str]:
    play = [{"hosts": "all", "connection": "local", "gather_facts": False, "tasks": tasks}]
    (folder / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "-i", hosts, "-f", "3", *more, "play.yml"],
        cwd=folder,
        env=os.environ
        | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def keep(what: str) -> dict[str, Any]:
    content = f"{{{{ {what} | to_json }}}}"
    return {"ansible.builtin.copy": {"content": content, "dest": f"{{{{ inventory_hostname }}}}-{what}.json"}}


def test_three_hosts_at_a_time_with_secrets_that_look_like_numbers(folder: Path) -> None:
    given = {"source": "{{ 'none' if inventory_hostname == 'c' else 'shop' }}", "kubeconfig": KUBECONFIG}
    given["report_dir"] = "report-{{ inventory_hostname }}"
    tasks = [
        {"graceful.termination.audit_info": given, "register": "audit", "ignore_errors": True},
        keep("audit"),
        {"graceful.termination.remediate": given, "register": "fix", "check_mode": True, "ignore_errors": True},
        keep("fix"),
    ]
    process = playbook(folder, tasks, "a,b,c")
    output, _errors = process.communicate(timeout=300)
    assert process.returncode == 0, output
    for host in "ab":
        report = json.loads((folder / f"report-{host}/{host}/report.json").read_text(encoding="utf-8"))
        audit, fix = (json.loads((folder / f"{host}-{name}.json").read_text()) for name in ("audit", "fix"))
        for result in (audit, fix):
            assert result["summary"] == report["summary"], "none of it is masked"
            assert len(json.dumps(result)) < 40_000
        assert report["summary"]["workloads"] == WORKLOADS and report["summary"]["findings"]["error"] == WORKLOADS
        assert audit["findings"][0] == {key: report["findings"][0][key] for key in audit["findings"][0]}
        opened = sum(finding["status"] == "open" for finding in report["findings"])
        assert len(audit["findings"]) + audit["findings_omitted"] == opened > 20
        assert not audit["changed"] and fix["changed"], "and in check mode nothing was written"
        assert [action["status"] for action in fix["actions"]] == ["would-change"] * WORKLOADS
    assert "search-7" in (folder / "shop/7.yaml").read_text() and "sleep" not in (folder / "shop/7.yaml").read_text()
    assert json.loads((folder / "c-audit.json").read_text())["failed"]
    assert not (folder / "report-c/c/report.json").exists()
    assert list((folder / "remote").rglob("*")) == []


DEAD = {"host": "http://127.0.0.1:1", "api_key": "t0k3n-of-a-user"}
PROXIED = {
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [
        {"name": "k", "cluster": {"server": "https://a.test", "proxy-url": "http://p:s3cr3t-way@127.0.0.1:1"}}
    ],
    "users": [{"name": "u", "user": {"token": "t0k3n-of-a-user"}}],
    "current-context": "c",
}
# Module, arguments, and what the message says.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("audit_info", {"source": "shop", "rules": ["nope"]}, "rules: no rule 'nope'"),
    ("audit_info", {"source": "/no/such/folder"}, "source /no/such/folder: No such file or directory"),
    (
        "audit_info",
        DEAD,
        "http://127.0.0.1:1: cannot reach the API server: 127.0.0.1:1: no connection (Connection refused)",
    ),
    ("audit_info", {"kubeconfig": PROXIED}, "the proxy refused the connection (Connection refused)"),
    ("audit_info", {"kubeconfig": "/no/such/config"}, "kubeconfig /no/such/config: no such file"),
    ("drill", DEAD | {"url": "http://u:s3cr3t-way@a.test/"}, "url: reports would show the user name"),
    # Ansible refuses this before the module can say what is secret.
    ("drill", DEAD | {"url": "http://u:s3cr3t-way@a.test/", "nope": 1}, "Unsupported parameters"),
]


def test_what_fails_says_why_with_vvv_and_shows_neither_a_traceback_nor_a_secret(folder: Path) -> None:
    tasks = [
        {f"graceful.termination.{module}": given, "ignore_errors": True, "register": f"r{index}"}
        for index, (module, given, _message) in enumerate(REFUSED)
    ]
    with playbook(folder, tasks, "localhost,", "-vvv") as process:
        output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    shown = " ".join(output.split())
    for _module, _given, message in REFUSED:
        assert message in shown
    for never in ("Traceback", "t0k3n-of-a-user", "s3cr3t-way", "PunctualConnection"):
        assert never not in output, output


def test_an_interrupted_run_leaves_no_report_behind(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        # The module waits for the answer of this server while the playbook is interrupted.
        given = {"source": "shop", "prometheus_url": f"http://127.0.0.1:{server.getsockname()[1]}"}
        process = playbook(folder, [{"graceful.termination.audit_info": given}])
        connection, _address = server.accept()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        with connection:
            connection.settimeout(120)
            while connection.recv(65536):  # until the module, too, has ended
                pass
    assert process.returncode != 0
    assert list(folder.rglob("result-*")) == []
