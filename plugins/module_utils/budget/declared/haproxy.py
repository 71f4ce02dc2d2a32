# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration file: for how long connections may go on after the signal on which it drains."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import is_named
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import (
    Timeout,
    seconds_of,
    unread,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

_HARD_STOP = re.compile(r"^[ \t]*hard-stop-after[ \t]+([^\s#]{1,40})", re.MULTILINE)


def haproxy_timeout(settings: Settings) -> Timeout | None:
    """`hard-stop-after` of a haproxy.cfg that is mounted from a ConfigMap; milliseconds where it has no unit."""
    for file in settings.files:
        if not file.name.endswith(".cfg") and not is_named(file, "HAProxy", settings):
            continue
        written = _HARD_STOP.findall(file.text)
        if written:
            seconds = seconds_of(written[-1], plain="ms")
            place = f"{file.place} hard-stop-after"
            return unread(place) if seconds is None else Timeout(seconds, place)
    return None
