# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller of ingress-nginx: how long its workers may go on with open requests."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout, seconds_of
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name

OPTION = "worker-shutdown-timeout"
DEFAULT_SECONDS = 240  # of every image that is called ingress-nginx/controller; older ones had another default
_IMAGES = ("ingress-nginx/controller", "ingress-nginx/controller-chroot")
_PROGRAM = re.compile(r"(?:^|[\s/])nginx-ingress-controller(?:\s|$)")
_CONFIG_MAP = re.compile(r"(?:^|\s)--configmap[=\s]([\w.$()-]+)/([\w.-]+)")
_DELAY = re.compile(r"(?:^|\s)--shutdown-grace-period[=\s](\d{1,5})(?=\s|$)")


def ingress_nginx_timeout(settings: Settings) -> Timeout | None:
    """What the controller waits after SIGTERM: its delay and then its workers; None where it is another program."""
    official = image_name(settings.container).endswith(_IMAGES)
    if not official and not _PROGRAM.search(settings.arguments):
        return None
    delay = _DELAY.search(settings.arguments)
    before = int(delay[1]) if delay else 0
    config = config_map_of(settings.container, settings.namespace)
    default = f"default of ingress-nginx for {OPTION}"
    if config:
        place = f"ConfigMap {'/'.join(config)}"
        data = settings.context.dependencies.config_of(*config)
        if data is None:
            return Timeout(None, f"unknown: {place}, which may set {OPTION}, is not known")
        if OPTION in data:
            seconds = seconds_of(data[OPTION])
            return None if seconds is None else Timeout(before + seconds, f"{place} {OPTION}")
        default += f", which {place} does not set"
    elif _CONFIG_MAP.search(settings.arguments):
        return None  # in a namespace that is known only where it runs
    return Timeout(before + DEFAULT_SECONDS, default, is_default=True) if official else None


def config_map_of(container: Container, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) of the controller's ConfigMap, if it is named; `$(POD_NAMESPACE)` is the workload's own."""
    match = _CONFIG_MAP.search(" ".join(container.words))
    if not match:
        return None
    where = namespace if match[1] in ("$(POD_NAMESPACE)", "$POD_NAMESPACE") else match[1]
    return None if "$" in where else (where, match[2])
