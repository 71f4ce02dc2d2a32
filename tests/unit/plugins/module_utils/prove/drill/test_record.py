# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record that one thread changes while another one writes it down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.document import document
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.pods import Pods
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.record import Phase, Record
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import FRESH, OK, RESET, Sample
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.cluster import (
    Watched,
    api_of,
    options,
    pod,
    web,
)


def a_record(kind: type[Record] = Record) -> Record:
    return kind(options(), web(), "test", 1.0, 5.0, 8.0)


def sample(outcome: str = OK) -> Sample:
    return Sample(FRESH, 2.0, 0.1, outcome)


def test_what_happens_later_is_not_in_a_frozen_record() -> None:
    record = a_record()
    record.change(load=Phase(20.0, clock=lambda: 2.0))
    record.load.tally.add(sample())
    record.begin_round("then")
    frozen = record.frozen()
    before = document(frozen)
    record.end_round(3.0, 7)
    record.begin_round("later")
    record.begin_noise(Phase(20.0))
    record.load.tally.add(sample(RESET))
    record.load.tally.count("closes")
    record.change(status="failed", reason="why")
    assert document(frozen) == before
    assert before["rounds"] == [{"number": 1, "began_at": "then", "seconds": None, "requests": None}]
    assert (before["requests"], before["lost_total"], before["noise"]) == (1, 0, [])
    now = document(record.frozen())
    assert (now["requests"], now["lost_total"], now["status"], len(now["noise"])) == (2, 1, "failed", 1)
    assert [entry["seconds"] for entry in now["rounds"]] == [3.0, None]


class Interleaved(Record):
    """Between two fields that are set together, another thread asks for the record."""

    between: Callable[[], None] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "status" and self.between:
            self.between()


def test_fields_that_are_set_together_are_seen_together() -> None:
    record = a_record(Interleaved)
    seen: list[tuple[str, str]] = []

    def look() -> None:
        frozen = Record.frozen(record)
        seen.append((frozen.status, frozen.reason))

    other = threading.Thread(target=look)
    record.between = other.start  # type: ignore[attr-defined]
    record.change(status="failed", reason="why")
    other.join()
    assert seen == [("failed", "why")]


def test_pods_that_were_seen_do_not_change_any_more() -> None:
    pods = Pods(api_of(Watched()), web(), now=lambda: 9.0)
    pods._take("ADDED", pod("a"))
    (before,) = pods.seen()
    (live,) = pods.all()
    pods._take("DELETED", pod("a", deleted=True, code=0))
    assert (before.gone_at, before.containers) == (None, before.containers)
    assert live.gone_at == 9.0 and live.containers[0].exit_code == 0
    assert all(ended.exit_code is None for ended in before.containers)
