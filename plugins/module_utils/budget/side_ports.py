# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports by which no requests come: for metrics, probes, or members that find each other."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import (
    Container,
    Port,
    image_name,
)

# Scrapes are repeated by the scraper, and members of a ring find each other without the Service: one for such ports
# alone does not make a workload one that serves requests.
_SIDE_PORT = re.compile(
    r"(^|-)(metrics|prom|prometheus|exporter|monitoring|profiling|pprof|probes|gossip|memberlist|membership)(-|$)"
)
# Whose requests are about metrics: queries, writes and pushes, under whatever name of the port.
_METRICS_SERVER = re.compile(r"(^|/)(prometheus|pushgateway|victoria-metrics|vminsert|vmselect|vmsingle)$")
_ABOUT_METRICS = re.compile(r"(^|-)(metrics|prom|prometheus)(-|$)")
_METRICS_IMAGE = re.compile(r"(^|/)(cadvisor|kube-state-metrics)$")
_EXPORTER = re.compile(r"(^|[-_/])exporter$")
# Where exporters listen; what is called an exporter and listens elsewhere may export documents.
_EXPORTER_PORTS = frozenset((*range(9000, 10000), 2112, 5556, 5557, 7979))
# Of the toolkit of which exporters are made; servers that have more to say have no path for their telemetry.
_EXPORTER_FLAGS = ("web.telemetry-path",)
_METRICS_PATH = "/metrics"
_GUARD_IMAGE = re.compile(r"(^|/)kube-rbac-proxy$")  # of metrics where its port is called https, else of anything


def is_side_port(container: Container | None, *names: str) -> bool:
    """Whether nothing is lost when a port of these names stops; `container` is the one that declares it, if any."""
    image = image_name(container) if container else ""
    if _METRICS_SERVER.search(image):
        names = tuple(name for name in names if not _ABOUT_METRICS.search(name))
    if any(_SIDE_PORT.search(name) for name in names):
        return True
    guards = _GUARD_IMAGE.search(image) and any(name.startswith("https") for name in names)
    return bool(guards)


def is_exporter(container: Container) -> bool:
    """Whether its image is called an exporter of metrics."""
    name = image_name(container)
    return bool(_METRICS_IMAGE.search(name) or _EXPORTER.search(name))


def is_scraped(container: Container | None, port: Port) -> bool:
    """Whether a port shows nothing but metrics, whatever it is called: by its image, a flag, or what probes ask for.

    What has an interface of its own has something else to probe as well, or listens where no exporter does. No proof
    where a route leads to it.
    """
    if container is None:
        return False
    if _METRICS_IMAGE.search(image_name(container)):
        return True
    usual = port.number in _EXPORTER_PORTS
    if is_exporter(container) and usual:
        return True
    if any(word.partition("=")[0].lstrip("-") in _EXPORTER_FLAGS for word in container.words):
        return True
    # What is no map is told by the rules on probes; whether this is asked depends on what else is known.
    asked = [probe.get("httpGet") for probe in container.probes.values()]
    here = [ask for ask in asked if isinstance(ask, dict) and str(ask.get("port")) in (port.name, str(port.number))]
    return usual and bool(here) and all(str(ask.get("path")).rstrip("/") == _METRICS_PATH for ask in here)


def has_port(container: Container) -> bool:
    """Whether it declares a port by which requests may come."""
    return any(not is_side_port(container, port.name) and not is_scraped(container, port) for port in container.ports)
