# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Component that adds an annotation to every Deployment, used by nothing, blocks no fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("there", ["kustomize", "no_kustomize"])
def test_both_are_fixed(
    request: pytest.FixtureRequest, case: Callable[[str], Path], remediated: Callable[..., dict[str, Any]], there: str
) -> None:
    request.getfixturevalue(there)
    folder = case("23g-kustomize-overblock")
    assert [action["status"] for action in remediated(folder)["actions"]] == ["changed", "changed"]
    for name in ("base", "other"):
        assert "sleep" in (folder / name / "deployment.yaml").read_text()
    assert remediated(folder)["actions"] == []
