# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal report: exact text, honest counts, bounded size, and nothing that acts on the terminal."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.base.text import cells, shorten, wrap
from ansible_collections.graceful.termination.plugins.module_utils.report import terminal
from ansible_collections.graceful.termination.plugins.module_utils.report.view import totals
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import (
    budget,
    finding,
    report,
    shop,
    with_text,
    workload,
)

SGR = re.compile(r"\x1b\[\d+m")
PROD = {"type": "cluster", "name": "prod-eu-1", "server_version": "v1.34.4", "requests": 142}
LIVE: dict[str, Any] = {"file": None, "line": None}


def lines_of(text: str, start: str) -> list[str]:
    """The lines whose first word is this one, blanks in front left out."""
    return [line.strip() for line in text.splitlines() if line.split()[:1] == [start]]


def test_a_small_report_exactly() -> None:
    to_lb = {"prestop": "policy for external-lb"}
    checkout = workload(replicas=6, traits=["external-lb"], line=12, budget=budget(drain=30), pods_restarted=6)
    checkout["budget_after"] = budget(60, 20, 30, sources=to_lb)
    cart = workload(
        "cart", replicas=1, profile="unknown", notes=["profile unknown: add the Services"], budget=budget(60)
    )
    probe = {"remedy": "manual", "reason": "no path is known", "snippet": "readinessProbe: {}\n"}
    findings = [
        finding(checkout),
        finding(checkout, "grace-period-insufficient", message="needs 40 s, killed at 30 s"),
        finding(cart, "no-readiness-probe", "warning", "pods count as ready too early", **probe),
        finding(cart, "pid1-shell-wrapper", "info", "the shell may stay PID 1", remedy="manual"),
    ]
    unseen = [
        {"rule": "pdb-missing", "reason": "no PodDisruptionBudgets in the input", "scope": "workloads", "count": 2}
    ]
    skipped = [{"file": "examples/shop/broken.yaml", "line": 7, "reason": "not YAML"}]
    text = terminal.render(
        report([checkout, cart, workload("web")], findings, not_evaluated=unseen, skipped=skipped),
        hints=["make remediate SOURCE=examples/shop CHECK=1", "make audit"],
    )
    assert text == (
        """\
examples/shop, read only, judged as Kubernetes 1.34 (assumed)
4 found = 3 judged + 0 excluded + 1 unreadable

ERROR shop/Deployment/checkout   6 replicas, serving, behind a load balancer
  now    preStop  0 + drain 30 + sidecar 0 + margin 10 = 40 s > grace 30
  fixed  preStop 20 + drain 30 + sidecar 0 + margin 10 = 60 s = grace 60
    drain 30 s    annotation graceful.termination/drain-seconds
    preStop 20 s  policy for external-lb
  E grace-period-insufficient  needs 40 s, killed at 30 s
  E prestop-missing            new requests reach the pod after SIGTERM
  fix    edits examples/shop/checkout.yaml:12; the first rollout still runs the old spec

WARN  shop/Deployment/cart   1 replica, profile unknown
  now    preStop 0 + drain ? + sidecar 0 + margin 10 >= 10 s, grace 60
  W no-readiness-probe  pods count as ready too early
  i pid1-shell-wrapper
  file   examples/shop/cart.yaml:1
  manual no-readiness-probe: no path is known; snippet in the report

not evaluated
  pdb-missing  no PodDisruptionBudgets in the input (2 workloads)

notes
  - drain unknown: annotation graceful.termination/drain-seconds would settle it
    (shop/Deployment/cart)
  - profile unknown: add the Services (shop/Deployment/cart)

skipped
  examples/shop/broken.yaml:7  not YAML

3 workloads: 1 with errors, 1 with warnings, 1 clean; drain unknown for 1
4 open findings: 2 errors, 1 warning, 1 info; 2 remediable
next   make remediate SOURCE=examples/shop CHECK=1
       make audit
"""
    )


def test_an_all_clean_report_is_short_and_claims_no_more_than_was_seen() -> None:
    clean = [workload("web"), workload("api", budget=budget(60, 10))]
    assert terminal.render(report(clean)) == (
        """\
examples/shop, read only, judged as Kubernetes 1.34 (assumed)
2 found = 2 judged + 0 excluded + 0 unreadable

notes
  - drain unknown: annotation graceful.termination/drain-seconds would settle it
    (shop/Deployment/api)

2 workloads: no errors, no warnings; drain unknown for 1
"""
    )


def test_nothing_judged_is_no_all_clear() -> None:
    assert terminal.render(report()).endswith("\n\n0 workloads judged: this is not an all-clear\n")


def test_a_remediation_exactly() -> None:
    actions = [
        {"object": "shop/Deployment/web", "status": "unchanged"},
        {
            "object": "shop/Deployment/checkout",
            "file": "shop/checkout.yaml",
            "line": 12,
            "status": "changed",
            "reason": None,
            "fields": [
                "spec.strategy.rollingUpdate.maxUnavailable",
                "spec.template.spec.terminationGracePeriodSeconds",
            ],
        },
        {
            "object": "shop/Deployment/cart",
            "file": "shop/cart.yaml",
            "line": 1,
            "status": "refused",
            "reason": "shop/cart.yaml:9 is anchored",
            "fields": [],
        },
    ]
    text = terminal.render(report([workload("web")], mode="remediate", actions=actions))
    assert text == (
        """\
examples/shop, the state after the remediation, judged as Kubernetes 1.34 (assumed)
1 found = 1 judged + 0 excluded + 0 unreadable

actions  1 refused, 1 changed, 1 unchanged
  refused  shop/Deployment/cart  shop/cart.yaml:1
           shop/cart.yaml:9 is anchored
  changed  shop/Deployment/checkout  shop/checkout.yaml:12
           spec.strategy.rollingUpdate.maxUnavailable, terminationGracePeriodSeconds
  edits take effect when they are applied; the first rollout still runs the old spec

1 workload: no errors, no warnings
"""
    )


def test_check_mode_says_that_nothing_was_written_and_that_there_is_nothing_to_do() -> None:
    text = terminal.render(report([workload()], mode="check"))
    assert text.startswith("examples/shop, check mode, nothing written: the state now, and what the real run would do,")
    assert "\nactions  nothing to do\n" in text


def test_a_cluster_has_a_version_and_requests_instead_of_an_assumption() -> None:
    text = terminal.render(report([workload(**LIVE)], source=PROD))
    assert text.splitlines()[0] == "prod-eu-1 v1.34.4, read only, 142 requests"


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"pods_restarted": 1}, "1 pod restarts; the first restart still runs the old spec"),
        ({"pods_restarted": 1200}, "1,200 pods restart; the first restart still runs the old spec"),
        ({"pods_restarted": 0}, "no pod restarts now"),
        ({"pods_restarted": None}, "no pod restarts"),
        ({"budget_after": budget(60, 20, 10)}, "pods restart; the first restart still runs the old spec"),
    ],
)
def test_what_a_fix_does_to_pods_of_a_cluster(over: dict[str, Any], said: str) -> None:
    one = workload(**LIVE, **over)
    assert lines_of(terminal.render(report([one], [finding(one)], source=PROD)), "fix") == [f"fix    {said}"]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "edits f.yaml:3; no pod restarts"),
        ({"pods_restarted": 3}, "edits f.yaml:3; the first rollout still runs the old spec"),
        (
            {"kind": "CronJob", "pods_restarted": 0},
            "edits f.yaml:3; the next run gets it, a running one keeps the old spec",
        ),
    ],
)
def test_what_a_fix_does_to_a_manifest(over: dict[str, Any], said: str) -> None:
    place: dict[str, Any] = {"file": "f.yaml", "environment": ".", "line": 3}
    one = workload(**(place | over))
    assert lines_of(terminal.render(report([one], [finding(one)])), "fix") == [f"fix    {said}"]


@pytest.mark.parametrize(
    ("given_budget", "said"),
    [
        (budget(40, 0, 30), "preStop 0 + drain 30 + sidecar 0 + margin 10 = 40 s = grace 40"),
        (budget(60, 0, 30), "preStop 0 + drain 30 + sidecar 0 + margin 10 = 40 s <= grace 60"),
        (budget(30, 10), "preStop 10 + drain ? + sidecar 0 + margin 10 >= 20 s, grace 30"),
        (budget(20, 10), "preStop 10 + drain ? + sidecar 0 + margin 10 >= 20 s, grace 20"),
        (budget(15, 10), "preStop 10 + drain ? + sidecar 0 + margin 10 >= 20 s > grace 15"),
        (budget(30, None, 5), "preStop ? + drain 5 + sidecar 0 + margin 10 >= 15 s, grace 30"),
        (budget(1200, 0, 3600), "preStop 0 + drain 3,600 + sidecar 0 + margin 10 = 3,610 s > grace 1,200"),
    ],
)
def test_a_budget_is_arithmetic_and_a_lower_bound_says_so(given_budget: dict[str, Any], said: str) -> None:
    one = workload(budget=given_budget)
    assert lines_of(terminal.render(report([one], [finding(one)])), "now") == [f"now    {said}"]


def test_a_servers_own_delay_is_a_part_only_where_there_is_one() -> None:
    one = workload(budget=budget(30, 0, 10, own_delay=15))
    text = terminal.render(report([one], [finding(one)]))
    assert lines_of(text, "now") == [
        "now    preStop 0 + own delay 15 + drain 10 + sidecar 0 + margin 10 = 35 s > grace 30"
    ]
    assert "    own delay 15 s  Corefile lameduck\n" in text
    without = workload()
    assert "own delay" not in terminal.render(report([without], [finding(without)]))


def test_a_default_that_a_file_may_change_needs_no_note() -> None:
    given = budget(
        60, 0, 30, sources={"drain": "default of gunicorn, unless gunicorn.conf.py of the image says otherwise"}
    )
    allowance = {"seconds": 30, "how": "default", "source": given["sources"]["drain"], "bound": "exact"}
    one = workload(budget=given | {"known": False, "allowance": allowance})
    text = terminal.render(report([one], [finding(one)]))
    assert "no preStop hook" not in text
    assert "drain 30 s" in text and "default of gunicorn" in text


def test_a_hook_of_unknown_length_is_told_even_for_a_clean_workload() -> None:
    one = workload(budget=budget(60, 5, 30, sources={"unknown": "preStop sleep action"}) | {"known": False})
    assert "  - preStop sleep action (shop/Deployment/checkout)\n" in terminal.render(report([one]))


def test_containers_are_named_only_where_there_are_several() -> None:
    one = workload()
    single = terminal.render(report([one], [finding(one, message="lost")]))
    both = terminal.render(report([one], [finding(one, message="lost"), finding(one, message="lost", container="web")]))
    assert lines_of(single, "E") == ["E prestop-missing  lost"]
    assert lines_of(both, "E") == ["E prestop-missing  app: lost", "E prestop-missing  web: lost"]
    assert lines_of(both, "container") == ["container   app"]


def test_infos_and_suppressed_findings_are_counted_but_get_no_block() -> None:
    one, two = workload("one"), workload("two")
    findings = [finding(one, severity="info"), finding(two, status="suppressed", reason="canary")]
    text = terminal.render(report([one, two], findings))
    assert "  … and 1 workload with infos only, in report.json\n" in text
    assert text.endswith(
        "\n2 workloads: no errors, no warnings\n"
        "1 open finding: 0 errors, 0 warnings, 1 info; 0 remediable; 1 suppressed\n"
    )
    assert "prestop-missing" not in text


def test_the_same_object_twice_in_a_file_keeps_its_findings_apart() -> None:
    first, second = workload(line=1), workload(line=40)
    text = terminal.render(report([first, second], [finding(second, line=47)]))
    assert lines_of(text, "fix") == ["fix    edits examples/shop/checkout.yaml:40; no pod restarts"]
    assert "2 workloads: 1 with errors, 0 with warnings, 1 clean" in text


def test_a_finding_on_what_is_no_workload_is_shown_but_not_counted_as_one() -> None:
    budget_object = workload("checkout-pdb", "PodDisruptionBudget")
    text = terminal.render(report([workload()], [finding(budget_object)]))
    assert "ERROR shop/PodDisruptionBudget/checkout-pdb\n" in text
    assert "\n1 workload: no errors, no warnings\n" in text


def test_worst_first_whatever_the_order_in_the_report() -> None:
    names = ["a-warning", "b-error", "c-two-errors"]
    a, b, c = (workload(name) for name in names)
    findings = [finding(a, severity="warning"), finding(b), finding(c), finding(c, "prestop-tcp-socket")]
    text = terminal.render(report([a, b, c], findings))
    assert re.findall(r"^(?:ERROR|WARN ) shop/Deployment/(\S+)", text, re.M) == names[::-1]


def test_thousands_of_everything_stay_within_the_limit() -> None:
    many = [workload(f"w{index:04}", notes=[f"note {index}"]) for index in range(3000)]
    findings = [finding(one) for one in many] + [finding(many[0], container=f"c{index}") for index in range(500)]
    extra = {
        "mode": "check",
        "skipped": [{"file": f"f{index}.yaml", "line": 1, "reason": "broken"} for index in range(3000)],
        "actions": [{"object": one["name"], "status": "would-change", "fields": ["a"] * 900} for one in many],
        "not_evaluated": [
            {"rule": f"r{index}", "reason": "off", "scope": f"namespace n{index}", "count": 1} for index in range(3000)
        ],
    }
    text = terminal.render(report(many, findings, **extra), limit=5)
    assert text.count("ERROR shop/") == 5
    assert text.count("… and 2,995 more in report.json") == 5
    assert "… and 496 more in report.json" in text
    assert len(text.splitlines()) < 120


def test_waivers_are_told_those_that_need_a_person_first() -> None:
    text = terminal.render(shop())
    assert (
        """\
waivers  1 invalid, 1 expired, 1 unused, 1 used, 1 unjudged
  invalid  shop/Deployment/catalog rollout-loses-capacity  examples/shop/catalog.yaml:1
           it has no reason
  expired  shop/Deployment/catalog rollout-loses-capacity  examples/shop/catalog.yaml:1
           canary; until 2026-12-31; 2 findings are open again
  unused   */*/gone rollout-loses-capacity  waivers[1]
           canary; it can go
  used     shop/Deployment/catalog rollout-loses-capacity  examples/shop/catalog.yaml:1
           canary; until 2027-03-31

"""
        in text
    )


def test_the_sources_are_told_when_they_are_fewer_than_the_workloads() -> None:
    text = terminal.render(shop(), width=200)
    worst = "chart web-base 8, Argo CD application shop 3, pods like shop/Deployment/ledger 2 and 1 more"
    assert f"\n14 findings come from 4 sources: {worst}\n" in text
    alone = [entry | {"workloads": 1} for entry in shop()["causes"]]
    assert "come from" not in terminal.render(shop(causes=alone))


def test_what_is_new_is_marked_and_counted() -> None:
    text = terminal.render(shop(), width=200)
    assert "  E prestop-missing            new: no preStop delay" in text
    assert "1 suppressed; 1 new since the last report; 2 not compared: the last report did not judge them\n" in text
    assert "new" not in totals(shop(baseline={"compared": False, "new": 0, "not_compared": 0}))


def test_colour_adds_sgr_codes_and_nothing_else() -> None:
    plain, painted = terminal.render(shop()), terminal.render(shop(), color=True)
    assert SGR.sub("", painted) == plain
    assert painted.count("\x1b[0m") * 2 == painted.count("\x1b")
    assert "\x1b[31mERROR\x1b[0m \x1b[1mshop/Deployment/checkout\x1b[0m" in painted


def test_a_realistic_report_fits_its_width() -> None:
    assert max(map(cells, terminal.render(shop()).splitlines())) <= 100


hostile = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("\x1b\x9b\r\n\t\u202e\u2066\u200b漢9 "))
)


@settings(max_examples=60, deadline=None)
@given(hostile, st.booleans())
@example("\x1b]0;owned\x07\x1b[2J\u202egnp.exe\n2 workloads: no errors\r\ud800", True)
@example("漢" * 500, False)
@example("\u0301" * 5000, False)
def test_hostile_text_cannot_act_on_the_terminal(text: str, color: bool) -> None:
    poisoned = with_text(shop(mode="check", actions=[{"object": "", "status": "changed", "fields": [""]}]), text)
    shown = terminal.render(poisoned, color=color, hints=[text])
    shown.encode()
    plain = SGR.sub("", shown) if color else shown
    assert plain.replace("\n", "").isprintable()
    *report_lines, _hint = plain.splitlines()
    assert max(map(cells, report_lines)) <= 100
    assert len(report_lines) < 150


@given(hostile, st.integers(-5, 80))
@example("killed at 1,200 s", 14)
@example("1" * 90, 40)
def test_a_cut_never_falls_into_a_number(text: str, width: int) -> None:
    short = shorten(text, width)
    assert cells(short) <= max(width, 1)
    if short != text:
        kept = short.removesuffix("…").rstrip()
        rest = text[len(kept) :]
        assert text.startswith(kept)
        assert not (kept[-1:].isdigit() and re.match(r"[.,:]?\d", rest))


def test_wide_characters_take_two_columns() -> None:
    one = workload(budget=None)
    text = terminal.render(report([one], [finding(one, message="漢" * 60)]))
    assert lines_of(text, "E") == ["E prestop-missing  " + "漢" * 39 + "…"]


@given(st.lists(st.text("ab1,", min_size=1, max_size=9), min_size=1, max_size=9))
def test_wrapping_loses_no_word(words: list[str]) -> None:
    lines = wrap(" ".join(words), 40)
    assert " ".join(lines) == " ".join(words)
    assert max(map(len, lines)) <= 40


def live(**over: Any) -> dict[str, Any]:
    source = {"type": "cluster", "name": "prod", "server_version": "v1.37.2", "requests": 9}
    return report([workload("web")], source=source, **over)


COST = {
    "workloads": 2,
    "pods_restarted": 5,
    "node_drain": {"object": "shop/Deployment/web", "seconds_longer": 10, "grace_before": 30, "grace_after": 40},
}
ROLLED_BACK = {
    "object": "shop/Deployment/web",
    "status": "failed",
    "reason": "not rolled out; rolled back",
    "fields": ["spec.template.spec.terminationGracePeriodSeconds"],
    "restored": ["spec.template.spec.terminationGracePeriodSeconds"],
    "wave": 2,
}


def test_check_mode_says_what_it_costs() -> None:
    text = " ".join(terminal.render(live(mode="check", cost=COST)).split())
    assert "2 workloads, 5 pods restart; the first rollout still stops them with the old spec; a node drain" in text
    assert "takes up to 10 s longer (shop/Deployment/web: grace 30 → 40 s)" in text
    assert "node drain" not in terminal.render(live(mode="check", cost=COST | {"workloads": 0}))
    drill = {"object": "shop/Deployment/web", "pods_restarted": 3}
    text = " ".join(terminal.render(live(mode="check", cost=COST | {"drill": drill})).split())
    assert "5 pods restart, 3 of them for the drill of shop/Deployment/web; the first rollout" in text


def test_waves_and_what_was_rolled_back() -> None:
    assert """
  failed  shop/Deployment/web
          terminationGracePeriodSeconds
          terminationGracePeriodSeconds rolled back
          wave 2; not rolled out; rolled back
""" in terminal.render(live(mode="remediate", actions=[ROLLED_BACK]))
    assert "wave" not in terminal.render(live(mode="remediate", actions=[ROLLED_BACK | {"wave": 1}]))
