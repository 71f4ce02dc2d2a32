# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes versions."""

from __future__ import annotations

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import (
    ASSUMED,
    SLEEP_ACTION,
    parse_version,
)


@pytest.mark.parametrize("text", ["1.34", "v1.34", "v1.34.4", "1.34+", "v1.34.4-gke.1207000", "v1.34.1+k3s1", " 1.34 "])
def test_every_form_in_use_is_read(text: str) -> None:
    assert str(parse_version(text)) == "1.34"


def test_versions_compare_as_numbers() -> None:
    assert parse_version("1.100") > parse_version("1.99") > parse_version("1.34") > parse_version("1.30")


def test_the_assumed_version_has_the_sleep_action() -> None:
    assert parse_version(ASSUMED) >= SLEEP_ACTION


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x", "one.two", "1.99999999999999999999"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version such as 1\.34"):
        parse_version(text)


def test_1_30_without_quotes_is_the_number_1_3() -> None:
    with pytest.raises(ValueError, match=r'quote it, as in "1\.30"'):
        parse_version(str(1.30))
