# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the tools install from the package index is of an exact version, and of known content."""

from __future__ import annotations

import hashlib
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from testbed import pypi
from testbed.common import Log

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


@pytest.mark.parametrize("name", ["go", "envoy"])
def test_a_program_is_one_package(name: str) -> None:
    assert [pypi.Locked(name).version] == [version for version, _digests in locked(name).values()]


def write_wheel(folder: Path) -> str:
    """A package with one program, and its digest."""
    info = "tool-1.0.dist-info"
    wheel = folder / "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tool/bin/tool", "program")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\nRequires-Dist: absent\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.mark.parametrize("known", [True, False])
def test_a_program_of_other_content_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    digest = write_wheel(tmp_path)
    (tmp_path / "requirements").mkdir()
    text = f"tool==1.0 \\\n    --hash=sha256:{digest if known else '0' * 64}\n"
    (tmp_path / "requirements/tool.lock").write_text(text)
    monkeypatch.setattr(pypi, "TOOLS", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with (tmp_path / "log").open("wb", buffering=0) as file:
        if known:
            pypi.Locked("tool").unpack(Log(file), tmp_path / "target")
        else:
            with pytest.raises(subprocess.CalledProcessError):
                pypi.Locked("tool").unpack(Log(file), tmp_path / "target")
    assert (tmp_path / "target/tool/bin/tool").exists() is known
    assert ("DO NOT MATCH THE HASHES" in (tmp_path / "log").read_text()) is not known
