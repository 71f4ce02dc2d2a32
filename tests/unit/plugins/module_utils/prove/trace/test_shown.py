# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing and the text: readable, complete, and safe whatever the names are."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.text import cells
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.summary import render
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.svg import draw
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.verdict import CAUSES
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import NAMES, Story

ROOT = Path(__file__).resolve().parents[6]
HOSTILE = '"/><script>alert(1)</script><x y="\x1b[31m\u202e&' + "n" * 300
SVG = "{http://www.w3.org/2000/svg}"


def hostile() -> dict[str, Any]:
    trace = copy.deepcopy(Story("long-hook").document())
    trace["pod"] |= {"name": HOSTILE, "namespace": HOSTILE, "services": [HOSTILE], "node": HOSTILE, "workload": HOSTILE}
    for holder in (*trace["containers"], *trace["steps"], *trace["causes"], trace["verdict"]):
        for key in ("name", "subject", "note", "container", "text", "title"):
            if key in holder:
                holder[key] = HOSTILE
    trace["notes"] = [HOSTILE]
    trace["not_observed"] = [{"watch": "events", "reason": HOSTILE}]
    return trace


@pytest.mark.parametrize("name", NAMES)
def test_the_drawing_is_xml_with_a_row_for_each_part(name: str) -> None:
    root = ElementTree.fromstring(draw(Story(name).document()))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for label in (f"endpoint {name}", "web", "pod object", "replacement", "removed"):
        assert label in texts
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for shape in root.iter(f"{SVG}rect"):
        assert 0 <= float(shape.get("x", 0)) <= float(shape.get("x", 0)) + float(shape.get("width", 0)) <= width
        assert 0 <= float(shape.get("y", 0)) + float(shape.get("height", 0)) <= height


def test_the_drawing_escapes_what_others_wrote() -> None:
    drawn = draw(hostile())
    root = ElementTree.fromstring(drawn)
    names = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert names <= {"svg", "rect", "text", "line", "circle", "title"}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn


def test_the_preStop_bar_ends_where_the_grace_period_does() -> None:
    root = ElementTree.fromstring(draw(Story("long-hook").document()))
    bars = {title.text: piece for piece in root.iter(f"{SVG}rect") for title in piece.iter(f"{SVG}title")}
    line = next(line for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray"))
    end = float(bars["preStop"].attrib["x"]) + float(bars["preStop"].attrib["width"])
    assert end == pytest.approx(float(line.attrib["x1"]), abs=20)
    assert "SIGTERM to end" in bars


def test_an_interrupted_trace_is_drawn_too() -> None:
    story = Story("slow-drain").without(lambda entry: entry.type == "DELETED" or "Succeeded" in str(entry.obj))
    story.status = "interrupted"
    drawn = draw(story.document())
    assert "interrupted" in drawn
    assert "end not observed" in drawn


def test_of_many_containers_some_rows_are_left_out_and_that_is_said() -> None:
    trace = Story("deaf").document()
    trace["containers"] = [{**trace["containers"][0], "name": f"c{number}"} for number in range(60)]
    assert "more rows are in the JSON file" in draw(trace)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [20, 80, 100, 160])
def test_the_text_fits_and_ends_with_the_verdict(name: str, width: int) -> None:
    trace = Story(name).document()
    text = render(trace, width=width)
    assert all(cells(line) <= max(width, 76) for line in text.splitlines())
    assert trace["verdict"]["title"].split()[0] in text
    assert "not observable" in text


def test_the_text_hides_nothing_and_acts_on_nothing() -> None:
    text = render(hostile(), width=100)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31m" in text


def test_the_page_shows_what_a_recorded_termination_gives() -> None:
    page, trace = (ROOT / "docs/trace.md").read_text(encoding="utf-8"), Story("long-hook").document()
    assert f"```\n{render(trace, width=100)}```\n" in page
    assert (ROOT / "docs/trace-example.svg").read_text(encoding="utf-8") == draw(trace)


@pytest.mark.parametrize("document", ["docs/trace.md", "plugins/modules/pod_trace.py"])
def test_every_cause_is_documented(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert not [cause for cause in CAUSES if f"`{cause}`" not in text and f"V({cause})" not in text]


def test_colors_are_all_that_color_adds() -> None:
    import re

    trace = Story("deaf").document()
    colored = render(trace, color=True)
    assert "\x1b[31m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == render(trace)
