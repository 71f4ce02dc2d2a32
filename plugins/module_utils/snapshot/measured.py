# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured request durations: how long a drain takes if it is not declared. Read from Prometheus, never guessed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

QUANTILE = 0.999
# Weekly habits are in it. The second is for servers with too much data for the first.
WINDOWS = (("7d", "7 days"), ("1d", "1 day"))
# With fewer requests there is no p99.9.
LEAST_REQUESTS = 1000
_LONGEST = 86400  # seconds
Key = tuple[str, str, str]
Labels = Mapping[str, str]


class Unanswered(Exception):
    """A server that does not answer, and will not answer another query either. Its text is for the report."""


class TooMuch(Unanswered):
    """A query that the server gives up because there is too much data."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`seconds`, rounded up; None where the histogram does not reach that far. `source` names metric and window."""

    seconds: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """One metric. `per_second` are its units in a second, `owner` finds out of its labels whose requests they were.

    A key is (namespace, kind, name); kind is `Service`, that of a workload, or empty where any workload is meant.
    """

    metric: str
    per_second: int
    selector: str
    labels: tuple[str, ...]
    owner: Callable[[Labels], Key | None]

    def query(self, window: str) -> str:
        """PromQL for its buckets, for all of a cluster at once."""
        return f"sum by ({', '.join(self.labels)}, le) (increase({self.metric}_bucket{self.selector}[{window}]))"


def _ingress_nginx(labels: Labels) -> Key | None:
    # A scrape that has a namespace and a service of its own renames the controller's, unless it honours labels.
    namespace = labels.get("exported_namespace") or labels.get("namespace")
    service = labels.get("exported_service") or labels.get("service")
    return (namespace, "Service", service) if namespace and service else None


def _istio(labels: Labels) -> Key | None:
    namespace, name = labels.get("destination_workload_namespace"), labels.get("destination_workload")
    return (namespace, "", name) if namespace and name else None


def _linkerd(labels: Labels) -> Key | None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        namespace, name = labels.get("namespace"), labels.get(kind.lower())
        if namespace and name:
            return namespace, kind, name
    return None


HISTOGRAMS = (
    Histogram(
        "nginx_ingress_controller_request_duration_seconds",
        1,
        "",
        ("namespace", "service", "exported_namespace", "exported_service"),
        _ingress_nginx,
    ),
    Histogram(
        "istio_request_duration_milliseconds",
        1000,
        '{reporter="destination"}',
        ("destination_workload_namespace", "destination_workload"),
        _istio,
    ),
    Histogram(
        "response_latency_ms",
        1000,
        '{direction="inbound"}',
        ("namespace", "deployment", "statefulset", "daemonset"),
        _linkerd,
    ),
)


@dataclass(frozen=True, slots=True)
class Durations:
    """What was measured, and why something was not: None where every question had its answer."""

    found: dict[Key, Measurement]
    problem: str | None = None


def measure(ask: Callable[[str], Sequence[tuple[Labels, float]]]) -> Durations:
    """Ask for every histogram; `ask` answers a query with (labels, value) pairs, or raises Unanswered."""
    found: dict[Key, Measurement] = {}
    problems = []
    for histogram in HISTOGRAMS:
        try:
            samples, window = _samples(ask, histogram)
        except TooMuch as error:
            problems.append(f"{error} (the query for {histogram.metric})")
            continue
        except Unanswered as error:
            problems.append(str(error))
            break
        buckets: dict[Key, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for labels, value in samples:
            key, bound = histogram.owner(labels), _bound(labels.get("le", ""))
            if key and bound is not None and math.isfinite(value):
                buckets[key][bound / histogram.per_second] += value
        source = f"measured p99.9 over {window}: Prometheus {histogram.metric}"
        for key, counts in buckets.items():
            duration = quantile(counts)
            if duration is None:
                continue
            measured = Measurement(math.ceil(duration) if duration <= _LONGEST else None, source)
            found[key] = longest(measured, *([found[key]] if key in found else []))
    return Durations(found, "; ".join(problems) or None)


def longest(*measured: Measurement) -> Measurement:
    """The longest of them; what is beyond its histogram is longer than any."""
    return max(measured, key=lambda one: _LONGEST + 1 if one.seconds is None else one.seconds)


def quantile(counts: Mapping[float, float]) -> float | None:
    """The p99.9 of cumulative counts by upper bound, as Prometheus estimates it: even within a bucket.

    Infinite when it is above the largest bound; None with too few observations.
    """
    if counts.get(math.inf, 0) < LEAST_REQUESTS:
        return None
    rank, start, below = QUANTILE * counts[math.inf], 0.0, 0.0
    for bound in sorted(counts):
        count = max(counts[bound], below)
        if count >= rank:
            share = (rank - below) / (count - below) if count > below else 1.0
            return math.inf if math.isinf(bound) else start + (bound - start) * share
        start, below = bound, count
    return math.inf


def _samples(
    ask: Callable[[str], Sequence[tuple[Labels, float]]], histogram: Histogram
) -> tuple[Sequence[tuple[Labels, float]], str]:
    *earlier, last = WINDOWS
    for window, words in earlier:
        try:
            return ask(histogram.query(window)), words
        except TooMuch:
            continue
    return ask(histogram.query(last[0])), last[1]


def _bound(text: str) -> float | None:
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) or bound < 0 else bound
