# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims of hosts on clusters, and the names of their folders."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.plugin_utils.host import Host, safe_name
from ansible_collections.graceful.termination.plugins.plugin_utils.ledger import Claim, Cluster, Ledger


def host(name: str, *inventory: str, **more: Any) -> Host:
    known = {"inventory_hostname": name, "ansible_play_hosts_all": list(inventory) or [name], "ansible_play_name": "p"}
    return Host.of(known | {"groups": {"all": list(inventory)}} | more)


def ledger(folder: Path, task: str | None = None, **more: Any) -> Ledger:
    return Ledger(host("a", "a", "b", **more), task, folder)


def claim(name: str, uid: str | None = "u", namespaces: list[str] | None = None, **more: str) -> Claim:
    return Claim(name, Cluster(uid, more.get("address", name), name), namespaces, more.get("scope", ""))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (Cluster("u", "x", ""), Cluster("u", "y", ""), True),
        (Cluster("u", "x", ""), Cluster("v", "x", ""), False),
        (Cluster(None, "x", ""), Cluster("v", "x", ""), True),
        (Cluster(None, "x", ""), Cluster(None, "y", ""), False),
    ],
)
def test_a_cluster_is_known_by_its_uid_or_else_by_its_address(first: Cluster, second: Cluster, same: bool) -> None:
    assert first.is_same(second) is second.is_same(first) is same


@pytest.mark.parametrize(
    ("one", "two", "conflict"),
    [
        (None, None, True),
        (["shop"], None, True),
        (["shop"], ["shop", "pay"], True),
        (["shop"], ["pay"], False),
    ],
)
def test_changes_need_namespaces_of_their_own(
    tmp_path: Path, one: list[str] | None, two: list[str] | None, conflict: bool
) -> None:
    assert ledger(tmp_path).claim(claim("a", namespaces=one), changes=True) is None
    assert ledger(tmp_path).claim(claim("a", namespaces=two), changes=True) is None, "of the same host"
    found = ledger(tmp_path, None).claim(claim("b", namespaces=two), changes=True)
    assert found and found.host == "a"
    other = tmp_path / "other"
    other.mkdir()
    ledger(other).claim(claim("a", namespaces=one), changes=True)
    assert bool(ledger(other).claim(claim("b", namespaces=two), changes=True)) is conflict
    assert ledger(other).claim(claim("b", "another"), changes=True) is None


def test_an_audit_is_made_unless_another_host_has_asked_for_all_of_it(tmp_path: Path) -> None:
    book = ledger(tmp_path, "task")
    assert book.claim(claim("a", namespaces=["shop", "pay"], scope="s"), changes=False) is None
    assert book.claim(claim("b", namespaces=["shop"], scope="s"), changes=False)
    assert book.claim(claim("b", namespaces=["shop"], scope="other rules"), changes=False) is None
    assert book.claim(claim("c", scope="s"), changes=False) is None
    assert ledger(tmp_path, "next task").claim(claim("b", namespaces=["shop"], scope="s"), changes=False) is None
    book.withdraw("a")
    book.withdraw("c")
    assert book.claim(claim("d", namespaces=["pay"], scope="s"), changes=False) is None


def test_plays_have_claims_of_their_own(tmp_path: Path) -> None:
    ledger(tmp_path).claim(claim("a"), changes=True)
    assert ledger(tmp_path, ansible_play_name="q").claim(claim("b"), changes=True) is None
    assert ledger(tmp_path).claim(claim("b"), changes=True)


def _claims(folder: str) -> list[bool]:
    found = []
    for number in range(20):
        one = Claim(str(os.getpid()), Cluster(str(number), "", ""), None)
        found.append(Ledger(host("a", "a", "b"), None, folder).claim(one, changes=True) is None)
    return found


def test_of_many_processes_one_gets_each_cluster(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        claimed = list(pool.map(_claims, [str(tmp_path)] * 4))
    assert [sum(column) for column in zip(*claimed, strict=True)] == [1] * 20


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("prod-eu-1.example.com", "prod-eu-1.example.com"),
        ("a/b", "a_b"),
        ("..", "_."),
        (".ssh", "_ssh"),
        ("fe80::1", "fe80__1"),
        ("x\n\x1b[2J", "x___2J"),
        ("münchen", "münchen"),
    ],
)
def test_a_name_that_leads_nowhere_else(name: str, folder: str) -> None:
    assert safe_name(name) == folder


def test_each_host_but_the_implicit_one_has_a_folder() -> None:
    assert host("localhost").folder is None
    assert Host.of({}).folder is None and Host.of(None).others == []
    assert host("localhost", "localhost").folder == "localhost"
    assert host("a", "a", "b").folder == "a"


@pytest.mark.parametrize(("one", "two"), [("a/b", "a_b"), ("A", "a"), ("x y", "x:y")])
def test_two_hosts_never_share_a_folder(one: str, two: str) -> None:
    for name in (one, two):
        with pytest.raises(ValueError, match="would both write into the folder"):
            str(host(name, one, two).folder)


def test_the_others_are_those_of_the_play() -> None:
    known = host("a", "a", "b", "c", ansible_play_hosts_all=["a", "c"])
    assert known.others == ["c"]
    assert known.play_key == host("c", "a", "b", "c", ansible_play_hosts_all=["c", "a"]).play_key
    assert known.play_key != host("a", "a", "b", "c").play_key
