# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client counts is what the server did: no more, no less, and in the right class."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.prove.drill import exchange
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill import load as load_module
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill import tally as classes
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.exchange import Abandoned, Client
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.load import KEPT_CONNECTIONS, Load
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.ports import FIRST, LAST, Ports
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.record import Phase
from ansible_collections.graceful.termination.plugins.module_utils.prove.drill.tally import (
    FRESH,
    KEPT,
    OK,
    UPLOAD,
    Tally,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils import endless
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.prove.drill.servers import (
    ANSWER,
    CLOSE,
    ERROR,
    MISSING,
    RESET,
    TRUNCATE,
    Server,
    dropping,
    serving,
)


def sent(server: Server, rate: float = 300, upload: float = 0.0, until: Callable[[], bool] | None = None) -> Tally:
    """Send to a server until it has seen more than 50 fresh connections and a kept one, or something else is true."""
    tally = Tally()
    load = Load(Client(server.url), tally, rate, upload)
    load.start()
    wait_until(until or (lambda: len(server.decisions(FRESH)) > 50 and bool(server.decisions(KEPT))))
    load.stop(float("inf"))
    return tally


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


@pytest.mark.parametrize("amount", [0, 1, 17])
@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        (RESET, classes.RESET),
        (TRUNCATE, classes.CLOSED),
        (CLOSE, classes.CLOSED),
        (ERROR, classes.SERVER_ERROR),
        (MISSING, classes.OTHER_STATUS),
    ],
)
def test_what_the_server_drops_is_counted_exactly(amount: int, how: str, outcome: str) -> None:
    with serving(dropping(amount, how)) as server:
        counts = sent(server).counts()
    decisions = server.decisions(FRESH)
    assert decisions.count(how) == amount
    assert counts.by_class() == ({outcome: amount} if amount else {})
    assert counts.outcomes[FRESH][OK] == decisions.count(ANSWER)
    assert counts.outcomes[FRESH].total() == len(decisions) > 40
    assert counts.outcomes[KEPT][OK] == len(server.decisions(KEPT)) > 0


@pytest.mark.parametrize("amount", [0, 1, 17])
def test_refused_connections_are_counted_exactly(amount: int) -> None:
    results = []
    with serving() as server:
        client = Client(server.url)
        for number in range(40):
            if number == 5:
                server.close()
            if number == 5 + amount:
                server.open()
            results.append(client.fresh()[0])
    assert results.count(classes.REFUSED) == amount
    assert results.count(OK) == len(server.decisions(FRESH)) == 40 - amount


@pytest.mark.parametrize("how", [RESET, TRUNCATE])
def test_a_lost_request_on_a_kept_connection(how: str) -> None:
    with serving(dropping(3, how, KEPT)) as server:
        tally = sent(server, until=lambda: len(server.decisions(KEPT)) > 12)
    lost = tally.counts().by_class(KEPT)
    # The second request on a connection, without any answer: that may have been the race.
    assert sum(lost.values()) == server.decisions(KEPT).count(how) == 3
    assert set(lost) <= ({classes.CLOSED} if how == TRUNCATE else {classes.REUSED, classes.RESET})
    assert tally.counts().by_class(FRESH) == {}


def test_a_request_that_meets_the_end_of_an_idle_connection_has_a_class_of_its_own() -> None:
    with serving(lambda asked: CLOSE if asked.of_connection == 2 else ANSWER) as server:
        connection = Client(server.url).kept(lambda: None)
        assert [connection.ask()[0] for _time in range(4)] == [OK, classes.REUSED, OK, classes.REUSED]


def test_a_connection_that_the_server_ended_while_idle_is_opened_again_without_a_loss() -> None:
    ends = []
    with serving(lambda asked: ANSWER) as server:
        connection = Client(server.url).kept(lambda: ends.append(1))
        assert connection.ask()[0] == OK
        idle = connection._pool.pool.queue[-1].sock
        idle.shutdown(socket.SHUT_WR)  # so that the server ends it
        assert select.select([idle], [], [], 5)[0]
        assert connection.ask()[0] == OK
    assert ends == [1]
    assert [asked.of_connection for asked, _decision in server.log] == [1, 1]


def test_uploads_are_under_way_all_the_time_and_one_that_is_cut_is_counted() -> None:
    with serving(dropping(1, RESET, UPLOAD, after=1)) as server:
        tally = sent(server, upload=1.0, until=lambda: len(server.decisions(UPLOAD)) > 8)
    counts, decisions = tally.counts(), server.decisions(UPLOAD)
    assert sum(counts.by_class(UPLOAD).values()) == decisions.count(RESET) == 1
    assert counts.outcomes[UPLOAD].total() + tally.abandoned == len(decisions)
    assert max(sample.took for sample in tally.uploads) >= 1.0


def test_an_answer_before_the_end_of_an_upload_is_not_a_success() -> None:
    with serving(lambda asked: TRUNCATE) as server:
        begin = time.monotonic()
        assert Client(server.url).upload(5.0, lambda: False)[0] == classes.CLOSED
    assert time.monotonic() - begin < 2, "nothing more is sent to a server that has answered"


def test_every_stream_comes_from_the_port_that_is_due_and_from_the_next_where_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = Ports()
    with serving() as server, socket.socket() as other:
        other.bind(("0.0.0.0", next(ports.fresh.due()) + 40))
        taken = other.getsockname()[1]
        due = iter([taken, taken + 1, taken, taken + 2, taken, taken + 3])
        monkeypatch.setattr(ports.fresh, "due", lambda: due)
        monkeypatch.setattr(ports.held, "due", lambda: due)
        client = Client(server.url, ports)
        assert client.kept(lambda: None).ask()[0] == OK
        assert client.upload(0.1, lambda: False)[0] == OK
        assert client.fresh()[0] == OK
        assert [asked.port - taken for asked, _decision in server.log] == [1, 2, 3]


def test_an_upload_is_given_up_when_the_drill_ends() -> None:
    with serving() as server, pytest.raises(Abandoned):
        Client(server.url).upload(30.0, lambda: True)


def test_the_schedule_follows_the_clock_and_not_the_answers() -> None:
    with serving(delay=0.3) as server:
        tally = sent(server, rate=100)
    assert tally.counts().outcomes[FRESH].total() >= 40
    assert tally.late == 0


def test_a_client_that_cannot_keep_up_says_so() -> None:
    with serving(delay=1.0) as server:
        tally = Tally()
        load = Load(Client(server.url), tally, 20, 0)
        load._pool._max_workers = 4
        load.start()
        wait_until(lambda: tally.late > 0 and load.seconds > 0.5)
        load.stop()
    assert Phase(20, tally, lambda: load.seconds).achieved < 15


def test_fresh_connections_never_share_a_source_port_and_the_server_closes_them() -> None:
    with serving() as server:
        sent(server, rate=150)
    ports = [asked.port for asked, _decision in server.log if asked.stream == FRESH]
    assert len(set(ports)) == len(ports) > 50
    assert all(FIRST <= port <= LAST for port in ports)
    assert server.client_closed_first == 0


def test_kept_connections_are_kept() -> None:
    with serving() as server:
        sent(server, until=lambda: len(server.decisions(KEPT)) > 8)
    ports = {asked.port for asked, _decision in server.log if asked.stream == KEPT}
    assert len(ports) == KEPT_CONNECTIONS


def test_a_silent_server_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.graceful.termination.plugins.module_utils.prove.drill.exchange.TIMEOUT", 0.3
    )
    with serving(lambda asked: "silent") as server:
        assert Client(server.url).fresh()[0] == classes.TIMEOUT
        assert Client(server.url).upload(0.1, lambda: False, patience=0.2)[0] == classes.TIMEOUT


def test_a_connection_that_nobody_answers_is_no_request_that_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.graceful.termination.plugins.module_utils.prove.drill.exchange.TIMEOUT", 0.3
    )
    with socket.socket() as listener, contextlib.ExitStack() as others:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)  # nobody accepts, and the kernel drops attempts to connect as soon as the queue is full
        for _time in range(4):
            one = others.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        assert client.fresh()[0] == classes.UNANSWERED
        assert client.upload(0.1, lambda: False)[0] == classes.UNANSWERED
        assert client.kept(lambda: None).ask()[0] == classes.UNANSWERED


def test_a_name_that_does_not_resolve_is_told_in_words() -> None:
    outcome, detail = Client("http://nowhere.invalid/").fresh()
    assert outcome == classes.OTHER
    assert detail


class Endless:
    """A drill's URL at a server that behaves so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, behave: endless.Behave) -> None:
        monkeypatch.setattr(exchange, "WHOLE_SECONDS", 0.2)
        monkeypatch.setattr(exchange, "WHOLE_BYTES", 2**20)
        self.behave = behave

    def results(self) -> list[tuple[str, str]]:
        with endless.serving(self.behave) as url:
            client = Client(f"{url}/page")
            # To an upload such a server answers before it is complete.
            assert client.upload(0.1, lambda: False, patience=0.2)[0] != OK
            return [client.fresh(), client.kept(lambda: None).ask()]


@pytest.mark.parametrize("name", [name for name in endless.DRIPS if name != "a refusal"])
def test_a_server_that_drips_is_a_timeout(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for outcome, detail in Endless(monkeypatch, endless.DRIPS[name]).results():
        assert outcome == classes.TIMEOUT
        assert "did not finish within 0.2 s" in detail


def test_an_event_stream_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    for outcome, detail in Endless(monkeypatch, endless.drip(head, b"data: tick\n\n")).results():
        assert (outcome, detail) == (classes.TIMEOUT, "the response did not finish within 0.2 s")


@pytest.mark.parametrize("name", endless.POURS)
def test_a_server_that_pours_is_left(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for outcome, detail in Endless(monkeypatch, endless.POURS[name]).results():
        assert outcome in (classes.OTHER, classes.TIMEOUT)
        assert "the response is larger than 1 MiB" in detail or "did not end" in detail


def test_what_an_endless_server_was_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Endless(monkeypatch, endless.drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"))
    with endless.serving(made.behave) as url:
        tally = Tally()
        load = Load(Client(url), tally, 100, 0.0)
        load.start()
        wait_until(lambda: tally.counts().outcomes[FRESH].total() > 20)
        load.stop()
    assert set(tally.counts().outcomes[FRESH]) == {classes.TIMEOUT}


def test_what_waits_for_its_turn_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "THREAD_LIMIT", 2)
    with serving(delay=30.0) as server:
        tally = Tally()
        load = Load(Client(server.url), tally, 1000, 0.0)
        load.start()
        wait_until(lambda: tally.late > 100)
        assert load._pool._work_queue.qsize() <= 8
        server.close()
        load.stop()
    assert tally.counts().outcomes[FRESH].total() <= 2
