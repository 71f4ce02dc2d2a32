# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh's proxy beside the application: leaving before it, after it, or never."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from ansible_collections.graceful.termination.plugins.module_utils.judge.judge import judge
from ansible_collections.graceful.termination.plugins.module_utils.rules import mesh
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    Result,
    case_of,
    container,
    hooked,
    node,
    run,
    service,
    sidecar,
    sleeping,
    workload,
)

NATIVE = "mesh-sidecar-not-native"
DRAIN = "mesh-drain-too-short"
JOB = "mesh-job-never-completes"
CONFIG = "proxy.istio.io/config"
IDS = {rule.id for rule in mesh.RULES}


def proxy(name: str = "istio-proxy", env: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """A proxy as an ordinary container of a live pod."""
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    return {"name": name, "image": "registry.example/proxy:1", "env": variables} | fields


def meshed(
    *containers: dict[str, Any],
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A workload with these annotations and labels on its pod template."""
    obj = workload(*containers, **fields)
    spec = obj["spec"]["jobTemplate"]["spec"] if obj["kind"] == "CronJob" else obj["spec"]
    metadata = spec["template"]["metadata"]
    metadata |= {"annotations": annotations or {}, "labels": metadata["labels"] | (labels or {})}
    return obj


def judged(obj: dict[str, Any], *injected: dict[str, Any], **options: Any) -> Result:
    """The audit of a served workload whose live pods have these containers on top."""
    return run(obj, service(), injected=injected, **options)


def undecided(result: Result, rule: str) -> list[str]:
    """Why a rule could not be judged."""
    return [entry["reason"] for entry in result.report["not_evaluated"] if entry["rule"] == rule]


def patched(obj: dict[str, Any], finding: dict[str, Any]) -> dict[str, Any]:
    """The workload after a person has applied the finding's snippet."""
    after = copy.deepcopy(obj)
    patch = yaml.safe_load(finding["snippet"])["spec"]["template"]
    template = after["spec"]["template"]
    template["metadata"]["annotations"] |= patch["metadata"]["annotations"]
    template["spec"] |= patch.get("spec", {})
    return after


# --- mesh-sidecar-not-native


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        ("istio-proxy", "sidecar.istio.io/nativeSidecar"),
        ("linkerd-proxy", "config.linkerd.io/proxy-enable-native-sidecar"),
    ],
)
def test_an_ordinary_proxy_of_live_pods_is_a_warning(name: str, annotation: str) -> None:
    finding = judged(meshed(), proxy(name)).one(NATIVE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "mesh-native-sidecar")
    assert finding["container"] == name
    assert finding["path"] == "spec.template.metadata.annotations"
    template = yaml.safe_load(finding["snippet"])["spec"]["template"]
    assert template == {"metadata": {"annotations": {annotation: "true"}}}


def test_a_proxy_that_stands_in_the_template_has_to_move() -> None:
    finding = judged(meshed(container(), proxy())).one(NATIVE)
    assert finding["severity"] == "warning"
    assert finding["path"] == "spec.template.spec.containers[istio-proxy]"
    assert "is part of the template" in finding["reason"]
    assert "remove it there" in finding["snippet"]


@pytest.mark.parametrize(
    ("obj", "injected"),
    [
        (meshed(), [proxy(restartPolicy="Always")]),
        (meshed(pod={"initContainers": [sidecar("istio-proxy")]}), []),
        (meshed(), []),
        (meshed(labels={"istio.io/dataplane-mode": "ambient"}), []),
        (meshed(), [proxy("envoy")]),
        (meshed(labels={"sidecar.istio.io/inject": "false"}), []),
    ],
    ids=["native injected", "native written", "no mesh", "ambient", "another proxy", "opted out"],
)
def test_without_an_ordinary_proxy_all_are_silent(obj: dict[str, Any], injected: list[dict[str, Any]]) -> None:
    result = judged(obj, *injected)
    assert not IDS & set(result.rules)
    assert not any(undecided(result, rule) for rule in IDS)


def test_a_gateway_is_its_own_application() -> None:
    gateway = proxy(ports=[{"containerPort": 8080}], lifecycle={"preStop": {"sleep": {"seconds": 20}}})
    assert not IDS & set(judged(meshed(gateway, grace=60)).rules)


def test_a_gateway_whose_image_is_injected_announces_nothing() -> None:
    gateway = proxy(image="auto", ports=[{"containerPort": 8080}])
    result = judged(meshed(gateway, labels={"sidecar.istio.io/inject": "true"}))
    assert not undecided(result, NATIVE)


def test_the_mesh_s_own_parts_start_before_their_proxy() -> None:
    labels = {"linkerd.io/control-plane-component": "identity"}
    assert not IDS & set(judged(meshed(container(), proxy("linkerd-proxy"), labels=labels)).rules)


@pytest.mark.parametrize(("version", "kubelet"), [("1.28", "v1.28.3"), ("1.34", "v1.28.3")])
def test_before_1_29_there_are_no_native_sidecars(version: str, kubelet: str) -> None:
    result = run(meshed(), service(), node("a", kubelet), injected=[proxy()], version=version)
    assert not result.of(NATIVE)


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        ({"sidecar.istio.io/inject": "true"}, {}),
        ({}, {"sidecar.istio.io/inject": "true"}),
        ({}, {"linkerd.io/inject": "enabled"}),
    ],
)
def test_what_a_template_only_announces_is_not_evaluated(labels: dict[str, str], annotations: dict[str, str]) -> None:
    result = judged(meshed(labels=labels, annotations=annotations))
    assert not IDS & set(result.rules)
    assert "live cluster" in undecided(result, NATIVE)[0]
    assert undecided(result, DRAIN) == undecided(result, NATIVE)


def test_an_overlay_of_what_will_be_injected_only_announces_it() -> None:
    result = judged(meshed(container(), proxy(image="auto")))
    assert not result.of(NATIVE)
    assert undecided(result, NATIVE)


def test_a_label_beats_the_annotation() -> None:
    key = "sidecar.istio.io/inject"
    assert not undecided(judged(meshed(labels={key: "false"}, annotations={key: "true"})), NATIVE)


@pytest.mark.parametrize(("value", "found"), [("true", False), ("false", True)])
def test_a_template_that_says_how_the_proxy_runs_decides(value: str, *, found: bool) -> None:
    annotations = {"sidecar.istio.io/nativeSidecar": value}
    result = judged(meshed(labels={"sidecar.istio.io/inject": "true"}, annotations=annotations))
    assert bool(result.of(NATIVE)) == found
    assert not undecided(result, NATIVE)


def test_a_native_sidecar_that_the_pods_do_not_have_yet_is_not_evaluated() -> None:
    result = judged(meshed(annotations={"sidecar.istio.io/nativeSidecar": "true"}), proxy())
    assert not result.of(NATIVE)
    assert "restart the pods, or upgrade the injector" in undecided(result, NATIVE)[0]


@pytest.mark.parametrize(
    "one",
    [
        proxy(env={"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}),
        proxy(env={"PROXY_CONFIG": '{"terminationDrainDuration":"20s"}'}),
        proxy("linkerd-proxy", lifecycle={"preStop": {"exec": {"command": ["/bin/sleep", "20"]}}}),
    ],
)
def test_a_proxy_that_outlasts_the_application_is_an_info(one: dict[str, Any]) -> None:
    assert judged(meshed(), one).one(NATIVE)["severity"] == "info"


def test_missing_rights_are_said_once() -> None:
    case = case_of(meshed(labels={"sidecar.istio.io/inject": "true"}))
    assert judge(case, mesh.RULES).undecided
    case.context.coverage.miss("Pod", "shop", "forbidden: cannot list pods (403)")
    assert not judge(case, mesh.RULES).undecided


# --- mesh-drain-too-short


def test_a_pause_longer_than_the_proxy_stays_is_an_error() -> None:
    obj = meshed(sleeping(10), drain=None)
    finding = judged(obj, proxy()).one(DRAIN)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("error", "manual", "mesh-drain")
    assert finding["numbers"] == {"proxy_drain_seconds": 5, "needed_seconds": 10}
    config = yaml.safe_load(yaml.safe_load(finding["snippet"])["spec"]["template"]["metadata"]["annotations"][CONFIG])
    # The drain is not known, so it is the connections that tell when it is over.
    assert config == {
        "proxyMetadata": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true", "MINIMUM_DRAIN_DURATION": "10s"},
    }
    assert not judged(patched(obj, finding), proxy()).of(DRAIN)


def test_the_snippet_takes_the_drain_from_the_budget_and_shows_no_other_setting() -> None:
    told = {"proxyMetadata": {"TOKEN": "hunter2"}}
    obj = meshed(sleeping(10), drain=15, grace=30, annotations={CONFIG: yaml.safe_dump(told), "other": "a"})
    finding = judged(obj, proxy()).one(DRAIN)
    template = yaml.safe_load(finding["snippet"])["spec"]["template"]
    assert list(template["metadata"]["annotations"]) == [CONFIG]
    assert yaml.safe_load(template["metadata"]["annotations"][CONFIG]) == {"terminationDrainDuration": "25s"}
    assert template["spec"]["terminationGracePeriodSeconds"] == 35
    assert "add what the annotation already sets" in finding["snippet"]
    assert "hunter2" not in str(finding)
    assert not judged(patched(obj, finding), proxy()).of(DRAIN)


def test_a_pause_that_is_still_to_come_is_outlived_as_well() -> None:
    finding = judged(meshed(hooked(None), drain=15, grace=30), proxy()).one(DRAIN)
    assert "terminationDrainDuration: 25s" in finding["snippet"]
    assert "terminationGracePeriodSeconds: 40" in finding["snippet"]


@pytest.mark.parametrize("config", ['{"terminationDrainDuration": "4s"}', "terminationDrainDuration: 500ms", "{}", ""])
def test_a_declared_drain_that_is_too_short(config: str) -> None:
    assert judged(meshed(annotations={CONFIG: config}), proxy()).of(DRAIN)


@pytest.mark.parametrize(
    "config",
    [
        "terminationDrainDuration: 20s",
        '{"terminationDrainDuration": "1m"}',
        "proxyMetadata:\n  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'",
        "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: true}",
    ],
)
def test_a_drain_of_the_template_that_suffices_is_silent(config: str) -> None:
    assert not judged(meshed(annotations={CONFIG: config}), proxy()).of(DRAIN)


@pytest.mark.parametrize(
    "env",
    [
        {"PROXY_CONFIG": '{"terminationDrainDuration":"60s","discoveryAddress":"a:15012"}\n'},
        {"PROXY_CONFIG": '{"proxyMetadata":{"EXIT_ON_ZERO_ACTIVE_CONNECTIONS":"true"}}'},
        {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"},
    ],
)
def test_a_drain_of_the_whole_mesh_is_seen_on_the_live_proxy(env: dict[str, str]) -> None:
    assert not judged(meshed(), proxy(env=env)).of(DRAIN)


@pytest.mark.parametrize(
    "hook",
    [
        ["sleep", "15"],
        ["sh", "-c", "sleep 20"],
        ["sh", "-c", "while [ $(ss -Htn | wc -l) -ne 0 ]; do sleep 1; done"],
        ["/drain.sh"],
    ],
)
def test_a_proxy_with_a_hook_of_its_own_is_silent(hook: list[str]) -> None:
    one = proxy(lifecycle={"preStop": {"exec": {"command": hook}}})
    assert not judged(meshed(), one).of(DRAIN)


def test_what_a_hook_of_a_proxy_in_the_template_does_is_not_asked_of_the_application() -> None:
    """Its time is not known, but the application's is: the annotation that would settle that is there."""
    loop = ["sh", "-c", "sleep 20; while nc -z localhost 15020; do sleep 1; done"]
    result = judged(meshed(sleeping(10), proxy(lifecycle={"preStop": {"exec": {"command": loop}}})))
    assert not result.of(DRAIN)
    assert not undecided(result, DRAIN)


def test_an_application_that_is_gone_before_the_proxy_is_silent() -> None:
    result = judged(meshed(hooked(None), drain=5), proxy())
    assert not result.of(DRAIN)
    assert not undecided(result, DRAIN)


def test_an_unknown_drain_is_not_evaluated() -> None:
    result = judged(meshed(sleeping(3), drain=None), proxy())
    assert not result.of(DRAIN)
    assert "drain-seconds" in undecided(result, DRAIN)[0]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{", "is not readable YAML"),
        ("a: &a [1]\nb: *a", "is not readable YAML"),
        ("- a", "is not a map of settings"),
        ("[" * 16_000, "is not readable YAML"),
        ("a: " + "9" * 16_000, "is not readable YAML"),
        ("a" * 17_000, "is too long"),
        ("a: 2027-13-99", "is not readable YAML"),
        ("!!python/object/apply:os.system [id]", "is not readable YAML"),
        ("terminationDrainDuration: soon", "is not a duration"),
        ("terminationDrainDuration: [1]", "is not a duration"),
    ],
)
def test_settings_that_cannot_be_read_are_not_evaluated(config: str, reason: str) -> None:
    result = judged(meshed(annotations={CONFIG: config}), proxy())
    assert not result.of(DRAIN)
    (said,) = undecided(result, DRAIN)
    assert reason in said
    assert config[:40] not in said or config == "{", "the text of an annotation stays out of reasons"


def test_a_linkerd_proxy_that_outlasts_the_grace_period_is_an_info() -> None:
    annotations = {"config.linkerd.io/shutdown-grace-period": "90s"}
    finding = judged(meshed(annotations=annotations), proxy("linkerd-proxy")).one(DRAIN)
    assert finding["severity"] == "info"
    assert finding["numbers"] == {"proxy_drain_seconds": 90, "grace_seconds": 30}
    assert 'config.linkerd.io/shutdown-grace-period: "25s"' in finding["snippet"]


def test_linkerd_s_default_matters_only_for_connections_that_live_long() -> None:
    grpc = service(ports=[{"name": "grpc-api", "port": 80, "targetPort": 8080}])
    assert run(meshed(), grpc, injected=[proxy("linkerd-proxy")]).of(DRAIN)
    assert not judged(meshed(), proxy("linkerd-proxy")).of(DRAIN)
    assert not run(meshed(grace=120), grpc, injected=[proxy("linkerd-proxy")]).of(DRAIN)


def test_a_linkerd_setting_that_cannot_be_read_is_not_evaluated() -> None:
    annotations = {"config.linkerd.io/shutdown-grace-period": "soon"}
    assert "not a duration" in undecided(judged(meshed(annotations=annotations), proxy("linkerd-proxy")), DRAIN)[0]


def test_a_proxy_of_the_template_reads_the_annotation_when_it_starts() -> None:
    finding = judged(meshed(container(), proxy())).one(DRAIN)
    assert (finding["severity"], finding["path"]) == ("error", "spec.template.metadata.annotations")
    assert finding["reason"].startswith("the proxy is part of the template: ")
    assert "# the proxy is part of the template: " in finding["snippet"]
    assert "terminationDrainDuration" in finding["snippet"]


def test_an_injected_proxy_is_replaced_by_a_rollout() -> None:
    finding = judged(meshed(), proxy()).one(DRAIN)
    assert "the next rollout may inject" in finding["reason"]
    assert "is part of the template" not in finding["snippet"]


def test_a_linkerd_proxy_of_the_template_does_not_read_the_annotation() -> None:
    annotations = {"config.linkerd.io/shutdown-grace-period": "90s"}
    finding = judged(meshed(container(), proxy("linkerd-proxy"), annotations=annotations)).one(DRAIN)
    assert finding["reason"].startswith("the proxy is part of the template: ")
    assert "LINKERD2_PROXY_SHUTDOWN_GRACE_PERIOD" in finding["snippet"]


# --- mesh-job-never-completes


def job(*words: str, **fields: Any) -> dict[str, Any]:
    """A CronJob whose only container runs these words."""
    return meshed(container(command=list(words) or None, lifecycle=None, **fields), kind="CronJob")


def test_a_job_whose_proxy_nobody_ends_is_an_error() -> None:
    result = judged(job("sh", "-c", "./import"), proxy())
    finding = result.one(JOB)
    assert (finding["severity"], finding["template"]) == ("error", "mesh-native-sidecar")
    assert finding["path"] == "spec.jobTemplate.spec.template.metadata.annotations"
    assert "jobTemplate" in finding["snippet"]
    assert result.rules[NATIVE] == "error"
    assert not result.of(DRAIN)


def test_a_program_of_the_image_may_end_it() -> None:
    assert judged(job(), proxy()).one(JOB)["severity"] == "warning"


@pytest.mark.parametrize(
    "obj",
    [
        job("sh", "-c", "./import; curl -X POST http://localhost:15020/quitquitquit"),
        job("sh", "-c", "./import && curl -XPOST localhost:4191/shutdown"),
        job("linkerd-await", "--shutdown", "--", "./import"),
        job("scuttle", "./import"),
        job("./import", env=[{"name": "ISTIO_QUIT_API", "value": "http://127.0.0.1:15020"}]),
        job("sh", "-c", "./import; pkill -f pilot-agent"),
    ],
)
def test_a_job_that_ends_its_proxy_completes(obj: dict[str, Any]) -> None:
    result = judged(obj, proxy())
    assert not result.of(JOB)
    assert result.rules[NATIVE] == "warning"


@pytest.mark.parametrize(
    ("obj", "injected"),
    [
        (job("./import"), proxy(restartPolicy="Always")),
        (meshed(container(command=["./server"])), proxy()),
        (job("./import"), proxy("shipper")),
    ],
    ids=["native sidecar", "long-running", "no mesh"],
)
def test_what_completes_or_never_has_to_is_silent(obj: dict[str, Any], injected: dict[str, Any]) -> None:
    assert not judged(obj, injected).of(JOB)


def test_a_job_that_only_announces_a_proxy_is_not_evaluated() -> None:
    obj = meshed(container(command=["./import"]), kind="CronJob", annotations={"linkerd.io/inject": "enabled"})
    assert undecided(judged(obj), JOB)


def test_a_proxy_s_environment_of_a_wrong_type_makes_the_workload_unreadable() -> None:
    (skipped,) = judged(meshed(container(), proxy(env=None) | {"env": 5})).report["skipped"]
    assert "env" in skipped["reason"]


def test_no_value_of_the_live_proxy_reaches_the_report() -> None:
    secret = json.dumps({"proxyMetadata": {"TOKEN": "hunter2"}})
    assert "hunter2" not in json.dumps(judged(meshed(), proxy(env={"PROXY_CONFIG": secret})).report)


# A namespace that asks for a mesh


def namespace(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """The namespace shop."""
    metadata = {"name": "shop", "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def doubts(obj: dict[str, Any], asking: dict[str, Any]) -> set[str]:
    """The rules that are not evaluated for want of a live pod."""
    entries = run(obj, service(), asking, file="shop.yaml").report["not_evaluated"]
    return {entry["rule"] for entry in entries if "requests a mesh proxy" in entry["reason"]}


@pytest.mark.parametrize(
    "asking",
    [
        namespace({"istio-injection": "enabled"}),
        namespace({"istio.io/rev": "1-24"}),
        namespace(annotations={"linkerd.io/inject": "enabled"}),
        namespace(annotations={"linkerd.io/inject": "ingress"}),
        namespace({"linkerd.io/inject": "enabled"}),
    ],
)
def test_a_namespace_in_the_input_that_injects_is_no_all_clear(asking: dict[str, Any]) -> None:
    assert DRAIN in doubts(workload(), asking)
    job = workload(container(command=["python", "sync.py"]), kind="CronJob")
    assert JOB in doubts(job, asking)


@pytest.mark.parametrize(
    ("asking", "refusing"),
    [
        (namespace(), {}),
        (namespace({"istio-injection": "disabled"}), {}),
        (namespace(annotations={"linkerd.io/inject": "disabled"}), {}),
        (namespace({"istio-injection": "enabled"}), {"labels": {"sidecar.istio.io/inject": "false"}}),
        (namespace({"istio-injection": "enabled"}), {"annotations": {"sidecar.istio.io/inject": "false"}}),
        (namespace(annotations={"linkerd.io/inject": "enabled"}), {"annotations": {"linkerd.io/inject": "disabled"}}),
        (namespace({"istio-injection": "enabled"}), {"pod": {"hostNetwork": True}}),
    ],
)
def test_no_doubt_where_nothing_is_injected(asking: dict[str, Any], refusing: dict[str, Any]) -> None:
    assert not doubts(meshed(container(), **refusing), asking)


def test_what_the_template_says_of_the_proxy_beats_the_doubt() -> None:
    asking = namespace({"istio-injection": "enabled"})
    assert not doubts(meshed(container(), annotations={"sidecar.istio.io/nativeSidecar": "true"}), asking)
