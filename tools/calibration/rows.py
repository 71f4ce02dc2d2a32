# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each variant with what was predicted of it twice and measured once, and what that adds up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.graceful.termination.tools.calibration.meanings import OUTCOMES, UNKNOWN, YES
from ansible_collections.graceful.termination.tools.calibration.observe import (
    NOT_OBSERVED,
    compare,
    disagreements,
    fingerprint,
)
from ansible_collections.graceful.termination.tools.calibration.predict import MANIFESTS, PODS
from ansible_collections.graceful.termination.tools.calibration.variants import FOLDER, Refused, Variant, read_json


@dataclass(frozen=True)
class Row:
    """One variant on the page. `predicted` has digest, manifests and pods; `audit` says when its pods were audited (at)
    and what they showed (seen)."""

    variant: Variant
    predicted: dict[str, Any]
    measurement: dict[str, Any]
    audit: dict[str, Any]

    @property
    def manifests(self) -> dict[str, Any]:
        """The prediction from the manifests alone."""
        return self.predicted[MANIFESTS]

    @property
    def pods(self) -> dict[str, Any]:
        """The prediction with evidence from the running pods."""
        return self.predicted[PODS]

    @property
    def same(self) -> bool:
        """Whether the two predict the same."""
        return all(self.manifests[key] == self.pods[key] for key in ("outcomes", "clean", "stop_seconds"))

    @property
    def measured(self) -> str:
        """What was seen, in words."""
        outcomes = self.measurement["outcomes"]
        seen = [outcome for outcome in OUTCOMES if outcomes[outcome] == YES]
        unseen = [outcome for outcome in OUTCOMES if outcomes[outcome] == NOT_OBSERVED]
        found = ", ".join(seen) or "none of the five"
        return f"{found}; not observed: {', '.join(unseen)}" if unseen else found

    def wrong(self, kind: str) -> list[str]:
        """What was measured otherwise than predicted from `kind`."""
        return disagreements(self.predicted[kind], self.measurement)

    @property
    def agree(self) -> str:
        """Yes, or what does not; of each where they differ."""
        manifests, pods = (_agree(self.wrong(kind)) for kind in (MANIFESTS, PODS))
        return pods if pods == manifests else f"manifests {manifests}; evidence {pods}"

    @property
    def seen(self) -> list[str]:
        """What its pods showed before any of them was stopped."""
        return self.audit["seen"]

    @property
    def seen_after(self) -> list[str]:
        """What its pods showed only after they had been stopped."""
        return [rule for rule in self.measurement["seen_on_pods"] if rule not in self.seen]


def _agree(wrong: list[str]) -> str:
    return f"**no**: {', '.join(wrong)}" if wrong else "yes"


def in_words(prediction: dict[str, Any]) -> str:
    """What will be seen."""
    outcomes = prediction["outcomes"]
    certain = [outcome for outcome in OUTCOMES if outcomes[outcome] == YES]
    unknown = [outcome for outcome in OUTCOMES if outcomes[outcome] == UNKNOWN]
    words = ["**clean**"] if prediction["clean"] else []
    words += certain or ([] if words else ["none of the five"])
    return "; ".join([", ".join(words), *([f"not known: {', '.join(unknown)}"] if unknown else [])])


@dataclass(frozen=True)
class Tally:
    """What became of the predictions from one kind: `true` and `false` outcomes, those that were `left_open`, the
    variants of which all came true, the rows that were predicted `clean`, and what those lost of their requests."""

    true: int
    false: int
    left_open: int
    whole: int
    clean: list[Row]

    @property
    def lost(self) -> int:
        """Requests that variants lost which were predicted clean."""
        return sum(row.measurement["lost_total"] for row in self.clean)

    @property
    def requests(self) -> int:
        """All that were sent to them."""
        return sum(row.measurement["requests"] for row in self.clean)

    @property
    def rounds(self) -> int:
        """In which that was."""
        return sum(row.measurement["rounds"] for row in self.clean)


def tally(rows: list[Row], kind: str) -> Tally:
    """Of the predictions from `kind`."""
    compared = Counter(agrees for row in rows for agrees in compare(row.predicted[kind], row.measurement).values())
    return Tally(
        true=compared[True],
        false=compared[False],
        left_open=sum([*row.predicted[kind]["outcomes"].values()].count(UNKNOWN) for row in rows),
        whole=sum(not row.wrong(kind) for row in rows),
        clean=[row for row in rows if row.predicted[kind]["clean"]],
    )


def rows_of(variants: dict[str, Variant], predictions: dict[str, Any], folder: Path = FOLDER) -> list[Row]:
    """All of them. Raises Refused where one is not measured, or was under other predictions."""
    measurements, rows = read_json(folder / "measurements.json"), []
    audits = read_json(folder / "predictions.json")["audits"]
    for name, variant in variants.items():
        if name not in measurements:
            raise Refused(f"{name} is not measured: run tools/calibrate measure --only {name}")
        if measurements[name]["prediction"] != fingerprint(predictions[name]):
            raise Refused(
                f"{name} was measured under other predictions than those that are there now: put those back, or "
                f"run tools/calibrate measure --only {name}"
            )
        rows.append(Row(variant, predictions[name], measurements[name], audits[name]))
    return rows
