# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull secrets that are missing, and those that nobody could look for."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.apply.preflight.pull_secrets import (
    account_of,
    judge_secrets,
    named_secrets,
)
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable
from ansible_collections.graceful.termination.plugins.module_utils.plan.clearance import Verdict


def test_one_that_is_there_or_none_at_all_is_nothing() -> None:
    assert judge_secrets({}, "its template") == Verdict()
    assert judge_secrets({"a": True, "b": True}, "its template") == Verdict()


def test_where_all_are_missing_there_is_nothing_to_pull_with() -> None:
    (text,) = judge_secrets({"regcred": False}, "its template").blocks
    assert text == (
        "pull secret regcred, which its template names, does not exist: without it, only public images and "
        "images already on the node start; create it or name another one"
    )


def test_where_another_one_is_there_or_may_be_it_is_only_told() -> None:
    assert judge_secrets({"a": False, "b": True}, "its template") == Verdict(
        notes=("pull secret a, which its template names, does not exist",)
    )
    verdict = judge_secrets({"a": False, "b": "no right (403)"}, "its template")
    assert not verdict.blocks and len(verdict.notes) == 2


def test_what_nobody_could_look_for_is_said_once() -> None:
    assert judge_secrets({"a": "no right (403)", "b": "no right (403)"}, "its template") == Verdict(
        notes=("pull secrets: not checked: no right (403)",)
    )


def test_the_names() -> None:
    assert named_secrets({"imagePullSecrets": [{"name": "a"}, {}, {"name": "b"}]}, "spec") == ("a", "b")
    assert named_secrets({}, "spec") == ()
    assert account_of({}) == "default"
    assert account_of({"serviceAccountName": "web"}) == "web"
    with pytest.raises(Unreadable):
        named_secrets({"imagePullSecrets": ["a"]}, "spec")
