# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple commands of a hook and the calls they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.mesh import quits_proxy, waits_for_proxy
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import (
    Call,
    Command,
    calls_of,
    commands_in,
)


def first(script: str) -> Command:
    """The first command of a script."""
    return commands_in(["sh", "-c", script])[0]


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("/usr/sbin/nginx -s quit", Command(("nginx", "-s", "quit"))),
        ("exec env A=b timeout -k 5 20 nginx", Command(("nginx",))),
        ("A=b B=c exec timeout 20 nginx", Command(("nginx",))),
        ("sudo -E gosu www-data nginx", Command(("nginx",))),
        ("while ! nc a 1; do b; done", Command(("nc", "a", "1"), "while", negated=True)),
        ("if [ -f a ]; then b; fi", Command(("[", "-f", "a", "]"), "if")),
        ("while", Command((), "while")),
        ("! a", Command(("a",))),
        ("A=b", Command(())),
        ("curl a=b", Command(("curl", "a=b"))),
    ],
)
def test_a_command(script: str, command: Command) -> None:
    assert first(script) == command


def test_without_a_shell_the_words_are_the_command() -> None:
    assert commands_in(["/bin/nginx", "-s", "a b"]) == [Command(("nginx", "-s", "a b"))]
    assert commands_in([]) == []
    assert commands_in([""]) == [Command(("",))]


@pytest.mark.parametrize(
    ("script", "call"),
    [
        ("curl localhost:8080/a", Call("localhost", 8080, "/a", "GET")),
        ("curl -fsS -XPOST http://127.0.0.1:15020/quit", Call("127.0.0.1", 15020, "/quit", "POST")),
        ("curl -sX POST http://[::1]:1/a", Call("[::1]", 1, "/a", "POST")),
        ("curl http://[::1]/a", Call("[::1]", 0, "/a", "GET")),
        ("curl --request=delete http://a.b/c/d", Call("a.b", 0, "/c/d", "DELETE")),
        ("curl --request put http://a", Call("a", 0, "", "PUT")),
        ("curl -d x http://a", Call("a", 0, "", "POST")),
        ("wget -qO- --post-data=a http://a:80/", Call("a", 80, "/", "POST")),
        ("nc -z -w 1 localhost 15020", Call("localhost", 15020, "", "")),
    ],
)
def test_a_call(script: str, call: Call) -> None:
    assert calls_of(first(script)) == [call]


@pytest.mark.parametrize(
    "script",
    ["curl", "curl -", "curl a.b/c", "curl http://a:x/", "curl http://a:123456/", "nc -l 80", "nc a 80", "b http://a"],
)
def test_no_call(script: str) -> None:
    assert calls_of(first(script)) == []


TEXT = st.text(alphabet="ab '\"`$(){}#;&|<>\\\n0!=/:-X.1", max_size=60)


@given(st.lists(TEXT, max_size=4), TEXT)
def test_no_text_is_too_odd(words: list[str], script: str) -> None:
    for row in (words, ["sh", "-c", script], ["sh", "-c", f"while curl {script}"], ["sh", "-c", f"kill {script}"]):
        commands = commands_in(row)
        list(waits_for_proxy(commands))
        for command in commands:
            quits_proxy(command)
