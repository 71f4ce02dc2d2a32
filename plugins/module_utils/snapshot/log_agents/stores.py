# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a log shipper keeps on disk what it has not sent yet, and how far it has read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Store:
    """A path that a shipper writes to. `kind` is `buffer` or `position`; `place` is the ConfigMap and key that says so.

    `flushed`: a buffer that is sent when the shipper stops. `reads` are the files whose position it keeps.
    """

    kind: str
    path: str
    place: str
    flushed: bool = False
    reads: tuple[str, ...] = ()
