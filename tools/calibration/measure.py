# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills one variant after the other on the test cluster, and keeps each result as it comes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.drill.verdict import NOISY
from ansible_collections.graceful.termination.plugins.module_utils.product import VERSION
from ansible_collections.graceful.termination.tools.calibration.cluster import ERRORS, Cluster
from ansible_collections.graceful.termination.tools.calibration.observe import disagreements, fingerprint, observe
from ansible_collections.graceful.termination.tools.calibration.predict import STUCK, YES
from ansible_collections.graceful.termination.tools.calibration.variants import (
    FOLDER,
    NAMESPACE,
    Refused,
    Variant,
    read_json,
    read_variants,
    write_json,
)

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "calibration"
ATTEMPTS = 3
FORGET_SECONDS = 125  # for which a node remembers connections, where the client cannot choose other ports
CLEAN_ROUNDS, ROUNDS = 5, 2
_FOREIGN = ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_INVENTORY", "K8S_AUTH_CONTEXT")
Measure = Callable[[Variant, dict[str, Any]], dict[str, Any]]


def read_predictions(variants: Iterable[Variant], folder: Path = FOLDER) -> dict[str, Any]:
    """The committed predictions by name. Raises Refused where they are not those of these variants."""
    predictions = read_json(folder / "predictions.json").get("predictions", {})
    for variant in variants:
        if variant.name not in predictions:
            raise Refused(f"{variant.name} has no prediction: run tools/calibrate predict, and commit what it writes")
        if predictions[variant.name]["digest"] != variant.digest:
            raise Refused(
                f"{variant.name}: its prediction was made for other manifests ({predictions[variant.name]['digest']}, "
                f"now {variant.digest}): run tools/calibrate predict, and commit what it writes"
            )
    return predictions


def require_committed(folder: Path = FOLDER) -> None:
    """Raises Refused where a prediction could still be made to fit."""
    names = [str(folder / name) for name in ("base.yml", "variants.yml", "server.py", "predictions.json")]
    for command in (["git", "ls-files", "--error-unmatch"], ["git", "diff", "--quiet", "HEAD"]):
        if subprocess.run([*command, "--", *names], cwd=folder, capture_output=True, check=False).returncode:
            raise Refused(
                f"the variants and predictions.json in {folder} are not committed as they are: commit them; "
                "nothing is measured before that"
            )


def missing(
    variants: dict[str, Variant], predictions: dict[str, Any], names: list[str], *, again: bool, folder: Path = FOLDER
) -> list[Variant]:
    """The variants that are to be measured: all or the named ones, without those that were under this prediction."""
    unknown = sorted(set(names) - variants.keys())
    if unknown:
        raise Refused(f"there is no variant {unknown[0]}; the names are {', '.join(variants)}")
    done = read_json(folder / "measurements.json")
    return [
        variant
        for name, variant in variants.items()
        if name in (names or variants)
        and (again or done.get(name, {}).get("prediction") != fingerprint(predictions[name]))
    ]


def measure_all(todo: list[Variant], predictions: dict[str, Any], measure: Measure, folder: Path = FOLDER) -> list[str]:
    """Measure and keep; what fails is told, and the next one follows. Returns the names that failed."""
    failed = []
    for number, variant in enumerate(todo, 1):
        print(f"[{number:2}/{len(todo)}] {variant.name:21}", end=" ", flush=True)
        begin = time.monotonic()
        prediction = predictions[variant.name]
        try:
            measurement = measure(variant, prediction)
        except (Refused, OSError) as error:
            failed.append(variant.name)
            print(f"NOT MEASURED: {error}", flush=True)
            continue
        measurement |= {"digest": variant.digest, "prediction": fingerprint(prediction), "version": VERSION}
        write_json(folder / "measurements.json", read_json(folder / "measurements.json") | {variant.name: measurement})
        wrong = disagreements(prediction, measurement)
        told = f"otherwise than predicted: {', '.join(wrong)}" if wrong else "as predicted"
        lost = f"{measurement['lost_total']:,} of {measurement['requests']:,} lost"
        print(f"{time.monotonic() - begin:4.0f} s  {lost:22} {told}", flush=True)
    return failed


class Drills:
    """Measures on a cluster. `kubeconfig` names it."""

    def __init__(self, kubeconfig: Path):
        self._cluster = Cluster(kubeconfig)
        # Whatever a person's own Ansible settings say: what runs is this checkout, which its ansible.cfg finds.
        self._environment = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        self._environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "K8S_AUTH_KUBECONFIG": str(kubeconfig)}
        self._drilled = False

    def close(self) -> None:
        """Delete the namespace."""
        try:
            self._cluster.close()
        except ERRORS as error:
            print(f"namespace {NAMESPACE} is left in the cluster: {' '.join(str(error).split())}")

    def measure(self, variant: Variant, prediction: dict[str, Any]) -> dict[str, Any]:
        """Raises Refused where the drill says nothing even when it is repeated."""
        rounds = CLEAN_ROUNDS if prediction["clean"] else 1 if prediction["outcomes"][STUCK] == YES else ROUNDS
        attempts, status = 0, NOISY
        while status == NOISY and attempts < ATTEMPTS:
            try:
                drill, least_ready = self._drill(variant, rounds)
            except ERRORS as error:
                raise Refused(f"the cluster: {' '.join(str(error).split())}") from None
            attempts, status = attempts + 1, drill["status"]
            if status == NOISY:
                print(f"noisy ({drill['reason']}); ", end="", flush=True)
        result = observe(drill, least_ready, variant.deployment["spec"]["replicas"])
        report = self._play("audit", variant, {"termination_evidence": ["status", "events", "exec"]})
        told = [entry for entry in report["findings"] if entry["evidence"] == "runtime"]
        seen = sorted({f"{entry['rule']} ({entry['severity']})" for entry in told})
        return result | {"attempts": attempts, "seen_on_pods": seen, "kubernetes": self._cluster.version}

    def _drill(self, variant: Variant, rounds: int) -> tuple[dict[str, Any], int]:
        self._cluster.put(variant)
        url, forwarded = self._cluster.url(variant.drill["path"])
        if forwarded and self._drilled:
            time.sleep(FORGET_SECONDS)
        self._drilled = True
        least_ready = self._cluster.watch_ready(variant.name)
        asked = {
            "termination_url": url,
            "termination_rounds": rounds,
            "termination_rate": variant.drill["rate"],
            "termination_drill_mode": variant.drill["mode"],
            "termination_wait_timeout": variant.drill["wait"],
        }
        return self._play("drill", variant, asked), least_ready()

    def _play(self, playbook: str, variant: Variant, variables: dict[str, Any]) -> dict[str, Any]:
        """Run a playbook of the collection on a variant, and return what it wrote."""
        folder = BUILD / variant.name
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / {"drill": "drill.json", "audit": "report.json"}[playbook]
        written.unlink(missing_ok=True)
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
        if not written.exists():
            raise Refused(f"the {playbook} wrote nothing: see {log.relative_to(ROOT)}")
        return read_json(written)


def load(folder: Path = FOLDER) -> tuple[dict[str, Variant], dict[str, Any]]:
    """The variants, and the predictions that were made for them."""
    variants = read_variants(folder)
    return variants, read_predictions(variants.values(), folder)
