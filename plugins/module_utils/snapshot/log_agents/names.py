# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers are log shippers, by their image or, if that says nothing, by their name."""

from __future__ import annotations

import re

from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container, image_name

FLUENTD, FLUENT_BIT, OTEL_COLLECTOR = "Fluentd", "Fluent Bit", "OpenTelemetry Collector"
# Beside the shippers there are exporters, watchers and operators of the same name.
_OTHER = r"(?!.*(?:exporter|watcher|operator|reload|config|test))"
_IMAGES = {
    FLUENTD: rf"fluentd{_OTHER}[\w.-]*",
    FLUENT_BIT: rf"(?:aws-for-)?fluent-?bit{_OTHER}[\w.-]*",
    "Vector": r"vector",
    "Filebeat": rf"filebeat{_OTHER}[\w.-]*",
    "Promtail": r"promtail",
    OTEL_COLLECTOR: rf"(?:opentelemetry-collector|otel-collector|otelcol|aws-otel-collector){_OTHER}[\w.-]*",
}
_NAMES = {FLUENTD: "fluentd", FLUENT_BIT: "fluent-?bit", "Filebeat": "filebeat", "Promtail": "promtail"}


def agent_of(container: Container) -> str | None:
    """The product that a container runs, such as FLUENTD; None where it is no log shipper."""
    repository = image_name(container)
    image = repository.rpartition("/")[2]
    for agent, pattern in _IMAGES.items():
        # Many a thing is called vector.
        if re.fullmatch(pattern, image) and (agent != "Vector" or "timberio/" in repository):
            return agent
    return next((agent for agent, name in _NAMES.items() if re.fullmatch(name, container.name)), None)
