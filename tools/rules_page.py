# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rules.md: the rule catalogue for people, made from the rules themselves."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DEFAULT_VARIABLES,
    OF_THE_STRATEGY,
    OF_THE_TEMPLATE,
    TIMING,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.tools.other_linters import OTHERS

_HEAD = """# Rules

Made by `make docs` from `plugins/module_utils/rules/` and `templates/`; a test fails when it is stale.

Severity: an error is a certain loss or a mechanism that cannot work, a warning a loss under load or in a race, an info
hygiene. A finding may have another severity where its entry says so, and `termination_severities` has the last word.
Rules marked *requests* judge what requests lose: they look at workloads that serve, and at those of unknown profile one
severity lower. A workload without pods gets infos only. *Opinions* are judged only when `termination_rules` names them,
alone or beside `default`.

Evidence: static findings rest on the workload alone, context findings also on what is around it, runtime findings on
pods that run. The table says it of most findings of a rule; each has its own in the report. A rule *needs* the kinds
without which a finding may be missed: where one may not be read, the rule is reported as not evaluated there. It
*observes* sources of `termination_evidence`.

Remedy: an automatic one is written by `remediate` unless the finding says why not; infos never are. The snippets are
rendered for a Deployment shop/checkout with the container app; a finding has its own values.
[templates.md](templates.md) says how to replace them.
"""
_OTHERS_HEAD = """
## Other tools

What kube-score, kube-linter, Polaris, Popeye and Kubescape ask about how a pod stops, and what asks it here.

| tool | id | rule here | here |
|---|---|---|---|
"""
# What the snippets are rendered with, beyond what DEFAULT_VARIABLES has for each.
_EXAMPLE = {
    "workload": {"kind": "Deployment", "namespace": "shop", "name": "checkout"},
    "container": "app",
    "containers": "containers",
    "seconds": 10,
    "grace_seconds": 60,
    "replaces": [],
    "windows": False,
    "selector": {"matchLabels": {"app": "checkout"}},
}


def render_rules(snippets: Snippets) -> str:
    """The catalogue as Markdown, in the order of the rule files. Raises SnippetError."""
    index = "".join(
        f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.evidence} | {rule.title} | {_how(rule)} |\n"
        for rule in RULES
    )
    table = f"\n| rule | severity | evidence | what | remedy |\n|---|---|---|---|---|\n{index}"
    return _HEAD + table + "".join(_entry(rule, snippets) for rule in RULES) + _others()


def is_automatic(rule: Rule, remedy: str) -> bool:
    """Whether a remedy of a rule may be applied without a person."""
    return not rule.by_hand and remedy in (*TIMING, *OF_THE_STRATEGY, *OF_THE_TEMPLATE)


def _how(rule: Rule) -> str:
    if not rule.remedies:
        return ""
    if not any(is_automatic(rule, remedy) for remedy in rule.remedies):
        return "by hand"
    # An info is never patched, so of such a rule only what a finding makes worse than that.
    return "automatic, unless an info" if rule.severity == "info" else "automatic"


def _entry(rule: Rule, snippets: Snippets) -> str:
    facts = [f"severity {rule.severity}", f"evidence {rule.evidence}"]
    if rule.serving_only:
        facts.append("*requests*")
    if rule.opt_in:
        facts.append("*opinion*")
    if rule.needs:
        facts.append(f"*needs* {', '.join(rule.needs)}")
    if rule.observes:
        facts.append(f"*observes* {', '.join(rule.observes)}")
    if rule.since:
        facts.append(f"Kubernetes {rule.since} and later")
    facts.append(f"founding article, {rule.seed}")
    exceptions = "".join(f"- {one}\n" for one in rule.exceptions)
    parts = [
        f"\n## {rule.id}\n\n{rule.title}. {'; '.join(facts)}.\n\n{rule.why}\n\n"
        f"Not found, or less severe:\n\n{exceptions}"
    ]
    for remedy in rule.remedies:
        text = snippets.render(remedy, "Deployment", DEFAULT_VARIABLES.get(remedy, {}) | _EXAMPLE)
        how = _how(replace(rule, remedies=(remedy,)))
        parts.append(f"\nRemedy [{remedy}](../templates/{remedy}.yaml.j2), {how}:\n\n```yaml\n{text}```\n")
    return "".join(parts)


def _others() -> str:
    rows = (
        f"| {other.tool} | {', '.join(f'`{name}`' for name in other.ids)} | "
        f"{', '.join(f'[{rule}](#{rule})' for rule in other.rules)} | {other.note} |\n"
        for other in OTHERS
    )
    return _OTHERS_HEAD + "".join(rows)
