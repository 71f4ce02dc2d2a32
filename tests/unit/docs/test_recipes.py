# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page recommends has nothing that an audit would find fault with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.graceful.termination.tests.unit.audited import audit_file

DOCS = Path(__file__).resolve().parents[3] / "docs"
RECIPES = sorted(path.name for path in (DOCS / "recipes").iterdir())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_no_error_and_no_warning(name: str) -> None:
    report = audit_file(DOCS / "recipes" / name)
    assert report["skipped"] == []
    assert len(report["workloads"]) == 1
    serious = [entry for entry in report["findings"] if entry["severity"] != "info"]
    assert serious == []


def test_the_page_names_each_of_them() -> None:
    page = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in RECIPES if f"(recipes/{name})" not in page] == []
