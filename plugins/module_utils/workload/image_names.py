# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names by which an image may be known, under any publisher."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Versions, base images and editions at the end of a name.
_SUFFIX = re.compile(
    r"(?:[-_](?:v?\d[\w.]*|c\d+s|el\d+|rhel\d+|centos\d*|ubi\d*|alpine\d*|debian\d*|ubuntu\d*|bookworm|bullseye|noble|jammy"
    r"|slim|oss|ce|ee|fips|arm64|amd64|arm64v8|master|primary|legacy))+$"
)


def image_names(image: str) -> Iterator[str]:
    """The last two path segments and the last one of an image without its tag, each with and without its suffixes."""
    segments = image.lower().split("/")
    yield from plain_names("/".join(segments[-2:]))
    yield from plain_names(segments[-1])


def plain_names(text: str) -> Iterator[str]:
    """A name as it is, without what publishers append (`postgresql-15-c9s`), and without the remaining digits."""
    plain = _SUFFIX.sub("", text)
    yield from dict.fromkeys((text, plain, plain.rstrip("0123456789")))
