# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calibration predicts, what it refuses, and what it does after an interruption. No cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS, load
from ansible_collections.graceful.termination.tools.calibration import live, meanings, measure, observe, page, predict
from ansible_collections.graceful.termination.tools.calibration.playbooks import EVIDENCE
from ansible_collections.graceful.termination.tools.calibration.variants import (
    EVICT,
    FOLDER,
    Refused,
    Variant,
    make_variant,
    read_json,
    read_variants,
    write_json,
)

VARIANTS = read_variants()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A calibration of two variants, of which the second one will disagree."""
    for name in ("base.yml", "server.py", "explanations.yml"):
        shutil.copy(FOLDER / name, tmp_path / name)
    tmp_path.joinpath("explanations.yml").write_text("[]")
    entries = [
        {"name": "good", "what": "Good"},
        {
            "name": "bad",
            "what": "Bad",
            "deployment": {"spec": {"template": {"spec": {"containers": [{"name": "web", "lifecycle": None}]}}}},
        },
    ]
    tmp_path.joinpath("variants.yml").write_text(yaml.safe_dump(entries))
    repredict(tmp_path)
    return tmp_path


def found(rule: str, severity: str = "info", status: str = "open") -> dict[str, str]:
    """As much of a finding by evidence from pods as is read."""
    return {"rule": rule, "severity": severity, "status": status, "evidence": "runtime"}


def running(variant: Variant, *findings: dict[str, str]) -> dict[str, Any]:
    """What the audit of the variant as it runs reports: what its manifests tell, and these findings."""
    report = predict.audit_manifests(variant)
    report["findings"] += findings
    return report


def repredict(folder: Path, **on_pods: Any) -> None:
    """Write predictions.json; `on_pods` are findings by the name of a variant."""
    variants = read_variants(folder).values()
    written = predict.predictions(variants, lambda variant: running(variant, *on_pods.get(variant.name, ())))
    write_json(folder / "predictions.json", written)


def drilled(
    *,
    lost: int = 0,
    cut: int = 0,
    code: int | None = 0,
    seconds: int | None = 15,
    status: str | None = None,
    reason: str = "",
) -> dict[str, Any]:
    """As much of a drill.json as is read."""
    streams = {
        "fresh": {"requests": 100, "lost": {"refused": lost} if lost else {}},
        "keep-alive": {"requests": 10, "lost": {}},
        "upload": {"requests": 5, "lost": {"closed-early": cut} if cut else {}, "seconds": 15.0},
    }
    for stream in streams.values():
        stream["bound"] = {"text": "below 3 %"}
    return {
        "status": status or ("failed" if lost or cut else "passed"),
        "reason": reason,
        "requests": 115,
        "lost": {"refused": lost},
        "lost_total": lost + cut,
        "bound": {"text": "below 3 %"},
        "streams": streams,
        "checks": [{"result": "passed"}] * 4,
        "pods": [{"containers": [{"exit_code": code, "stop_seconds": seconds}]}],
        "rounds": [{}, {}],
        "ended_at": "2027-01-31T00:00:00.000+00:00",
    }


def measured(predicted: dict[str, Any], *, seen: list[str] | tuple[Any, ...] = (), **drill: Any) -> dict[str, Any]:
    result = observe.observe(drilled(**drill), 2, 2)
    extra = {"attempts": 1, "seen_on_pods": [*seen], "kubernetes": "v1.37.2", "version": "1.0.0", "digest": "x"}
    return result | extra | {"prediction": observe.fingerprint(predicted)}


# --- The variants ----------------------------------------------------------------------------------------------------


def test_there_are_24_and_every_file_of_them_is_used() -> None:
    assert len(VARIANTS) == 24
    assert len({variant.digest for variant in VARIANTS.values()}) == 24
    for variant in VARIANTS.values():
        kinds = [obj["kind"] for obj in variant.objects]
        assert kinds == ["ConfigMap", "Service", "PodDisruptionBudget", "Deployment"]
        assert "VARIANT" not in json.dumps(variant.objects).replace(json.dumps(variant.objects[0]), "")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_judged_and_the_committed_prediction_is_of_its_manifests(name: str) -> None:
    assert predict.predict_manifests(VARIANTS[name])["outcomes"].keys() == meanings.OUTCOMES.keys()
    # What today's rules predict may differ: make calibrate says so. The manifests may not.
    assert measure.read_predictions([VARIANTS[name]])[name]["digest"] == VARIANTS[name].digest


def test_no_prediction_is_committed_of_a_variant_that_is_gone() -> None:
    committed = read_json(FOLDER / "predictions.json")
    assert committed["predictions"].keys() == VARIANTS.keys() == committed["audits"].keys()


@pytest.mark.parametrize("kind", predict.KINDS)
def test_the_space_is_covered(kind: str) -> None:
    committed = [entry[kind] for entry in read_json(FOLDER / "predictions.json")["predictions"].values()]
    for outcome in meanings.OUTCOMES:
        assert {meanings.YES, meanings.NO} <= {entry["outcomes"][outcome] for entry in committed}
    assert 6 <= sum(entry["clean"] for entry in committed) <= 12


def test_an_unknown_key_of_a_variant_is_refused(folder: Path) -> None:
    folder.joinpath("variants.yml").write_text(yaml.safe_dump([{"name": "x", "what": "X", "deploymnet": {}}]))
    with pytest.raises(Refused, match="x has unknown keys: deploymnet"):
        read_variants(folder)


# --- The mapping -----------------------------------------------------------------------------------------------------


def made(**patch: Any) -> Variant:
    """The base, with these fields of its pod, container, annotations, budget or drill changed."""
    container = {"name": "web"} | patch.get("container", {})
    pod = patch.get("pod", {}) | {"containers": [container]}
    entry = {
        "name": "made",
        "what": "Made",
        "deployment": {
            "metadata": {"annotations": patch.get("annotations", {})},
            "spec": patch.get("spec", {}) | {"template": {"spec": pod}},
        },
        "budget": patch.get("budget", {}),
        "drill": patch.get("drill", {}),
    }
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in ("base.yml", "server.py")]
    return make_variant(entry, *texts)


def prediction_of(**patch: Any) -> dict[str, Any]:
    prediction = predict.predict_manifests(made(**patch))
    assert prediction is not None
    return prediction


def outcomes(prediction: dict[str, Any], value: str = meanings.YES) -> set[str]:
    return {outcome for outcome, said in prediction["outcomes"].items() if said == value}


def test_the_base_is_clean_with_the_seconds_of_its_budget() -> None:
    prediction = prediction_of()
    assert prediction["clean"] and outcomes(prediction, meanings.NO) == meanings.OUTCOMES.keys()
    assert prediction["stop_seconds"] == [5, 17]


def test_an_undeclared_drain_leaves_open_what_becomes_of_requests_in_flight() -> None:
    prediction = prediction_of(annotations={"graceful.termination/drain-seconds": None})
    assert not prediction["clean"]
    assert outcomes(prediction, meanings.UNKNOWN) == {meanings.IN_FLIGHT, meanings.KILLED}
    assert prediction["stop_seconds"] == [5, None]


def test_a_waived_warning_does_not_count() -> None:
    alone = {"replicas": 1}
    waiver = {"ignore.graceful.termination/single-replica": "accepted"}
    assert not prediction_of(spec=alone)["clean"]
    assert prediction_of(spec=alone, annotations=waiver)["clean"]


@pytest.mark.parametrize("seconds", [4, 5])
def test_a_short_prestop_is_too_short_below_five_seconds(seconds: int) -> None:
    prediction = prediction_of(container={"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}})
    assert outcomes(prediction) == ({meanings.FRESH} if seconds == 4 else set())
    assert prediction["clean"] == (seconds == 5)


@pytest.mark.parametrize(("grace", "killed"), [(16, True), (17, False)])
def test_a_grace_period_is_too_short_when_prestop_and_drain_exceed_it_not_when_the_margin_is_missing(
    grace: int, killed: bool
) -> None:
    prediction = prediction_of(pod={"terminationGracePeriodSeconds": grace})
    assert not prediction["clean"]
    assert outcomes(prediction) == ({meanings.KILLED, meanings.IN_FLIGHT} if killed else set())
    assert prediction["stop_seconds"] == ([grace, grace] if killed else [5, 17])


def test_what_is_stuck_stops_nothing() -> None:
    prediction = prediction_of(budget={"spec": {"maxUnavailable": None, "minAvailable": 2}}, drill={"mode": EVICT})
    assert outcomes(prediction) == {meanings.STUCK} and prediction["stop_seconds"] is None


def test_a_mode_sees_only_what_concerns_it() -> None:
    blocked = {"spec": {"maxUnavailable": None, "minAvailable": 2}}
    assert outcomes(prediction_of(budget=blocked)) == set()
    recreated = prediction_of(spec={"strategy": {"type": "Recreate"}}, drill={"mode": EVICT})
    assert outcomes(recreated) == {meanings.CAPACITY}


def test_a_finding_without_a_meaning_is_refused() -> None:
    with pytest.raises(Refused, match="made: what does prestop-http-unverified mean for a drill"):
        prediction_of(
            container={"lifecycle": {"preStop": {"sleep": None, "httpGet": {"path": "/stop", "port": "http"}}}}
        )


def test_a_deaf_pid_1_is_killed_whatever_its_severity() -> None:
    for severity in ("info", "warning", "error"):
        prediction = predict.predict(made(), running(made(), found("pid1-sigterm-unhandled", severity)))
        assert outcomes(prediction) == {meanings.KILLED} and not prediction["clean"]
        assert prediction["rules"] == ["pid1-sigterm-unhandled"] and prediction["stop_seconds"] == [27, 27]


def test_a_declared_drain_is_not_known_where_only_the_runtime_handles_the_signal() -> None:
    prediction = predict.predict(made(), running(made(), found("pid1-runtime-default")))
    assert {name for name, value in prediction["outcomes"].items() if value == meanings.UNKNOWN} == {
        meanings.IN_FLIGHT,
        meanings.KILLED,
    }
    assert not prediction["clean"] and prediction["stop_seconds"] == [5, None]
    behind_a_shell = running(made(), found("pid1-runtime-default"), found("pid1-shell-wrapper", "warning"))
    assert predict.predict(made(), behind_a_shell)["outcomes"][meanings.KILLED] == meanings.YES


def test_no_other_info_counts_and_nothing_that_is_waived() -> None:
    others = {meaning.rule for meaning in meanings.MEANINGS} - {"pid1-sigterm-unhandled", "pid1-runtime-default"}
    report = running(made(), *map(found, sorted(others)), found("pid1-sigterm-unhandled", status="suppressed"))
    assert predict.predict(made(), report) == prediction_of()


def test_a_finding_on_pods_without_a_meaning_is_refused() -> None:
    with pytest.raises(Refused, match="made: what does zombie-processes mean for a drill"):
        predict.predict(made(), running(made(), found("zombie-processes", "warning")))


def test_a_report_on_anything_else_is_refused() -> None:
    with pytest.raises(Refused, match="made is not judged as one workload"):
        predict.predict(made(), running(made()) | {"workloads": []})


def test_every_rule_of_the_mapping_is_one() -> None:
    known = {rule.id for rule in select_rules([], [])}
    assert {meaning.rule for meaning in meanings.MEANINGS} <= known


# --- What was seen ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drill", "expected"),
    [
        ({"lost": 1}, {meanings.FRESH}),
        ({"cut": 1}, {meanings.IN_FLIGHT}),
        ({"code": 137}, {meanings.KILLED}),
        ({"status": "error", "reason": "x: not done after 25 s: y"}, {meanings.STUCK}),
    ],
)
def test_each_outcome_is_seen_by_itself(drill: dict[str, Any], expected: set[str]) -> None:
    seen = observe.observe(drilled(**drill), 2, 2)["outcomes"]
    assert {outcome for outcome, said in seen.items() if said == meanings.YES} == expected


def test_one_pod_too_few_is_a_loss_of_capacity() -> None:
    assert observe.observe(drilled(), 1, 2)["outcomes"][meanings.CAPACITY] == meanings.YES


def test_an_upload_that_was_refused_was_not_in_flight() -> None:
    drill = drilled(status="failed")
    drill["streams"]["upload"]["lost"] = {"refused": 3}
    assert observe.observe(drill, 2, 2)["outcomes"][meanings.IN_FLIGHT] == meanings.NO


def test_what_was_not_observed_is_not_compared() -> None:
    drill = drilled(code=None, seconds=None)
    drill["checks"] = [{"result": "not observed"}] * 4
    good = prediction_of()
    measurement = observe.observe(drill, 2, 2)
    assert not observe.compare(good, measurement).keys() & {meanings.IN_FLIGHT, meanings.KILLED, observe.STOP_SECONDS}


@pytest.mark.parametrize("status", ["noisy", "interrupted", "error", "running"])
def test_a_drill_without_an_end_is_no_measurement(status: str) -> None:
    with pytest.raises(Refused, match=f"the drill is {status}"):
        observe.observe(drilled(status=status, reason="why"), 2, 2)


def test_a_clean_variant_that_loses_anything_disagrees_even_where_no_outcome_does() -> None:
    drill = drilled(status="failed") | {"lost_total": 1}
    assert observe.disagreements(prediction_of(), observe.observe(drill, 2, 2)) == [observe.NOTHING_LOST]


@pytest.mark.parametrize(("seconds", "agrees"), [(2, False), (3, True), (19, True), (20, False)])
def test_seconds_agree_to_two(seconds: int, agrees: bool) -> None:
    measurement = observe.observe(drilled(seconds=seconds), 2, 2)
    assert observe.compare(prediction_of(), measurement)[observe.STOP_SECONDS] is agrees


# --- Evidence --------------------------------------------------------------------------------------------------------


def looked_into(
    *findings: dict[str, str],
    evidence: tuple[str, ...] = ("status", "events", "exec"),
    unknown: tuple[str, ...] = ("grace-period-exceeded", "unclean-exit-code"),
) -> dict[str, Any]:
    """The report on the base that runs and was never stopped, unless it is said otherwise."""
    reasons = [{"rule": rule, "reason": "why not"} for rule in unknown]
    return running(made(), *findings) | {"scope": {"evidence": list(evidence)}, "not_evaluated": reasons}


def test_pods_that_were_looked_into_and_never_stopped_are_evidence() -> None:
    live.require_evidence(looked_into(found("pid1-sigterm-unhandled")), made())


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"evidence": EVIDENCE[:2]}, "has no evidence of exec"),
        ({"unknown": ("pid1-sigterm-unhandled",)}, "leaves pid1-sigterm-unhandled open: why not"),
        ({"unknown": ("grace-period-exceeded",)}, "stopped before they were audited: unclean-exit-code"),
    ],
)
def test_an_audit_without_evidence_or_after_a_stop_is_refused(report: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        live.require_evidence(looked_into(**report), made())


def test_the_event_of_a_hook_that_failed_is_of_a_stop() -> None:
    with pytest.raises(Refused, match="stopped before they were audited: prestop-hook-failed"):
        live.require_evidence(looked_into(found("prestop-hook-failed", "error")), made())


# --- Refusals and interruptions --------------------------------------------------------------------------------------


def test_a_prediction_for_other_manifests_is_refused(folder: Path) -> None:
    text = folder.joinpath("base.yml").read_text(encoding="utf-8")
    folder.joinpath("base.yml").write_text(text.replace("replicas: 2", "replicas: 3"))
    with pytest.raises(Refused, match="good: its predictions were made for other manifests"):
        measure.read_predictions(read_variants(folder).values(), folder)


def test_a_variant_without_a_prediction_is_refused(folder: Path) -> None:
    folder.joinpath("predictions.json").unlink()
    with pytest.raises(Refused, match="good has no prediction from its manifests"):
        measure.read_predictions(read_variants(folder).values(), folder)


def change_prediction(folder: Path, name: str, change: Callable[..., Any]) -> None:
    document = read_json(folder / "predictions.json")
    change(document["predictions"][name])
    write_json(folder / "predictions.json", document)


@pytest.mark.parametrize("kind", predict.KINDS)
def test_one_of_two_predictions_is_not_enough(folder: Path, kind: str) -> None:
    change_prediction(folder, "bad", lambda entry: entry.pop(kind))
    with pytest.raises(Refused, match=f"bad has no prediction from its {kind}"):
        measure.load(folder)


def test_nothing_is_measured_under_predictions_that_are_not_committed(tmp_path: Path) -> None:
    for name in ("base.yml", "variants.yml", "server.py", "predictions.json"):
        tmp_path.joinpath(name).write_text("first")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    with pytest.raises(Refused, match="not committed"):
        measure.require_committed(tmp_path)
    git("add", ".")
    git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-m", "x")
    measure.require_committed(tmp_path)
    tmp_path.joinpath("predictions.json").write_text("second")
    with pytest.raises(Refused, match="not committed"):
        measure.require_committed(tmp_path)


def todo(folder: Path, *names: str, again: bool = False) -> list[str]:
    variants = read_variants(folder)
    predictions = measure.read_predictions(variants.values(), folder)
    return [variant.name for variant in measure.missing(variants, predictions, [*names], again=again, folder=folder)]


def run(folder: Path, names: list[str], results: dict[str, Any]) -> list[str]:
    """Measure, with a stand-in for the cluster; `results` by name, an exception is raised."""

    def one(variant: Variant, prediction: dict[str, Any]) -> dict[str, Any]:
        result = results[variant.name]
        if isinstance(result, BaseException):
            raise result
        return measured(prediction, **result)

    variants, predictions = measure.load(folder)
    chosen = measure.missing(variants, predictions, names, again=False, folder=folder)
    return measure.measure_all(chosen, predictions, one, folder)


def test_after_an_interruption_the_rest_is_measured_and_nothing_twice(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(folder, [], {"good": {}, "bad": KeyboardInterrupt()})
    assert todo(folder) == ["bad"]
    assert todo(folder, again=True) == ["good", "bad"]
    assert run(folder, [], {"bad": {"lost": 3}}) == []
    assert todo(folder) == []
    assert read_json(folder / "measurements.json")["bad"]["lost_total"] == 3


def test_a_failure_is_told_and_the_next_one_is_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, [], {"good": Refused("the cluster is away"), "bad": {}}) == ["good"]
    assert "NOT MEASURED: the cluster is away" in capsys.readouterr().out
    assert todo(folder) == ["good"]


@pytest.mark.parametrize("kind", predict.KINDS)
def test_another_prediction_asks_for_another_measurement(folder: Path, kind: str) -> None:
    run(folder, [], {"good": {}, "bad": {}})
    change_prediction(folder, "good", lambda entry: entry[kind].update(stop_seconds=[1, 2]))
    assert todo(folder) == ["good"]
    with pytest.raises(Refused, match="good was measured under other predictions"):
        page.render(*measure.load(folder), folder)


def test_another_audit_with_the_same_result_asks_for_none(folder: Path) -> None:
    run(folder, [], {"good": {}, "bad": {}})
    repredict(folder, good=[found("zombie-processes")])
    assert read_json(folder / "predictions.json")["audits"]["good"]["seen"] == ["zombie-processes (info)"]
    assert todo(folder) == []


def test_what_either_prediction_calls_clean_is_drilled_most_often(folder: Path) -> None:
    repredict(folder, good=[found("pid1-sigterm-unhandled")])
    _variants, predictions = measure.load(folder)
    assert not predictions["good"]["pods"]["clean"]
    assert [measure.rounds_for(predictions[name]) for name in ("good", "bad")] == [5, 2]


def test_an_unknown_name_is_refused_with_the_names(folder: Path) -> None:
    with pytest.raises(Refused, match="there is no variant god; the names are good, bad"):
        todo(folder, "god")


# --- The page --------------------------------------------------------------------------------------------------------


def explain(folder: Path, *entries: dict[str, Any]) -> None:
    folder.joinpath("explanations.yml").write_text(yaml.safe_dump([*entries]))


DEAF = {"good": [found("pid1-sigterm-unhandled", "warning")]}
FRESH_KEPT = {"variant": "bad", "outcomes": [meanings.FRESH], "why": "Because.", "measured": "It was."}
LOST_AND_FAST = {"lost": 1, "seconds": 9}  # what is predicted of bad


def test_the_page_shows_both_sides_and_the_explanation(folder: Path) -> None:
    run(folder, [], {"good": {}, "bad": {"lost": 0, "seconds": 0}})
    explain(folder, FRESH_KEPT)
    text = page.render(*measure.load(folder), folder)
    assert "| good | **clean** | same | none of the five | yes |" in text
    assert "| bad | fresh lost | same | none of the five | **no**: fresh lost |" in text
    assert "**bad** (fresh lost): Because. Measured: It was." in text
    assert "| what those lost | 0 of 115 requests in 2 rounds | 0 of 115 requests in 2 rounds |" in text


def test_the_page_shows_where_evidence_predicts_otherwise(folder: Path) -> None:
    repredict(folder, **DEAF)
    killed = {"code": 137, "seconds": 27, "seen": ["prestop-hook-failed (error)"]}
    run(folder, [], {"good": killed, "bad": LOST_AND_FAST})
    explain(folder, FRESH_KEPT | {"variant": "good", "outcomes": [], "manifests": ["killed", "stop seconds"]})
    text = page.render(*measure.load(folder), folder)
    assert "| good | **clean** | killed | killed | manifests **no**: killed, stop seconds; evidence yes |" in text
    assert "**good** (from manifests alone: killed, stop seconds): Because. Measured: It was." in text
    assert "| predictions that came true | 11 of 13 | 12 of 12 |" in text
    assert "| variants of which all came true | 1 of 2 | 2 of 2 |" in text
    assert "| variants predicted clean | 1 | 0 |" in text
    assert "5 to 17; 27 |" in text
    assert "27, 5, 12 | pid1-sigterm-unhandled (warning) | prestop-hook-failed (error) |" in text


def test_a_disagreement_without_an_explanation_is_refused(folder: Path) -> None:
    run(folder, [], {"good": {}, "bad": {"seconds": 0}})
    with pytest.raises(Refused, match="bad disagrees with evidence in fresh lost, and 0 entries explain nothing"):
        page.render(*measure.load(folder), folder)


def test_a_disagreement_of_the_manifests_alone_is_explained_too(folder: Path) -> None:
    repredict(folder, **DEAF)
    run(folder, [], {"good": {"code": 137, "seconds": 27}, "bad": LOST_AND_FAST})
    with pytest.raises(Refused, match="good disagrees by its manifests in killed, stop seconds, and 0 entries"):
        page.render(*measure.load(folder), folder)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"variant": "good", "outcomes": ["fresh lost"]}, "good disagrees with evidence in nothing"),
        ({"variant": "bad", "outcomes": ["killed"]}, "bad disagrees .* in fresh lost, and 1 entries explain killed"),
        (
            {"variant": "bad", "outcomes": ["fresh lost"], "manifests": []},
            "bad disagrees by its manifests in fresh lost",
        ),
        ({"variant": "bad", "outcomes": ["fresh lost"], "measured": ""}, "bad needs why, and measured"),
        ({"variant": "gone", "outcomes": []}, "there is no variant gone"),
    ],
)
def test_an_explanation_that_explains_nothing_is_refused(folder: Path, entry: dict[str, Any], message: str) -> None:
    run(folder, [], {"good": {}, "bad": {"seconds": 0}})
    explain(folder, *([entry] if entry["variant"] == "bad" else [FRESH_KEPT, entry]))
    if entry["variant"] == "bad":
        entry.setdefault("why", "Because.")
    with pytest.raises(Refused, match=message):
        page.render(*measure.load(folder), folder)


def test_two_explanations_of_one_variant_are_refused(folder: Path) -> None:
    run(folder, [], {"good": {}, "bad": {"seconds": 0}})
    explain(folder, FRESH_KEPT, FRESH_KEPT)
    with pytest.raises(Refused, match="bad disagrees with evidence in fresh lost, and 2 entries"):
        page.render(*measure.load(folder), folder)


def test_a_page_without_all_measurements_is_refused(folder: Path) -> None:
    run(folder, ["good"], {"good": {}})
    with pytest.raises(Refused, match="bad is not measured: run tools/calibrate measure --only bad"):
        page.render(*measure.load(folder), folder)


# --- The command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calibrate() -> ModuleType:
    """tools/calibrate, which has no suffix."""
    return load(TOOLS / "calibrate")


def test_what_the_manifests_predict_otherwise_is_told_without_a_cluster(folder: Path, calibrate: ModuleType) -> None:
    repredict(folder, **DEAF)
    assert calibrate.differences(folder) == []
    change_prediction(folder, "bad", lambda entry: entry["manifests"].update(clean=True))
    assert calibrate.differences(folder) == ["bad"]


def lose_one(folder: Path, **extra: Any) -> None:
    """`good` loses one request; everything else is as its manifests predict."""
    run(folder, [], {"good": {"lost": 1, **extra}, "bad": LOST_AND_FAST})


def test_write_fails_where_a_variant_loses_that_is_clean_with_evidence(
    folder: Path, calibrate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_one(folder)
    explain(folder, FRESH_KEPT | {"variant": "good", "outcomes": [meanings.FRESH, observe.NOTHING_LOST]})
    assert calibrate.write(folder / "page.md", folder) == 1
    assert "pods: 1 variants predicted clean, of which 1 lost something good" in capsys.readouterr().out
    assert folder.joinpath("page.md").exists()


def test_write_tells_of_one_that_is_clean_by_its_manifests_alone(
    folder: Path, calibrate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    repredict(folder, **DEAF)
    lose_one(folder, code=137, seconds=27)
    wrong = [meanings.FRESH, meanings.KILLED, observe.NOTHING_LOST, observe.STOP_SECONDS]
    explain(folder, FRESH_KEPT | {"variant": "good", "outcomes": [meanings.FRESH], "manifests": wrong})
    assert calibrate.write(folder / "page.md", folder) == 0
    told = capsys.readouterr().out
    assert "manifests: 1 variants predicted clean, of which 1 lost something good" in told
    assert "pods: 0 variants predicted clean, of which 0 lost something" in told
