# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a drill."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.kube.resources import ROLLING
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DRILL_OPTIONS
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import options

ROOT = Path(__file__).resolve().parents[6]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rounds": 0}, "rounds: 0 is less than 1"),
        ({"rate": 0}, "rate: 0 is less than 1"),
        ({"max_lost": -1}, "max_lost: -1 is less than 0"),
        ({"kinds": ["CronJob"]}, "kinds: CronJob: a drill stops pods of Deployment, StatefulSet, DaemonSet only"),
        ({"url": "shop.example.com"}, "url: not of the form"),
        ({"url": "ftp://shop.example.com/"}, "url: not of the form"),
        ({"url": "http://shop.example.com:x/"}, "url: not of the form"),
        ({"url": "http://jane:secret@shop.example.com/"}, "url: a user name or password"),
    ],
)
def test_what_is_wrong_is_named(given, words):
    with pytest.raises(ValueError, match=words) as caught:
        options(**given)
    assert "secret" not in str(caught.value)


def test_kinds_that_have_no_rollout_are_left_out():
    assert options(kinds=["CronJob", "DaemonSet"]).selection.kinds == ("DaemonSet",)


def test_the_folder_is_relative_to_where_the_person_is():
    assert options(report_dir="build", _directory="/home/jane").folder == "/home/jane/build"
    assert options(report_dir="/tmp/x", _directory="/home/jane").folder == "/tmp/x"


def test_the_role_and_the_module_have_the_same_defaults():
    """Those of the module's documentation are compared by the sanity tests."""
    role = yaml.safe_load((ROOT / "roles/drill/defaults/main.yml").read_text(encoding="utf-8"))
    names = {variable: variable.removeprefix("termination_").removeprefix("drill_") for variable in role}
    given = {names[variable]: value for variable, value in role.items() if variable != "termination_kinds"}
    assert given == {name: DRILL_OPTIONS[name]["default"] for name in given}
    assert tuple(role["termination_kinds"]) == ROLLING
    documented = yaml.safe_load((ROOT / "roles/drill/meta/argument_specs.yml").read_text(encoding="utf-8"))
    described = documented["argument_specs"]["main"]["options"]
    assert role == {name: option["default"] for name, option in described.items() if "default" in option}
