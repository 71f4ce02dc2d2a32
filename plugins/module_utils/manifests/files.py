# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding manifest files below a folder, and replacing one of them whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.base.files import resolve

MAX_BYTES = 2**27  # parsed, it needs twenty times as much memory
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
            if not _is_manifest(name):
                continue
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file
        for name in folders:
            if not os.access(os.path.join(folder, name), os.R_OK | os.X_OK):
                yield os.path.join(folder, name)


def hidden_folder(path: str) -> str | None:
    """The first hidden folder below a folder that has manifest files, relative to it; None where there is none."""
    for folder, folders, _names in os.walk(path):
        for name in sorted(name for name in folders if name.startswith(".")):
            hidden = os.path.join(folder, name)
            if any(_is_manifest(one) for _folder, _folders, names in os.walk(hidden) for one in names):
                return os.path.relpath(hidden, path)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return None


def _is_manifest(name: str) -> bool:
    return not name.startswith(".") and (name.endswith(SUFFIXES) or name == "Kustomization")


def _walk(path: str) -> Iterator[tuple[str, list[str], list[str]]]:
    os.listdir(path)  # os.walk would swallow the error
    yield from os.walk(path)


def read_file(path: str) -> bytes:
    """The content of a regular file. Raises OSError, also where it is another kind of file or larger than MAX_BYTES."""
    # Not to be waited for: the other end of a pipe may never be opened.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAX_BYTES // 2**20} MiB: split it", path)
    return content


def require_writable(path: str, root: str) -> None:
    """Raises PermissionError where the file cannot be replaced and keep its owner and links, or lies outside `root`."""
    path = resolve(path, root)
    if not os.access(path, os.W_OK) or not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), path)
    status = os.stat(path)
    if status.st_nlink > 1:
        reason = f"the file has {status.st_nlink} hard links, and replacing it would break them: copy it first"
        raise PermissionError(errno.EPERM, reason, path)
    if os.geteuid() not in (0, status.st_uid):
        raise PermissionError(1, "the file belongs to another user, and only its owner can replace it", path)
