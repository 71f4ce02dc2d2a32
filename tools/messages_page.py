# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/messages.md: every text that a user can see, by folder and file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.tools.messages import read_messages

# Kind: what it means, and the next step.
KINDS = {
    "finding": "A rule found something. Open the rule in [rules.md](rules.md): it says why this matters, which remedy "
    "exists, and when the finding does not apply. `make remediate` applies the automatic remedies.",
    "manual": "Why a remedy is not applied automatically. Copy the snippet from `report.md`, decide what it cannot "
    "know, and apply it by hand.",
    "not evaluated": "A rule had no evidence, or something could not be read. Grant the right, or give the input "
    "that the message names, and run again.",
    "skipped": "A file, document or object could not be judged. Correct it at the line that the report names, or "
    "exclude it.",
    "refused": "A change was planned, then refused, because it could do harm or could not be written safely. Apply the "
    "snippet by hand.",
    "action": "What became of one workload in a remediation. A failed one is listed with its cause; see "
    "[remediation.md](remediation.md).",
    "error": "The run, or one request of it, failed. The message ends with the next step, or names the option or file "
    "to correct.",
    "warning": "The run went on. Read it before you rely on the result.",
    "failure": "A task failed. The reports that could be written are there.",
    "display": "Progress, hints, or the result of check mode, at the terminal.",
    "preflight": "What the preflight of a remediation saw. A workload that is certain to fail is skipped; correct what "
    "the message names and run again.",
    "budget": "Where a number of the budget comes from, or why it is unknown. The annotation "
    "`graceful.termination/drain-seconds` settles an unknown drain.",
    "proof": "What a drill, a trace or a debug run saw: [drill.md](drill.md), [trace.md](trace.md), "
    "[debug.md](debug.md).",
    "report": "A heading, column or sentence of the report: [report.md](report.md).",
    "part": "A part of one of the texts above.",
}
# The kind of a text that is no argument of a known constructor, by folder below module_utils; the longest name counts.
_ROOMS = {
    "apply": "action",
    "apply/preflight": "preflight",
    "budget": "budget",
    "prove": "proof",
    "report": "report",
}
_HEAD = """# Messages

Made by `make docs` from `plugins/`; a test fails when it is stale. It lists every text that a user can see. `<name>` is
a value that the run fills in. Search for the fixed words of your message, then look up its kind.

| kind | what it means, and what to do |
|---|---|
"""


def render_messages(plugins: Path) -> str:
    """The page as Markdown, grouped by folder and file. Raises UnknownConstructor."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(plugins.rglob("*.py"))}
    page = _HEAD + "".join(f"| {kind} | {meaning} |\n" for kind, meaning in KINDS.items())
    room = ""
    for path, tree in trees.items():
        messages = sorted(set(read_messages(tree, _default(path))))
        if not messages:
            continue
        folder = path.parent.relative_to(plugins.parent).as_posix()
        if folder != room:
            room = folder
            page += f"\n## {room}\n"
        page += f"\n### {path.name}\n\n{_rules_of(path)}| kind | text |\n|---|---|\n"
        page += "".join(f"| {message.kind} | {_cell(message.text)} |\n" for message in messages)
    return page


def _rules_of(path: Path) -> str:
    rules = [rule.id for rule in RULES if rule.check.__module__.endswith(f".rules.{path.stem}")]
    links = ", ".join(f"[{rule}](rules.md#{rule})" for rule in rules)
    return f"Rules: {links}\n\n" if rules and path.parent.name == "rules" else ""


def _cell(text: str) -> str:
    text = re.sub(r"\s*\n\s*", " ↵ ", text.strip())
    return f"``{text}``".replace("|", "\\|") if "`" in text else f"`{text}`".replace("|", "\\|")


def _default(path: Path) -> str:
    """The kind of the other texts of a file."""
    folder = path.parent.as_posix().rpartition("module_utils/")[2]
    rooms = [room for room in _ROOMS if f"{folder}/".startswith(f"{room}/")]
    return _ROOMS[max(rooms, key=len)] if rooms else "part"
