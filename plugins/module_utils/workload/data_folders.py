# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a store keeps its data, by its variables and arguments."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get, get_maps
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container

# Names without what separates their words: PGDATA, --data-dir, path.data, --storage.tsdb.path, KAFKA_CFG_LOG_DIRS.
_DATA = re.compile(r"data(?!source)|dbpath|storage\w*path|storedir|mnesia|logdirs?$|boltpath|rocksdb")
_OTHER = re.compile(r"backup|cert|config|dump|export|import|init|key|password|restore|secret|snapshot|user")
_SHORT = ("-D", "-sd", "-dir", "--dir")  # of PostgreSQL, NATS and Redis
_SEPARATORS = re.compile(r"[^a-z0-9]")
# `--name=/path`, `--name /path` and `-D/path`, in a list of words and in a script alike.
_OPTION = re.compile(r"""(?<![\w-])(?P<name>--?[A-Za-z][\w.-]*|[A-Z][A-Z0-9_]+(?==))[=\s]+["']?(?P<path>/[\w./@+-]*)""")
_GLUED = re.compile(r"(?<![\w-])-D(/[\w./@+-]+)")


def data_folders(container: Container) -> tuple[str, ...]:
    """The folders that variables and arguments of a store name for its data, each once. Raises Unreadable."""
    return tuple(dict.fromkeys(posixpath.normpath(path) for path in _named(container) if path.strip("/")))


def _named(container: Container) -> Iterator[str]:
    for entry in get_maps(container.spec, "env", container.path):
        if _is_data(get(entry, "name", str, f"{container.path}.env", "")):
            value = get(entry, "value", str, f"{container.path}.env", "")
            yield from (part.strip() for part in value.split(",") if part.strip().startswith("/"))
    text = "\n".join(container.words)
    for option in _OPTION.finditer(text):
        if option["name"] in _SHORT or _is_data(option["name"]):
            yield option["path"]
    yield from _GLUED.findall(text)


def _is_data(name: str) -> bool:
    plain = _SEPARATORS.sub("", name.lower())
    return bool(_DATA.search(plain)) and not _OTHER.search(plain)
