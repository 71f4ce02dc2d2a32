# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of hooks in Windows containers."""

from __future__ import annotations

import math

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.spans import ANY, Span
from ansible_collections.graceful.termination.plugins.module_utils.workload.windows import execute_on_windows


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (("powershell", "-Command", "Start-Sleep -Seconds 40"), 40),
        (("powershell.exe", "-NoProfile", "-Command", "Start-Sleep", "-Seconds", "40"), 40),
        (("powershell", "Start-Sleep 40"), 40),
        (("powershell", "-c", "start-sleep -s 40"), 40),
        (("powershell", "-ExecutionPolicy", "Bypass", "-Command", "Start-Sleep -Milliseconds 5000"), 5),
        (("powershell", "-Command", "Write-Host 'bye'; Start-Sleep 20; Start-Sleep 5"), 25),
        (("powershell", "-Command", "& { Start-Sleep 20 }"), 20),
        (("powershell", "-Command", "sleep 20"), 20),  # an alias
        (("pwsh", "-Command", "Start-Sleep 20"), 20),
        (("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "-Command", "Start-Sleep 20"), 20),
        (("cmd", "/c", "ping -n 21 127.0.0.1 >nul"), 20),
        (("cmd", "/S", "/C", "ping", "-n", "21", "localhost", ">", "NUL"), 20),
        (("cmd.exe", "/c", "echo bye & ping -n 6 127.0.0.1 > nul && ping -n 6 127.0.0.1 > nul"), 10),
        (("ping", "-n", "21", "127.0.0.1"), 20),
        (("cmd", "/c", "powershell -Command Start-Sleep 20"), 20),
    ],
)
def test_a_command_that_waits(words: tuple[str, ...], seconds: float) -> None:
    execution = execute_on_windows(words)
    assert (execution.span, execution.fault) == (Span(seconds, seconds), "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("sleep", "90"), "Windows has no program"),
        (("/bin/sh", "-c", "sleep 90"), "Windows has no program"),
        (("bash", "-c", "sleep 90"), "Windows has no program"),
        (("powershell -Command Start-Sleep 90",), "Windows has no program"),
        (("Start-Sleep", "-Seconds", "90"), "a command of PowerShell"),
        (("echo", "bye"), "a command of cmd"),
        ((), "the API server refuses"),
    ],
)
def test_a_command_that_fails_at_once(words: tuple[str, ...], why: str) -> None:
    execution = execute_on_windows(words)
    assert execution.span == Span(0, 0)
    assert why in execution.fault


@pytest.mark.parametrize(
    ("words", "most"),
    [
        (("timeout", "/t", "20"), 20),  # ends at once without a console
        (("cmd", "/c", "timeout /t 20 /nobreak"), 20),
        (("cmd", "/c", "timeout", "20"), 20),
        (("ping", "-n", "21", "127.0.0.1", ">nul"), math.inf),  # without cmd, it is an operand of ping
        (("ping", "-n", "21", "192.0.2.1"), math.inf),
        (("powershell", "-File", "C:\\stop.ps1"), math.inf),
        (("powershell", "-Command", "Start-Sleep $env:DELAY"), math.inf),
        (("powershell", "-Command", "while ($true) { Start-Sleep 1 }"), math.inf),
        (("C:\\app\\drain.exe", "90"), math.inf),
        (("cmd", "/c", "C:\\stop.cmd"), math.inf),
    ],
)
def test_a_command_of_which_not_all_is_known(words: tuple[str, ...], most: float) -> None:
    assert execute_on_windows(words).span == Span(0, most)


@pytest.mark.parametrize(
    "words", [("cmd", "/c", "echo bye"), ("cmd", "/c", "sleep 20"), ("powershell", "-Command", "")]
)
def test_a_command_that_returns_at_once(words: tuple[str, ...]) -> None:
    assert execute_on_windows(words).span == Span(0, 0)


def test_what_is_not_known_may_take_any_time() -> None:
    assert execute_on_windows(("C:\\app\\drain.exe",)).span == ANY
