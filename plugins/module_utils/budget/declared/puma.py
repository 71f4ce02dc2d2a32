# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puma's configuration file: Ruby, of which only plain numbers are understood.

With workers, each gets `worker_shutdown_timeout` and is killed then; threads get `force_shutdown_after`, in each mode.
"""

from __future__ import annotations

import math
import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.places import is_named
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, unread
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import ConfigFile, Settings

WORKERS = "WEB_CONCURRENCY"
_DEFAULT = 30  # of worker_shutdown_timeout
_KEYS = ("workers", "worker_shutdown_timeout", "force_shutdown_after")
_WORDS = {":forever": math.inf, ":immediately": 0}
_FLAG = re.compile(r"(?:^|\s)(?:-w|--workers)[=\s]?\s*(\d{1,4})(?=\s|$)")


def puma_timeout(settings: Settings) -> Timeout | None:
    """What a puma.rb that is mounted from a ConfigMap leaves for requests; None where there is none."""
    files = (one for one in settings.files if one.name == "puma.rb" or is_named(one, "Puma", settings))
    file = next(files, None)
    if file is None:
        return None
    workers, of_workers, of_threads = (_value(file, key) for key in _KEYS)
    if any(value is not None and math.isnan(value) for value in (workers, of_workers, of_threads)):
        return unread(f"{file.place} {', '.join(_KEYS)}")
    flag = _FLAG.search(settings.arguments)
    counts = [flag[1] if flag else "", settings.value(WORKERS)]
    in_workers = bool(workers) or any(count.isdecimal() and int(count) > 0 for count in counts)
    limit = _DEFAULT if of_workers is None else of_workers
    threads = math.inf if of_threads is None else of_threads
    # Where it is not certain that there are none, workers are killed at their own limit.
    if not in_workers and limit < threads < math.inf:
        return Timeout(None, f"unknown: whether Puma has workers decides between two limits of {file.place}")
    seconds = min(threads, limit) if in_workers else threads
    if seconds == math.inf:
        return None
    key = _KEYS[2] if seconds == threads else _KEYS[1]
    source, is_default = f"{file.place} {key}", key == _KEYS[1] and of_workers is None
    if is_default:
        source = f"default of Puma for {key}, which {file.place} does not set"
    return Timeout(math.ceil(seconds), source, is_default=is_default)


def _value(file: ConfigFile, key: str) -> float | None:
    """The number behind a key; None where it is not set, not a number where it cannot be read."""
    written = re.findall(rf"^[ \t]*{key}\b[ \t(]*([^\s#)]*)", file.text, re.MULTILINE)
    if not written:
        return None
    if len(written) > 1 or not (written[0] in _WORDS or re.fullmatch(r"\d{1,6}", written[0])):
        return math.nan
    return _WORDS.get(written[0]) if written[0] in _WORDS else int(written[0])
