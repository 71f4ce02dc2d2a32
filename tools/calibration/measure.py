# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills one variant after the other on the test cluster, and keeps each result as it comes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.product import VERSION
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.verdict import NOISY
from ansible_collections.graceful.termination.tools.calibration.cluster import Cluster, refusing
from ansible_collections.graceful.termination.tools.calibration.meanings import STUCK, YES
from ansible_collections.graceful.termination.tools.calibration.observe import disagreements, fingerprint, observe
from ansible_collections.graceful.termination.tools.calibration.playbooks import Playbooks
from ansible_collections.graceful.termination.tools.calibration.predict import KINDS, seen_on_pods
from ansible_collections.graceful.termination.tools.calibration.variants import (
    FOLDER,
    Refused,
    Variant,
    read_json,
    read_variants,
    write_json,
)

ATTEMPTS = 3
FORGET_SECONDS = 125  # for which a node remembers connections, where the client cannot choose other ports
CLEAN_ROUNDS, ROUNDS = 5, 2
Measure = Callable[[Variant, dict[str, Any]], dict[str, Any]]


def read_predictions(variants: Iterable[Variant], folder: Path = FOLDER) -> dict[str, Any]:
    """The committed predictions by name: digest, manifests and pods of each.

    Raises Refused where they are not those of these variants, or one of the two is not there.
    """
    predictions = read_json(folder / "predictions.json").get("predictions", {})
    for variant in variants:
        for kind in KINDS:
            if kind not in predictions.get(variant.name, {}):
                raise Refused(
                    f"{variant.name} has no prediction from its {kind}: run tools/calibrate predict, and commit what "
                    "it writes"
                )
        digest = predictions[variant.name]["digest"]
        if digest != variant.digest:
            raise Refused(
                f"{variant.name}: its predictions were made for other manifests ({digest}, now {variant.digest}): run "
                "tools/calibrate predict, and commit what it writes"
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
    """The variants that are to be measured: all or the named ones, without those that were under these predictions."""
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
    """Measure and keep; a failure is reported, and the next one follows. Returns the names that failed."""
    failed = []
    for number, variant in enumerate(todo, 1):
        print(f"[{number:2}/{len(todo)}] {variant.name:21}", end=" ", flush=True)
        begin = time.monotonic()
        predicted = predictions[variant.name]
        try:
            measurement = measure(variant, predicted)
        except (Refused, OSError) as error:
            failed.append(variant.name)
            print(f"NOT MEASURED: {error}", flush=True)
            continue
        measurement |= {"digest": variant.digest, "prediction": fingerprint(predicted), "version": VERSION}
        write_json(folder / "measurements.json", read_json(folder / "measurements.json") | {variant.name: measurement})
        found = "; ".join(_told(kind, disagreements(predicted[kind], measurement)) for kind in KINDS)
        lost = f"{measurement['lost_total']:,} of {measurement['requests']:,} lost"
        print(f"{time.monotonic() - begin:4.0f} s  {lost:22} {found}", flush=True)
    return failed


def _told(kind: str, wrong: list[str]) -> str:
    return f"{kind}: {', '.join(wrong)} otherwise" if wrong else f"{kind}: as predicted"


class Drills:
    """Measures on a cluster. `kubeconfig` names it."""

    def __init__(self, kubeconfig: Path):
        self._cluster = Cluster(kubeconfig)
        self._playbooks = Playbooks(kubeconfig)
        self._drilled = False

    def close(self) -> None:
        """Delete the namespace."""
        self._cluster.close()

    def measure(self, variant: Variant, predicted: dict[str, Any]) -> dict[str, Any]:
        """Raises Refused where the drill says nothing even when it is repeated."""
        rounds = rounds_for(predicted)
        attempts, status = 0, NOISY
        while status == NOISY and attempts < ATTEMPTS:
            with refusing():
                drill, least_ready = self._drill(variant, rounds)
            attempts, status = attempts + 1, drill["status"]
            if status == NOISY:
                print(f"noisy ({drill['reason']}); ", end="", flush=True)
        result = observe(drill, least_ready, variant.deployment["spec"]["replicas"])
        # A stop leaves traces that the audit before it could not see, such as the event of a hook that failed.
        seen = seen_on_pods(self._playbooks.audit(variant))
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
        return self._playbooks.drill(variant, asked), least_ready()


def rounds_for(predicted: dict[str, Any]) -> int:
    """How often a variant is drilled, by what either prediction says of it."""
    either = [predicted[kind] for kind in KINDS]
    if any(prediction["clean"] for prediction in either):
        return CLEAN_ROUNDS
    return 1 if any(prediction["outcomes"][STUCK] == YES for prediction in either) else ROUNDS


def load(folder: Path = FOLDER) -> tuple[dict[str, Variant], dict[str, Any]]:
    """The variants, and the predictions that were made for them."""
    variants = read_variants(folder)
    return variants, read_predictions(variants.values(), folder)
