# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label selectors of objects and of people."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.selectors import (
    Selecting,
    Selector,
    parse_selector,
)

WEB = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=shop", False),
        ("app!=shop", True),
        ("owner!=shop", True),  # a missing key is not equal
        ("app", True),
        ("!app", False),
        ("!owner", True),
        ("app in (shop, web)", True),
        ("app in(web)", True),
        ("app notin (shop,web)", False),
        ("owner notin (shop)", True),
        ("app=web,tier in (front,back),!owner", True),
        ("app=web,tier=back", False),
        ("empty=", False),
        ("app.kubernetes.io/name=web", False),
        ("", True),
    ],
)
def test_the_text_form_is_that_of_kubectl(text: str, matches: bool) -> None:
    assert parse_selector(text).matches(WEB) is matches


def test_a_value_may_be_empty() -> None:
    assert parse_selector("legacy=").matches({"legacy": ""})


@pytest.mark.parametrize("text", ["app in web", "app=a=b", "app=(x)", "size>5", "a b", "=web", "app in (a"])
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        parse_selector(text)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "owner": "me"}}, False),  # every label, not any
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "web"]}]}, True),
        ({"matchExpressions": [{"key": "owner", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_label_selector_is_met_in_full(selector: dict[str, Any], matches: bool) -> None:
    assert Selector.of_object(selector).matches(WEB) is matches


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": ["app"]},
        {"matchExpressions": {"key": "app"}},
        {"matchExpressions": ["app"]},
        {"matchExpressions": [{"key": "app", "operator": "Equals", "values": ["web"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": 5}]},
        {"matchExpressions": [{"key": "app", "operator": "In"}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["web"]}]},
    ],
)
def test_a_label_selector_that_the_api_server_refuses_is_refused(selector: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|is not In"):
        Selector.of_object(selector)


SELECTORS: dict[str, dict[str, Any]] = {
    "all of two": {"matchLabels": {"app": "web", "tier": "front"}},
    "another": {"matchLabels": {"app": "shop"}},
    "one of some": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop", "web"]}]},
    "anything": {},
    "not the value": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    "the key": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    "the first label alone": {"matchLabels": {"app": "web", "tier": "back"}},
    "one": {"matchLabels": {"tier": "front"}},
}


def test_what_selects_a_pod_is_found_in_its_order_and_once() -> None:
    found: Selecting[str] = Selecting()
    for name, selector in SELECTORS.items():
        found.add(Selector.of_object(selector), name)
    assert found.of(WEB) == ["all of two", "one of some", "anything", "the key", "one"]
    assert found.of({"app": "shop"}) == ["another", "one of some", "anything", "not the value"]
    assert found.of({}) == ["anything", "not the value"]


def test_a_large_namespace_is_not_asked_as_a_whole() -> None:
    found: Selecting[int] = Selecting()
    for number in range(4000):
        found.add(Selector.of_labels({"app": f"app-{number}"}), number)
    started = time.process_time()
    assert [found.of({"app": f"app-{number}"}) for number in range(4000)] == [[number] for number in range(4000)]
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"matchLabels": {"app": "web", "tier": "edge"}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]},
        {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["core"]}]},
        {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
    ],
)
def test_a_selector_is_written_as_it_was_read(selector: dict[str, Any]) -> None:
    assert Selector.of_object(selector).as_object() == selector


def test_two_conditions_on_one_label_are_both_kept() -> None:
    twice = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}],
    }
    assert Selector.of_object(Selector.of_object(twice).as_object()) == Selector.of_object(twice)
    contrary = Selector.of_object(
        {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}
    )
    assert Selector.of_object(contrary.as_object()) == contrary
