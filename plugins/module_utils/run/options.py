# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options, and the objects that they describe. Plain data in and out: Ansible is not imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.apply.guardrails import (
    GUARDRAIL_OPTIONS,
    Guardrails,
    read_guardrails,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.policy import Policy
from ansible_collections.graceful.termination.plugins.module_utils.judge.severities import apply_severities
from ansible_collections.graceful.termination.plugins.module_utils.judge.waiver import KEYS, Waivers
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import ASSUMED, Version, parse_version
from ansible_collections.graceful.termination.plugins.module_utils.plan.snippets import Snippets
from ansible_collections.graceful.termination.plugins.module_utils.rules import select_rules
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import SOURCES
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.needs import (
    NEED_KEYS,
    NO_NEEDS,
    DeclaredNeeds,
)
from ansible_collections.graceful.termination.plugins.module_utils.sources.prometheus import Prometheus
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import (
    BUILT_IN,
    Catalogue,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.declared import read_servers
from ansible_collections.graceful.termination.plugins.module_utils.workload.selection import Selection

REPORT_FORMATS = ("json", "markdown")
_SELECTION = ("namespaces", "exclude_namespaces", "names", "label_selectors")
FAIL_ON = ("error", "warning", "new", "never")

# Documented in doc_fragments/audit_options.py. Those with an underscore are set by the action plugin, not by a user.
AUDIT_OPTIONS: dict[str, dict[str, Any]] = {
    "source": {"type": "str"},
    "kubernetes_version": {"type": "str"},
    "namespaces": {"type": "list", "elements": "str"},
    "exclude_namespaces": {"type": "list", "elements": "str", "default": []},
    "kinds": {"type": "list", "elements": "str", "default": []},
    "names": {"type": "list", "elements": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
    "rules": {"type": "list", "elements": "str", "default": []},
    "skip_rules": {"type": "list", "elements": "str", "default": []},
    "severities": {"type": "dict", "default": {}},
    "waivers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {key: {"type": "str"} for key in KEYS},
    },
    "policy": {"type": "dict", "default": {}},
    "drains": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {key: {"type": "str"} for key in NEED_KEYS},
    },
    "servers": {"type": "list", "elements": "dict", "default": []},
    "prometheus_url": {"type": "str", "no_log": True},
    "patch_owned": {"type": "bool", "default": False},
    "template_dir": {"type": "str"},
    "report_dir": {"type": "str"},
    "report_formats": {
        "type": "list",
        "elements": "str",
        "choices": list(REPORT_FORMATS),
        "default": list(REPORT_FORMATS),
    },
    "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "never"},
    "_snippets": {"type": "dict", "default": {}},
    "_directory": {"type": "str", "default": ""},
    "_flat_dir": {"type": "str", "default": ""},
    "_result_file": {"type": "str", "default": ""},
    "_identify": {"type": "bool", "default": False},
}
# Of audit_info alone; documented there.
AUDIT_INFO_OPTIONS: dict[str, dict[str, Any]] = {
    "evidence": {"type": "list", "elements": "str", "choices": list(SOURCES), "default": []},
}
# Of remediate alone; documented there.
REMEDIATE_OPTIONS: dict[str, dict[str, Any]] = {
    **GUARDRAIL_OPTIONS,
}


@dataclass(frozen=True, slots=True)
class Options:
    """The checked options of a run. `path` is None for a live cluster; `version` None means the version of the cluster.

    `scope` is the selection and the ids of the rules as plain values, for the report.
    `report_dir` is as the user gave it; `drills` are the folders that have the results of earlier drills: the same one,
    and the one that all hosts shared before each had its own.
    """

    source: str | None
    path: str | None
    version: Version | None
    version_assumed: bool
    selection: Selection
    rules: tuple[Rule, ...]
    policy: Policy
    snippets: Snippets
    waivers: Waivers
    scope: dict[str, Any]
    needs: DeclaredNeeds = NO_NEEDS
    servers: Catalogue = BUILT_IN
    prometheus: Prometheus | None = None
    patch_owned: bool = False
    report_dir: str | None = None
    guardrails: Guardrails = field(default_factory=Guardrails)
    evidence: frozenset[str] = frozenset()
    drills: tuple[str, ...] = ()


def read_options(params: Mapping[str, Any], today: date | None = None) -> Options:
    """Check module parameters. Raises ValueError (SnippetError included): the option, the reason and what is valid.

    Waivers and declared drains expire by `today`; unset, it is the date in UTC.
    """

    def resolve(path: str) -> str:
        return os.path.join(params["_directory"], os.path.expanduser(path))

    today = today or datetime.now(UTC).date()
    source = params["source"] or None
    version = params["kubernetes_version"]
    assumed = version is None and source is not None
    selection = Selection.from_options(dict(params))
    rules = apply_severities(select_rules(params["rules"], params["skip_rules"]), params["severities"])
    return Options(
        source=source,
        path=resolve(source) if source else None,
        version=parse_version(version or ASSUMED) if source or version else None,
        version_assumed=assumed,
        selection=selection,
        rules=rules,
        policy=Policy.from_options(params["policy"]),
        snippets=Snippets({name: (file, text) for name, (file, text) in params["_snippets"].items()}),
        waivers=Waivers.from_options(params["waivers"], selection, today),
        scope={key: list(params[key] or ()) for key in _SELECTION}
        | {"kinds": list(selection.kinds), "rules": sorted(rule.id for rule in rules)}
        | {"evidence": sorted(params.get("evidence") or ())},
        needs=DeclaredNeeds.from_options(params["drains"], today),
        servers=Catalogue.with_declared(read_servers(params["servers"])),
        prometheus=Prometheus(params["prometheus_url"]) if params["prometheus_url"] else None,
        patch_owned=params["patch_owned"],
        report_dir=params["report_dir"] or None,
        guardrails=read_guardrails(params, resolve) if "waves" in params else Guardrails(),
        evidence=frozenset(params.get("evidence") or ()),
        drills=tuple(resolve(folder) for folder in (params["report_dir"], params["_flat_dir"]) if folder),
    )
