# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenTelemetry Collector's configuration, as far as it is mounted from ConfigMaps."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.manifests.documents import load_documents
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.log_agents.stores import Store
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-[^{}]*)?\}")
_OPTION = re.compile(r"--?config[= ](?:file:)?(\S+)")
_DEFAULT_FOLDER = "/var/lib/otelcol/file_storage"
# The second is the older name of the first.
_FILE_READERS = ("file_log", "filelog")


def otel_collector_stores(settings: Settings) -> Iterator[Store]:
    """The `file_storage` folders in which exporters keep their queue, and readers of files how far they are."""
    configs = list(_configs(settings))
    folders = {
        name: str(entries.get("directory") or _DEFAULT_FOLDER)
        for config, _place in configs
        for name, entries in _components(config, "extensions")
        if _type(name) == "file_storage"
    }
    receivers, exporters = (
        {name for config, _place in configs for name in _used(config, kind)} for kind in ("receivers", "exporters")
    )
    for config, place in configs:
        for name, entries in _components(config, "exporters"):
            queue = entries.get("sending_queue")
            if name in exporters and isinstance(queue, dict) and queue.get("enabled", True) is not False:
                storage = str(queue.get("storage"))
                if storage in folders:
                    yield Store("buffer", folders[storage], place)
        for name, entries in _components(config, "receivers"):
            storage, include = str(entries.get("storage")), entries.get("include")
            if name in receivers and _type(name) in _FILE_READERS and storage in folders:
                reads = tuple(map(str, include)) if isinstance(include, list) else ()
                yield Store("position", folders[storage], place, reads=reads)


def _configs(settings: Settings) -> Iterator[tuple[dict[str, Any], str]]:
    """The content and place of each file that the Collector reads: it merges them.

    Without --config the image has its own default: then any YAML file may be the one.
    """
    given = {posixpath.normpath(path) for path in _OPTION.findall(settings.arguments)}
    for file in settings.files:
        if file.path in given if given else file.name.endswith((".yaml", ".yml")):
            documents = load_documents(settings.put_in(file.text, _VARIABLE))
            if len(documents) == 1 and isinstance(documents[0].data, dict):
                yield documents[0].data, file.place


def _components(config: dict[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The components of a section and their settings, by their full name, such as `file_storage/queue`."""
    components = config.get(section)
    for name, entries in components.items() if isinstance(components, dict) else ():
        yield str(name), entries if isinstance(entries, dict) else {}


def _used(config: dict[str, Any], kind: str) -> Iterator[str]:
    """The names of the receivers or exporters that any pipeline uses; the others do not run."""
    service = config.get("service")
    pipelines = service.get("pipelines") if isinstance(service, dict) else None
    for pipeline in pipelines.values() if isinstance(pipelines, dict) else ():
        names = pipeline.get(kind) if isinstance(pipeline, dict) else None
        yield from map(str, names) if isinstance(names, list) else ()


def _type(name: str) -> str:
    return name.partition("/")[0]
