# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log shippers: buffers that go with the pod, and shippers that go with the application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    config_map,
    container,
    mounting,
    node,
    run,
    service,
    sidecar,
    workload,
)

VOLATILE, NOT_NATIVE = "log-buffer-volatile", "log-sidecar-not-native"
FLUENTD = {"image": "fluent/fluentd-kubernetes-daemonset:v1", "lifecycle": None}
FLUENT_BIT = {"image": "cr.fluentbit.io/fluent/fluent-bit:4.1", "lifecycle": None}
OTEL = {"image": "otel/opentelemetry-collector-contrib:0.160.0", "lifecycle": None}
# A queue in the folder /queue, and the position in the node's files in /positions.
COLLECTOR = """
extensions:
  file_storage/queue: {directory: /queue}
  file_storage/position: {directory: /positions}
receivers:
  file_log: {include: [/var/log/pods/*/*/*.log], storage: file_storage/position}
exporters:
  otlp_http: {endpoint: "http://logs:4318", sending_queue: {storage: file_storage/queue}}
service:
  extensions: [file_storage/queue, file_storage/position]
  pipelines:
    logs: {receivers: [file_log], exporters: [otlp_http]}
"""
TAIL = (
    "<source>\n  @type tail\n  path /var/log/containers/*.log\n  pos_file {pos}\n"
    "  <parse>\n    @type json\n  </parse>\n</source>\n"
)
BUFFER = (
    '<match **>\n  @type forward\n  <buffer tag>\n    @type {type}\n    path "{path}"\n{more}  </buffer>\n</match>\n'
)
FILE_BUFFER = BUFFER.format(type="file", path="/buffers/out", more="")
CLASSIC = (
    "[SERVICE]\n    storage.path {path}\n{more}\n[INPUT]\n    Name tail\n    Path /var/log/containers/*.log\n"
    "    DB {db}\n    storage.type {type}\n"
)


def agent(
    image: dict[str, Any],
    *files: tuple[str, str],
    mounts: Mapping[str, dict[str, Any] | None] | None = None,
    known: bool = True,
    **fields: Any,
) -> Result:
    """The audit of an agent with these configuration files; `mounts` are its further volumes by their path."""
    mounted, pod = mounting("agent-config", "/etc/agent")
    for index, (path, source) in enumerate((mounts or {}).items()):
        mounted["volumeMounts"].append({"name": f"v{index}", "mountPath": path})
        if source is not None:
            pod["volumes"].append({"name": f"v{index}"} | source)
    config = [config_map("agent-config", **dict(files))] if known else []
    obj = workload(container("shipper", **image | mounted), kind="DaemonSet", name="agent", pod=pod, **fields)
    return run(obj, *config)


def otel(text: str, mounts: Mapping[str, dict[str, Any] | None] | None = None, **fields: Any) -> Result:
    """The audit of a Collector with this configuration."""
    return agent(OTEL | fields, ("relay.yaml", text), mounts=mounts)


HOST: dict[str, Any] = {"hostPath": {"path": "/var/lib/agent"}}
CLAIM = {"persistentVolumeClaim": {"claimName": "buffers"}}
LOGS: dict[str, dict[str, Any]] = {"/var/log": {"hostPath": {"path": "/var/log"}}}


@pytest.mark.parametrize("source", [None, {"emptyDir": {}}, {"emptyDir": None}, {}])
@pytest.mark.parametrize("kind", ["file", "file_single"])
def test_a_file_buffer_that_goes_with_the_pod_is_found(source: dict[str, Any] | None, kind: str) -> None:
    mounts = {} if source is None else {"/buffers": source}
    text = BUFFER.format(type=kind, path="/buffers/out", more="")
    found = agent(FLUENTD, ("fluent.conf", text), mounts=mounts).one(VOLATILE)
    assert found["severity"] == "warning"
    assert found["container"] == "shipper"
    assert found["message"] == (
        "1 file buffer of Fluentd (ConfigMap shop/agent-config fluent.conf) is not on a volume that outlives the pod: "
        "when the pod stops, unsent data is lost"
    )
    assert found["remedy"] == "manual"


def test_several_are_one_finding_and_no_path_of_the_config_map_is_shown() -> None:
    text = TAIL.format(pos="/positions/a.pos") + TAIL.format(pos="/positions/b.pos") + FILE_BUFFER
    found = agent(FLUENTD, ("fluent.conf", text), mounts=LOGS).one(VOLATILE)
    assert found["message"].startswith("1 file buffer and 2 position databases of Fluentd")
    assert "/positions" not in found["message"]
    assert "/buffers" not in found["message"]


@pytest.mark.parametrize("source", [HOST, CLAIM, {"nfs": {"path": "/x"}}, {"csi": {"driver": "x"}}])
def test_a_volume_that_outlives_the_pod_keeps_the_buffer(source: dict[str, Any]) -> None:
    assert VOLATILE not in agent(FLUENTD, ("fluent.conf", FILE_BUFFER), mounts={"/buffers": source}).rules


def test_a_claim_template_keeps_it_too() -> None:
    mounted, pod = mounting("agent-config", "/etc/agent")
    mounted["volumeMounts"].append({"name": "data", "mountPath": "/buffers"})
    templates = [{"metadata": {"name": "data"}, "spec": {}}]
    obj = workload(container(**FLUENTD | mounted), kind="StatefulSet", pod=pod, volumeClaimTemplates=templates)
    assert VOLATILE not in run(obj, config_map("agent-config", **{"fluent.conf": FILE_BUFFER})).rules


def test_the_innermost_mount_decides() -> None:
    mounts: dict[str, dict[str, Any]] = {"/": HOST, "/buffers": {"emptyDir": {}}}
    assert VOLATILE in agent(FLUENTD, ("fluent.conf", FILE_BUFFER), mounts=mounts).rules
    assert VOLATILE not in agent(FLUENTD, ("fluent.conf", FILE_BUFFER), mounts={"/": HOST}).rules


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BUFFER.format(type="memory", path="/buffers", more=""), id="in memory: flushed when it stops"),
        pytest.param(BUFFER.format(type="file", path="/b", more="    flush_at_shutdown true\n"), id="flushed"),
        pytest.param(BUFFER.format(type="file", path="#{ENV['BUFFERS']}/out", more=""), id="made by Ruby code"),
        pytest.param(BUFFER.format(type="file", path="buffers/out", more=""), id="relative"),
        pytest.param("# " + FILE_BUFFER.replace("\n", "\n# "), id="a comment"),
        pytest.param("<match **>\n  @type file\n  path /out\n</match>\n", id="an output to files"),
        pytest.param("<buffer>\n</buffer>\n</buffer>\n@type file\npath /x\n", id="odd"),
        pytest.param(TAIL.format(pos="/positions/a.pos"), id="a position in files that go with the pod"),
    ],
)
def test_fluentd_that_loses_nothing_is_left_alone(text: str) -> None:
    result = agent(FLUENTD, ("fluent.conf", text))
    assert VOLATILE not in result.rules
    assert not not_evaluated(result)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fluent-bit.conf", CLASSIC.format(path="/state/", db="/var/log/agent.db", type="filesystem", more="")),
        ("fluent-bit.conf", CLASSIC.format(path="/state/", db="/var/log/agent.db", type="Filesystem", more="")),
        (
            "fluent-bit.yaml",
            "service: {storage.path: /state/}\npipeline:\n  inputs: [{name: tail, storage.type: filesystem}]\n",
        ),
        (
            "fluent-bit.yaml",
            "service: {storage.path: /state/, storage.type: filesystem, storage.inherit: on}\n",
        ),
    ],
)
def test_a_buffer_of_fluent_bit_that_goes_with_the_pod_is_found(name: str, text: str) -> None:
    found = agent(FLUENT_BIT, (name, text), mounts=LOGS).one(VOLATILE)
    assert found["message"].startswith(f"1 file buffer of Fluent Bit (ConfigMap shop/agent-config {name}) is not on")


def test_a_position_of_fluent_bit_that_goes_with_the_pod_is_found() -> None:
    text = CLASSIC.format(path="/state/", db="/state/agent.db", type="memory", more="")
    found = agent(FLUENT_BIT, ("fluent-bit.conf", text), mounts=LOGS).one(VOLATILE)
    assert found["message"].startswith("1 position database of Fluent Bit")
    assert found["message"].endswith("when the pod stops, the read position in files is lost")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CLASSIC.format(path="/state/", db="/var/log/a.db", type="memory", more=""), id="no input uses it"),
        pytest.param(CLASSIC.format(path="${DIR}", db="/var/log/a.db", type="filesystem", more=""), id="a variable"),
        pytest.param(
            CLASSIC.format(
                path="/s", db="/var/log/a.db", type="filesystem", more="    storage.backlog.flush_on_shutdown on"
            ),
            id="flushed",
        ),
        pytest.param("[INPUT]\n    Name systemd\n    DB /state/x.db\n", id="not a tail"),
    ],
)
def test_fluent_bit_that_loses_nothing_is_left_alone(text: str) -> None:
    assert VOLATILE not in agent(FLUENT_BIT, ("fluent-bit.conf", text), mounts=LOGS).rules


@pytest.mark.parametrize(("value", "found"), [("/state", True), ("/var/log/agent", False), (None, False)])
def test_a_variable_with_a_known_value_is_put_in(value: str | None, found: bool) -> None:
    env = [{"name": "DIR", "value": value} if value else {"name": "DIR", "valueFrom": {"fieldRef": {}}}]
    classic = CLASSIC.format(path="${DIR}", db="/var/log/agent.db", type="filesystem", more="")
    ruby = BUFFER.format(type="file", path="#{ENV['DIR']}/out", more="")
    assert (VOLATILE in agent(FLUENT_BIT | {"env": env}, ("fluent-bit.conf", classic), mounts=LOGS).rules) is found
    assert (VOLATILE in agent(FLUENTD | {"env": env}, ("fluent.conf", ruby), mounts=LOGS).rules) is found


@pytest.mark.parametrize("source", [None, {"emptyDir": {}}])
def test_a_queue_of_the_collector_that_goes_with_the_pod_is_found(source: dict[str, Any] | None) -> None:
    mounts = LOGS | {"/positions": HOST} | ({} if source is None else {"/queue": source})
    result = otel(COLLECTOR, mounts)
    found = result.one(VOLATILE)
    assert found["message"] == (
        "1 file buffer of OpenTelemetry Collector (ConfigMap shop/agent-config relay.yaml) is not on a volume that "
        "outlives the pod: when the pod stops, unsent data is lost"
    )
    assert "otel-collector-state" in found["snippet"]


@pytest.mark.parametrize("reader", ["file_log", "filelog/pods"])
def test_a_position_of_the_collector_that_goes_with_the_pod_is_found(reader: str) -> None:
    text = COLLECTOR.replace("file_log", reader)
    found = otel(text, LOGS | {"/queue": CLAIM}).one(VOLATILE)
    assert found["message"].startswith("1 position database of OpenTelemetry Collector")


def test_the_default_folder_and_a_second_configuration_file_are_understood() -> None:
    extension, rest = COLLECTOR.split("receivers:\n", 1)
    extension = extension.replace("{directory: /queue}", "")
    files = (("a.yaml", extension), ("b.yaml", f"receivers:\n{rest}"))
    found = agent(OTEL, *files, mounts=LOGS | {"/positions": HOST}).one(VOLATILE)
    assert "(ConfigMap shop/agent-config b.yaml)" in found["message"]
    kept = LOGS | {"/positions": HOST, "/var/lib/otelcol": HOST}
    assert VOLATILE not in agent(OTEL, *files, mounts=kept).rules


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("storage: file_storage/queue", "queue_size: 10", id="in memory: sent when it stops"),
        pytest.param("{storage: file_storage/queue}", "{enabled: false, storage: file_storage/queue}", id="no queue"),
        pytest.param("exporters: [otlp_http]", "exporters: [debug]", id="no pipeline uses it"),
        pytest.param("directory: /queue", "directory: queue", id="relative"),
        pytest.param("directory: /queue", "directory: '${env:QUEUE}'", id="a variable"),
        pytest.param("file_storage/queue: {", "redis_storage/queue: {", id="another storage"),
        pytest.param("exporters:", "exporters: [", id="broken"),
        pytest.param("pipelines:", "pipelines: []\n  x:", id="odd"),
        pytest.param("receivers:", "---\nreceivers:", id="two documents"),
    ],
)
def test_a_collector_that_loses_nothing_is_left_alone(old: str, new: str) -> None:
    mounts = LOGS | {"/positions": HOST}
    assert VOLATILE in otel(COLLECTOR, mounts).rules
    assert VOLATILE not in otel(COLLECTOR.replace(old, new, 1), mounts).rules


def test_a_position_of_the_collector_in_files_that_go_with_the_pod_is_left_alone() -> None:
    assert VOLATILE not in otel(COLLECTOR, {"/queue": HOST}).rules


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--config", "/etc/agent/relay.yaml"], True),
        (["--config=file:/etc/agent/relay.yaml"], True),
        (["--config=/etc/agent/base.yaml", "--config=/etc/agent/../agent/relay.yaml"], True),
        (["--feature-gates=x"], True),
        (["--config=/etc/agent/base.yaml"], False),
        (["--config=env:CONFIG"], False),
    ],
)
def test_only_the_files_that_the_collector_is_given_count(arguments: list[str], found: bool) -> None:
    files = (("relay.yaml", COLLECTOR), ("base.yaml", "receivers: {}\n"))
    result = agent(OTEL | {"args": arguments}, *files, mounts=LOGS | {"/positions": HOST})
    assert (VOLATILE in result.rules) is found


def test_a_variable_of_the_collector_is_put_in() -> None:
    text = COLLECTOR.replace("directory: /queue", "directory: '${env:QUEUE:-/elsewhere}/out'")
    env = [{"name": "QUEUE", "value": "/positions"}]
    assert VOLATILE not in otel(text, LOGS | {"/positions": HOST}, env=env).rules
    assert VOLATILE in otel(text, LOGS | {"/elsewhere": HOST}, env=env).rules


def test_a_native_sidecar_is_looked_at_too() -> None:
    mounts, pod = mounting("agent-config", "/etc/agent")
    shipper = sidecar("shipper", image=FLUENTD["image"], **mounts)
    obj = workload(pod=pod | {"initContainers": [shipper]})
    assert run(obj, config_map("agent-config", **{"fluent.conf": FILE_BUFFER})).one(VOLATILE)["container"] == "shipper"


def not_evaluated(result: Result) -> list[str]:
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == VOLATILE]


def test_an_unknown_configuration_is_said_not_passed() -> None:
    (reason,) = not_evaluated(agent(FLUENTD, known=False))
    assert reason == "a ConfigMap that the log shipper mounts was not found, and it may set the buffer path"


def test_other_containers_may_keep_what_they_like() -> None:
    other = {"image": "example/fluentd-exporter:1"}
    result = agent(other, ("fluent.conf", FILE_BUFFER))
    assert VOLATILE not in result.rules
    assert not not_evaluated(agent(other, known=False))


def beside(*containers: dict[str, Any], **fields: Any) -> Result:
    """The audit of an application with these containers beside it."""
    return run(workload(container("app"), *containers, **fields), service())


def shipper(image: str = "fluent/fluent-bit:4.1", name: str = "logs", **fields: Any) -> dict[str, Any]:
    return container(name, **{"image": image, "ports": None, "lifecycle": None, "readinessProbe": None} | fields)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("fluent/fluent-bit:4.1", "logs"),
        ("public.ecr.aws/aws-observability/aws-for-fluent-bit@sha256:0", "logs"),
        ("registry.example:5000/mirror/fluentd:v1.18-debian", "logs"),
        ("docker.elastic.co/beats/filebeat:9.1.0", "logs"),
        ("grafana/promtail", "logs"),
        ("timberio/vector:0.49.0-alpine", "logs"),
        ("otel/opentelemetry-collector-contrib:0.135.0", "logs"),
        ("registry.example/tools/logging:7", "filebeat"),
    ],
)
def test_a_shipper_beside_an_application_is_found(image: str, name: str) -> None:
    found = beside(shipper(image, name)).one(NOT_NATIVE)
    assert (found["severity"], found["container"], found["remedy"]) == ("warning", name, "manual")
    assert "gets SIGTERM at the same time as app:" in found["message"]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(beside(shipper(lifecycle={"preStop": {"sleep": {"seconds": 25}}})), id="its own delay"),
        pytest.param(beside(kind="DaemonSet"), id="no shipper"),
        pytest.param(beside(shipper(), kind="DaemonSet"), id="a node agent"),
        pytest.param(beside(shipper("example/vector:1")), id="another thing called vector"),
        pytest.param(beside(shipper("example/fluent-bit-exporter:1")), id="an exporter"),
        pytest.param(run(workload(shipper(), shipper("example/config:1", "config-reloader"))), id="helpers only"),
        pytest.param(run(workload(shipper(), shipper("x/proxyv2:1", "istio-proxy"))), id="a mesh proxy only"),
        pytest.param(run(workload(shipper(), container("ui"), name="fluent-bit-gateway")), id="named after it"),
        pytest.param(
            run(workload(shipper(ports=[{"containerPort": 8080}]), container("ui", ports=None)), service()), id="served"
        ),
        pytest.param(run(workload(shipper(), container("app")), version="1.28"), id="an old cluster"),
        pytest.param(run(workload(shipper(), container("app")), node("a", "v1.28.2")), id="an old node"),
        pytest.param(
            run(workload(pod={"initContainers": [sidecar("logs", image="fluent/fluent-bit:4.1")]})), id="native already"
        ),
    ],
)
def test_a_shipper_that_is_right_is_left_alone(result: Result) -> None:
    assert NOT_NATIVE not in result.rules
