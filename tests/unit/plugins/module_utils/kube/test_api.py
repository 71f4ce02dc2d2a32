# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests: what is sent again, how often, and what a person is told in the end."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.api import (
    MOST_PAGES,
    TRIES,
    Answer,
    Api,
    ApiError,
    Unreachable,
    concurrently,
)
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.scripted import (
    PAGE,
    Script,
    answer,
    failed,
    forbidden,
    items,
    script,
)

DROPPED = Unreachable("test: the connection broke")


def never_waits(_seconds: float) -> None:
    """No test waits."""


def get(declared: Any, pauses: list[Any] | None = None) -> tuple[Any, ...]:
    api = Api(declared, (pauses if pauses is not None else []).append)
    try:
        return api.get("/x", "read x"), api.requests
    except SourceError as error:
        return error, api.requests


@pytest.mark.parametrize(
    "trouble", [failed(429), failed(500), failed(502), failed(503), failed(504), DROPPED, Answer(503, b"<html>")]
)
def test_passing_trouble_is_asked_again_and_counted(trouble: Answer | Unreachable) -> None:
    with script() as declared:
        declared.expect("GET", "/x", trouble, trouble, answer({"a": 1}))
        assert get(declared) == ({"a": 1}, 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    with script() as declared:
        declared.expect("GET", "/x", failed(status, "no"))
        error, requests = get(declared)
        assert isinstance(error, ApiError) and error.status == status
        assert requests == 1


def test_a_server_that_was_away_may_not_know_our_rights_yet() -> None:
    with script() as declared:
        declared.expect("GET", "/x", DROPPED, forbidden("get"), forbidden("get"), answer({"a": 1}), forbidden("get"))
        api = Api(declared, never_waits)
        assert api.get("/x", "read x") == {"a": 1}
        assert api._lost is not None
        api._lost -= 60
        with pytest.raises(ApiError):
            api.get("/x", "read x")
        assert api.requests == 5


def test_what_will_not_pass_is_not_asked_again() -> None:
    with script() as declared:
        declared.expect("GET", "/x", Unreachable("test: TLS failed", passing=False))
        error, requests = get(declared)
        assert (str(error), requests) == ("test: TLS failed", 1)


@pytest.mark.parametrize(("trouble", "status"), [(failed(503, "overloaded"), 503), (DROPPED, None)])
def test_it_gives_up(trouble: Answer | Unreachable, status: int | None) -> None:
    pauses: list[float] = []
    with script() as declared:
        declared.expect("GET", "/x", *[trouble] * TRIES)
        error, requests = get(declared, pauses)
        assert requests == TRIES == len(pauses) + 1
        assert getattr(error, "status", None) == status
        assert all(shorter <= 2 * longer for shorter, longer in itertools.pairwise(pauses))


def test_the_server_says_how_long_to_wait_within_reason() -> None:
    pauses: list[float] = []
    with script() as declared:
        declared.expect("GET", "/x", failed(429, retry_after="7"), failed(429, retry_after="86400"), answer({}))
        get(declared, pauses)
    assert pauses == [7.0, 30.0]


def test_a_conflict_after_a_dropped_connection_may_be_our_own() -> None:
    for unclear in (DROPPED, failed(500), failed(504)):
        with script() as declared:
            declared.expect("PATCH", "/x", unclear, failed(409, "modified"))
            with pytest.raises(ApiError) as caught:
                Api(declared, never_waits).patch("/x", {}, (), "patch x")
        assert caught.value.again
    with script() as declared:
        declared.expect("PATCH", "/x", failed(429), failed(409, "modified"))
        with pytest.raises(ApiError) as caught:
            Api(declared, never_waits).patch("/x", {}, (), "patch x")
    assert not caught.value.again, "what was throttled was not carried out"


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (forbidden(user="system:serviceaccount:a:b"), "forbidden: user system:serviceaccount:a:b cannot read x (403)"),
        (failed(403, "x is forbidden: exceeded quota"), "cannot read x (403): x is forbidden: exceeded quota"),
        (failed(401, "Unauthorized"), "the server does not accept the credentials (401)"),
        (failed(422, "a: Invalid value:\n b"), "cannot read x (422): a: Invalid value: b"),
        (Answer(418, b"\xff<html>"), "cannot read x (418): \ufffd<html>"),
        (failed(404), "cannot read x (404)"),
    ],
)
def test_refusals_in_words(refusal: Answer, text: str) -> None:
    with script() as declared:
        declared.expect("GET", "/x", refusal)
        error, _requests = get(declared)
    assert str(error).startswith(f"test: {text}")


@pytest.mark.parametrize("refusal", [failed(401), forbidden(user="system:anonymous")])
def test_what_went_wrong_with_the_credentials_is_told_where_it_matters(refusal: Answer) -> None:
    for hint in ("", "exec: process returned 1"):
        with script() as declared:
            declared.hint = hint
            declared.expect("GET", "/x", refusal)
            error, _requests = get(declared)
        assert ("exec: process returned 1" in str(error)) == bool(hint)
        assert "api_key" in str(error)


@pytest.mark.parametrize("body", [b"<html>log in here</html>", b"[]", b""])
def test_an_answer_of_something_else_than_an_api_server(body: bytes) -> None:
    with script() as declared:
        declared.expect("GET", "/x", Answer(200, body))
        error, _requests = get(declared)
    assert str(error) == "test: cannot read x: the response is not from a Kubernetes API server"


def pages(declared: Any) -> list[int]:
    return [obj["n"] for obj in Api(declared, never_waits).objects("/x", "list x", lambda obj: obj)]


def test_pages_follow_each_other() -> None:
    with script() as declared:
        declared.expect("GET", "/x", items({"n": 1}, {"n": 2}, following="t1"), query=PAGE)
        declared.expect("GET", "/x", items({"n": 3}), query=(*PAGE, ("continue", "t1")))
        assert pages(declared) == [1, 2, 3]


def test_an_expired_page_starts_the_list_again_and_nothing_is_read_twice() -> None:
    with script() as declared:
        declared.expect("GET", "/x", items({"n": 1}, following="t1"), items({"n": 7}), query=PAGE)
        declared.expect("GET", "/x", failed(410, "expired"), query=(*PAGE, ("continue", "t1")))
        assert pages(declared) == [7]


def test_a_list_that_always_expires_ends() -> None:
    with script() as declared:
        declared.expect("GET", "/x", *[failed(410)] * 3, query=PAGE)
        with pytest.raises(SourceError, match="expired 3 times"):
            pages(declared)


@pytest.mark.parametrize("objects", [[], [{"n": 1}]])
@pytest.mark.parametrize("token", ["t{}", "always the same"])
def test_a_list_of_pages_without_end_ends(objects: list[dict[str, int]], token: str) -> None:
    class Endless(Script):
        sent = 0

        def send(self, *_request: object, **_more: object) -> Answer:
            self.sent += 1
            return items(*objects, following=token.format(self.sent))

    server = Endless()
    waits: list[float] = []
    with pytest.raises(SourceError, match="cannot list x: the server announces page after page without an end"):
        Api(server, waits.append).objects("/x", "list x", lambda obj: obj)
    assert server.sent == MOST_PAGES


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"items": "text"}',
        b'{"items": {"a": 1}}',
        b'{"items": [], "metadata": "text"}',
        b'{"items": [], "metadata": [1]}',
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"",
    ],
    ids=range(10),
)
def test_an_answer_that_no_api_server_gives(body: bytes) -> None:
    with script() as declared:
        declared.expect("GET", "/x", Answer(200, body), query=PAGE)
        with pytest.raises(SourceError, match="cannot list x: the response is not from a Kubernetes API server"):
            pages(declared)


def test_an_empty_list_may_have_null_metadata() -> None:
    with script() as declared:
        declared.expect("GET", "/x", answer({"metadata": None, "items": [{"n": 1}]}), query=PAGE)
        assert pages(declared) == [1]


def test_an_empty_list_may_have_null_items() -> None:
    with script() as declared:
        declared.expect("GET", "/x", answer({"metadata": {}, "items": None}), query=PAGE)
        assert pages(declared) == []


def test_results_come_in_order_and_an_error_starts_no_further_job() -> None:
    assert list(concurrently(lambda job: job * 2, range(100))) == list(range(0, 200, 2))
    begun = []

    def work(job: int) -> None:
        begun.append(job)
        if job == 0:
            raise SourceError("no")
        time.sleep(0.001)  # however busy the machine is, the others take longer than it takes to see the error

    with pytest.raises(SourceError):
        list(concurrently(work, range(10_000)))
    assert len(begun) < 10_000
