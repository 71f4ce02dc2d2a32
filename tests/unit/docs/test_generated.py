# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that are made from code are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tools.other_linters import OTHERS
from ansible_collections.graceful.termination.tools.rules_page import render_rules

ROOT = Path(__file__).resolve().parents[3]


def catalogue():
    return render_rules(Snippets(read_templates(None)))


def test_the_rule_catalogue_is_current():
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == catalogue(), "run make docs"


def test_every_snippet_of_the_catalogue_is_yaml_and_has_a_rule():
    snippets = re.findall(r"^```yaml\n(.*?)^```$", catalogue(), re.M | re.S)
    assert len(snippets) == sum(len(rule.remedies) for rule in RULES)
    assert all(isinstance(yaml.safe_load(text), dict) for text in snippets)


def test_every_id_of_another_tool_leads_to_a_rule_or_says_why_not():
    known = {rule.id for rule in RULES}
    assert [other.ids for other in OTHERS if not set(other.rules) <= known] == []
    assert [other.ids for other in OTHERS if not other.rules and not other.note.startswith("no rule: ")] == []
    ids = [(other.tool, name) for other in OTHERS for name in other.ids]
    assert len(set(ids)) == len(ids)


def test_no_cell_of_a_table_breaks_it():
    for line in catalogue().splitlines():
        if line.startswith("| "):
            assert line.count("|") in (5, 6), line


def test_the_readme_names_every_rule():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f"`{rule.id}`" not in readme] == []
