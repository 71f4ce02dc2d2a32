# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding manifest files below a folder, and replacing one of them whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.base.files import resolve

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
            if name.startswith(".") or not (name.endswith(SUFFIXES) or name == "Kustomization"):
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


def require_writable(path: str, root: str) -> None:
    """Raises PermissionError where the file cannot be replaced and keep its owner, or lies outside `root`."""
    path = resolve(path, root)
    if not os.access(path, os.W_OK) or not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), path)
    if os.geteuid() not in (0, os.stat(path).st_uid):
        raise PermissionError(1, "the file belongs to another user, and only its owner can replace it", path)
