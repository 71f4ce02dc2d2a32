# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that a cluster, a file or a server chose, in every field, message and header: none of it moves a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.text import json_text
from ansible_collections.graceful.termination.plugins.module_utils.prove.debug.summary import render as render_debug
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.summary import render as render_drill
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.summary import render as render_trace
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.svg import draw
from ansible_collections.graceful.termination.plugins.module_utils.report.document import action_entry
from ansible_collections.graceful.termination.plugins.plugin_utils import report_action, stop_action
from ansible_collections.graceful.termination.plugins.plugin_utils.screen import visible_result
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.debug.test_observed import debugged
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.servers import serving
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.test_run import (
    drilled,
    short_uploads,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import NAMES, Story
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import (
    finding,
    report,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.scripted_action import Scripted
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.test_report_action import Action, run
from ansible_collections.graceful.termination.tests.unit.plugins.plugin_utils.test_stop_action import (
    Action as StoppingAction,
)

# A link, NUL, an escape sequence, its C1 form, a bell, a bidirectional override, line ends of all kinds, what is not to
# be seen, a window title, half of a surrogate pair.
HOSTILE = "\x1b]8;;http://a.example/\x1b\\link\x1b]8;;\x1b\\\x00"
HOSTILE += "\x1b[2J\x9b31m\x07\u202e\u2066\r\n\x85\u2028\u2029\x0b\x7f\u200b\ufeff\x1b]0;title\x07\udcff"
# What the product itself chooses, and a reader looks up.
OWN = {"schema", "severity", "status", "mode", "type", "evidence", "remedy", "generated_at", "version", "rule", "kind"}
OWN |= {"level", "result", "cause"}


def poisoned(value: Any, key: str = "") -> Any:
    """A report in which every text that comes from elsewhere goes on with HOSTILE."""
    if isinstance(value, dict):
        return {name: poisoned(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    return value + HOSTILE if isinstance(value, str) and key not in OWN else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from (name, *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def require_harmless(text: str, lines: str = "\n") -> None:
    bad = [char for char in text if not char.isprintable() and char not in lines]
    assert not bad, f"{bad[0]!r} in {text!r}"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(report_action.display, "display", lines.append)
    monkeypatch.setattr(report_action, "wants_color", lambda: False)
    return lines


STATUSES = ("failed", "refused", "skipped", "changed", "would-change", "unchanged")


@pytest.mark.parametrize("mode", ["audit", "remediate", "check"])
def test_every_field_of_a_report(tmp_path: Path, shown: list[str], mode: str) -> None:
    web, db = workload("web"), workload("db", kind="StatefulSet")
    made = report(
        [web, db],
        [finding(web), finding(db, status="suppressed", reason="known")],
        not_evaluated=[{"rule": "all", "reason": "no right", "scope": "namespace shop", "count": 1}],
        skipped=[{"file": "a.yaml", "line": 1, "reason": "broken"}, {"object": "shop/Deployment/x", "reason": "odd"}],
    )
    actions = [action_entry(f"shop/Deployment/{status}", "a.yaml", 1, status, "why") for status in STATUSES]
    hostile = poisoned(made | {"actions": [entry | {"fields": ["spec.template"]} for entry in actions], "mode": mode})
    result = run(Action(tmp_path, hostile, report_dir=str(tmp_path / "report"), fail_on="error"))
    for text in (*shown, *texts(result)):
        require_harmless(text)
    for file in ("report.json", "report.md"):
        require_harmless((tmp_path / "report" / file).read_text(encoding="utf-8"))
    assert json.loads((tmp_path / "report/report.json").read_text()) == hostile, "it is the same data"


def test_a_module_that_fails_with_what_a_server_said(tmp_path: Path, shown: list[str]) -> None:
    action = Action(tmp_path, None)
    action.answers = [({"failed": True, "msg": f"prod: {HOSTILE}", "warnings": [HOSTILE]}, None)]
    for text in texts(run(action)):
        require_harmless(text, lines="")


def test_headers_and_lines_of_a_diff() -> None:
    diff = {
        "before_header": f"a{HOSTILE}",
        "after_header": f"a{HOSTILE}",
        "before": f"x: 1{HOSTILE}\n",
        "after": "\t#\n",
    }
    (shown,) = visible_result({"diff": [diff]})["diff"]
    require_harmless(shown["before_header"] + shown["after_header"], lines="")
    require_harmless(shown["before"], lines="\n")
    assert shown["after"] == "\t#\n"
    assert shown["before"].count("\n") == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("color", [False, True])
def test_every_field_of_a_trace(name: str, color: bool) -> None:
    trace = poisoned(Story(name).document() | {"files": ["/r/trace.json"]})
    require_harmless(without_colors(render_trace(trace, width=100, color=color)))
    drawn = draw(trace)
    require_harmless(drawn)
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    require_same_data(trace)


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("after", [None, 0.0])
def test_every_field_of_what_was_seen_inside(after: float | None, color: bool) -> None:
    seen = poisoned(debugged(after) | {"files": ["/r/debug.json"]})
    require_harmless(without_colors(render_debug(seen, width=100, color=color)))
    require_same_data(seen)


@pytest.mark.parametrize("color", [False, True])
def test_every_field_of_a_drill(color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    short_uploads(monkeypatch)
    with serving() as server:
        drill = poisoned(drilled(server) | {"hints": ["h"], "files": ["/r/drill.json"]})
    require_harmless(without_colors(render_drill(drill, width=100, color=color)))
    require_same_data(drill)


def without_colors(text: str) -> str:
    """Without the colours that the product itself adds."""
    return re.sub(r"\x1b\[[0-9]{1,2}m", "", text)


def require_same_data(document: dict[str, Any]) -> None:
    """A file has the same data, and nothing in it acts on a terminal."""
    text = json_text(document, indent=1)
    require_harmless(text)
    assert json.loads(text) == json.loads(json.dumps(document))


def test_what_check_mode_says_of_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(stop_action.display, "display", lines.append)
    monkeypatch.setattr(Scripted, "run", lambda *_arguments: {})
    answer = {"changed": True, "msg": HOSTILE, "warnings": [HOSTILE]}
    result = StoppingAction(tmp_path, (answer, None), check_mode=True).run(None, {"inventory_hostname": HOSTILE})
    for text in (*texts(result), *lines):
        require_harmless(text, lines="")
    assert lines


def test_what_is_no_text_stays_what_it_is() -> None:
    other = object()
    result = {"changed": True, "n": 1.5, "none": None, "other": other, "list": [1, {"a": "ü\u202e"}]}
    assert visible_result(result) == result | {"list": [1, {"a": "ü\\u202e"}]}
