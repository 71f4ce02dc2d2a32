# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding manifest files below a folder, and replacing one of them whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator

_SUFFIX = ".new"
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


def require_writable(path: str) -> None:
    """Raises PermissionError where replace_file could not replace the file."""
    path = os.path.realpath(path)
    if not os.access(path, os.W_OK) or not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), path)
    if os.geteuid() not in (0, os.stat(path).st_uid):
        raise PermissionError(1, "the file belongs to another user, and only its owner can replace it", path)


def replace_file(path: str, content: bytes) -> None:
    """Write the content beside the file, then rename: a reader, or a kill, sees the old file or the new one.

    Mode and owner stay; a link keeps pointing to the file. Raises OSError.
    """
    path = os.path.realpath(path)
    require_writable(path)
    folder, name = os.path.split(path)
    for left in glob.glob(f"{glob.escape(os.path.join(folder, f'.{name}.'))}*{_SUFFIX}"):
        os.unlink(left)  # of a run that was killed
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=_SUFFIX)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copystat(path, temporary)
        status = os.stat(path)
        try:
            os.chown(temporary, status.st_uid, status.st_gid)
        except PermissionError:
            # Only root may give a file away. A group that its owner is not in is lost; another owner must not be.
            if status.st_uid != os.geteuid():
                raise
        os.utime(temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
