# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every entry of the catalogue of servers is whole."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import READERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import (
    CATALOGUE,
    GROUPS,
    programs_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    APPLICATION,
    DIGITS_ONLY,
    PROXY,
    UNIT_REQUIRED,
    WORKER,
    FileKey,
    Flag,
    JsonKey,
    Place,
    Server,
    SpringKey,
    Variable,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.proxies import APPLICATION_SERVERS, PROXIES

SIGNALS = {"TERM", "INT", "QUIT", "USR1", "USR2", "WINCH", "HUP"}
each = pytest.mark.parametrize("server", CATALOGUE, ids=[server.name for server in CATALOGUE])


def places_of(server: Server) -> list[Place]:
    switches = [*server.ends_where, *filter(None, (server.drains_where, server.own_delay_where))]
    return [*server.timeout, *server.own_delay, *(place for switch in switches for place in switch.places)]


def test_names_programs_and_images_are_each_of_one_server() -> None:
    assert sum(map(len, GROUPS.values())) == len(CATALOGUE) >= 70
    for values in (
        [server.name for server in CATALOGUE],
        [(program, server.subcommand) for server in CATALOGUE for program in server.programs],
        [image for server in CATALOGUE for image in server.images],
    ):
        assert [value for value, times in Counter(values).items() if times > 1] == []


@each
def test_an_entry_has_a_source(server: Server) -> None:
    assert server.source
    assert all(text.strip() == text and len(text) > 10 for text in server.source)


@each
def test_its_role_is_one_and_said_where_its_group_has_nothing_else(server: Server) -> None:
    has_one = any(server in GROUPS[group] for group in ("Web servers and proxies", "Python", "Ruby", "PHP"))
    assert server.role in (PROXY, APPLICATION, WORKER) or (not server.role and not has_one)


def test_programs_of_the_catalogue_are_known_by_their_role() -> None:
    assert set(programs_of(PROXY)) < PROXIES and set(programs_of(APPLICATION)) < APPLICATION_SERVERS
    assert {"unicorn_rails", "kc.sh", "catalina.sh"} < APPLICATION_SERVERS


@each
def test_its_signals_are_signals_without_sig_and_either_drain_or_end(server: Server) -> None:
    assert {*server.drains_on, *server.ends_on} <= SIGNALS
    assert not {*server.drains_on} & {*server.ends_on}
    assert server.image_signal in (*SIGNALS, "")


@each
def test_its_advice_takes_the_seconds_and_nothing_else(server: Server) -> None:
    written = server.advice.format(seconds=47)
    assert "47" in written or "{" not in server.advice
    assert not server.timeout or server.advice, "what can be set can be advised"


@each
def test_a_default_needs_a_signal_that_drains_and_an_end(server: Server) -> None:
    assert server.default is None or (server.default >= 0 and server.drains_on)
    assert server.default is None or not server.unknown_because


@each
def test_paths_of_images_are_whole_and_need_no_registry(server: Server) -> None:
    for image in server.images:
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+(?:/[a-z0-9-]+)*(?::[a-z]+)?", image), image


@each
def test_its_entry_points_and_first_tags_are_of_images(server: Server) -> None:
    assert set(server.entrypoints) <= set(server.images)
    assert server.default is not None or not server.default_since
    for image, tag in (*server.signal_since, *server.default_since):
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", image), image
        assert re.fullmatch(r"\d+(?:\.\d+)*", tag), tag


@each
def test_where_its_default_holds_since_a_version_each_of_its_images_says_which(server: Server) -> None:
    if server.default_since:
        assert set(server.images) <= {image for image, _tag in server.default_since}
        assert len({tag for _image, tag in server.default_since}) == 1, "reports name one version"


@each
def test_its_places_are_well_formed(server: Server) -> None:
    for place in places_of(server):
        if isinstance(place, Flag | Variable | JsonKey | SpringKey | FileKey):
            assert place.unit in ("s", "ms", "m", "h", UNIT_REQUIRED, DIGITS_ONLY)
        if isinstance(place, FileKey):
            assert re.compile(place.line, re.MULTILINE).groups == 1
            re.compile(place.file)
        if isinstance(place, Variable):
            assert place.name == place.name.upper()
        if isinstance(place, Flag) and len(place.name) == 2:
            assert not place.anywhere, "many programs have such a short flag"


def test_each_reader_of_its_own_is_that_of_an_entry() -> None:
    assert READERS.keys() <= {server.name for server in CATALOGUE}


@each
def test_a_program_is_a_base_name_or_a_task(server: Server) -> None:
    for program in server.programs:
        assert "/" not in program
        assert program.count(" ") == (1 if program.startswith(("artisan ", "rake ")) else 0)
