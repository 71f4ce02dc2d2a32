# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which files are replaced: atomically."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

# Near the beginning of every document of the product: in its schema, or in the line that says who wrote it.
MARK = b"graceful.termination"
_BEGINNING = 2**16  # bytes
_SUFFIX = ".new"


def write_file(path: Path, text: str) -> None:
    """Write a document of the product, and create its folder. `text` has the MARK.

    Raises OSError, and FileExistsError instead of replacing a file that the product did not write.
    """
    content = text.encode()
    require_own(path)
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return  # most of thousands of patches are unchanged, and each write would wait for the disk
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


def require_own(path: Path) -> None:
    """Raises FileExistsError if `path` is a file that the product did not write, OSError if that is unknown."""
    if not path.exists():
        return
    if not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is not a regular file", str(path))
    with path.open("rb") as stream:
        beginning = stream.read(_BEGINNING)
    if beginning and MARK not in beginning:
        reason = "graceful.termination did not write this file and does not replace it: move it, or choose another path"
        raise FileExistsError(errno.EEXIST, reason, str(path))


def replace_file(path: str | Path, content: bytes, root: str | Path | None = None) -> None:
    """Replace or create a file atomically: a reader, or a kill, leaves the old file or the new one.

    Mode, extended attributes and, if this process may change them, owner and group are kept. A link keeps
    pointing to its file, which must lie below `root`: see resolve. Raises OSError.
    """
    target = resolve(path, root)
    _remove_leftovers(target)
    descriptor, temporary = _create(target)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _take_over(target, temporary)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def resolve(path: str | Path, root: str | Path | None = None) -> str:
    """The file that a path leads to. Raises PermissionError if a link leads out of `root`, by default its folder."""
    target = os.path.realpath(path)
    folder = os.path.realpath(root if root is not None else os.path.dirname(path) or ".")
    if os.path.commonpath((folder, target)) != folder:
        raise PermissionError(errno.EPERM, f"it is a link to a file outside {folder}", str(path))
    return target


def _create(target: str) -> tuple[int, str]:
    """(descriptor, path) of a new file next to the target. Its lock shows other processes that it is in use."""
    folder, name = os.path.split(target)
    # A private file is private from the start.
    mode = 0o600 if os.path.exists(target) else 0o644
    while True:
        temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with suppress(OSError):  # a file system without locks: leftovers stay there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, temporary
        os.close(descriptor)  # another process removed it as a leftover before it was locked


def _remove_leftovers(target: str) -> None:
    """Remove what killed processes have left next to the target. A locked file is in use."""
    folder, name = os.path.split(target)
    for left in glob.glob(f"{glob.escape(os.path.join(folder, f'.{name[:100]}.'))}*{_SUFFIX}"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(left)
            finally:
                os.close(descriptor)


def _take_over(target: str, temporary: str) -> None:
    """Copy mode, attributes and owner from the old file, if there is one."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return
    # Only root may change the owner; a group that the owner is not in is lost, too.
    with suppress(PermissionError):
        os.chown(temporary, status.st_uid, status.st_gid)
    shutil.copystat(target, temporary)
