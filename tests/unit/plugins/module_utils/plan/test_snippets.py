# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering the snippets of templates/, and what becomes of a template that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import SnippetError, Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DEFAULT_VARIABLES,
    DEREGISTRATION_DELAY,
    DISRUPTION_BUDGET,
    READINESS_GATE,
    READY_ADDRESSES,
    REMEDIES,
    STUCK_POD,
    TERMINATION_ALERTS,
    TRACE,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import TEMPLATES

# New ones, and those around a workload.
OF_OTHER_OBJECTS = {
    *(DEREGISTRATION_DELAY, DISRUPTION_BUDGET, READINESS_GATE, READY_ADDRESSES, TERMINATION_ALERTS),
    *(STUCK_POD, TRACE),
}
COMMON: dict[str, Any] = {
    "workload": {"kind": "Deployment", "namespace": "shop", "name": "web"},
    "container": "app",
    "containers": "containers",
    "seconds": 10,
    "grace_seconds": 40,
    "replaces": [],
    "windows": False,
}


def own(text: str) -> Snippets:
    """The snippets of a user whose prestop-sleep is this text."""
    return Snippets({"prestop-sleep": ("snippets/prestop-sleep.yaml.j2", text)})


def patch(text: str, kind: str = "Deployment", **variables: Any) -> dict[str, Any]:
    """What a user's template renders to, as a patch."""
    return own(text).patch("prestop-sleep", kind, COMMON | variables)


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
@pytest.mark.parametrize("remedy", REMEDIES)
def test_each_template_renders_to_one_yaml_map(remedy: str, kind: str) -> None:
    text = Snippets(TEMPLATES).render(remedy, kind, COMMON | DEFAULT_VARIABLES.get(remedy, {}))
    assert set(yaml.safe_load(text)) & {"spec", "metadata"} or remedy == TRACE  # that one is for a playbook
    assert text.endswith("\n")
    assert "\n\n" not in text


@pytest.mark.parametrize("remedy", sorted(set(REMEDIES) - OF_OTHER_OBJECTS))
def test_each_template_but_those_of_other_objects_is_a_patch(remedy: str) -> None:
    values = COMMON | DEFAULT_VARIABLES.get(remedy, {})
    assert set(Snippets(TEMPLATES).patch(remedy, "Deployment", values)) == {"spec"}


def test_the_handler_that_is_replaced_is_sent_as_null() -> None:
    rendered = Snippets(TEMPLATES).patch("prestop-sleep", "Deployment", COMMON | {"replaces": ["exec"]})
    (container,) = rendered["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"] == {"exec": None, "sleep": {"seconds": 10}}


@pytest.mark.parametrize("name", ['a": null, "b', "a\nspec: {}", "{{ 7 * 7 }}", "'", "*a", "é"])
def test_a_name_never_becomes_yaml_or_jinja(name: str) -> None:
    rendered = Snippets(TEMPLATES).patch("prestop-sleep", "Deployment", COMMON | {"container": name})
    assert rendered["spec"]["template"]["spec"]["containers"][0]["name"] == name


@pytest.mark.parametrize(
    "text",
    [
        "spec:\n  template:\n    spec:\n      terminationGracePeriodSeconds: 5\n",
        "# ours\nspec:\n    template:\n        spec: {terminationGracePeriodSeconds: 5}\n",
        "spec: {template: {spec: {terminationGracePeriodSeconds: 5}}}",
        "---\nspec:\n  template: {spec: {terminationGracePeriodSeconds: 5}}\n",
    ],
)
def test_a_cronjob_gets_it_where_its_pods_are(text: str) -> None:
    template = {"spec": {"terminationGracePeriodSeconds": 5}}
    assert patch(text) == {"spec": {"template": template}}
    assert patch(text, "CronJob") == {"spec": {"jobTemplate": {"spec": {"template": template}}}}


def test_for_a_cronjob_comments_move_along() -> None:
    text = own("spec:\n  template:\n    # why\n    spec:\n      terminationGracePeriodSeconds: 5\n")
    assert text.render("prestop-sleep", "CronJob", COMMON) == (
        "spec:\n  jobTemplate:\n    spec:\n      template:\n        # why\n        spec:\n"
        "          terminationGracePeriodSeconds: 5\n"
    )


def test_a_syntax_error_names_file_and_line() -> None:
    with pytest.raises(SnippetError, match=r"^snippets/prestop-sleep\.yaml\.j2:2: Expected an expression"):
        own("spec:\n{% for a in %}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec:\n  a: {{ missing }}", "prestop-sleep.yaml.j2:2: 'missing' is undefined"),
        ("spec:\n  a: {{ missing | quoted }}", "prestop-sleep.yaml.j2:2: "),
        ("spec:\n\n  a: {{ 1 / 0 }}", "prestop-sleep.yaml.j2:3: division by zero"),
        ("spec:\n  a: {{ seconds + 's' }}", "prestop-sleep.yaml.j2:2: unsupported operand"),
        ("{{ ''.__class__.__mro__ }}", "prestop-sleep.yaml.j2:1: .*unsafe"),
        ("{{ range(10**9) | list }}", "prestop-sleep.yaml.j2:1: Range too big"),
        ("spec: [", "prestop-sleep.yaml.j2: renders to YAML that cannot be read"),
        ("spec: {}\n---\nspec: {}", "prestop-sleep.yaml.j2: renders to YAML that cannot be read"),
        ("spec: &a {b: *a}", "prestop-sleep.yaml.j2: renders to YAML that cannot be read"),
        ("spec: {a: 2027-01-31}", "prestop-sleep.yaml.j2: renders to YAML that cannot be read"),
        ("", "must render to a map with the one key spec"),
        ("spec: 5", "must render to a map with the one key spec"),
        ("spec: {}\nkind: Deployment", "must render to a map with the one key spec"),
        ("- spec", "must render to a map with the one key spec"),
    ],
)
def test_a_template_that_cannot_be_used_names_file_line_and_reason(text: str, message: str) -> None:
    with pytest.raises(SnippetError, match=message):
        patch(text)


def test_a_remedy_without_template_is_named() -> None:
    with pytest.raises(SnippetError, match=r"no template grace-period\.yaml\.j2"):
        own("").render("grace-period", "Deployment", COMMON)
