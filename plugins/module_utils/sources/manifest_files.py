# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding manifest files below a folder, and replacing one of them whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

SUFFIXES = (".yaml", ".yml", ".json")


def find_files(path: str) -> Iterator[str]:
    """All manifest files of a folder in sorted order, hidden ones left out; a path to a file is that file.

    A file that several links lead to is given once. Raises OSError where the folder itself cannot be read; a folder
    below it that cannot be read is given as a path, for its reader to report.
    """
    if not os.path.isdir(path):
        yield path
        return
    seen: set[str] = set()
    for folder, folders, names in _walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(folder, name)
            if name.startswith(".") or not name.endswith(SUFFIXES):
                continue
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file
        for name in folders:
            if not os.access(os.path.join(folder, name), os.R_OK | os.X_OK):
                yield os.path.join(folder, name)


def _walk(path: str) -> Iterator[tuple[str, list[str], list[str]]]:
    os.listdir(path)  # os.walk would swallow the error
    yield from os.walk(path)


def replace_file(path: str, content: bytes) -> None:
    """Write the content beside the file, then rename: a reader, or a kill, sees the old file or the new one.

    Mode and owner stay; a link keeps pointing to the file. Raises OSError.
    """
    path = os.path.realpath(path)
    if not os.access(path, os.W_OK):
        raise PermissionError(13, os.strerror(13), path)
    descriptor, temporary = tempfile.mkstemp(
        dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.", suffix=".new"
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copystat(path, temporary)
        status = os.stat(path)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(temporary, status.st_uid, status.st_gid)
        os.utime(temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
