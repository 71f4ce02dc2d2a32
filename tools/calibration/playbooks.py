# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks on the variant that is in the cluster."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tools.calibration.variants import NAMESPACE, Refused, Variant, read_json

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "calibration"
EVIDENCE = ("status", "events", "exec")
_WRITTEN = {"drill": "drill.json", "audit": "report.json", "trace": f"trace-{NAMESPACE}-*.json"}
_FOREIGN = ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_INVENTORY", "K8S_AUTH_CONTEXT")


class Playbooks:
    """On the cluster that `kubeconfig` names."""

    def __init__(self, kubeconfig: Path):
        # Whatever a person's own Ansible settings say: what runs is this checkout, which its ansible.cfg finds.
        self._environment = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        self._environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "K8S_AUTH_KUBECONFIG": str(kubeconfig)}

    def audit(self, variant: Variant) -> dict[str, Any]:
        """report.json of the variant as it runs, with evidence from its pods."""
        return self._run("audit", variant, {"termination_evidence": list(EVIDENCE)})

    def drill(self, variant: Variant, variables: dict[str, Any]) -> dict[str, Any]:
        """drill.json."""
        return self._run("drill", variant, variables)

    def trace(self, variant: Variant, variables: dict[str, Any]) -> dict[str, Any]:
        """The trace of its only pod, which is deleted."""
        only = {"termination_trace_mode": "delete", "termination_trace_allow_last_endpoint": True}
        return self._run("trace", variant, variables | only)

    def _run(self, playbook: str, variant: Variant, variables: dict[str, Any]) -> dict[str, Any]:
        """What the playbook wrote. Raises Refused where it wrote nothing."""
        folder = BUILD / variant.name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(_WRITTEN[playbook]):
            old.unlink()
        variables = variables | {
            "termination_namespaces": [NAMESPACE],
            "termination_names": [variant.name],
            "termination_report_dir": str(folder),
        }
        log = folder / f"{playbook}.log"
        with log.open("w", encoding="utf-8") as output:
            subprocess.run(
                ["ansible-playbook", f"graceful.termination.{playbook}", "--extra-vars", json.dumps(variables)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,  # a drill that lost requests fails, too
            )
        written = next(folder.glob(_WRITTEN[playbook]), None)
        if written is None:
            raise Refused(f"the {playbook} wrote nothing: see {log.relative_to(ROOT)}")
        return read_json(written)
