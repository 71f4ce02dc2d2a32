# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that fails because of what it found: after its reports are written, and with what it was compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.plugin_utils.fail_on import FailOn
from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder

ROOT = Path(__file__).resolve().parents[4]
NEW = {"fail_on": "new", "report_dir": "report"}


def earlier(arguments: dict[str, Any]) -> dict[str, Any] | None:
    return FailOn.of(arguments, ReportFolder.of(arguments)).earlier


def audit(folder: Path, **options: Any) -> tuple[int, str, dict[str, Any]]:
    """(exit code, output, report) of a play that audits the folder's manifests."""
    task = {"graceful.termination.audit_info": {"source": "shop", "report_dir": "report"} | options}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
    (folder / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    run = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "play.yml"],
        cwd=folder,
        env=os.environ | collections | {"COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = folder / "report/report.json"
    text = report.read_text(encoding="utf-8") if report.exists() else "{}"
    return run.returncode, run.stdout + run.stderr, json.loads(text)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one workload of the examples, whose hook is a tcpSocket."""
    (tmp_path / "shop").mkdir()
    text = (ROOT / "examples/search.yaml").read_text(encoding="utf-8")
    (tmp_path / "shop/search.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_run_fails_after_its_reports_are_written_and_a_waiver_stops_that(shop: Path) -> None:
    code, output, report = audit(shop, fail_on="error", rules=["prestop-tcp-socket"])
    assert code == 2
    assert (
        "fail_on error: 1 error on 1 workload: shop/Deployment/search prestop-tcp-socket; see report/report" in output
    )
    assert report["summary"]["findings"]["error"] == 1
    assert (shop / "report/report.md").exists()
    waiver = {"rule": "prestop-tcp-socket", "reason": "goes on Monday"}
    code, output, report = audit(shop, fail_on="error", rules=["prestop-tcp-socket"], waivers=[waiver])
    assert code == 0, output
    assert report["summary"]["suppressed"] == 1


def test_new_findings_fail_until_they_are_accepted(shop: Path) -> None:
    given = {"fail_on": "new", "rules": ["prestop-tcp-socket"]}
    code, output, _report = audit(shop, **given)
    assert code == 0, output
    assert "so nothing was compared; the baseline is now report/report.json" in " ".join(output.split())
    again = (shop / "shop/search.yaml").read_text(encoding="utf-8").replace("name: search", "name: again")
    (shop / "shop/again.yaml").write_text(again, encoding="utf-8")
    for _try in (1, 2):
        code, output, report = audit(shop, **given)
        assert code == 2
        assert "fail_on new: 1 new error on 1 workload: shop/Deployment/again prestop-tcp-socket" in output
        assert {entry["name"]: entry["new"] for entry in report["findings"]} == {"search": False, "again": True}


def test_nothing_is_done_where_nothing_could_be_compared_later(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fail_on new compares .*: set report_dir .*; nothing was done"):
        earlier({"fail_on": "new"})
    with pytest.raises(ValueError, match="keep json in report_formats"):
        earlier(NEW | {"report_formats": ["markdown"]})
    broken = tmp_path / "report.json"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.json: not a report of this version: .*; nothing was done"):
        earlier(NEW | {"report_dir": str(tmp_path)})


def test_an_earlier_report_is_only_read_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    assert earlier({"fail_on": "error", "report_dir": str(tmp_path)}) is None
    assert earlier(NEW | {"report_dir": str(tmp_path / "none")}) is None
