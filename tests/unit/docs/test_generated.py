# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that are made from code are up to date."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.report.rules import render_rules
from ansible_collections.graceful.termination.plugins.module_utils.rules import RULES

ROOT = Path(__file__).resolve().parents[3]


def test_the_rule_catalogue_is_current():
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == render_rules(), "run make docs"


def test_the_readme_names_every_rule():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f"| `{rule.id}` |" not in readme] == []
