# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain files that hold versions of one thing, such as dev.yaml and prod.yaml, do not see each other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.sources import manifest_contexts
from ansible_collections.graceful.termination.tests.unit.manifest_runs import audit
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    balancer,
    disruption_budget,
    service,
    workload,
)

ONE, THREE = workload(replicas=1), workload(replicas=3)
GUARD = disruption_budget(minAvailable=2)


def write(folder: Path, files: dict[str, list[dict[str, Any]]]) -> None:
    for name, objects in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump_all(objects))


def found(folder: Path, files: dict[str, list[dict[str, Any]]]) -> dict[str, set[str]]:
    """The rules that an audit of these files finds something by, by file; infos left out."""
    write(folder, files)
    report = audit(folder)
    assert report["summary"]["found"] == len(
        [1 for objects in files.values() for o in objects if "template" in o["spec"]]
    )
    by: dict[str, set[str]] = {workload["file"]: set() for workload in report["workloads"]}
    for finding in report["findings"]:
        if finding["severity"] != "info":
            by[finding["file"]].add(finding["rule"])
    return by


@pytest.mark.parametrize(("dev", "prod"), [("dev.yaml", "prod.yaml"), ("dev/web.yaml", "prod/web.yaml")])
def test_a_budget_of_production_is_none_of_development(tmp_path: Path, dev: str, prod: str) -> None:
    files = {dev: [ONE, service()], prod: [THREE, service(), GUARD]}
    assert found(tmp_path, files) == {dev: {"single-replica"}, prod: set()}
    files = {dev: [THREE, service()], prod: [THREE, service(), GUARD]}
    assert found(tmp_path, files) == {dev: {"pdb-missing"}, prod: set()}


def test_copies_of_one_file_have_one_budget_each(tmp_path: Path) -> None:
    whole = [THREE, service(), GUARD]
    assert found(tmp_path, {"a.yaml": whole, "b.yaml": whole}) == {"a.yaml": set(), "b.yaml": set()}


def test_a_balancer_of_one_version_is_none_of_the_other(tmp_path: Path) -> None:
    found(tmp_path, {"cloud.yaml": [THREE, balancer(), GUARD], "kind.yaml": [THREE, service(), GUARD]})
    traits = {w["file"]: w["traits"] for w in audit(tmp_path)["workloads"]}
    assert traits == {"cloud.yaml": ["external-lb", "lb-ip-targets"], "kind.yaml": []}


def test_what_several_versions_share_is_seen_by_each(tmp_path: Path) -> None:
    files = {"dev/web.yaml": [ONE], "prod/web.yaml": [THREE], "common/service.yaml": [service()]}
    assert found(tmp_path, files) == {"dev/web.yaml": {"single-replica"}, "prod/web.yaml": {"pdb-missing"}}


def test_the_files_of_a_version_see_each_other(tmp_path: Path) -> None:
    files = {
        "dev/web.yaml": [ONE],
        "dev/service.yaml": [service()],
        "prod/web.yaml": [THREE],
        "prod/service.yaml": [service()],
        "prod/guard.yaml": [GUARD],
    }
    assert found(tmp_path, files) == {"dev/web.yaml": {"single-replica"}, "prod/web.yaml": set()}


def test_a_version_in_a_folder_below_sees_what_else_is_above(tmp_path: Path) -> None:
    files = {"web.yaml": [ONE], "service.yaml": [service()], "prod/web.yaml": [THREE], "prod/guard.yaml": [GUARD]}
    by = found(tmp_path, files)
    assert by["prod/web.yaml"] == set()
    assert "single-replica" in by["web.yaml"]


def test_a_list_of_all_beside_its_parts(tmp_path: Path) -> None:
    files = {"all.yaml": [THREE, service(), GUARD], "web.yaml": [THREE], "service.yaml": [service()]}
    assert found(tmp_path, files) == {"all.yaml": set(), "web.yaml": {"pdb-missing"}}


def test_one_file_with_an_object_twice_is_one_version(tmp_path: Path) -> None:
    assert found(tmp_path, {"web.yaml": [THREE, service(), service(), GUARD]}) == {"web.yaml": set()}


SEALED = b"\0GITCRYPT\0\x8f\xee\x01"
# A worker: another workload has a Service, so that it is known to have none.
WORKER, OTHER = workload(name="jobs"), service("other")


def profiles(folder: Path, unread: dict[str, bytes], files: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """The profile of the workload of each file, beside files that cannot be read."""
    for name, content in unread.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write(folder, files)
    return {entry["file"]: entry["profile"] for entry in audit(folder)["workloads"]}


@pytest.mark.parametrize("content", [SEALED, b"kind: Service\n{{- if .Values.x }}\nb: 1\n{{- end }}\n"])
def test_what_cannot_be_read_of_one_version_is_no_doubt_about_the_other(tmp_path: Path, content: bytes) -> None:
    files = {f"{one}/{name}.yaml": [obj] for one in ("dev", "prod") for name, obj in [("jobs", WORKER), ("s", OTHER)]}
    expected = {"dev/jobs.yaml": "unknown", "prod/jobs.yaml": "worker"}
    assert profiles(tmp_path, {"dev/secret.yaml": content}, files) == expected


def test_nor_is_a_broken_document_in_the_file_of_another_version(tmp_path: Path) -> None:
    files = {"dev.yaml": [WORKER, OTHER], "prod.yaml": [WORKER, OTHER]}
    write(tmp_path, files)
    with (tmp_path / "dev.yaml").open("a") as stream:
        stream.write("---\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: [\n")
    by = {entry["file"]: entry["profile"] for entry in audit(tmp_path)["workloads"]}
    assert by == {"dev.yaml": "unknown", "prod.yaml": "worker"}


@pytest.mark.parametrize(
    ("unread", "files"),
    [
        # Beside the versions, above them, in a folder below, in one that has nothing else.
        ("sealed.yaml", ("dev.yaml", "prod.yaml")),
        ("sealed.yaml", ("dev/jobs.yaml", "prod/jobs.yaml")),
        ("dev/secrets/sealed.yaml", ("dev/jobs.yaml", "prod/jobs.yaml")),
        ("common/sealed.yaml", ("dev/jobs.yaml", "prod/jobs.yaml")),
        # In a folder of which each file is a version by itself.
        ("dev/sealed.yaml", ("dev/a.yaml", "dev/b.yaml", "prod/jobs.yaml")),
        # Where prod is built on what is above it.
        ("sealed.yaml", ("jobs.yaml", "prod/jobs.yaml")),
    ],
)
def test_what_may_belong_to_any_version_is_a_doubt_about_all(
    tmp_path: Path, unread: str, files: tuple[str, ...]
) -> None:
    by = profiles(tmp_path, {unread: SEALED}, {name: [WORKER, OTHER] for name in files})
    assert by == dict.fromkeys(files, "unknown")


def of(namespace: str | None, *objects: dict[str, Any]) -> list[dict[str, Any]]:
    """The same objects in another namespace; with None, they do not say in which."""
    moved = copy.deepcopy(objects)
    for obj in moved:
        obj["metadata"].pop("namespace")
        obj["metadata"].update({"namespace": namespace} if namespace else {})
    return list(moved)


@pytest.mark.parametrize("content", [SEALED, b"kind: Service\n{{- if .Values.x }}\nb: 1\n{{- end }}\n", b"kind: [\n"])
@pytest.mark.parametrize("name", ["staging/secret.yaml", "live/secret.yaml"])
def test_what_cannot_be_read_in_the_folder_of_a_namespace_is_a_doubt_about_that(
    tmp_path: Path, name: str, content: bytes
) -> None:
    files = {
        f"{folder}/{file}.yaml": of(f"shop-{folder}", obj)
        for folder in ("staging", "live")
        for file, obj in (("jobs", WORKER), ("service", OTHER))
    }
    known, doubtful = ("live", "staging") if name.startswith("staging") else ("staging", "live")
    expected = {f"{doubtful}/jobs.yaml": "unknown", f"{known}/jobs.yaml": "worker"}
    assert profiles(tmp_path, {name: content}, files) == expected


@pytest.mark.parametrize(
    ("unread", "files"),
    [
        # Beside, above and below the folders.
        ("sealed.yaml", {"a/x.yaml": of("a", WORKER, OTHER), "b/x.yaml": of("b", WORKER, OTHER)}),
        ("c/sealed.yaml", {"a/x.yaml": of("a", WORKER, OTHER), "b/x.yaml": of("b", WORKER, OTHER)}),
        ("a/c/sealed.yaml", {"a/x.yaml": of("a", WORKER, OTHER), "b/x.yaml": of("b", WORKER, OTHER)}),
        # A folder with objects of two namespaces, or of one that is chosen later.
        ("a/sealed.yaml", {"a/x.yaml": of("a", WORKER) + of("b", service("it")), "b/x.yaml": of("b", WORKER, OTHER)}),
        ("a/sealed.yaml", {"a/x.yaml": of("a", WORKER) + of(None, OTHER), "b/x.yaml": of("b", WORKER, OTHER)}),
        # Nothing says that the folders are environments: they have nothing in common, or one is below the other.
        (
            "a/sealed.yaml",
            {"a/x.yaml": of("a", WORKER, OTHER), "b/x.yaml": of("b", workload(name="mail"), service("it"))},
        ),
        ("a/sealed.yaml", {"a/x.yaml": of("a", WORKER, OTHER), "a/b/x.yaml": of("b", WORKER, OTHER)}),
    ],
)
def test_in_any_other_folder_it_is_a_doubt_about_all(
    tmp_path: Path, unread: str, files: dict[str, list[dict[str, Any]]]
) -> None:
    assert profiles(tmp_path, {unread: SEALED}, files) == dict.fromkeys(files, "unknown")


def test_a_second_folder_of_the_same_namespace_is_in_doubt_as_well(tmp_path: Path) -> None:
    files = {
        "a/x.yaml": of("a", WORKER, OTHER),
        "b/x.yaml": of("b", WORKER, OTHER),
        "more/x.yaml": of("a", workload(name="mail")),
    }
    by = profiles(tmp_path, {"a/sealed.yaml": SEALED}, files)
    assert by == {"a/x.yaml": "unknown", "b/x.yaml": "worker", "more/x.yaml": "unknown"}


def test_the_gap_names_the_namespace(tmp_path: Path) -> None:
    files = {"a/x.yaml": of("a", WORKER, OTHER), "b/x.yaml": of("b", WORKER, OTHER)}
    profiles(tmp_path, {"a/sealed.yaml": SEALED}, files)
    gaps = [entry["scope"] for entry in audit(tmp_path)["not_evaluated"] if entry["rule"] == "all"]
    assert gaps == ["context of namespace a"]


def test_too_many_versions_are_not_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each context holds all that fits beside it, so that their number has to have a limit."""
    monkeypatch.setattr(manifest_contexts, "_MOST", 1)
    by = found(tmp_path, {"dev.yaml": [THREE, service()], "prod.yaml": [THREE, service(), GUARD]})
    assert "pdb-missing" not in by["dev.yaml"]
