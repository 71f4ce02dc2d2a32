# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every edit of a Kustomize tree, whatever the tree."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, given, settings

from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import difference
from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.fuzz.amount import amount
from ansible_collections.graceful.termination.tests.unit.fuzz.trees import trees
from ansible_collections.graceful.termination.tests.unit.manifest_runs import audit, remediate

INTENDED = re.compile(
    r"spec\.(strategy|minReadySeconds|template\.spec\.terminationGracePeriodSeconds"
    r"|template\.spec\.containers\[[a-z]+\]\.(lifecycle|(liveness|startup)Probe\.terminationGracePeriodSeconds))\b"
)
COMMENT = re.compile(r"#.*")


@settings(
    max_examples=amount(30, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=trees())
def test_every_accepted_edit_leaves_all_builds_sound(kustomize: Path, files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        before, old = builds(kustomize, folder), audit(folder)
        new = remediate(folder)
        after = builds(kustomize, folder)
        edited = [name for name, text in files.items() if (folder / name).read_text() != text]
        event(f"{len(edited)} files edited, {sum(a['status'] == 'refused' for a in new['actions'])} refused")
        assert after.keys() == before.keys()
        for identity, obj in after.items():
            strange = [path for path in difference(before[identity], obj) if not INTENDED.match(path)]
            assert not strange, identity
            if obj["kind"] == "Deployment" and readable(before[identity]):
                read_workload(obj)
        assert new["summary"]["unreadable"] == old["summary"]["unreadable"]
        assert not (worst(new) - worst(old)), "an error or warning that was not there"
        for name in edited:
            assert name.startswith(("base/", "plain/")) and not name.endswith("kustomization.yaml")
            text = (folder / name).read_text()
            assert COMMENT.findall(text) == COMMENT.findall(files[name])
        texts = {name: (folder / name).read_text() for name in files}
        again = remediate(folder)
        assert {action["status"] for action in again["actions"]} <= {"refused"}
        assert texts == {name: (folder / name).read_text() for name in files}, "a second run changes something"


def builds(program: Path, folder: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Every object of every root that builds, what Flux adds left out; plain files as they are."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    every = sorted(folder.glob("**/kustomization.yaml"))
    roots = [path.parent for path in every if json.loads(path.read_text()).get("kind") != "Component"]
    running = [
        subprocess.Popen([program, "build", root], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for root in roots
    ]
    for path, run in zip(roots, running, strict=True):
        root, output = str(path.relative_to(folder)), run.communicate()[0]
        found[root, "builds"] = {"kind": str(run.returncode)}
        for document in load_documents(output):
            obj = document.data
            found[root, obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]] = obj
    return found


def readable(obj: dict[str, Any]) -> bool:
    """Whether an object was valid."""
    try:
        read_workload(obj)
    except ValueError:
        return False
    return True


def worst(report: dict[str, Any]) -> Counter[tuple[str, ...]]:
    """The open errors and warnings, each with what it is about."""
    return Counter(
        (entry["severity"], entry["rule"], entry["namespace"], entry["name"], entry["container"])
        for entry in report["findings"]
        if entry["severity"] != "info" and entry["status"] == "open"
    )
