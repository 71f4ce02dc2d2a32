# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that are made from code are up to date."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.tools.generated import generated
from ansible_collections.graceful.termination.tools.messages import UnknownConstructor, read_messages
from ansible_collections.graceful.termination.tools.messages_page import render_messages
from ansible_collections.graceful.termination.tools.other_linters import OTHERS
from ansible_collections.graceful.termination.tools.terminal_picture import draw_terminal

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return generated()


@pytest.fixture
def catalogue(files: dict[str, str]) -> str:
    return files["rules.md"]


@pytest.mark.parametrize("name", ["messages.md", "report-example.svg", "rules.md", "servers.md", "trace-example.svg"])
def test_a_generated_file_is_current(name: str, files: dict[str, str]) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == files[name], "run make docs"


def test_every_snippet_of_the_catalogue_is_yaml_and_has_a_rule(catalogue: str) -> None:
    snippets = re.findall(r"^```yaml\n(.*?)^```$", catalogue, re.M | re.S)
    assert len(snippets) == sum(len(rule.remedies) for rule in RULES)
    assert all(isinstance(yaml.safe_load(text), dict) for text in snippets)


def test_every_id_of_another_tool_leads_to_a_rule_or_says_why_not() -> None:
    known = {rule.id for rule in RULES}
    assert [other.ids for other in OTHERS if not set(other.rules) <= known] == []
    assert [other.ids for other in OTHERS if not other.rules and not other.note.startswith("no rule: ")] == []
    ids = [(other.tool, name) for other in OTHERS for name in other.ids]
    assert len(set(ids)) == len(ids)


def test_no_cell_of_a_table_breaks_it(catalogue: str) -> None:
    for line in catalogue.splitlines():
        if line.startswith("| "):
            assert line.count("|") in (5, 6), line


def test_the_list_of_losses_names_every_rule() -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f"`{rule.id}`" not in page] == []


def messages(source: str) -> list[tuple[str, str]]:
    return [(message.kind, message.text) for message in read_messages(ast.parse(source))]


def test_a_message_has_its_kind_and_holes() -> None:
    found = messages('yield Hit(f"preStop takes {hook.seconds} s of {grace} s", "path")')
    assert found == [("finding", "preStop takes <seconds> s of <grace> s")]


def test_a_message_is_followed_through_a_variable_and_a_function() -> None:
    assert messages('def f():\n    text = "no hook at all"\n    return Hit(text)') == [("finding", "no hook at all")]
    followed = messages('def _why():\n    return "no hook at all"\n\n\nx = Hit(_why())')
    assert followed == [("finding", "no hook at all")]


def test_a_function_that_makes_a_remedy_gives_its_texts_that_kind() -> None:
    found = messages(
        'def _fix(why) -> Remedy:\n    return Remedy("x", why)\n\n\nx = Hit("no hook", "p", _fix("ask you"))'
    )
    assert found == [("finding", "no hook"), ("manual", "ask you")]


def test_what_no_user_sees_is_no_message() -> None:
    assert messages('"""A docstring of a module."""\nX = re.compile("a b|c d")\nassert x, "never so here"') == []


def test_an_unknown_constructor_fails() -> None:
    with pytest.raises(UnknownConstructor, match="Novelty"):
        messages('Novelty("a text for the user")')


def test_the_page_of_messages_knows_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "module_utils" / "prove"
    folder.mkdir(parents=True)
    (folder / "x.py").write_text("NOTE = 'the pod has `ended` | or not'\n", encoding="utf-8")
    page = render_messages(tmp_path / "plugins")
    assert "## plugins/module_utils/prove\n\n### x.py" in page
    assert "| proof | ``the pod has `ended` \\| or not`` |" in page


def test_the_picture_of_a_terminal_holds_all_its_words_and_escapes_them() -> None:
    svg = draw_terminal("\x1b[31mERROR\x1b[0m  a < b & c\n  next", 40, 'a "title"')
    root = ElementTree.fromstring(svg)
    assert [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")] == ["ERROR", "a < b & c", "next"]
    with pytest.raises(ValueError, match="95"):
        draw_terminal("\x1b[95mx", 40, "")
