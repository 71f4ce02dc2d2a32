# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of docs/ that are made from code, examples and recordings. make docs writes them; a test compares them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.prove.trace.svg import draw
from ansible_collections.graceful.termination.plugins.module_utils.report import terminal
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates
from ansible_collections.graceful.termination.tests.unit.audited import audit_file
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.trace.stories import Story
from ansible_collections.graceful.termination.tools.messages_page import render_messages
from ansible_collections.graceful.termination.tools.rules_page import render_rules
from ansible_collections.graceful.termination.tools.servers_page import render_servers
from ansible_collections.graceful.termination.tools.terminal_picture import draw_terminal

ROOT = Path(__file__).resolve().parents[1]
_WIDTH = 100
_HINT = "make remediate SOURCE=examples CHECK=1    shows the diff, writes nothing"


def generated() -> dict[str, str]:
    """Map each file below docs/ to its text. Raises SnippetError, UnknownConstructor."""
    trace = Story("long-hook").document()
    report = terminal.render(audit_file(ROOT / "examples"), width=_WIDTH, color=True, limit=2, hints=[_HINT])
    return {
        "messages.md": render_messages(ROOT / "plugins"),
        "report-example.svg": draw_terminal(report, _WIDTH, "The report of an audit at a terminal"),
        "servers.md": render_servers(),
        "rules.md": render_rules(Snippets(read_templates(None))),
        "trace-example.svg": draw(trace),
    }
