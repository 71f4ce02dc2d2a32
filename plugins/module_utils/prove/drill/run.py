# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a drill."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import Api
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.document import document
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.driver import Driver
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.exchange import Abandoned, Client
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.flush import flushed, write
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.load import Load
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.options import DrillOptions
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pods
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.record import (
    ERROR,
    INTERRUPTED,
    Phase,
    Record,
)
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import OK, Tally
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.verdict import conclude
from ansible_collections.graceful.termination.plugins.module_utils.prove.interrupt import Interrupted
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.drills import keep
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import hook_time
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import Workload

UPLOAD_BEYOND = 10.0  # seconds that an upload lasts beyond the preStop hook, so that it is in flight at SIGTERM
TRIAL_SECONDS = 1.0  # of the upload that tests whether the URL accepts any
_HELD = 0.95  # of the requested rate
_LOWER = 0.8  # of what was achieved
_NOISE_RUNS = 3


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of the noise run, and of the load before the first stop and after the last old pod is deleted."""

    noise: float = 5.0
    lead: float = 1.0
    settle: float = 6.0  # longer than the timeout of a connection


def hook_seconds(workload: Workload) -> float:
    """The minimum duration of its longest preStop hook, as far as declared."""
    return max((hook_time(container.pre_stop).seconds for container in workload.containers), default=0)


def upload_seconds(workload: Workload) -> float:
    """How long an upload lasts: longer than the preStop hook, but short enough to be finished in the grace period."""
    hook = hook_seconds(workload)
    return max(1.0, min(hook + UPLOAD_BEYOND, (hook + workload.grace) / 2))


def run_drill(
    api: Api,
    workload: Workload,
    options: DrillOptions,
    *,
    times: Times | None = None,
    driver: Callable[[Pods], Driver] | None = None,
    report: Callable[[str], None] = lambda _text: None,
) -> dict[str, Any]:
    """Drill, and return the document as last written. Raises OSError if drill.json cannot be written.

    `report` gets a line for a person at each turn of the drill.
    What goes wrong on the way, an interruption included, is the document's status and reason.
    """
    pods = Pods(api, workload)
    drive = driver(pods) if driver else Driver(api, workload, pods, options.wait_timeout)
    record = Record(options, workload, api.name, time.time(), hook_seconds(workload), upload_seconds(workload))
    drill = _Drill(record, pods, drive, times, report)
    with flushed(options.folder, drill.document):
        try:
            drill.run()
            lost = record.load.tally.counts().lost
            status, reason = conclude(lost, options.max_lost, record.noise_lost, held=record.held)
        except Interrupted as error:
            status, reason = INTERRUPTED, f"interrupted by {error}; what has started in the cluster continues by itself"
        except SourceError as error:
            status, reason = ERROR, str(error)
        finally:
            drill.cancel()
        record.change(status=status, reason=reason, ended_at=time.time())
    result = drill.document()
    if options.folder is not None:
        write(options.folder, result)
        keep(options.folder, result)
    return result


class _Drill:
    """One drill in progress."""

    def __init__(self, record: Record, pods: Pods, driver: Driver, times: Times | None, report: Callable[[str], None]):
        self.record = record
        self._report = report
        self._pods = pods
        self._driver = driver
        self._times = times or Times()
        self._client = Client(record.options.url)
        self._load: Load | None = None

    def document(self) -> dict[str, Any]:
        """The present state. Called from another thread, too."""
        pods, outages = self._pods.seen(), self._pods.outages()
        return document(self.record.frozen(pods=pods, outages=outages, changed=self._driver.changed))

    def run(self) -> None:
        """Raises SourceError, Interrupted."""
        record = self.record
        rate = self._noise()
        self._pods.begin()
        record.change(load=self._begin(rate, 0.0 if record.no_upload else record.upload_seconds))
        time.sleep(self._times.lead)
        for _round in range(record.options.rounds):
            number = self._pods.round = record.begin_round(_now())
            self._report(
                f"round {number} of {record.options.rounds}: the pods are being stopped ({record.options.mode})"
            )
            begin, before = time.monotonic(), record.load.tally.counts().requests
            self._driver.stop_pods(record.options.mode)
            seconds, counts = round(time.monotonic() - begin, 1), record.load.tally.counts()
            record.end_round(seconds, counts.requests - before)
            self._report(
                f"round {number} of {record.options.rounds}: the old pods were deleted within {seconds:g} s; "
                f"lost so far: {counts.lost:,} of {counts.requests:,} requests"
            )
        last_gone = max((pod.gone_at or 0.0 for pod in self._pods.all()), default=0.0)
        time.sleep(self._times.settle)
        self._end(last_gone)
        self._pods.end()

    def cancel(self) -> None:
        """Stop sending, in any case."""
        self._pods.end()
        if self._load:
            self._load.cancel()

    def _noise(self) -> float:
        """Send without stopping anything; returns the rate that the client sustains. Raises SourceError."""
        record, rate = self.record, float(self.record.options.rate)
        self._try_upload()
        for _run in range(_NOISE_RUNS):
            phase = self._begin(rate, 0.0)
            record.begin_noise(phase)
            time.sleep(self._times.noise)
            self._end(0.0)
            counts = phase.tally.counts()
            if not any(counter[OK] for counter in counts.outcomes.values()):
                first = counts.losses[0] if counts.losses else None
                why = f"{first.outcome}, {first.detail}" if first else "nothing was sent"
                raise SourceError(
                    f"url {record.options.url}: none of {counts.requests} requests succeeded ({why}): "
                    "nothing was stopped; use the address of a page that returns 200 from where this runs"
                )
            late = phase.tally.late > (1 - _HELD) * counts.requests
            record.change(held=phase.achieved >= _HELD * rate and not late)
            self._report(
                f"noise: {counts.lost:,} of {counts.requests:,} requests lost with nothing stopped, at {rate:g} fresh "
                "connections a second" + ("" if record.held else ", which the client cannot sustain")
            )
            if record.held:
                return rate
            rate = max(1.0, round(phase.achieved * _LOWER, 1))
        return rate

    def _try_upload(self) -> None:
        try:
            outcome, detail = self._client.upload(TRIAL_SECONDS, lambda: False)
        except Abandoned:  # never: the trial upload is not cancelled
            return
        if outcome != OK:
            self.record.change(no_upload=f"the URL does not accept uploads ({outcome}, {detail})")

    def _begin(self, rate: float, seconds: float) -> Phase:
        tally = Tally()
        self._load = load = Load(self._client, tally, rate, seconds)
        load.start()
        return Phase(rate, tally, lambda: load.seconds)

    def _end(self, abandon_from: float) -> None:
        if self._load:
            self._load.stop(abandon_from)
            self._load = None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
