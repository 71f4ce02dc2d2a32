# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the reports, and in it the patch files for live objects that somebody else owns."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.plugin_utils.report_folder import ReportFolder

PATCH = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {}}


def report(patch: Any = MappingProxyType(PATCH), source: str = "cluster", **over: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": "Deployment", "namespace": "shop", "name": "web"}
    entry["owner"] = "Argo CD application store"
    entry |= {"patch": dict(patch) if patch else patch, "helm": None}
    return {"source": {"type": source}, "workloads": [entry | over]}


def write_patches(folder: Path, content: dict[str, Any]) -> list[str]:
    return ReportFolder(folder, ["json"]).write_patches(content)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_owned_object_has_its_patch_where_the_report_says(tmp_path: Path) -> None:
    written = write_patches(tmp_path, report())
    assert files(tmp_path) == ["patches/shop/deployment-web.yaml"]
    assert written == [str(tmp_path / "patches/shop/deployment-web.yaml")]
    text = Path(written[0]).read_text()
    assert yaml.safe_load(text) == PATCH
    assert text.startswith("# For Argo CD application store: ")


def test_a_patch_that_is_not_needed_any_more_goes_and_other_files_stay(tmp_path: Path) -> None:
    write_patches(tmp_path, report())
    (tmp_path / "patches/shop/mine.yaml").write_text("x")
    assert write_patches(tmp_path, report(patch=None)) == []
    assert files(tmp_path) == ["patches/shop/mine.yaml"]


def test_a_file_of_somebody_else_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    path = tmp_path / "patches/shop/deployment-web.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("mine: true\n")
    assert write_patches(tmp_path, report(patch=None)) == []
    with pytest.raises(FileExistsError, match="did not write this file"):
        write_patches(tmp_path, report())
    assert path.read_text() == "mine: true\n"


def test_a_report_of_somebody_else_is_found_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"suites": []}')
    ReportFolder(tmp_path, ["markdown"]).probe()
    with pytest.raises(
        ValueError, match=r"report\.json: graceful\.termination did not write this file .*; nothing was done"
    ):
        ReportFolder(tmp_path, ["markdown", "json"]).probe()


HELM = {"chart": "ingress-nginx", "version": "4.11.3", "release": "edge", "values": {"controller": {"lifecycle": None}}}


def test_values_for_helm_lie_beside_and_go_when_they_are_not_needed_any_more(tmp_path: Path) -> None:
    _patch, values = write_patches(tmp_path, report(helm=HELM, owner="Helm release edge"))
    assert values == str(tmp_path / "values/shop/deployment-web.yaml")
    text = Path(values).read_text()
    assert yaml.safe_load(text) == HELM["values"]
    assert text.startswith("# For Helm release edge: values for chart ingress-nginx 4.11.3, to add to its own")
    write_patches(tmp_path, report())
    assert files(tmp_path) == ["patches/shop/deployment-web.yaml"]


def test_an_owner_cannot_write_into_the_file(tmp_path: Path) -> None:
    (path,) = write_patches(tmp_path, report(owner="x\nspec: {replicas: 0}\r# "))
    assert yaml.safe_load(Path(path).read_text()) == PATCH


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write_patches(folder, report(namespace="../..", name="../../../etc/x"))
    assert len(files(folder)) == len(files(tmp_path)) == 1


def test_manifests_have_none(tmp_path: Path) -> None:
    assert write_patches(tmp_path, report(source="manifests")) == []
    assert files(tmp_path) == []


def test_a_report_dir_that_cannot_be_written_is_found_out_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="Not a directory; nothing was done"):
        ReportFolder(tmp_path / "file" / "report", []).probe()
    ReportFolder(tmp_path / "new" / "report", []).probe()
    assert files(tmp_path) == ["file"]
