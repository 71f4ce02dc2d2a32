# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command says about shells."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import (
    commands_of,
    is_straight,
    script_of,
    sleep_seconds,
)


@pytest.mark.parametrize(
    ("words", "script"),
    [
        (["sh", "-c", "a"], "a"),
        (["/bin/sh", "-ec", "a"], "a"),
        (["bash", "-lc", "a", "name", "argument"], "a"),
        (["bash", "-euo", "pipefail", "-c", "a"], "a"),
        (["bash", "--norc", "--rcfile", "x", "-c", "a"], "a"),
        (["sh", "-c", "--", "a"], "a"),
        (["env", "-", "A=b", "sh", "-c", "a"], None),
        (["env", "A=b", "sh", "-c", "a"], "a"),
        (["busybox", "ash", "-c", "a"], "a"),
        (["sh", "-c"], None),
        (["sh", "script.sh", "-c"], None),
        (["sh"], None),
        (["python", "-c", "a"], None),
        (["tini", "--", "sh", "-c", "a"], None),
        ([], None),
        ([""], None),
    ],
)
def test_the_script_of_a_shell(words: list[str], script: str | None) -> None:
    assert script_of(words) == script


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("a", ["a"]),
        ("a; b && c || d | e\nf & g", ["a", "b", "c", "d", "e", "f", "g"]),
        ("a \\\n  --flag", ["a    --flag"]),
        ("a 'b; c' \"d && e\"", ["a _ _"]),
        ("a 'plain' \"30\"", ["a plain 30"]),
        ("a $(b; c) `d; e`", ["a _ _"]),
        ("a 2>&1", ["a"]),
        ("a &>log", ["a  log"]),
        ("a # b; c", ["a"]),
        ("a \\; b\\ c; d", ["a _ b_c", "d"]),
        (r"""a \"b; c \'d""", ["a _b", "c _d"]),
        ("# it's\na 'b'", ["a b"]),
        ("a 'x # y'; b", ["a _", "b"]),
        ("if a; then b; else c; fi", ["if a", "b", "c"]),
        ("for i in 1 2; do a; done", ["for i in 1 2", "a"]),
        ("(a; b)", ["a", "b"]),
        ("{ a; }", ["a"]),
        (" ;\n ; ", []),
        ("", []),
    ],
)
def test_the_commands_of_a_script(script: str, commands: list[str]) -> None:
    assert commands_of(script) == commands


@pytest.mark.parametrize(
    ("script", "straight"),
    [
        ("a; b && c", True),
        ("a 2>&1", True),
        ("echo for while if", True),
        ("while a; do b; done", False),
        ("a; until b; do c; done", False),
        ("if a; then b; fi", False),
        ("case a in a) b;; esac", False),
        ("a & b", False),
    ],
)
def test_whether_each_command_runs_once(script: str, straight: bool) -> None:
    assert is_straight(script) is straight


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("sleep 20", 20),
        ("/bin/sleep 20s", 20),
        ("sleep 1.5", 1.5),
        ("sleep 2m", 120),
        ("sleep 1h", 3600),
        ("sleep 1d", 86400),
        ("sleep 1m 30s", 90),
        ("sleep", None),
        ("sleep infinity", None),
        ("sleep $DELAY", None),
        ("sleep 5x", None),
        ("sleep -5", None),
        ("sleep 1e3", None),
        ("sleep " + "9" * 400, None),
        ("usleep 20", None),
        ("echo sleep 20", None),
    ],
)
def test_the_seconds_of_a_sleep(words: str, seconds: float | None) -> None:
    assert sleep_seconds(words.split()) == seconds


SCRIPTS = st.text(alphabet="ab '\"`$(){}#;&|<>\\\n0", max_size=60)


@given(SCRIPTS)
def test_no_text_is_too_odd(script: str) -> None:
    assert all(commands_of(script))
    is_straight(script)


@pytest.mark.parametrize("part", ["$(", "'", '"', "`", "$()", "a;", "\\", "#", "((", "&>", '\\"', "11111"])
def test_no_text_takes_long(part: str) -> None:
    started = time.process_time()
    commands_of(f'"{part * 20_000}')
    assert time.process_time() - started < 2
