# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rules.md: the rule catalogue for people, made from the rules themselves."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule

_HEAD = """# Rules

Made by `make docs` from `plugins/module_utils/rules/`; a test fails when it is stale.

Severity: an error is a certain loss or a mechanism that cannot work, a warning a loss under load or in a race, an info
hygiene. A finding may have another severity where its entry says so. Rules marked *requests* judge what requests lose:
they look at workloads that serve, and at those of unknown profile one severity lower. A workload without pods gets
infos only.
"""


def render_rules() -> str:
    """The catalogue as Markdown, in the order of the rule files."""
    return _HEAD + "".join(_entry(rule) for rule in RULES)


def _entry(rule: Rule) -> str:
    facts = [f"severity {rule.severity}", f"evidence {rule.evidence}"]
    if rule.requests_only:
        facts.append("*requests*")
    if rule.since:
        facts.append(f"Kubernetes {rule.since} and later")
    traps = "".join(f"- {trap}\n" for trap in rule.traps)
    return f"\n## {rule.id}\n\n{rule.title}. {'; '.join(facts)}.\n\n{rule.why}\n\nNot found, or less severe:\n\n{traps}"
