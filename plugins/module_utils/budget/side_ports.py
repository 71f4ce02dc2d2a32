# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports by which no requests come: for metrics, probes, or members that find each other."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name

# Scrapes are repeated by the scraper, and members of a ring find each other without the Service: one for such ports
# alone does not make a workload one that serves requests.
_SIDE_PORT = re.compile(
    r"(^|-)(metrics|prom|prometheus|exporter|monitoring|profiling|pprof|probes|gossip|memberlist|membership)(-|$)"
)
# Whose requests are about metrics: queries, writes and pushes, under whatever name of the port.
_METRICS_SERVER = re.compile(r"(^|/)(prometheus|pushgateway|victoria-metrics|vminsert|vmselect|vmsingle)$")
_ABOUT_METRICS = re.compile(r"(^|-)(metrics|prom|prometheus)(-|$)")
_METRICS_IMAGE = re.compile(r"(^|[-_/])exporter$|(^|/)(cadvisor|kube-state-metrics)$")
_GUARD_IMAGE = re.compile(r"(^|/)kube-rbac-proxy$")  # of metrics where its port is called https, else of anything


def is_side_port(container: Container | None, *names: str) -> bool:
    """Whether nothing is lost when a port of these names stops; `container` is the one that declares it, if any."""
    image = image_name(container) if container else ""
    if _METRICS_SERVER.search(image):
        names = tuple(name for name in names if not _ABOUT_METRICS.search(name))
    if any(_SIDE_PORT.search(name) for name in names):
        return True
    guards = _GUARD_IMAGE.search(image) and any(name.startswith("https") for name in names)
    return bool(guards or _METRICS_IMAGE.search(image))


def has_port(container: Container) -> bool:
    """Whether it declares a port by which requests may come."""
    return any(not is_side_port(container, port.name) for port in container.ports)
