# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests as a source: what is read, what is reported instead, and what a write leaves behind."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.base.files import replace_file
from ansible_collections.graceful.termination.plugins.module_utils.base.interruption import Interruption
from ansible_collections.graceful.termination.plugins.module_utils.plan.plan import Change
from ansible_collections.graceful.termination.plugins.module_utils.run.options import (
    AUDIT_OPTIONS,
    Options,
    read_options,
)
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources import manifests
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.plugin_utils.templates import read_templates

# preStop takes the whole grace period: one finding that is fixed in place, by one number.
FAULTY = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 10   # seconds
      containers:
        - name: app
          image: registry.example/app:1
          lifecycle:
            preStop:
              sleep:
                seconds: 10
"""
FIXED = FAULTY.replace("Seconds: 10 ", "Seconds: 20 ")


def faulty(name: str = "app") -> str:
    return FAULTY.replace("NAME", name)


def fixed(name: str = "app") -> str:
    return FIXED.replace("NAME", name)


def options(folder: Path, **given: Any) -> Options:
    parameters = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    parameters |= {"source": ".", "_directory": str(folder), "_snippets": read_templates(None)} | given
    return read_options(parameters)


def source(chosen: Options) -> ManifestSource:
    assert chosen.path and chosen.source and chosen.version
    return ManifestSource(
        chosen.path, chosen.source, chosen.selection, chosen.version, version_assumed=chosen.version_assumed
    )


def audit(folder: Path, **given: Any) -> dict[str, Any]:
    chosen = options(folder, **given)
    report = run_audit(source(chosen), chosen).report
    counts = report["summary"]
    assert counts["found"] == counts["workloads"] + counts["excluded"] + counts["unreadable"]
    assert counts["unreadable"] == len(report["skipped"])
    return report


def remediate(folder: Path, *, check: bool = False, **given: Any) -> Outcome:
    chosen = options(folder, **given)
    return run_remediate(source(chosen), chosen, check=check)


def skipped(report: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    return [(entry["file"], entry["line"], entry["reason"]) for entry in report["skipped"]]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        pytest.param("a: [1\n", 2, "not valid YAML", id="broken"),
        pytest.param("kind: x\n{{- if .Values.x }}\nb: 1\n{{- end }}\n", 3, "template", id="helm, not YAML"),
        pytest.param(faulty('"{{ .Release.Name }}"'), 1, "template", id="helm, still YAML"),
        pytest.param(
            faulty("web").replace("image: registry.example/app:1", "args: []"),
            8,
            "no container has an image",
            id="patch",
        ),
        pytest.param(b"\x7fELF\0\0\1", 1, "not a text file", id="binary"),
        pytest.param(b"name: caf\xe9\n", 1, "not UTF-8 at byte 9", id="latin-1"),
        pytest.param(faulty().replace("seconds: 10", 'seconds: "10"'), 15, "is text, not a whole number", id="type"),
        pytest.param(f"{faulty('one')}{faulty('two')}", 16, "'apiVersion' is given twice", id="no --- between"),
        pytest.param(faulty().replace("apps/v1", "extensions/v1beta1"), 1, "use apps/v1", id="old version"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_harms_nothing_else(
    tmp_path: Path, content: bytes | str, line: int, reason: str
) -> None:
    write(tmp_path, "bad.yaml", content)
    write(tmp_path, "good.yaml", faulty())
    report = audit(tmp_path)
    [(file, found_line, text)] = skipped(report)
    assert (file, found_line) == ("bad.yaml", line)
    assert reason in text
    assert report["summary"]["workloads"] == 1
    remediate(tmp_path)
    assert (tmp_path / "good.yaml").read_text() == fixed()
    assert (tmp_path / "bad.yaml").read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_a_broken_document_does_not_hide_the_others_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, "all.yaml", f"{faulty('one')}---\na: [\n---\n{faulty('two')}")
    report = audit(tmp_path)
    assert [entry["name"] for entry in report["workloads"]] == ["one", "two"]
    assert len(report["skipped"]) == 1
    remediate(tmp_path)
    assert (tmp_path / "all.yaml").read_text() == f"{fixed('one')}---\na: [\n---\n{fixed('two')}"


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n---\n", "replicas: 3\nimage: x\n", "- a\n- b\n"])
def test_a_file_without_objects_is_nothing_to_report(tmp_path: Path, content: str) -> None:
    write(tmp_path, "values.yaml", content)
    assert audit(tmp_path)["summary"]["found"] == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(faulty().replace("\n", "\r\n"), fixed().replace("\n", "\r\n"), id="CRLF"),
        pytest.param(faulty().rstrip(), fixed().rstrip(), id="no final newline"),
        pytest.param("\ufeff" + faulty(), "\ufeff" + fixed(), id="byte-order mark"),
        pytest.param(
            faulty().replace("metadata:", "metadata: &m"),
            fixed().replace("metadata:", "metadata: &m"),
            id="anchor elsewhere",
        ),
    ],
)
def test_edits_keep_everything_else(tmp_path: Path, before: str, after: str) -> None:
    path = write(tmp_path, "app.yaml", before)
    outcome = remediate(tmp_path)
    assert outcome.changed
    assert path.read_bytes() == after.encode()


def test_an_anchored_node_is_left_alone_and_its_fix_shown(tmp_path: Path) -> None:
    text = faulty().replace("    spec:\n", "    spec: &pod\n") + "copy: *pod\n"
    path = write(tmp_path, "app.yaml", text)
    outcome = remediate(tmp_path)
    assert path.read_text() == text
    [action] = outcome.report["actions"]
    assert action["status"] == "refused"
    assert "anchor" in action["reason"] and "line 7" in action["reason"]
    [finding] = [entry for entry in outcome.report["findings"] if entry["rule"] == "prestop-exceeds-grace"]
    assert (finding["remedy"], outcome.report["summary"]["remediable"]) == ("manual", 0)
    assert "terminationGracePeriodSeconds: 20" in finding["snippet"]


def test_a_namespace_whose_owner_wants_no_changes(tmp_path: Path) -> None:
    write(tmp_path, "app.yaml", faulty())
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, annotations: {%s: 'false'}}\n"
    write(tmp_path, "namespace.yaml", namespace % "graceful.termination/managed")
    outcome = remediate(tmp_path)
    assert (tmp_path / "app.yaml").read_text() == faulty()
    assert [action["status"] for action in outcome.report["actions"]] == ["refused"]
    assert outcome.report["summary"]["remediable"] == 0


def test_a_list_is_judged_and_edited_item_by_item(tmp_path: Path) -> None:
    items = "".join("- " + faulty(name).replace("\n", "\n  ").rstrip() + "\n" for name in ("one", "two"))
    path = write(tmp_path, "list.yaml", f"apiVersion: v1\nkind: List\nitems:\n{items}")
    assert [(entry["name"], entry["line"]) for entry in audit(tmp_path)["workloads"]] == [("one", 4), ("two", 19)]
    remediate(tmp_path)
    assert path.read_text() == f"apiVersion: v1\nkind: List\nitems:\n{items}".replace("Seconds: 10 ", "Seconds: 20 ")


def test_json_is_edited_in_place(tmp_path: Path) -> None:
    text = (
        '{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"template": {"spec":\n'
        '\t{"terminationGracePeriodSeconds": 0, "containers": [{"name": "db", "image": "db:1"}]}}}}'
    )
    path = write(tmp_path, "db.json", text)
    remediate(tmp_path)
    assert path.read_text() == text.replace('Seconds": 0', 'Seconds": 30')


def test_kustomize_patches_are_not_whole_workloads(no_kustomize: None, tmp_path: Path) -> None:
    write(
        tmp_path,
        "base/kustomization.yaml",
        "resources: [app.yaml]\npatches:\n- path: grace.yaml\n- patch: |-\n    a: b\n",
    )
    write(tmp_path, "base/app.yaml", faulty())
    write(tmp_path, "base/grace.yaml", faulty())
    report = audit(tmp_path)
    assert [entry["file"] for entry in report["workloads"]] == ["base/app.yaml"]
    assert [(file, "Kustomize" in text) for file, _line, text in skipped(report)] == [("base/grace.yaml", True)]


def test_selection_counts_what_it_leaves_out(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        write(tmp_path, f"{name}.yaml", faulty(name))
    counts = audit(tmp_path, names=["t*"])["summary"]
    assert (counts["workloads"], counts["excluded"]) == (2, 1)


def test_hidden_and_other_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, ".git/app.yaml", faulty())
    write(tmp_path, "app.yaml.bak", faulty())
    write(tmp_path, "app.yml", faulty())
    assert audit(tmp_path)["summary"]["found"] == 1


def test_a_file_named_by_the_user_is_read_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "rendered.txt", faulty())
    assert audit(tmp_path, source="rendered.txt")["workloads"][0]["file"] == "rendered.txt"


def test_one_file_under_two_links_is_judged_once(tmp_path: Path) -> None:
    write(tmp_path, "app.yaml", faulty())
    (tmp_path / "link.yaml").symlink_to("app.yaml")
    assert audit(tmp_path)["summary"]["found"] == 1


def test_a_device_or_a_pipe_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "app.yaml", faulty())
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.yaml")
    skipped = audit(tmp_path)["skipped"]
    assert {entry["reason"] for entry in skipped} == {"cannot read: it is not a regular file"}
    assert len(skipped) == 2


@pytest.mark.parametrize("missing", ["nowhere", "nowhere/app.yaml"])
def test_a_source_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(SourceError, match=f"source {missing}: No such file"):
        audit(tmp_path, source=missing)


def test_a_folder_without_manifests_is_no_all_clear(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no \.yaml, \.yml, \.json file"):
        audit(tmp_path)


def test_a_folder_with_hidden_manifests_alone_says_where_they_are(tmp_path: Path) -> None:
    write(tmp_path, ".git/config", "")
    write(tmp_path, "deploy/.cache/readme.md", "")
    with pytest.raises(SourceError, match=r"file below it$"):
        audit(tmp_path)
    write(tmp_path, "deploy/.k8s/live/web.yaml", faulty())
    expected = r"file below it; hidden folders, such as deploy/\.k8s, are not searched: name it as the source$"
    with pytest.raises(SourceError, match=expected):
        audit(tmp_path)
    assert audit(tmp_path, source="deploy/.k8s")["summary"]["found"] == 1


def test_check_mode_tells_the_real_run_and_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "app.yaml", faulty())
    checked = remediate(tmp_path, check=True)
    assert path.read_text() == faulty()
    assert checked.report["summary"]["remediable"] == 1, "the report of check mode shows what is, not what would be"
    done = remediate(tmp_path)
    assert checked.diffs == done.diffs
    assert checked.diffs[0].after == path.read_text() == fixed()
    [would], [did] = checked.report["actions"], done.report["actions"]
    assert (would.pop("status"), did.pop("status")) == ("would-change", "changed")
    assert would == did


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "app.yaml", faulty())
    assert remediate(tmp_path).changed
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    again = remediate(tmp_path)
    assert not again.changed and again.report["actions"] == [] and again.diffs == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_mode_and_links_survive_a_write(tmp_path: Path) -> None:
    path = write(tmp_path, "real/app.yaml", faulty())
    path.chmod(0o640)
    (tmp_path / "link.yaml").symlink_to("real/app.yaml")
    remediate(tmp_path, source="link.yaml")
    assert (tmp_path / "link.yaml").is_symlink()
    assert path.read_text() == fixed()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["app.yaml"]


@pytest.mark.parametrize("check", [True, False])
def test_a_link_out_of_the_folder_is_judged_and_not_written(check: bool, tmp_path: Path) -> None:
    outside = write(tmp_path, "theirs/app.yaml", faulty())
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "app.yaml").symlink_to(outside)
    outcome = remediate(tmp_path, source="ours", check=check)
    [action] = outcome.report["actions"]
    assert action["status"] == "refused" and "outside of" in action["reason"]
    assert outside.read_text() == faulty()


@pytest.mark.parametrize("check", [True, False])
def test_hard_links_are_not_parted(check: bool, tmp_path: Path) -> None:
    path = write(tmp_path, "ours/app.yaml", faulty())
    os.link(path, tmp_path / "theirs.yaml")
    outcome = remediate(tmp_path, source="ours", check=check)
    [action] = outcome.report["actions"]
    assert action["status"] == "failed" and "the file has 2 hard links" in action["reason"]
    assert path.samefile(tmp_path / "theirs.yaml") and path.read_text() == faulty()


def test_after_an_interruption_no_further_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        write(tmp_path, f"{name}.yaml", faulty(name))
    chosen, interruption = options(tmp_path), Interruption()

    def interrupted(*arguments: Any) -> None:
        replace_file(*arguments)
        interruption.reason = "interrupted (SIGINT)"

    monkeypatch.setattr(manifests, "replace_file", interrupted)
    assert chosen.path and chosen.source and chosen.version
    reader = ManifestSource(
        chosen.path, chosen.source, chosen.selection, chosen.version, version_assumed=True, interruption=interruption
    )
    outcome = run_remediate(reader, chosen, check=False, interruption=interruption)
    assert [entry["status"] for entry in outcome.report["actions"]] == ["changed", "skipped", "skipped"]
    assert outcome.report["actions"][1]["reason"] == "not started: interrupted (SIGINT)"
    assert outcome.interrupted == "interrupted (SIGINT)"
    assert [(tmp_path / f"{name}.yaml").read_text() == fixed(name) for name in "abc"] == [True, False, False]


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "app.yaml", faulty())
    chosen = options(tmp_path)
    reader = source(chosen)
    real = reader.apply

    def apply_late(changes: list[Change], *, check: bool) -> Iterator[Any]:
        path.write_text(faulty("renamed"))
        return real(changes, check=check)

    monkeypatch.setattr(reader, "apply", apply_late)
    outcome = run_remediate(reader, chosen, check=False)
    assert path.read_text() == faulty("renamed")
    [action] = outcome.report["actions"]
    assert action["status"] == "failed" and "run again" in action["reason"]


def test_a_write_that_fails_leaves_the_file_whole_and_the_others_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = write(tmp_path, "a.yaml", faulty("a")), write(tmp_path, "b.yaml", faulty("b"))
    real = os.replace

    def full_disk(old: str, new: str) -> None:
        if os.path.basename(new) == "a.yaml":
            raise OSError(28, "No space left on device", new)
        real(old, new)

    monkeypatch.setattr(os, "replace", full_disk)
    outcome = remediate(tmp_path)
    assert (broken.read_text(), fine.read_text()) == (faulty("a"), fixed("b"))
    assert [(entry["status"], entry["reason"]) for entry in outcome.report["actions"]] == [
        ("failed", "cannot write: No space left on device"),
        ("changed", None),
    ]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.yaml", "b.yaml"]
    monkeypatch.undo()
    assert remediate(tmp_path).changed
    assert broken.read_text() == fixed("a"), "the next run goes on from there"


def test_five_megabytes_in_one_document(tmp_path: Path) -> None:
    variables = "".join(f"            - name: V{index}\n              value: {'x' * 600}\n" for index in range(8_000))
    path = write(tmp_path, "big.yaml", f"{faulty()}          env:\n{variables}")
    assert path.stat().st_size > 5_000_000
    remediate(tmp_path)
    assert path.read_text() == f"{fixed()}          env:\n{variables}"


ROUTED = """\
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers: [{name: app, image: "app:1", lifecycle: {preStop: {sleep: {seconds: 10}}}}]
---
"""
INGRESS = """\
apiVersion: %s
kind: Ingress
metadata: {name: app, annotations: {alb.ingress.kubernetes.io/target-type: ip}}
spec: {defaultBackend: {service: {name: app}}}
"""
ISTIO = """\
apiVersion: %s
kind: VirtualService
metadata: {name: app}
spec: {http: [{route: [{destination: {host: app}}], timeout: 2m}]}
"""


@pytest.mark.parametrize(
    ("document", "rule", "found"),
    [
        (INGRESS % "networking.k8s.io/v1", "lb-deregistration-race", True),
        (INGRESS % "extensions/v1beta1", "lb-deregistration-race", False),
        (ISTIO % "networking.istio.io/v1", "long-request-exceeds-grace", True),
        (ISTIO % "networking.istio.io/v1beta1", "long-request-exceeds-grace", True),
        (ISTIO % "example.com/v1", "long-request-exceeds-grace", False),
    ],
)
def test_what_routes_to_a_workload_is_told_by_its_group(tmp_path: Path, document: str, rule: str, found: bool) -> None:
    write(tmp_path, "app.yaml", ROUTED + document)
    assert (rule in {entry["rule"] for entry in audit(tmp_path)["findings"]}) is found


def test_labels_of_a_namespace_in_the_input_are_known(tmp_path: Path) -> None:
    write(tmp_path, "app.yaml", ROUTED + INGRESS % "networking.k8s.io/v1")
    unlabelled = audit(tmp_path)
    assert "lb-readiness-gate-missing" in {entry["rule"] for entry in unlabelled["not_evaluated"]}
    write(tmp_path, "namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n")
    assert "lb-readiness-gate-missing" in {entry["rule"] for entry in audit(tmp_path)["findings"]}
