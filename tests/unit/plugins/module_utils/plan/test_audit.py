# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many workloads are judged by several processes, and nobody can tell."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import open_case
from ansible_collections.graceful.termination.plugins.module_utils.plan import audit as audit_module
from ansible_collections.graceful.termination.tests.unit.audited import audit_file

WORKLOAD = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  annotations: {annotations}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web-{number}}}}}
  template:
    metadata: {{labels: {{app: web-{number}}}}}
    spec:
      affinity: {affinity}
      containers:
        - name: web
          image: web:1
          command: [sh, -c, "web --port 8080"]
          ports: [{{containerPort: 8080}}]
        - {{name: proxy, image: "envoyproxy/envoy:v1"}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-{number}}}
spec: {{selector: {{app: web-{number}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""
UNREADABLE, WAIVED = 37, 38  # one of each share, and none of them the first


def audited(folder: Path, cores: int, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], int]:
    """The report, and how many workloads were opened in this process."""
    here: list[str] = []

    def opened(workload: Any, *others: Any) -> Any:
        here.append(workload.name)
        return open_case(workload, *others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)))
        patched.setattr(threading, "active_count", lambda: 1)  # other tests may have left some
        patched.setattr(audit_module, "open_case", opened)
        report = audit_file(folder, waivers=[{"rule": "pdb-missing", "name": "web-7", "reason": "a trial"}])
    return {key: value for key, value in report.items() if key != "generated_at"}, len(here)


def test_several_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(120):
        annotations = '{ignore.graceful.termination/pid1-shell-wrapper: "a trial"}' if number == WAIVED else "{}"
        affinity = "[]" if number == UNREADABLE else "{}"
        text = WORKLOAD.format(number=number, annotations=annotations, affinity=affinity)
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    alone, opened = audited(tmp_path, 1, monkeypatch)
    together, opened_here = audited(tmp_path, 2, monkeypatch)
    assert together == alone
    assert (opened, opened_here) == (120, 60)
    summary = alone["summary"]
    assert (summary["workloads"], summary["unreadable"], summary["suppressed"]) == (119, 1, 2)
    assert summary["remediable"] > 100
    assert alone["not_evaluated"]
