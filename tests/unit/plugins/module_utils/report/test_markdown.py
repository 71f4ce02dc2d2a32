# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Markdown report: exact text, and nothing of others that becomes markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.graceful.termination.plugins.module_utils.report import markdown
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.report.sample import (
    budget,
    finding,
    report,
    shop,
    with_text,
    workload,
)

LEGEND = "## How to read this"


def test_a_small_report_exactly() -> None:
    checkout = workload(replicas=6, traits=["external-lb"], line=12, budget=budget(drain=30), pods_restarted=6)
    checkout["budget_after"] = budget(60, 20, 30, sources={"prestop": "policy for external-lb"})
    worker = workload("resize", profile="worker", budget=None, owner="Helm", notes=["two anchors"])
    probe = {"remedy": "manual", "reason": "no path is known", "snippet": "readinessProbe:\n  httpGet: {}\n"}
    findings = [
        finding(checkout, line=20),
        finding(checkout, "no-readiness-probe", "warning", "a | b", **probe),
        finding(worker, severity="info", container=None, path=None, remedy="manual", reason="infos are not patched"),
        finding(worker, "single-replica", status="suppressed", reason="canary; until=2027-03-31"),
    ]
    unseen = [
        {"rule": "pdb-missing", "reason": "no PodDisruptionBudgets in the input", "scope": "workloads", "count": 2}
    ]
    skipped = [{"file": "examples/shop/broken.yaml", "line": 7, "reason": "not YAML"}]
    changed = {"object": "shop/Deployment/web", "file": "web.yaml", "line": 1, "status": "changed", "reason": None}
    actions = [changed | {"fields": ["spec.minReadySeconds", "spec.strategy"]}]
    text = markdown.render(
        report(
            [checkout, worker, workload("web")],
            findings,
            mode="remediate",
            not_evaluated=unseen,
            skipped=skipped,
            actions=actions,
        )
    )
    assert text[: text.index(LEGEND)] == (
        """\
# Graceful termination report

|  |  |
|---|---|
| source | `examples/shop` (manifests) |
| mode | remediate: the state after the remediation |
| Kubernetes | 1.34 (assumed) |
| generated | 2027-01-04T09:30:00Z by graceful.termination 0.1.0 |

| found | = judged | + excluded | + unreadable |
|---:|---:|---:|---:|
| 4 | 3 | 0 | 1 |

- 3 workloads: 1 with errors, 0 with warnings, 2 clean
- 3 open findings: 1 error, 1 warning, 1 info; 1 remediable; 1 suppressed

## Workloads

### ERROR `shop/Deployment/checkout`

- about: 6 replicas, serving, behind a load balancer
- file: `examples/shop/checkout.yaml:12`
- fix: edits examples/shop/checkout.yaml:12; the first rollout still runs the old spec

| budget | now | fixed | source |
|---|---:|---:|---|
| preStop | 0 s | 20 s | no preStop hook; fixed: policy for external-lb |
| drain | 30 s | 30 s | annotation graceful.termination/drain-seconds |
| sidecar | 0 s | 0 s | no native sidecar |
| margin | 10 s | 10 s | policy |
| **required** | **40 s** | **60 s** | container `app` |
| **grace** | **30 s** | **60 s** | default of the API server |
| verdict | **too long** | fits exactly |  |

| severity | rule | container | what is lost | field | remedy |
|---|---|---|---|---|---|
| **error** | `prestop-missing` | `app` | new requests reach the pod after SIGTERM \
| `spec.template.spec.containers[0].lifecycle` line 20 | automatic |
| warning | `no-readiness-probe` | `app` | a &#124; b \
| `spec.template.spec.containers[0].lifecycle` line 12 | by hand: no path is known |

Snippet for `no-readiness-probe` in `app`:

```yaml
readinessProbe:
  httpGet: {}
```

<details><summary>1 workload with infos or suppressions only</summary>

### INFO `shop/Deployment/resize`

- about: 3 replicas, worker
- file: `examples/shop/resize.yaml:1`
- owner: Helm
- note: two anchors

| severity | rule | container | what is lost | field | remedy |
|---|---|---|---|---|---|
| info | `prestop-missing` |  | new requests reach the pod after SIGTERM |  line 1 | by hand: infos are not patched |
| **error** | `single-replica` | `app` | new requests reach the pod after SIGTERM \
| `spec.template.spec.containers[0].lifecycle` line 1 | suppressed: canary; until=2027-03-31 |

</details>

## Notes

| what | where |
|---|---|
| two anchors | shop/Deployment/resize |

## Not evaluated

| rule | why |
|---|---|
| `pdb-missing` | no PodDisruptionBudgets in the input (2 workloads) |

## Skipped

| where | why |
|---|---|
| `examples/shop/broken.yaml:7` | not YAML |

## Actions

In total: 1 changed.

| status | object | file | fields | reason |
|---|---|---|---|---|
| changed | `shop/Deployment/web` | `web.yaml:1` | `spec.minReadySeconds`, `spec.strategy` |  |

"""
    )


def test_a_clean_report_has_no_empty_sections_and_names_unknown_drains() -> None:
    text = markdown.render(report([workload(budget=budget())]))
    assert re.findall("^## .*", text, re.M) == ["## Notes", LEGEND]
    assert "- 1 workload: no errors, no warnings; drain unknown for 1\n" in text


def test_a_lower_bound_says_so() -> None:
    one = workload(budget=budget(30, None))
    text = markdown.render(report([one], [finding(one)]))
    assert "| preStop | ? | preStop exec: its time is not declared |" in text
    assert "| **required** | **≥ 10 s** | container `app` |" in text
    assert "| verdict | not known |  |" in text


def test_one_snippet_is_shown_once_for_all_its_findings() -> None:
    one = workload()
    findings = [finding(one, container=name, snippet="a: 1\n") for name in ("app", "web")]
    text = markdown.render(report([one], findings))
    assert "Snippet for `prestop-missing` in `app`, `prestop-missing` in `web`:\n\n```yaml\na: 1\n```\n" in text
    assert text.count("```yaml") == 1


def test_waivers_and_sources_have_their_tables() -> None:
    text = markdown.render(shop())
    where = "`rollout-loses-capacity` | `shop/Deployment/catalog` | canary"
    place = "`examples/shop/catalog.yaml:1`"
    assert f"| **expired** | {where} | 2026-12-31 | 2 | 2 findings are open again | {place} |" in text
    assert f"| used | {where} | 2027-03-31 | 1 |  | {place} |" in text
    assert "| suppressed: canary (until 2027-03-31, annotation) |" in text
    assert "| chart web-base | 4 | 5 | 3 | 0 | prestop-missing |" in text
    alone = [entry | {"workloads": 1} for entry in shop()["causes"]]
    assert "Where the findings come from" not in markdown.render(shop(causes=alone))


hostile = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("|`<>[]()!\\*_~#@:/.&;=-+$w \n\r\x1b\u202e\u2028")),
    min_size=1,
)
START = re.compile(r"^[|#>`<-]*")
ESCAPED = re.compile(r"\\[`*_\[\]~$]|&(?:amp|lt|gt|#124|#92|#8203);")
CODE = re.compile(r"`[A-Za-z0-9_./:@=,+()\[\]# -]+`")
OWN_HTML = re.compile(r"</?(?:details|summary)>")


def shape(text: str) -> list[tuple[str, int]]:
    """What a parser sees of each line: how it begins, and how many cells it has."""
    return [(START.findall(line)[0][:4], ESCAPED.sub("", line).count("|")) for line in text.splitlines()]


@settings(max_examples=60, deadline=None)
@given(hostile)
@example("a`|`b\\|c\n\n# owned\n</details><img src=x onerror=alert(1)>")
@example("[click](https://evil.example) ![x](//evil.example/x.png) <https://evil.example> [a]: https://evil.example")
@example("- item\n1. item\n> quote\n```\n    code\r\n---")
@example("https://evil.example www.evil.example WWW.evil.example a@evil.example mailto:a@evil.example @team #12")
def test_hostile_text_stays_text(text: str) -> None:
    everything = {"mode": "check", "actions": [{"object": "", "status": "changed", "fields": ["", ""], "reason": "x"}]}
    shown = markdown.render(with_text(shop(**everything), text))
    shown.encode()
    assert shape(shown) == shape(markdown.render(with_text(shop(**everything), "benign")))
    assert shown.replace("\n", "").isprintable()
    body = re.sub(r"^```yaml\n.*?^```$", "", shown[: shown.index(LEGEND)], flags=re.M | re.S)
    prose = OWN_HTML.sub("", CODE.sub("", ESCAPED.sub("\u2060", body)))
    assert not re.search(r"[`<>\[\]\\~_$]", prose)
    assert not re.search(r"(?i)//|www\.|@(?!\u2060)|#\w|&|(?:mailto|xmpp):(?!\u2060)", prose)


@given(st.lists(st.one_of(st.sampled_from(["```", "````yaml", "  `````", "~~~", "a: 1", "\x1b[2J", "b\u2028```"]))))
@example(["`" * 40])
def test_no_line_of_a_snippet_closes_its_fence(lines: list[str]) -> None:
    one = workload()
    text = markdown.render(report([one], [finding(one, snippet="\n".join([*lines, "end: 1"]))]))
    [(fence, block, after)] = re.findall(r"^(`{3,})yaml\n(.*?)^\1$(.*)", text, re.M | re.S)
    assert block.splitlines()[-1] == "end: 1"
    assert len(block.splitlines()) == len(lines) + 1
    assert f"\n{fence}" not in after
    assert "\x1b" not in block


@pytest.mark.parametrize("name", ["a`b", "a|b", "a\\", "a ", "a\nb", "<b>", "a  b"])
def test_a_name_that_could_end_its_code_is_prose(name: str) -> None:
    one = workload(name=name)
    heading = re.findall(r"^### .*", markdown.render(report([one], [finding(one)])), re.M)[0]
    assert CODE.sub("", heading) == heading


def test_what_it_costs_and_what_was_put_back() -> None:
    source = {"type": "cluster", "name": "prod", "server_version": "v1.37.2", "requests": 9}
    action = {"object": "shop/Deployment/web", "status": "failed", "reason": "not rolled out", "wave": 2}
    cost = {"workloads": 1, "pods_restarted": 3, "node_drain": None}
    text = markdown.render(
        report(mode="check", source=source, cost=cost, actions=[action | {"restored": ["spec.strategy"]}])
    )
    assert "1 workload, 3 pods restart; the first rollout still stops them with the old spec" in text
    assert "rolled back `spec.strategy`; wave 2; not rolled out" in text


def test_a_servers_own_delay_is_a_row_only_where_there_is_one() -> None:
    one, two = workload(budget=budget(30, 0, 10, own_delay=15)), workload(budget=budget(30, 0, 10))
    assert "| own delay | 15 s | Corefile lameduck |" in markdown.render(report([one], [finding(one)]))
    assert "own delay" not in markdown.render(report([two], [finding(two)]))
