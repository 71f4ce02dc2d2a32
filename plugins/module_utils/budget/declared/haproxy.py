# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration file: for how long connections may go on after the signal on which it drains."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

_HARD_STOP = re.compile(r"^[ \t]*hard-stop-after[ \t]+(\w{1,20})[ \t]*(?:#.*)?$", re.MULTILINE)


def haproxy_timeout(settings: Settings) -> Timeout | None:
    """`hard-stop-after` of a haproxy.cfg that is mounted from a ConfigMap; milliseconds where it has no unit."""
    for file in settings.files:
        if not file.name.endswith(".cfg"):
            continue
        written = _HARD_STOP.findall(file.text)
        seconds = seconds_of(written[-1], plain="ms") if written else None
        if seconds is not None:
            return Timeout(seconds, f"{file.place} hard-stop-after")
    return None
