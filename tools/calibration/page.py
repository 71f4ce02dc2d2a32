# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/calibration.md: what was predicted beside what was measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ansible_collections.graceful.termination.tools.calibration.meanings import BUDGET, MEANINGS, OUTCOMES
from ansible_collections.graceful.termination.tools.calibration.observe import TOLERANCE
from ansible_collections.graceful.termination.tools.calibration.predict import MANIFESTS, PODS
from ansible_collections.graceful.termination.tools.calibration.rows import Row, in_words, rows_of, tally
from ansible_collections.graceful.termination.tools.calibration.variants import FOLDER, Refused, Variant

TEMPLATE = Path(__file__).with_name("calibration.md.j2")


def read_explanations(rows: list[Row], folder: Path = FOLDER) -> list[dict[str, Any]]:
    """One for each variant that disagrees: variant, outcomes, manifests, why, measured.

    `outcomes` are those that the prediction with evidence has wrong, `manifests` those that the one from the manifests
    has: the same where the file says nothing. Raises Refused where one is missing or explains nothing.
    """
    entries = yaml.safe_load((folder / "explanations.yml").read_text(encoding="utf-8")) or []
    entries = [{"manifests": entry["outcomes"]} | entry for entry in entries]
    amounts = Counter(entry["variant"] for entry in entries)
    explained = {entry["variant"]: entry for entry in entries}
    for row in rows:
        name = row.variant.name
        said = explained.pop(name, {"outcomes": [], "manifests": []})
        for key, kind, by in (("outcomes", PODS, "with evidence"), ("manifests", MANIFESTS, "by its manifests")):
            wrong = row.wrong(kind)
            if sorted(said[key]) != sorted(wrong) or amounts[name] > 1:
                raise Refused(
                    f"explanations.yml: {name} disagrees {by} in {', '.join(wrong) or 'nothing'}, and {amounts[name]} "
                    f"entries explain {', '.join(said[key]) or 'nothing'}"
                )
        if amounts[name] and not (said["outcomes"] or said["manifests"]):
            raise Refused(f"explanations.yml: {name} disagrees in nothing")
        if amounts[name] and not (str(said.get("why", "")).strip() and str(said.get("measured", "")).strip()):
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
    environment.filters |= {"span": _span, "counted": _counted, "seconds": _seconds, "words": in_words}
    environment.filters |= {"thousands": "{:,}".format}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        rows=rows,
        manifests=tally(rows, MANIFESTS),
        pods=tally(rows, PODS),
        explanations=explanations,
        outcomes=OUTCOMES,
        meanings=MEANINGS,
        budget=BUDGET,
        tolerance=TOLERANCE,
        audited=sorted({row.audit["at"][:10] for row in rows}),
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
