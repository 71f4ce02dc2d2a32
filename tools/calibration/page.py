# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/calibration.md: what was predicted beside what was measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ansible_collections.graceful.termination.tools.calibration.observe import (
    NOT_OBSERVED,
    TOLERANCE,
    compare,
    disagreements,
    fingerprint,
)
from ansible_collections.graceful.termination.tools.calibration.predict import (
    BUDGET,
    MEANINGS,
    OUTCOMES,
    UNKNOWN,
    YES,
)
from ansible_collections.graceful.termination.tools.calibration.variants import FOLDER, Refused, Variant, read_json

TEMPLATE = Path(__file__).with_name("calibration.md.j2")


@dataclass(frozen=True)
class Row:
    """One variant on the page."""

    variant: Variant
    prediction: dict[str, Any]
    measurement: dict[str, Any]

    @property
    def predicted(self) -> str:
        """What will be seen, in words."""
        outcomes = self.prediction["outcomes"]
        certain = [outcome for outcome in OUTCOMES if outcomes[outcome] == YES]
        unknown = [outcome for outcome in OUTCOMES if outcomes[outcome] == UNKNOWN]
        told = ["**clean**"] if self.prediction["clean"] else []
        told += certain or ([] if told else ["none of the five"])
        return "; ".join([", ".join(told), *([f"not known: {', '.join(unknown)}"] if unknown else [])])

    @property
    def measured(self) -> str:
        """What was seen, in words."""
        outcomes = self.measurement["outcomes"]
        seen = [outcome for outcome in OUTCOMES if outcomes[outcome] == YES]
        unseen = [outcome for outcome in OUTCOMES if outcomes[outcome] == NOT_OBSERVED]
        told = ", ".join(seen) or "none of the five"
        return f"{told}; not observed: {', '.join(unseen)}" if unseen else told

    @property
    def agree(self) -> str:
        """Yes, or what does not."""
        wrong = disagreements(self.prediction, self.measurement)
        return f"**no**: {', '.join(wrong)}" if wrong else "yes"


def rows_of(variants: dict[str, Variant], predictions: dict[str, Any], folder: Path = FOLDER) -> list[Row]:
    """All of them. Raises Refused where one is not measured, or was under another prediction."""
    measurements, rows = read_json(folder / "measurements.json"), []
    for name, variant in variants.items():
        if name not in measurements:
            raise Refused(f"{name} is not measured: run tools/calibrate measure --only {name}")
        if measurements[name]["prediction"] != fingerprint(predictions[name]):
            raise Refused(
                f"{name} was measured under another prediction than the one that is there now: put that one back, or "
                f"run tools/calibrate measure --only {name}"
            )
        rows.append(Row(variant, predictions[name], measurements[name]))
    return rows


def read_explanations(rows: list[Row], folder: Path = FOLDER) -> list[dict[str, Any]]:
    """One for each variant that disagrees. Raises Refused where one is missing or explains nothing."""
    entries = yaml.safe_load((folder / "explanations.yml").read_text(encoding="utf-8")) or []
    amounts = Counter(entry["variant"] for entry in entries)
    explained = {entry["variant"]: entry for entry in entries}
    for row in rows:
        name = row.variant.name
        wrong = disagreements(row.prediction, row.measurement)
        said = explained.pop(name, {"outcomes": []})
        if sorted(said["outcomes"]) != sorted(wrong) or amounts[name] > 1:
            raise Refused(
                f"explanations.yml: {name} disagrees in {', '.join(wrong) or 'nothing'}, and {amounts[name]} entries "
                f"explain {', '.join(said['outcomes']) or 'nothing'}"
            )
        if wrong and not (str(said.get("why", "")).strip() and str(said.get("measured", "")).strip()):
            raise Refused(f"explanations.yml: {name} needs why, and measured: the measurement that shows it")
    if explained:
        raise Refused(f"explanations.yml: there is no variant {min(explained)}")
    return entries


def render(variants: dict[str, Variant], predictions: dict[str, Any], folder: Path = FOLDER) -> str:
    """The page. Raises Refused, see rows_of and read_explanations."""
    rows = rows_of(variants, predictions, folder)
    explanations = read_explanations(rows, folder)
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"span": _span, "counted": _counted, "seconds": _seconds}
    compared = Counter(agrees for row in rows for agrees in compare(row.prediction, row.measurement).values())
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        rows=rows,
        clean=[row for row in rows if row.prediction["clean"]],
        disagreeing=[row for row in rows if disagreements(row.prediction, row.measurement)],
        explanations=explanations,
        compared=compared,
        left_open=sum(list(row.prediction["outcomes"].values()).count(UNKNOWN) for row in rows),
        outcomes=OUTCOMES,
        meanings=MEANINGS,
        budget=BUDGET,
        tolerance=TOLERANCE,
        dates=sorted({row.measurement["ended_at"][:10] for row in rows}),
        versions=sorted({row.measurement["version"] for row in rows}),
        kubernetes=sorted({row.measurement["kubernetes"] for row in rows}),
    )


def _span(bounds: list[int | None] | None) -> str:
    if bounds is None:
        return "none"
    least, most = bounds
    return f"from {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"


def _seconds(value: int | None) -> str:
    return "not known" if value is None else str(value)


def _counted(amounts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({amount})" for name, amount in sorted(amounts.items())) or "none"
