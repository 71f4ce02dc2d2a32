# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's metadata agrees with what the collection holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    """Return a YAML file of the collection."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_action_group_holds_every_module() -> None:
    """One module_defaults for the group k8s reaches every module, those added later too."""
    group = load("meta/runtime.yml")["action_groups"]["k8s"]
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    assert modules
    assert {entry for entry in group if isinstance(entry, str)} == modules


def test_the_execution_environment_installs_the_runtime_requirements() -> None:
    """The file named for ansible-builder exists, and keeps out the two versions that send no token."""
    requirements = (ROOT / load("meta/execution-environment.yml")["dependencies"]["python"]).read_text(encoding="utf-8")
    line = next(line for line in requirements.splitlines() if line.startswith("kubernetes"))
    assert "!=36.0.0" in line
    assert "!=36.0.1" in line


def test_the_checkout_and_the_archive_ask_for_the_same_collections() -> None:
    """What ansible-galaxy installs for a checkout is what it installs with the built collection."""
    wanted = {
        entry["name"]: entry["version"]
        for entry in load("collections/requirements.yml")["collections"]
        if "version" in entry
    }
    assert wanted == load("galaxy.yml")["dependencies"]
