# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One object or file is judged behind a barrier: whatever goes wrong with it does not stop the rest."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.graceful.termination.plugins.module_utils.base.errors import SourceError
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import Unreadable

_COLLECTION = "module_utils/"


class Barrier:
    """`transparent` passes on what is not Unreadable: the unit tests set it, so that they see programming errors."""

    transparent = False


@contextmanager
def barrier(*passing: type[Exception]) -> Iterator[None]:
    """Whatever is raised within becomes Unreadable, but SourceError and what is `passing`. Raises these, Unreadable."""
    foreseen: tuple[type[Exception], ...] = (SourceError, Unreadable, *passing)
    try:
        yield
    except foreseen:
        raise
    except Exception as error:
        if Barrier.transparent:
            raise
        raise Unreadable(unexpected(error)) from error


def unexpected(error: Exception) -> str:
    """The message for an unexpected error: its kind and its place, but no value, which may be a secret."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _COLLECTION in frame.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"an unexpected {type(error).__name__}{place}: report this as a bug in graceful.termination"
