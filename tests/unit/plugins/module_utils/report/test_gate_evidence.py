# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fail_on: new` where evidence from running pods was allowed only lately: more is seen, and nothing is worse."""

from __future__ import annotations

from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.report.document import to_json
from ansible_collections.graceful.termination.plugins.module_utils.report.gate import compare, read_earlier
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    hooked,
    run,
    service,
    workload,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.snapshot.evidence.made import (
    evidence,
    look,
    pod,
    recorded,
)

WRAPPER, SHELL = "pid1-shell-wrapper", "prestop-shell-missing"
SCRIPT = container(command=["sh", "-c", "./wait-for-db; ./server"])
SINGLE = container(command=["sh", "-c", "./server"])
EXEC_HOOK = {"exec": {"command": ["sh", "-c", "sleep 10"]}}


def audited(obj: dict[str, Any], **seen: Any) -> dict[str, Any]:
    """The report of an audit; `seen` is the look into the container app, without which evidence is off."""
    told = evidence(pod(), asked=("exec",), looks={"app": look(**seen)}) if seen else None
    report = run(obj, service(), evidence=told).report
    report["scope"] = {
        **{key: [] for key in ("namespaces", "exclude_namespaces", "names", "label_selectors")},
        "kinds": ["Deployment"],
        "rules": [WRAPPER, SHELL],
        "evidence": ["exec"] if seen else [],
    }
    return report


def compared(now: dict[str, Any], earlier: dict[str, Any], rule: str) -> tuple[str, str, bool | None]:
    """(severity, evidence, whether it is new) of the only finding of a rule."""
    assert compare(now, read_earlier(to_json(earlier))) is None
    (entry,) = [entry for entry in now["findings"] if entry["rule"] == rule]
    return entry["severity"], entry["evidence"], entry["new"]


def test_what_running_pods_alone_show_is_not_new_when_they_were_not_asked_before() -> None:
    obj = workload()
    shown = {"processes": recorded("wrapper")}
    assert compared(audited(obj, **shown), audited(obj), WRAPPER) == ("error", "runtime", None)
    assert compared(audited(obj, **shown), audited(workload(SCRIPT), processes=recorded("go")), WRAPPER)[2] is True


def test_an_info_that_a_running_pod_makes_an_error_is_not_new_either() -> None:
    obj = workload(SINGLE)
    assert compared(audited(obj, processes=recorded("wrapper")), audited(obj), WRAPPER) == ("error", "runtime", None)


def test_what_the_manifest_told_then_and_a_pod_shows_now_is_the_same_finding() -> None:
    obj = workload(SCRIPT)
    before, now = audited(obj), audited(obj, processes=recorded("wrapper"))
    assert [entry["evidence"] for entry in before["findings"] if entry["rule"] == WRAPPER] == ["static"]
    assert compared(now, before, WRAPPER) == ("error", "static", False)


def test_what_a_manifest_tells_is_new_whatever_was_asked_of_pods() -> None:
    now = audited(workload(SCRIPT), processes=recorded("wrapper"))
    assert compared(now, audited(workload()), WRAPPER) == ("error", "static", True)


def test_an_image_without_a_shell_by_its_name_or_by_what_a_pod_shows() -> None:
    bare: dict[str, Any] = {"processes": None, "bare": True}
    named = workload(hooked(EXEC_HOOK, image="gcr.io/distroless/java:1"))
    assert compared(audited(named, **bare), audited(named), SHELL) == ("warning", "static", False)
    other = workload(hooked(EXEC_HOOK))
    assert compared(audited(other, **bare), audited(other), SHELL) == ("warning", "runtime", None)
