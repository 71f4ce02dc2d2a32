# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a drill."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import options


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rounds": 0}, "rounds: 0 is less than 1"),
        ({"rate": 0}, "rate: 0 is less than 1"),
        ({"rate": 1001}, "rate: 1001 is more than 1000"),
        ({"rate": 10**9}, "rate: 1000000000 is more than 1000"),
        ({"rounds": 10**9}, "rounds: 1000000000 is more than 1000"),
        ({"max_lost": -1}, "max_lost: -1 is less than 0"),
        ({"kinds": ["CronJob"]}, "kinds: CronJob: a drill stops pods of Deployment, StatefulSet, DaemonSet only"),
        ({"url": "shop.example.com"}, "url: not of the form"),
        ({"url": "ftp://shop.example.com/"}, "url: not of the form"),
        ({"url": "http://shop.example.com:x/"}, "url: not of the form"),
        ({"url": "http://jane:secret@shop.example.com/"}, "url: reports would show the user name or password"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        options(**given)
    assert "secret" not in str(caught.value)


def test_kinds_that_have_no_rollout_are_left_out() -> None:
    assert options(kinds=["CronJob", "DaemonSet"]).selection.kinds == ("DaemonSet",)


def test_the_folder_is_relative_to_where_the_person_is() -> None:
    assert options(report_dir="build", _directory="/home/jane").folder == "/home/jane/build"
    assert options(report_dir="/tmp/x", _directory="/home/jane").folder == "/tmp/x"
