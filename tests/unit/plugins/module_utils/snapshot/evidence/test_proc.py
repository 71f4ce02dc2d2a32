# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of /proc, whatever a container writes there, and what follows for a stop signal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.pid1 import (
    clears_shell,
    is_deaf_shell,
    reaction_to_stop,
    runtime_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.proc import (
    MOST_BYTES,
    Processes,
    read_processes,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.signals import (
    DROPPED,
    HANDLED,
    IGNORED,
    TERM,
    UNKNOWN,
    reaction,
    signal_number,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    look,
    reading,
    recorded,
    status,
)

TERM_BIT, INT_BIT, QUIT_BIT = 1 << 14, 1 << 1, 1 << 2


@pytest.mark.parametrize(
    ("name", "program", "does"),
    [
        ("deaf", "httpd", DROPPED),  # busybox
        ("idle", "sleep", DROPPED),
        ("wrapper", "sh", DROPPED),  # busybox
        ("bash", "bash", DROPPED),
        ("python", "python3", DROPPED),
        ("go", "agnhost", HANDLED),
        ("node", "node", HANDLED),
        ("java", "java", HANDLED),
        # Its mask of blocked signals is empty at this moment: it waits for signals with sigtimedwait.
        ("tini", "tini", HANDLED),
    ],
)
def test_what_was_recorded_of_real_programs(name: str, program: str, does: str) -> None:
    processes = recorded(name)
    assert (processes.program, reaction(processes, TERM)) == (program, does)
    assert processes.first.namespaces == 1


@pytest.mark.parametrize("reader", ["cat", "head", "grep", "busybox"])
def test_every_reader_shows_the_same_of_pid_1(reader: str) -> None:
    whole, alone = recorded("deaf"), recorded(f"deaf-{reader}")
    assert (alone.first.caught, alone.program, alone.waits) == (whole.first.caught, whole.program, whole.waits)
    assert whole.others
    assert not alone.others


@pytest.mark.parametrize(
    ("name", "runtime"), [("go", "go"), ("node", "node"), ("java", "java"), ("python", ""), ("tini", ""), ("deaf", "")]
)
def test_runtimes_that_handle_the_signal_by_themselves(name: str, runtime: str) -> None:
    assert runtime_of(look(recorded(name))) == runtime


@pytest.mark.parametrize(
    ("masks", "does"),
    [
        ({"cgt": TERM_BIT}, HANDLED),
        ({"blk": TERM_BIT}, HANDLED),  # signalfd
        ({"ign": TERM_BIT}, IGNORED),
        ({"cgt": ~TERM_BIT & 0xFFFFFFFF}, DROPPED),
        ({"waits": "do_sigtimedwait.isra.0"}, HANDLED),
        ({"waits": "__x64_sys_rt_sigtimedwait"}, HANDLED),
        ({"waits": "0"}, UNKNOWN),  # not shown: it may be sigtimedwait
        ({"waits": "0", "cgt": TERM_BIT}, HANDLED),
        ({"waits": "0", "state": "R (running)"}, DROPPED),
    ],
)
def test_what_becomes_of_sigterm(masks: dict[str, Any], does: str) -> None:
    assert reaction(reading(**masks), TERM) == does


def test_a_kernel_that_shows_no_masks_proves_nothing() -> None:
    processes = read_processes(b"Name:\tinit\nPid:\t1\nPPid:\t0\n/bin/init\0", everything=True)
    assert processes
    assert reaction(processes, TERM) == UNKNOWN


@pytest.mark.parametrize(
    ("signal", "number"),
    [("SIGTERM", 15), ("SIGQUIT", 3), ("SIGUSR1", 10), ("SIGWINCH", 28), ("SIGRTMIN+3", 37), ("SIGRTMIN", 34)],
)
def test_the_bit_of_a_declared_stop_signal_is_looked_at(signal: str, number: int) -> None:
    assert signal_number(signal) == number
    assert reaction_to_stop(look(reading(cgt=1 << (number - 1)), stop_signal=signal)) == HANDLED
    assert reaction_to_stop(look(reading(cgt=0), stop_signal=signal)) == DROPPED


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSTOP", "nonsense", "SIGRTMIN+x"])
def test_a_signal_that_cannot_be_handled_is_no_fault_of_a_handler(signal: str) -> None:
    assert reaction_to_stop(look(reading(), stop_signal=signal)) == UNKNOWN


def test_children_and_zombies_are_those_of_pid_1() -> None:
    processes = reading(
        status(7, 1, "worker"),
        status(8, 1, state="Z (zombie)"),
        status(9, 7, state="Z (zombie)"),  # its own parent will take note
        status(10, 0, "find"),  # the exec itself
    )
    assert (processes.children, processes.zombies) == (1, 1)


def test_a_shell_with_children_keeps_the_signal_from_them() -> None:
    assert is_deaf_shell(look(recorded("wrapper")))
    assert not clears_shell(look(recorded("wrapper")))


@pytest.mark.parametrize(
    "processes",
    [
        reading(program="sh"),  # no children
        reading(status(7, 1), program="sh", cgt=TERM_BIT),  # trap
        reading(status(7, 1), program="sh", cgt=QUIT_BIT),  # a trap for what may be the image's STOPSIGNAL
        reading(status(7, 1), program="sh", everything=False),
        reading(status(7, 1), program="dumb-init"),
        reading(status(7, 1, state="Z (zombie)"), program="sh"),
    ],
)
def test_other_shells_do_not(processes: Processes) -> None:
    assert not is_deaf_shell(look(processes))


def test_a_script_is_its_shell_and_an_exec_leaves_none() -> None:
    # The name of a script's process is that of the script; its first argument is the interpreter.
    processes = read_processes(
        b"do_wait" + status(1, 0, "entrypoint.sh").encode() + b"/bin/sh\0/x.sh\0", everything=True
    )
    assert processes
    assert processes.program == "sh"
    assert clears_shell(look(recorded("go")))
    assert clears_shell(look(reading(program="sh", cgt=TERM_BIT)))
    assert not clears_shell(None)


@pytest.mark.parametrize(
    ("title", "program"),
    [
        ("nginx: master process nginx -g daemon off;", "nginx"),
        ("-sh", "sh"),
        ("/opt/app/bin/server", "server"),
        ("php-fpm: master process (/etc/php-fpm.conf)", "php-fpm"),
        ("\x1b]0;owned\x07", "app"),
        ("../../../<script>", "app"),
        ("a" * 500, "a" * 32),
        ("", "app"),
    ],
)
def test_of_the_command_line_only_the_program_is_kept(title: str, program: str) -> None:
    output = b"do_wait" + status(1, 0, "app").encode() + title.encode() + b"\0--password\0hunter2\0"
    processes = read_processes(output, everything=True)
    assert processes
    assert processes.program == program
    assert "hunter2" not in repr(processes)


def test_a_command_line_cannot_pretend_to_be_pid_1() -> None:
    forged = status(1, 0, "innocent", cgt=TERM_BIT)
    output = b"do_wait" + status(1, 0, "app").encode() + forged.encode() + b"x\0"
    processes = read_processes(output, everything=True)
    assert processes
    assert reaction(processes, TERM) == DROPPED


def test_an_endless_output_is_cut() -> None:
    output = b"do_wait" + status(1, 0).encode() + status(7, 1).encode() * (2 * MOST_BYTES // 100)
    processes = read_processes(output, everything=True)
    assert processes
    assert processes.children == 1


@pytest.mark.parametrize("output", [b"", b"\0", b"cat: can't open", b"Name:\tx\nPid:\t2\nPPid:\t1\n", b"Pid:\t1\n"])
def test_without_pid_1_there_is_nothing(output: bytes) -> None:
    assert read_processes(output, everything=True) is None


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_without_a_failure(noise: bytes, before: bool) -> None:
    real = status(1, 0).encode()
    read_processes(noise + real if before else real + noise, everything=True)


@given(st.text(max_size=40))
def test_any_number_in_any_field(text: str) -> None:
    fields = f"Name:\t{text}\nState:\t{text}\nPid:\t1\nPPid:\t0\nSigCgt:\t{text}\nSigIgn:\t{text}\nSigBlk:\t{text}\n"
    processes = read_processes(fields.encode("utf-8", "replace"), everything=True)
    assert processes is None or len(processes.first.name) <= 32
