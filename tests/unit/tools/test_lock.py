# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the tools install from the package index is of an exact version, and of known content."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[3] / "tools/requirements"
NAMES = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>.*?))? \\$")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[tuple[str, str], tuple[str, int]]:
    """(version, number of digests) by name and marker."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    key = ("", "")
    for line in (REQUIREMENTS / f"{name}.lock").read_text(encoding="ascii").splitlines():
        pinned = PINNED.match(line)
        if pinned:
            key = normal(pinned["name"]), pinned["marker"] or ""
            found[key] = pinned["version"], 0
        elif line.startswith("    --hash=sha256:"):
            version, digests = found[key]
            found[key] = version, digests + 1
        else:
            assert line in ("", "--only-binary :all:"), line
    return found


def wanted(file: Path) -> set[str]:
    """The packages that a file of requirements names, those of the files that it includes too."""
    names: set[str] = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= wanted(file.parent / line[3:])
        elif line and not line.startswith("#"):
            names.add(normal(re.split(r"[^\w.-]", line)[0]))
    return names


@pytest.mark.parametrize("name", NAMES)
def test_every_package_has_one_version_and_digests(name: str) -> None:
    packages = locked(name)
    assert packages
    assert all(digests for _version, digests in packages.values())
    assert wanted(REQUIREMENTS / f"{name}.txt") <= {package for package, _marker in packages}


@pytest.mark.parametrize("name", [name for name in NAMES if name in ("cluster", "manifests", "coverage")])
def test_what_users_run_is_what_was_tested(name: str) -> None:
    tested = {(package, version) for (package, _marker), (version, _digests) in locked("dev").items()}
    mine = {(package, version) for (package, _marker), (version, _digests) in locked(name).items()}
    assert {(package, version) for package, version in mine if package != "coverage"} <= tested


def test_nothing_is_installed_without_digests() -> None:
    text = (REQUIREMENTS.parent / "venv").read_text(encoding="utf-8")
    assert "--require-hashes" in text
