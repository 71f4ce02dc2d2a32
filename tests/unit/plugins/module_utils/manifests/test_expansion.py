# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What aliases and merges stand for has a limit; anchors as people use them stay below it."""

from __future__ import annotations

import time

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents

TOO_MUCH = "its aliases expand to more than 10 MiB: write the values out"


def levels(count: int, line: str, fan: int = 9) -> str:
    """Anchors, each of which names the one before `fan` times."""
    made = ["a0: &a0 {x: lol, y: lol}"]
    for level in range(1, count):
        aliases = ", ".join([f"*a{level - 1}"] * fan)
        made.append(line.format(level=level, aliases=aliases))
    return "\n".join(made) + "\n"


BOMBS = {
    "lists": levels(60, "a{level}: &a{level} [{aliases}]"),
    "maps": levels(60, "a{level}: &a{level} {{k: [{aliases}], l: [{aliases}]}}"),
    "merges": levels(60, "a{level}: &a{level} {{<<: [{aliases}], k{level}: [{aliases}]}}"),
    "two of each": levels(60, "a{level}: &a{level} [{aliases}]", fan=2),
    "one long text": f"text: &text {'x' * 100_000}\nall: [{', '.join(['*text'] * 200)}]\n",
    "one long text under keys": f"t: &t {'x' * 100_000}\n" + "".join(f"k{number}: *t\n" for number in range(200)),
    "many merges of one map": (
        f"m: &m {{{', '.join(f'k{number}: v' for number in range(10_000))}}}\n" + "all:\n" + "- {<<: *m}\n" * 10_000
    ),
    "one merge of many": (
        f"m: &m {{{', '.join(f'k{number}: v' for number in range(10_000))}}}\n"
        f"all: {{<<: [{', '.join(['*m'] * 10_000)}]}}\n"
    ),
    "merges in a chain": "m0: &m0 {k0: v}\n"
    + "".join(f"m{number}: &m{number} {{<<: *m{number - 1}, k{number}: v}}\n" for number in range(1, 5_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_more_than_any_tool_could_expand_is_refused_at_once(name: str) -> None:
    begin = time.process_time()
    (document,) = load_documents(BOMBS[name])
    assert time.process_time() - begin < 10
    assert document.data is None
    assert document.problem and document.problem.startswith(TOO_MUCH + ", line ")


def test_the_line_is_that_of_what_is_too_large() -> None:
    (document,) = load_documents("# a comment\nkind: Pod\n" + BOMBS["lists"])
    # 9 to the power of 6, each with 9 characters, are less than 10 MiB; 9 to the power of 7 are more.
    assert document.problem == f"{TOO_MUCH}, line 10"
    assert document.line == 10


def test_the_documents_beside_it_are_read() -> None:
    documents = load_documents(f"a: 1\n---\n{BOMBS['lists']}---\nb: 2\n")
    assert [document.data for document in documents] == [{"a": 1}, None, {"b": 2}]


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a {b: [{c: *a}]}\n", "&a [*a, *a]\n"])
def test_what_contains_itself_is_refused(text: str) -> None:
    (document,) = load_documents(text)
    assert document.problem == "a node contains itself through an alias, line 1"


def test_depth_is_counted_through_aliases() -> None:
    deep = "\n".join(
        [f"a0: &a0 {'[' * 90}{']' * 90}", *(f"a{n}: &a{n} {'[' * 90}*a{n - 1}{']' * 90}" for n in range(1, 40))]
    )
    (document,) = load_documents(deep)
    assert document.problem == "nested more than 200 levels deep, line 3"


def test_deep_json_that_is_no_yaml_is_refused_too() -> None:
    (document,) = load_documents('\t{"a": ' + "[" * 300 + "]" * 300 + "}")
    assert document.data is None
    assert document.problem


def workload(number: int) -> str:
    return f"""
  - <<: *base
    metadata: {{<<: *metadata, name: app-{number}}}
    spec:
      <<: *spec
      template:
        metadata: *metadata
        spec: {{containers: [{{name: app, env: *env, resources: *resources, readinessProbe: *probe}}]}}"""


def test_anchors_as_large_lists_have_them_are_read() -> None:
    # A list of 1,000 workloads that share 6 KB each.
    env = "".join(f"  - {{name: VARIABLE_{number}, value: a value of some length {number}}}\n" for number in range(100))
    text = f"""apiVersion: v1
kind: List
x-base: &base {{apiVersion: apps/v1, kind: Deployment}}
x-metadata: &metadata {{labels: {{app: web, team: shop, tier: frontend}}}}
x-env: &env
{env}
x-resources: &resources {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
x-probe: &probe {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 5}}
x-spec: &spec {{replicas: 3, selector: {{matchLabels: {{app: web}}}}}}
items:{"".join(map(workload, range(1_000)))}
"""
    (document,) = load_documents(text)
    assert document.problem is None
    assert len(document.data["items"]) == 1_000
    assert document.data["items"][999]["metadata"] == {
        "labels": {"app": "web", "team": "shop", "tier": "frontend"},
        "name": "app-999",
    }


def test_one_anchor_named_by_every_document_of_a_list_of_values() -> None:
    # As in values and in configuration: 5,000 names of one anchored map of 1 KB, which are 5 MB.
    settings = ", ".join(f"setting_{number}: value {number}" for number in range(40))
    (document,) = load_documents(f"defaults: &d {{{settings}}}\n" + "".join(f"s{n}: *d\n" for n in range(5_000)))
    assert document.problem is None


def test_a_large_document_may_name_as_much_again() -> None:
    rows = "".join(f"- &r{number} {{text: {'x' * 1_000}}}\n- *r{number}\n" for number in range(12_000))
    (document,) = load_documents(rows)
    assert document.problem is None
    assert len(document.data) == 24_000
