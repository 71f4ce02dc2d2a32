# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patching a cluster: which requests a change takes, for which version of the object, and what is told of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Answer, Unreachable
from ansible_collections.graceful.termination.plugins.module_utils.kube.strategic_merge import merge
from ansible_collections.graceful.termination.plugins.module_utils.run.run import Outcome, run_remediate
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import hooked, service, workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    DEPLOYMENTS,
    DRY,
    LISTS,
    REAL,
    SHOP,
    Script,
    answer,
    failed,
    forbidden,
    items,
    options_of,
    script,
    source_of,
)

WEB = f"{SHOP}/web"
ROLLING: dict[str, Any] = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}}
STRATEGY = ("spec.strategy.rollingUpdate.maxUnavailable",)
TEMPLATE = ("spec.template.spec.containers[app].lifecycle", "spec.template.spec.terminationGracePeriodSeconds")


def live(version: str = "1", name: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment without a preStop delay, as the server has it."""
    obj = workload(hooked(None), name=name, **spec)
    obj["metadata"] |= {"resourceVersion": version, "uid": f"uid-{name}", "generation": 1}
    return obj


class Stored:
    """One object of the server; `take` stores a patch under a new version, unless `loses` spoils it."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.obj = obj

    def take(self, version: str, loses: Callable[[dict[str, Any]], None] | None = None) -> Callable[[Any], Answer]:
        def reply(body: Any) -> Answer:
            after = merge(copy.deepcopy(self.obj), {"spec": body["spec"]})
            after["metadata"] |= {"resourceVersion": version, "managedFields": []}
            if loses:
                loses(after)
            self.obj = after
            return answer(after)

        return reply

    def dry(self, body: Any) -> Answer:
        """What a dry run answers: the object as it would be, its version as it is."""
        return answer(merge(copy.deepcopy(self.obj), {"spec": body["spec"]}))

    def listed(self, _body: Any) -> Answer:
        """The list that holds it as it is by then."""
        return items(self.obj)


def cluster(declared: Script, *objects: Stored, times: int = 1) -> None:
    """Declare whole readings of a cluster with these Deployments, each behind its Service."""
    for _time in range(times):
        declared.expect_lists(
            replaced={
                DEPLOYMENTS: lambda _body: items(*(entry.obj for entry in objects)),
                LISTS[4]: items(*(service(entry.obj["metadata"]["name"]) for entry in objects)),
            }
        )


def remediate(declared: Script, *, check: bool = False, **given: Any) -> Outcome:
    options = options_of(**({"wait": False} | given))
    return run_remediate(source_of(declared, options), options, check=check)


def action(outcome: Outcome) -> tuple[str, str | None, tuple[str, ...]]:
    (entry,) = outcome.report["actions"]
    return entry["status"], entry["reason"], tuple(entry["fields"])


def versions(declared: Script) -> list[str]:
    return [body["metadata"]["resourceVersion"] for body in declared.bodies()]


def test_strategy_and_template_are_one_patch_and_a_dry_run_before_it() -> None:
    web = Stored(live(**ROLLING))
    with script() as declared:
        cluster(declared, web, times=2)
        declared.expect("PATCH", WEB, web.dry, query=DRY)
        declared.expect("PATCH", WEB, web.take("2"), query=REAL)
        outcome = remediate(declared)
        rehearsal, body = declared.bodies()
        assert rehearsal == body
        assert versions(declared) == ["1", "1"]
    assert set(body["spec"]) == {"strategy", "template"}, "a workload has both or none of them"
    assert body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 40
    assert set(body["metadata"]) == {"resourceVersion"}
    assert action(outcome) == ("changed", "patched, its rollout was not waited for", (*STRATEGY, *TEMPLATE))
    assert outcome.changed
    assert outcome.report["summary"]["remediable"] == 0, "the report shows the state after it"


def test_nothing_to_fix_sends_nothing() -> None:
    with script() as declared:
        cluster(declared, Stored(workload()))
        outcome = remediate(declared)
        assert declared.bodies() == []
    assert (outcome.changed, outcome.report["actions"]) == (False, [])


def test_the_second_run_sends_nothing() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web, times=3)
        declared.expect("PATCH", WEB, web.take("2"), query=REAL)
        assert remediate(declared).changed
        assert not remediate(declared).changed


def test_check_mode_asks_for_a_dry_run_and_shows_only_our_fields() -> None:
    web = Stored(live(**ROLLING))
    with script() as declared:
        cluster(declared, web)
        declared.expect("PATCH", WEB, web.dry, query=DRY)
        outcome = remediate(declared, check=True)
    assert action(outcome) == ("would-change", None, (*STRATEGY, *TEMPLATE))
    assert outcome.changed
    (diff,) = outcome.diffs
    assert diff.header == "shop/Deployment/web"
    assert "maxUnavailable: 1" in diff.before and "maxUnavailable: 0" in diff.after
    assert "seconds: 10" not in diff.before and "seconds: 10" in diff.after
    for other in ("image", "replicas", "resourceVersion", "readinessProbe"):
        assert other not in diff.before + diff.after


def test_without_the_right_to_patch_the_diff_is_made_here_and_says_so() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web)
        declared.expect("PATCH", WEB, forbidden("patch"), query=DRY)
        outcome = remediate(declared, check=True)
    assert action(outcome)[:2] == (
        "would-change",
        "not confirmed by the server: forbidden: user jane cannot patch (403)",
    )
    assert "seconds: 10" in outcome.diffs[0].after


def test_a_webhook_that_forbids_dry_runs_is_no_failure() -> None:
    message = 'admission webhook "x.example" does not support dry run'
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, failed(400, message), query=DRY)
        outcome = remediate(declared, check=True)
    assert action(outcome)[:2] == ("would-change", f"not confirmed by the server: {message}")


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (failed(422, "grace is too long"), "cannot patch it (422): grace is too long"),
        # Not a missing right: a policy says no, and would say no to the real request.
        (failed(403, 'admission webhook "x" denied the request: no'), "cannot patch it (403): admission webhook"),
    ],
)
def test_a_refused_patch_fails_in_both_modes(check: bool, refusal: Answer, reason: str) -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, refusal, query=DRY if check else REAL)
        outcome = remediate(declared, check=check)
    status, told, fields = action(outcome)
    assert (status, fields) == ("failed", ())
    assert told is not None and told.startswith(reason)
    assert (outcome.changed, outcome.diffs) == (False, [])


def test_without_the_right_to_patch_a_real_run_fails() -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, forbidden("patch"), query=REAL)
        assert action(remediate(declared)) == ("failed", "forbidden: user jane cannot patch it (403)", ())


def test_a_workload_that_is_gone_is_skipped() -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, failed(404), query=REAL)
        assert action(remediate(declared)) == ("skipped", "it was deleted after it was read", ())


def test_one_failure_does_not_stop_the_others() -> None:
    good, bad = Stored(live(name="good")), Stored(live(name="bad"))
    with script() as declared:
        cluster(declared, bad, good, times=2)
        declared.expect("PATCH", f"{SHOP}/bad", failed(422, "no"), query=REAL)
        declared.expect("PATCH", f"{SHOP}/good", good.take("2"), query=REAL)
        outcome = remediate(declared)
    statuses = {entry["object"]: entry["status"] for entry in outcome.report["actions"]}
    assert statuses == {"shop/Deployment/bad": "failed", "shop/Deployment/good": "changed"}


# Somebody else changes the workload in the meantime


def test_after_a_conflict_the_plan_is_made_anew_for_what_is_there() -> None:
    web = Stored(live())
    newer = live("5", replicas=3)
    newer["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 100
    with script() as declared:
        cluster(declared, web, times=2)
        now = Stored(newer)
        declared.expect("GET", WEB, answer(newer))
        declared.expect("PATCH", WEB, failed(409, "modified"), now.take("6"), query=REAL)
        outcome = remediate(declared)
        assert versions(declared) == ["1", "5"]
        grace = [body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for body in declared.bodies()]
    assert grace == [40, 110], "what others raised is not lowered"
    assert action(outcome)[0] == "changed"


def test_a_new_status_alone_makes_no_new_plan() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web, times=2)

        def newer(_body: Any) -> Answer:
            web.obj["metadata"]["resourceVersion"] = "2"
            return failed(409)

        declared.expect("GET", WEB, lambda _body: answer(web.obj))
        declared.expect("PATCH", WEB, newer, web.take("3"), query=REAL)
        outcome = remediate(declared)
        first, second = declared.bodies()
        assert versions(declared) == ["1", "2"]
    assert first["spec"] == second["spec"]
    assert action(outcome)[::2] == ("changed", TEMPLATE)


def test_what_was_there_before_is_what_the_stored_patch_was_computed_from() -> None:
    web, newer = Stored(live()), live("5")
    newer["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 100
    with script() as declared:
        cluster(declared, web, times=2)
        declared.expect("GET", WEB, answer(newer))
        declared.expect("PATCH", WEB, failed(409), Stored(newer).take("6"), query=REAL)
        (diff,) = remediate(declared).diffs
    assert "terminationGracePeriodSeconds: 100" in diff.before
    assert "terminationGracePeriodSeconds: 110" in diff.after


def test_when_others_have_fixed_it_nothing_is_left_to_do() -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, failed(409), query=REAL)
        fixed = workload()
        fixed["metadata"]["resourceVersion"] = "7"
        declared.expect("GET", WEB, answer(fixed))
        outcome = remediate(declared)
    assert action(outcome) == ("unchanged", "another client changed it, and nothing is left to fix", ())
    assert not outcome.changed


def test_when_others_have_made_the_same_change_it_was_theirs() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web)

        def outrun(body: Any) -> Answer:
            web.take("7")(body)
            return failed(409)

        declared.expect("PATCH", WEB, outrun, query=REAL)
        declared.expect("GET", WEB, lambda _body: answer(web.obj))
        outcome = remediate(declared)
    assert action(outcome)[0] == "unchanged"


def test_an_answer_that_got_lost_was_still_our_change() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web, times=2)

        def carried_out(body: Any) -> Answer:
            web.take("2")(body)
            raise Unreachable("test: the connection broke")

        declared.expect("PATCH", WEB, carried_out, failed(409), query=REAL)
        declared.expect("GET", WEB, lambda _body: answer(web.obj))
        outcome = remediate(declared)
    assert action(outcome) == ("changed", "patched, its rollout was not waited for", TEMPLATE)


def test_whoever_took_ownership_in_the_meantime_is_respected() -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        taken = live("2")
        taken["metadata"]["labels"] = {"argocd.argoproj.io/instance": "store"}
        declared.expect("PATCH", WEB, failed(409), query=REAL)
        declared.expect("GET", WEB, answer(taken))
        outcome = remediate(declared)
    assert action(outcome) == ("refused", "Argo CD application store owns it: not patched live", ())


def test_conflicts_without_end_end() -> None:
    with script() as declared:
        cluster(declared, Stored(live()))
        declared.expect("PATCH", WEB, *[failed(409)] * 4, query=REAL)
        declared.expect("GET", WEB, *[answer(live(str(version))) for version in range(2, 5)])
        outcome = remediate(declared)
    assert action(outcome) == ("failed", "4 conflicts: other clients keep changing it; run again", ())


# What is stored is compared with what was sent


def _no_hook(obj: dict[str, Any]) -> None:
    del obj["spec"]["template"]["spec"]["containers"][0]["lifecycle"]


def _capped(obj: dict[str, Any]) -> None:
    obj["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 35


@pytest.mark.parametrize(
    ("loses", "field"),
    [
        (_no_hook, "spec.template.spec.containers[app].lifecycle"),
        (_capped, "spec.template.spec.terminationGracePeriodSeconds"),
    ],
)
def test_a_field_that_the_server_does_not_keep_is_a_failure(loses: Callable[..., Any], field: str) -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web, times=2)
        declared.expect("PATCH", WEB, web.take("2", loses), query=REAL)
        outcome = remediate(declared)
    status, reason, _fields = action(outcome)
    assert status == "failed"
    assert reason == f"the server did not keep {field} as sent: an admission policy or a feature gate changes it"
    assert outcome.changed, "something was stored all the same"


def test_a_field_that_the_server_would_not_keep_is_seen_in_check_mode() -> None:
    web = Stored(live())
    with script() as declared:
        cluster(declared, web)
        declared.expect("PATCH", WEB, web.take("1", _capped), query=DRY)
        outcome = remediate(declared, check=True)
    assert action(outcome)[0] == "failed"
    assert "would not keep spec.template.spec.terminationGracePeriodSeconds" in str(action(outcome)[1])
    assert not outcome.changed


def _other_strategy(obj: dict[str, Any]) -> None:
    obj["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 1


def test_a_strategy_that_would_not_be_kept_stores_nothing_and_restarts_no_pod() -> None:
    web = Stored(live(**ROLLING))
    with script() as declared:
        cluster(declared, web)
        declared.expect("PATCH", WEB, web.take("1", _other_strategy), query=DRY)
        outcome = remediate(declared)
        assert len(declared.bodies()) == 1
    assert action(outcome) == (
        "failed",
        "the server would not keep spec.strategy.rollingUpdate.maxUnavailable as sent: an admission policy or a "
        "feature gate changes it",
        (),
    )
    assert (outcome.changed, outcome.diffs) == (False, [])


def test_where_a_webhook_forbids_dry_runs_the_real_request_is_sent_and_compared() -> None:
    web = Stored(live(**ROLLING))
    with script() as declared:
        cluster(declared, web, times=2)
        declared.expect("PATCH", WEB, failed(400, 'admission webhook "x" does not support dry run'), query=DRY)
        declared.expect("PATCH", WEB, web.take("2", _other_strategy), query=REAL)
        outcome = remediate(declared)
    assert action(outcome)[0] == "failed"
    assert "did not keep spec.strategy.rollingUpdate.maxUnavailable" in str(action(outcome)[1])


def test_without_the_right_to_patch_the_rehearsal_of_a_real_run_fails_it() -> None:
    with script() as declared:
        cluster(declared, Stored(live(**ROLLING)))
        declared.expect("PATCH", WEB, forbidden("patch"), query=DRY)
        assert action(remediate(declared)) == ("failed", "forbidden: user jane cannot patch it (403)", ())


def test_what_was_written_is_told_even_if_nobody_can_look_any_more() -> None:
    web = Stored(live())
    gone = Unreachable("test: cannot reach the API server", passing=False)
    with script() as declared:
        cluster(declared, web)
        declared.expect("PATCH", WEB, web.take("2"), query=REAL)
        declared.expect("GET", "/version", gone)
        outcome = remediate(declared)
    assert action(outcome)[0] == "changed"
    (entry,) = [entry for entry in outcome.report["not_evaluated"] if entry["rule"] == "all"]
    assert "cannot reach the API server" in entry["reason"]
