# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documents, run as they stand there."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
# Both are made from code and hold no plays: test_generated.py.
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in ("rules.md", "messages.md"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in PAGES)]
DOCUMENTS += [f"roles/{path.parent.name}/README.md" for path in sorted((ROOT / "roles").glob("*/README.md"))]
DEPLOYMENT = yaml.safe_load((ROOT / "examples" / "mailer.yaml").read_text(encoding="utf-8"))


def blocks(language: str) -> list[Any]:
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        for index, match in enumerate(re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)):
            found.append(pytest.param(match[1], id=f"{document}-{index}"))
    return found


def play(playbook: list[dict[str, Any]], folder: Path, *arguments: str) -> str:
    """Run a playbook in a folder that looks like this checkout, and return what it printed."""
    if not (folder / "examples").exists():
        prepare(folder)
    (folder / "play.yml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "play.yml", *arguments],
        cwd=folder,
        env=os.environ
        | {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def prepare(folder: Path) -> None:
    """Put there what the examples read."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "examples", folder / "build" / "docs" / "shop")
    shutil.copytree(ROOT / "docs" / "example-templates", folder / "docs" / "example-templates")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_examples_run(text: str, tmp_path: Path) -> None:
    [entry] = yaml.safe_load(text)
    if "hosts" in entry:
        output = play([entry], tmp_path)
        assert "shop/Deployment/catalog" in output
    else:
        output = play(
            [{"hosts": "localhost", "gather_facts": False, "vars": {"deployment": DEPLOYMENT}, "tasks": [entry]}],
            tmp_path,
        )
        assert "seconds: 10" in output and "30" in output


def test_the_template_of_the_documents_is_applied(tmp_path: Path) -> None:
    [block] = [param.values[0] for param in blocks("yaml") if "docs/example-templates" in param.values[0]]
    play(yaml.safe_load(block), tmp_path)
    written = (tmp_path / "build" / "docs" / "shop" / "frontend.yaml").read_text(encoding="utf-8")
    assert "/opt/registry/deregister; sleep 20" in written


def test_a_plan_travels_through_an_approval(tmp_path: Path) -> None:
    [block] = [param.values[0] for param in blocks("yml") if "approved_plan" in param.values[0]]
    source = ("-e", "termination_source=examples")
    folder = tmp_path / "plan"
    folder.mkdir()
    output = play(yaml.safe_load(block), folder, "--check", *source)
    assert "would change" in output
    plan = (folder / "plan.json").read_bytes()
    (folder / "plan.json").unlink()
    before = (folder / "examples" / "search.yaml").read_bytes()
    approved = base64.b64encode(plan).decode()
    (folder / "approved.json").write_text(json.dumps({"approved_plan": approved}), encoding="utf-8")
    play(yaml.safe_load(block), folder, "-e", "@approved.json", *source)
    assert (folder / "examples" / "search.yaml").read_bytes() != before


@pytest.mark.parametrize("text", blocks("shell"))
def test_make_commands_exist(text: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    commands = [line.split("#")[0].split("|")[-1].strip() for line in text.splitlines()]
    used = {command.split()[1] for command in commands if command.startswith("make ")}
    assert used <= targets


def test_documented_report_keys_are_those_of_a_report(tmp_path: Path) -> None:
    [entry] = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [{"graceful.termination.audit_info": {"source": "examples", "report_dir": "report"}}],
        }
    ]
    play([entry], tmp_path)
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    keys = {*report, *report["summary"], *report["findings"][0], *report["workloads"][0]["budget"]}
    identity = {
        "apiVersion",
        "kind",
        "namespace",
        "name",
        "generated_at",
        "version",
        "findings",
        "grace",
        "line",
        "file",
    }
    assert {key for key in keys - identity if f"`{key}`" not in text} == set()


def test_the_figures_of_the_readme_are_those_of_the_last_proof() -> None:
    readme, proof = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/proof.md"))
    table = re.search(r"^\| fault \| measured \|.*?\n\n", readme, re.M | re.S)
    assert table
    measured = proof.replace(",", "")
    figures = re.findall(r"[\d,]+ of [\d,]+|\d+, [\d, ]+\d", table[0])
    assert len(figures) == 14
    assert [figure for figure in figures if figure.replace(",", "") not in measured] == []
