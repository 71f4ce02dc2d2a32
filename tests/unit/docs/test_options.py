# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An option is described and specified; the roles follow from that. What is missing is named with file and line."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.doc_fragments.target_options import ModuleDocFragment
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DRILL_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection
from ansible_collections.graceful.termination.plugins.modules import drill
from ansible_collections.graceful.termination.tools.options import MODULES, ROLES, ROOT, options, problems
from ansible_collections.graceful.termination.tools.role_files import role_files

NEW = {"type": "str", "default": "a"}
DESCRIBED = "  shards:\n    description: How many, as C(n); see O(rounds).\n    type: int\n    default: 2\n"


def generated() -> dict[str, str]:
    return dict(role_files())


@pytest.mark.parametrize("module", MODULES)
def test_what_is_described_is_what_is_specified(module: str) -> None:
    assert problems(module) == []


def test_every_module_has_a_role_and_is_looked_at() -> None:
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    assert modules == MODULES.keys() == {role.module for role in ROLES.values()}
    assert {path.name for path in (ROOT / "roles").iterdir()} == ROLES.keys()


@pytest.mark.parametrize("path", sorted(generated()))
def test_the_files_of_the_roles_are_current(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generated()[path], "run make docs"


def test_an_option_that_nobody_describes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AUDIT_OPTIONS, "shards", NEW)
    for module in ("audit_info", "remediate"):
        (problem,) = problems(module)
        assert re.fullmatch(
            r"plugins/doc_fragments/audit_options\.py:\d+: describe shards, "
            r"which plugins/module_utils/run/options\.py:\d+ specifies",
            problem,
        )


def test_an_option_that_is_not_specified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModuleDocFragment, "DOCUMENTATION", ModuleDocFragment.DOCUMENTATION + DESCRIBED)
    (problem,) = problems("drill")
    where, _colon, what = problem.partition(": ")
    assert (ROOT / where.partition(":")[0]).name == "choose.py"
    line = (ROOT / where.partition(":")[0]).read_text(encoding="utf-8").splitlines()[int(where.partition(":")[2]) - 1]
    assert line.startswith("TARGET_OPTIONS")
    assert what.startswith(
        """add "shards": {'type': 'int', 'default': 2}, which plugins/doc_fragments/target_options.py"""
    )


def test_an_option_that_is_specified_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drill.DOCUMENTATION.replace("    default: 50\n", "    default: 60\n")
    monkeypatch.setattr(drill, "DOCUMENTATION", text)
    (problem,) = problems("drill")
    line = (ROOT / "plugins/modules/drill.py").read_text(encoding="utf-8").splitlines().index("  rate:") + 1
    assert problem == f"plugins/modules/drill.py:{line}: rate: default is 60 here, 50 in the argument specification"


def test_a_suboption_that_is_only_described(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {**AUDIT_OPTIONS["waivers"], "options": {"rule": {"type": "int"}}}
    monkeypatch.setitem(AUDIT_OPTIONS, "waivers", spec)
    found = problems("audit_info")
    assert len(found) == 2 and "suboptions are ['kind', " in found[1]
    assert found[0].endswith("waivers: rule: type is 'str' here, 'int' in the argument specification")


def test_the_two_edits_are_enough_for_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "DOCUMENTATION", drill.DOCUMENTATION.replace("options:\n", "options:\n" + DESCRIBED))
    monkeypatch.setitem(DRILL_OPTIONS, "shards", {"type": "int", "default": 2})
    assert problems("drill") == []
    files = generated()
    spec = yaml.safe_load(files["roles/drill/meta/argument_specs.yml"])["argument_specs"]["main"]["options"]
    text = "How many, as C(n); see C(termination_rounds)."
    assert spec["termination_shards"] == {"description": [text], "type": "int", "default": 2}
    assert yaml.safe_load(files["roles/drill/defaults/main.yml"])["termination_shards"] == 2
    (task,) = yaml.safe_load(files["roles/drill/tasks/main.yml"])
    assert task["graceful.termination.drill"]["shards"] == "{{ termination_shards | default(omit) }}"
    row = "| `termination_shards` | `2` | How many, as `n`; see `termination_rounds`. |\n"
    assert row in files["roles/drill/README.md"]


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_of_a_role_are_those_of_its_module(role: str) -> None:
    defaults = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))
    spec = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    described = spec["argument_specs"]["main"]["options"]
    assert defaults.keys() == {
        name for name, entry in described.items() if "default" in entry or name == "termination_policy"
    }
    for name, option in options(ROLES[role].module).items():
        variable = ROLES[role].variable(name)
        if name == "policy":
            assert Policy.from_options(defaults[variable]) == Policy.from_options({})
        elif name == "kinds":
            assert Selection.from_options({"kinds": defaults[variable]}).kinds == tuple(defaults[variable]) != ()
        else:
            assert defaults.get(variable) == option.get("default")
