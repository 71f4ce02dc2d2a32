# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays over several hosts: each is a cluster, and what happens where two are one, or where one is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.api_servers import (
    kubeconfig,
    play,
    servers,
)

REPORT = {"termination_report_dir": "report"}
TARGET = {"termination_namespaces": ["shop"], "termination_names": ["web"]}


def hosts(folder: Path, urls: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Each with the context of its name."""
    path = str(kubeconfig(folder / "kubeconfig", urls, next(iter(urls))))
    return {name: {"termination_kubeconfig": path, "termination_context": name} for name in urls}


def failed(output: str) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"^(\S+) .*failed=(\d)", output, re.M)}


def source(folder: Path, host: str) -> str:
    report = json.loads((folder / f"report/{host}/report.json").read_text(encoding="utf-8"))
    return report["source"]["name"]


def test_three_contexts_lead_to_three_clusters_and_three_reports(tmp_path: Path) -> None:
    with servers("one", "two", "three") as started:
        urls = dict(zip("abc", (server.url for server in started), strict=True))
        done = play(tmp_path, "audit", hosts(tmp_path, urls), given=REPORT)
        assert done.returncode == 0, done.stdout
        assert [server.judged for server in started] == [1, 1, 1]
    assert [source(tmp_path, host) for host in "abc"] == ["a", "b", "c"]
    assert not (tmp_path / "report/report.json").exists()


@pytest.mark.parametrize("keywords", [{"serial": 1}, {"strategy": "free"}])
def test_an_audit_judges_a_cluster_once_and_says_so_at_the_other_host(tmp_path: Path, keywords: dict[str, Any]) -> None:
    """Two addresses of one cluster, and one more cluster."""
    with servers("one", "one", "three") as started:
        urls = dict(zip("abc", (server.url for server in started), strict=True))
        done = play(tmp_path, "audit", hosts(tmp_path, urls), given=REPORT, **keywords)
        assert done.returncode == 0, done.stdout
        assert sorted(server.judged for server in started[:2]) == [0, 1] and started[2].judged == 1
    judged, other = sorted("ab", key=lambda host: not (tmp_path / f"report/{host}/report.json").exists())
    assert not (tmp_path / f"report/{other}/report.json").exists()
    line = f"{other}: hosts {judged} and {other} are the same cluster (kube-system has the UID one): it is judged once,"
    assert f"{line} at {judged}" in done.stdout


def test_an_audit_of_what_the_other_host_does_not_ask_for_is_made(tmp_path: Path) -> None:
    """Without the right to read kube-system, the address tells that it is one cluster."""
    with servers(None) as [server]:
        known = hosts(tmp_path, {"a": server.url, "b": server.url, "c": server.url})
        known["a"]["termination_namespaces"] = ["shop"]
        known["b"]["termination_namespaces"] = ["shop", "pay"]
        known["c"]["termination_namespaces"] = ["pay"]
        done = play(tmp_path, "audit", known, given=REPORT, serial=1)
        assert done.returncode == 0, done.stdout
        lists = [path for _method, path in server.seen if path.endswith("/deployments")]
    assert sorted(set(lists)) == [f"/apis/apps/v1/namespaces/{name}/deployments" for name in ("pay", "shop")]
    assert "c: hosts b and c are the same cluster (they have the same API server): it is judged once" in done.stdout
    assert [host for host in "abc" if (tmp_path / f"report/{host}/report.json").exists()] == ["a", "b"]


def test_of_two_contexts_of_one_server_neither_is_remediated(tmp_path: Path) -> None:
    with servers("one", "three") as [one, three]:
        done = play(tmp_path, "remediate", hosts(tmp_path, {"a": one.url, "b": one.url, "c": three.url}))
        assert one.seen == [] and len(three.written) == 1
    for host in "ab":
        words = f"hosts a and b are the same cluster (they have the same API server): nothing was done at {host}"
        assert words in done.stdout
    assert done.returncode == 2 and failed(done.stdout)["a"] == failed(done.stdout)["b"] == 1


def test_hosts_on_one_cluster_with_namespaces_of_their_own_are_remediated(tmp_path: Path) -> None:
    with servers("one") as [server]:
        known = hosts(tmp_path, {"a": server.url, "b": server.url})
        known["a"]["termination_namespaces"], known["b"]["termination_namespaces"] = "shop", ["pay"]
        done = play(tmp_path, "remediate", known, "--check")
        assert done.returncode == 0, done.stdout
        lists = {path for _method, path in server.seen if path.endswith("/deployments")}
    assert lists == {f"/apis/apps/v1/namespaces/{name}/deployments" for name in ("shop", "pay")}


@pytest.mark.parametrize(
    ("playbook", "keywords"),
    [
        ("remediate", {"serial": 1}),
        ("drill", {"strategy": "free"}),
        ("trace", {"strategy": "host_pinned"}),
        ("debug", {"order": "sorted"}),
    ],
)
def test_who_comes_second_to_a_cluster_fails_and_names_both(
    tmp_path: Path, playbook: str, keywords: dict[str, Any]
) -> None:
    """The connection is one of the play's variables, so that only the uid shows it."""
    with servers("one", "one") as started:
        urls = dict(zip("ab", (server.url for server in started), strict=True))
        path = hosts(tmp_path, urls)["a"]["termination_kubeconfig"]
        own = {"termination_kubeconfig": path, "termination_context": "{{ inventory_hostname }}"}
        own |= {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "termination_url": "http://127.0.0.1:1/"}
        done = play(tmp_path, playbook, {"a": {}, "b": {}}, "--check", given=TARGET, vars=own, **keywords)
        second = "a" if started[0].judged == 0 else "b"
        assert [started["ab".index(second)].judged, started["ba".index(second)].judged > 0] == [0, True]
    words = (
        f"hosts a and b are the same cluster (kube-system has the UID one): nothing was done at {second}; run only one"
    )
    assert words in done.stdout and done.returncode == 2


@pytest.mark.parametrize("playbook", ["audit", "remediate"])
def test_a_host_without_a_connection_is_refused_beside_others(tmp_path: Path, playbook: str) -> None:
    (tmp_path / ".kube").mkdir()
    with servers("one") as [server]:
        kubeconfig(tmp_path / ".kube/config", {"here": server.url}, "here")
        known = {"web1": {}, "web2": {"termination_context": "", "termination_names": ["web"]}, "localhost": {}}
        done = play(tmp_path, playbook, known)
        assert server.seen == [] and done.returncode == 2
        assert failed(done.stdout) == {"web1": 1, "web2": 1, "localhost": 1}
        assert (
            "host web1 has no connection of its own, so it would work on the same cluster as other hosts" in done.stdout
        )
        alone = play(tmp_path, playbook, known, "--limit", "web1", "--check")
        assert alone.returncode == 0 and server.judged, alone.stdout


def test_the_connection_may_come_from_the_environment_of_the_task(tmp_path: Path) -> None:
    with servers("one", "two") as [one, two]:
        path = kubeconfig(tmp_path / "kubeconfig", {"a": one.url, "b": two.url}, "a")
        named = {"K8S_AUTH_KUBECONFIG": str(path), "K8S_AUTH_CONTEXT": "{{ inventory_hostname }}"}
        done = play(tmp_path, "audit", {"a": {}, "b": {}}, environment=named)
        assert done.returncode == 0 and one.judged == two.judged == 1, done.stdout


def test_a_server_that_is_away_keeps_no_other_host_from_its_work(tmp_path: Path) -> None:
    with servers("one", "two") as [one, two]:
        known = hosts(tmp_path, {"a": one.url, "b": two.url})
        two.close()
        done = play(tmp_path, "remediate", known, "--check", given=REPORT)
        assert one.judged
    assert failed(done.stdout) == {"a": 0, "b": 1}
    assert source(tmp_path, "a") == "a" and "b: cannot reach the API server" in done.stdout


def test_hosts_whose_folders_would_be_one_are_refused(tmp_path: Path) -> None:
    with servers("one", "two", "three") as started:
        urls = dict(zip(("a/b", "a_b", "c d"), (server.url for server in started), strict=True))
        done = play(tmp_path, "audit", hosts(tmp_path, urls), given=REPORT)
        assert [server.judged for server in started] == [0, 0, 1]
    assert "the hosts a/b and a_b would both write into the folder a_b: rename one of them" in done.stdout
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["c_d"]


def test_a_report_that_was_not_renewed_is_marked(tmp_path: Path) -> None:
    note = tmp_path / "report/a/not-renewed.txt"
    with servers("one") as [server]:
        known = hosts(tmp_path, {"a": server.url})
        assert play(tmp_path, "audit", known, given=REPORT).returncode == 0 and not note.exists()
        broken = play(tmp_path, "audit", known, given=REPORT | {"termination_rules": "no-such-rule"})
        assert broken.returncode == 2 and "not renewed: report/a/report.json is from 20" in broken.stdout
        text = note.read_text(encoding="utf-8")
        assert "report/a/report.json is from 20" in text and "no-such-rule" in text
        assert play(tmp_path, "audit", known, given=REPORT | {"termination_report_formats": "json"}).returncode == 0
        assert "report.json" not in note.read_text(encoding="utf-8") and "report.md" in note.read_text(encoding="utf-8")
        assert play(tmp_path, "audit", known, given=REPORT).returncode == 0 and not note.exists()


@pytest.mark.parametrize("blank", ["", []])
def test_a_blank_form_audits_everything_and_changes_nothing(tmp_path: Path, blank: Any) -> None:
    given = {"termination_namespaces": blank}
    with servers("one") as [server]:
        known = hosts(tmp_path, {"a": server.url})
        assert play(tmp_path, "audit", known, given=given | REPORT).returncode == 0
        assert json.loads((tmp_path / "report/a/report.json").read_text())["summary"]["workloads"] == 1
        server.seen.clear()
        done = play(tmp_path, "remediate", known, given=given)
        assert done.returncode == 2 and server.seen == []
    assert "namespaces (termination_namespaces) is blank: name namespaces, or" in done.stdout
