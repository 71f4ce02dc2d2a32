# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API version that no server serves any more, as in kubernetes/kubernetes#43576."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Audited = Callable[..., dict[str, Any]]


CASE = "37-old-api"


def test_it_is_counted_and_the_version_to_use_is_named(audited: Audited) -> None:
    report = audited(CASE)
    assert (report["summary"]["found"], report["summary"]["unreadable"]) == (1, 1)
    assert report["skipped"][0]["reason"] == "apiVersion extensions/v1beta1 is not served for Deployment: use apps/v1"
