# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What forms send: blank is as if not given, and lists come in one string."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.graceful.termination.plugins.action import audit_info, drill, pod_debug, pod_trace, remediate
from ansible_collections.graceful.termination.plugins.module_utils._k8s.auth import AUTH_OPTIONS
from ansible_collections.graceful.termination.plugins.plugin_utils.given import normalise, refuse_blank
from ansible_collections.graceful.termination.tools.options import MODULES, ROLES, ROOT, options

ACTIONS = {"audit_info": audit_info, "remediate": remediate, "drill": drill, "pod_debug": pod_debug}
ACTIONS["pod_trace"] = pod_trace
BLANK: list[Any] = ["", " ", "\n \n", [""], ["", " "], [], [[""]]]


def specs(module: str) -> dict[str, dict[str, Any]]:
    return {name: spec for place in MODULES[module] for name, spec in place.specs.items()} | AUTH_OPTIONS


LISTS = [(module, name) for module in MODULES for name, spec in specs(module).items() if spec.get("type") == "list"]
OTHERS = [
    (module, name)
    for module in MODULES
    for name, spec in specs(module).items()
    if spec.get("type") not in ("list", None)
]


def normal(module: str, **given: Any) -> dict[str, Any]:
    return normalise(given, ACTIONS[module].ActionModule.options)


@pytest.mark.parametrize(("module", "name"), LISTS)
def test_a_blank_list_is_as_if_it_were_not_given(module: str, name: str) -> None:
    assert [value for value in BLANK if normal(module, **{name: value})] == []


@pytest.mark.parametrize(("module", "name"), OTHERS)
def test_any_other_blank_option_is_as_if_it_were_not_given(module: str, name: str) -> None:
    assert normal(module, **{name: ""}) == normal(module, **{name: " \n"}) == normal(module, **{name: None}) == {}


OF_MAPS = [(module, name) for module, name in LISTS if specs(module)[name].get("elements") == "dict"]


@pytest.mark.parametrize(("module", "name"), OF_MAPS)
def test_a_list_of_maps_may_be_text(module: str, name: str) -> None:
    read = [{"reason": "a, b", "name": "w*"}]
    for value in ('[{"reason": "a, b", "name": "w*"}]', "- reason: a, b\n  name: w*\n", "reason: a, b\nname: w*"):
        assert normal(module, **{name: value}) == normal(module, **{name: [value, ""]}) == {name: read}, value
    assert normal(module, **{name: "[]"}) == {}
    assert normal(module, **{name: read[0]}) == {name: read}


@pytest.mark.parametrize("text", ["shop: [", "web", "- web", "[[]]", "- {a: 1}\n- 2"])
@pytest.mark.parametrize(("module", "name"), OF_MAPS)
def test_any_other_text_is_an_error_that_says_what_is_expected(module: str, name: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} \(termination_{name}\): a text there must be a list of maps"):
        normal(module, **{name: text})


@pytest.mark.parametrize(
    ("module", "name"), [entry for entry in LISTS if entry not in OF_MAPS and entry[1] != "impersonate_groups"]
)
def test_a_list_may_be_one_string(module: str, name: str) -> None:
    for value in ("a\nb", " a \r\n\r\n b\n", ["a\nb"], ["a", "", " b "]):
        assert normal(module, **{name: value}) == {name: ["a", "b"]}
    with_commas = normal(module, **{name: "a, b\nc"})
    assert with_commas == {name: ["a, b", "c"] if name == "label_selectors" else ["a", "b", "c"]}


def test_the_parts_of_a_selector_stay_together() -> None:
    text = "app in (web, shop),tier=front\n\n !legacy "
    assert normal("audit_info", label_selectors=text) == {
        "label_selectors": ["app in (web, shop),tier=front", "!legacy"]
    }


def test_what_is_no_text_stays_as_it_is() -> None:
    waivers = [{"rule": "pdb-*", "reason": "a, b"}]
    assert normal("audit_info", waivers=waivers, patch_owned=False) == {"waivers": waivers, "patch_owned": False}
    assert normal("remediate", waves=[1, "5%, 10%"], max_rollouts=0) == {"waves": [1, "5%", "10%"], "max_rollouts": 0}
    assert normal("drill", password=" x ", api_key="token\n", url="u") == {
        "password": " x ",
        "api_key": "token",
        "url": "u",
    }


def test_groups_keep_their_commas_in_a_list() -> None:
    group = "cn=sre,ou=groups"
    assert normal("drill", impersonate_groups=[group, ""]) == {"impersonate_groups": [group]}
    assert normal("drill", impersonate_groups="one,two") == {"impersonate_groups": "one,two"}
    assert normal("drill", impersonate_groups=f"{group}\ntwo") == {"impersonate_groups": [group, "two"]}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_lets_blank_lists_and_choices_through(role: str) -> None:
    text = (ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8")
    spec = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    needed = {name: "x" for name, entry in spec.items() if entry.get("required")}
    tolerant = {name for name, entry in spec.items() if entry["type"] in ("list", "str")} - needed.keys()
    assert len(tolerant) > 10
    refused = []
    for name in sorted(tolerant):
        lists = ("", [""], "a\nb", '[{"a": "b, c"}]') if spec[name]["type"] == "list" else ("",)
        refused += [
            (name, value)
            for value in lists
            if ArgumentSpecValidator(spec).validate(needed | {name: value}).error_messages
        ]
    assert refused == []
    secrets = [name for name, entry in spec.items() if entry.get("no_log")]
    assert secrets == [f"termination_{name}" for name, entry in AUTH_OPTIONS.items() if entry.get("no_log")]


def test_every_role_has_every_option_of_a_connection() -> None:
    assert {name for role in ROLES.values() for name in AUTH_OPTIONS if name not in options(role.module)} == set()


@pytest.mark.parametrize(
    "given",
    [
        {"namespaces": ""},
        {"namespaces": [""], "names": ["web"]},
        {"namespaces": []},
        {"names": "", "label_selectors": " "},
        {"label_selectors": [""]},
        {"source": " ", "namespaces": ["shop"]},
        {"context": "", "namespaces": ["shop"]},
        {"kubeconfig": "", "host": None},
    ],
)
def test_what_says_what_is_changed_must_not_be_blank(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is blank.*nothing was done"):
        refuse_blank(given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"namespaces": ["*"]},
        {"namespaces": "shop", "names": "", "label_selectors": [""], "exclude_namespaces": ""},
        {"namespaces": None, "names": None},
        {"names": ["web"], "label_selectors": ""},
        {"context": "", "kubeconfig": "/path"},
        {"source": "deploy", "namespaces": "", "context": ""},
    ],
)
def test_what_may_be_blank(given: dict[str, Any]) -> None:
    refuse_blank(given)
