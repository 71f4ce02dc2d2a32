# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes versions, compared by major and minor only: that is what feature gates follow."""

from __future__ import annotations

import re
from typing import NamedTuple

ASSUMED = "1.34"  # for manifests when the user names none; the report says that it is assumed


class Version(NamedTuple):
    """Such as 1.34."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


_OLDEST = Version(1, 10)
NATIVE_SIDECAR = Version(1, 29)  # on by default since
SLEEP_ACTION = Version(1, 30)  # on by default since; alpha in 1.29
SLEEP_ZERO = Version(1, 33)


_SKEW = 3  # minor versions that a kubelet may be older than its API server; since 1.28, and 2 before
_SKEW_SINCE = Version(1, 28)


def oldest_kubelet_of(server: Version) -> Version:
    """The oldest kubelet that an API server of this version works with."""
    return Version(server.major, max(0, server.minor - (_SKEW if server >= _SKEW_SINCE else _SKEW - 1)))


def parse_version(text: str) -> Version:
    """Parse `1.34`, `v1.34.4` or `1.34+`. Raises ValueError for anything else, and for what 1.30 is without quotes."""
    match = re.match(r"^v?(\d{1,3})\.(\d{1,3})(?:\D.*)?$", str(text).strip())
    if not match:
        raise ValueError(f"kubernetes_version: '{text}' is not a version such as 1.34")
    version = Version(int(match[1]), int(match[2]))
    if version < _OLDEST:
        # YAML reads 1.30 without quotes as the number 1.3, which would silently switch the sleep action off.
        raise ValueError(f'kubernetes_version: {version} is too old; if you meant a later one, quote it, as in "1.30"')
    return version
