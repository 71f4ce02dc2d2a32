# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pause that a broken hook was written for."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Handler
from ansible_collections.graceful.termination.plugins.module_utils.workload.intended import intended_pause


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (("sleep 20",), 20),
        (("/bin/sh -c sleep 20",), 20),
        (("sh", "-c", "sleep", "20"), 20),
        (("sh", "sleep 20"), 20),
        (("sh", "-c", "'sleep 20'"), 20),
        (("echo", "stopping", "&&", "sleep", "20"), 20),
        (("sleep", "20", "&&", "nginx", "-s", "quit"), 20),
        (("sleep", "20;"), 20),
        (("sleep", "1m"), 60),
        (("sleep", "0.5m"), 30),
        (("sleep", "1.2"), 2),
        (("sh", "-c", "sleep 20 &"), 20),
        (("sh", "-c", "sleep 5 & sleep 15 &"), 20),
        (("/bin/sleep 90",), 90),
        (("sleep", "90"), 90),  # on Windows
        (("Start-Sleep", "-Seconds", "40"), 40),
        (("cmd /c timeout /t 30",), 30),
    ],
)
def test_a_pause_that_can_be_read(words: tuple[str, ...], seconds: int) -> None:
    assert intended_pause(Handler("exec", command=words)) == seconds


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("touch", "/tmp/stopping"),
        ("sleep",),
        ("sleep", "$DELAY"),
        ("sleep", "20ms"),
        ("/app/oversleep 20",),
        ("/app/no-sleep 20",),
        ("sh", "-c", "# sleep 20"),
        ("sh", "-c", "true # sleep 20\ntrue"),
        ("sh", "-c", "while true; do sleep 20; done &"),
        ("sh", "-c", "for i in 1 2; do sleep 20; done &"),
    ],
)
def test_no_pause_is_guessed(words: tuple[str, ...]) -> None:
    assert intended_pause(Handler("exec", command=words)) == 0
