# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts that stand in files of ConfigMaps, and what must not be read as one."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import (
    declared_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.context import Context
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import settings_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.workload import read_workload
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    config_map,
    container,
    mounting,
    run,
    service,
    workload,
)

NESTED = "spring:\n  lifecycle:\n    timeout-per-shutdown-phase: 45s\n"
UNREADABLE = "is set to a value that cannot be read here"
PROPERTY = "spring.lifecycle.timeout-per-shutdown-phase"
PLACE = f"ConfigMap shop/settings application.yml {PROPERTY}"


def timeout(files: dict[str, Any], path: str = "/config", volume: dict[str, Any] | None = None, **fields: Any) -> Any:
    """(seconds, source) of a container that sees these files; None where it declares nothing."""
    mounted, pod = mounting("settings", path, **(volume or {}))
    context = Context()
    context.add(config_map(**files))
    read = read_workload(workload(container(**mounted | fields), pod=pod))
    found = declared_timeout(settings_of(read, read.containers[0], context))
    return found and (found.seconds, found.source)


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("application.yml", NESTED),
        ("application.yaml", "spring.lifecycle:\n  timeoutPerShutdownPhase: 45s\n"),
        ("application.yml", "spring.lifecycle.timeout_per_shutdown_phase: 45000\n"),
        ("application.yml", "server: {shutdown: graceful}\n---\n" + NESTED),
        ("application.yml", NESTED.replace("45s", "1s") + "---\n" + NESTED),
        ("application.properties", f"server.shutdown=graceful\n{PROPERTY}=45s\n"),
        ("application.properties", f"{PROPERTY} : 45s\n"),
        ("application.properties", f"{PROPERTY}=1s\n#---\n{PROPERTY} = PT45S\n"),
    ],
)
def test_springs_files_are_read_in_all_their_spellings(file: str, text: str) -> None:
    assert timeout({file: text}) == (45, f"ConfigMap shop/settings {file} {PROPERTY}")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("application.yml", "{{ .Values.spring }}\nshutdown"),
        ("application.yml", "- shutdown"),
        ("application.yml", NESTED.replace("45s", "[45]")),
        ("application.yml", NESTED.replace("45s", "true")),
        ("application.yml", "spring: [lifecycle: shutdown]"),
        ("application.yml", "spring: &a {x: *a, shutdown: 1}"),
        ("application.properties", f"#{PROPERTY}=45s\n! {PROPERTY}=45s"),
        ("logback.yml", NESTED),
        ("application.yml.bak", NESTED),
        ("application-prod.yml", NESTED),
        ("application.yml", "spring.config.activate.on-profile: prod\n" + NESTED.replace("spring:\n  ", "spring.")),
    ],
)
def test_nothing_else_is_taken_for_springs_timeout(file: str, text: str) -> None:
    assert timeout({file: text}) is None


def test_a_placeholder_is_set_to_what_is_not_known() -> None:
    found = timeout({"application.yml": NESTED.replace("45s", "${DRAIN:45s}")})
    assert found == (None, f"unknown: ConfigMap shop/settings application.yml {PROPERTY} {UNREADABLE}")


@pytest.mark.parametrize("name", ["application.yml", "fluent-bit.yaml"])
@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000])
def test_nesting_without_end_ends_nothing(name: str, text: str) -> None:
    # PyYAML's C code would end the process.
    assert timeout({name: f"shutdown: {text}"}, image="fluent/fluent-bit:4.1") is None


def test_merges_of_merges_that_no_server_could_read_are_unknown_at_once() -> None:
    bomb = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 20}]}}\n" for n in range(1, 12))
    started = time.process_time()
    assert timeout({"application.yml": bomb + NESTED}) is None
    assert time.process_time() - started < 2


@pytest.mark.parametrize("file", ["application.properties", "fluent-bit.conf"])
def test_no_line_takes_long(file: str) -> None:
    started = time.process_time()
    timeout(
        {file: f"[SERVICE]\n    grace shutdown{' ' * 50_000}x\nshutdown=x{' ' * 50_000}x\n"}, image="a/fluent-bit:4"
    )
    assert time.process_time() - started < 2


def test_a_long_value_is_not_put_in_a_thousand_times() -> None:
    read = read_workload(workload(container(env=env(A="a" * 1000, B="b"))))
    settings = settings_of(read, read.containers[0], Context())
    assert settings.put_in("${A}${B}${C}", re.compile(r"\$\{(\w+)\}")) == "${A}b${C}"


def test_the_last_active_profile_that_has_a_value_decides() -> None:
    files = {name: NESTED.replace("45s", value) for name, value in [("application.yml", "10s")]}
    files |= {"application-eu.yml": NESTED.replace("45s", "20s"), "application-prod.yml": NESTED}
    assert timeout(files)[0] == 10
    assert timeout(files, env=env(SPRING_PROFILES_ACTIVE="prod"))[0] == 45
    assert timeout(files, env=env(SPRING_PROFILES_ACTIVE="prod, eu,debug"))[0] == 20
    assert timeout(files, args=["--spring.profiles.active=prod"], env=env(SPRING_PROFILES_ACTIVE="eu"))[0] == 45


def test_a_document_for_a_profile_holds_where_that_is_active() -> None:
    text = NESTED + "---\nspring.config.activate.on-profile: prod\nspring.lifecycle.timeout-per-shutdown-phase: 90s\n"
    assert timeout({"application.yml": text})[0] == 45
    assert timeout({"application.yml": text}, env=env(SPRING_PROFILES_ACTIVE="prod"))[0] == 90


def test_the_environment_wins_over_a_file() -> None:
    variable = "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE"
    assert timeout({"application.yml": NESTED}, env=env(**{variable: "5s"})) == (5, f"env {variable}")


def test_an_item_gives_a_key_its_name_as_a_file() -> None:
    renamed = {"items": [{"key": "spring", "path": "application.yml"}]}
    assert timeout({"spring": NESTED, "other": "x"}, volume=renamed) == (45, PLACE.replace("application.yml", "spring"))
    assert timeout({"application.yml": NESTED}, volume={"items": [{"key": "x", "path": "y"}]}) is None


def test_a_sub_path_shows_one_file_of_the_volume() -> None:
    def mount(sub_path: str) -> Any:
        mounts = [{"name": "config", "mountPath": "/app/application.yml", "subPath": sub_path}]
        return timeout({"application.yml": NESTED, "other.yml": "x"}, volumeMounts=mounts)

    assert mount("application.yml") == (45, PLACE)
    assert mount("other.yml") is None


GUNICORN = ["gunicorn", "-c", "/etc/gunicorn/conf.py", "app:main"]
CONF = "workers = 2\ngraceful_timeout = 60  # seconds\n"


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("conf.py", {"command": GUNICORN}),
        ("conf.py", {"command": ["gunicorn", "--config=file:/etc/gunicorn/conf.py"]}),
        ("conf.py", {"command": ["sh", "-c", "cd /etc && exec gunicorn -c gunicorn/conf.py app"]}),
        ("conf.py", {"env": env(GUNICORN_CMD_ARGS="-c /etc/gunicorn/conf.py")}),
        ("gunicorn.conf.py", {"command": ["gunicorn", "app:main"]}),
        ("gunicorn.conf.py", {}),
    ],
)
def test_gunicorns_file_is_read(file: str, fields: dict[str, Any]) -> None:
    found = timeout({file: CONF}, path="/etc/gunicorn", **fields)
    assert found == (60, f"ConfigMap shop/settings {file} graceful_timeout")


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        pytest.param("conf.py", "# graceful_timeout = 60", GUNICORN, id="a comment"),
        pytest.param("conf.py", "timeout = 60", GUNICORN, id="the worker's timeout"),
        pytest.param("other.py", CONF, GUNICORN, id="another file"),
        pytest.param("gunicorn.conf.py", CONF, GUNICORN, id="another file is named"),
        pytest.param("conf.py", CONF, ["sh", "-c", "gunicorn app"], id="the -c of a shell"),
    ],
)
def test_nothing_else_is_taken_for_gunicorns_timeout(file: str, text: str, command: list[str]) -> None:
    assert timeout({file: text}, path="/etc/gunicorn", command=command) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("graceful_timeout = int(os.environ['X'])", id="computed"),
        pytest.param("if eu:\n    graceful_timeout = 60\n", id="on a condition"),
        pytest.param("graceful_timeout = 60\ngraceful_timeout = 5", id="twice"),
    ],
)
def test_what_gunicorns_file_works_out_is_not_known(text: str) -> None:
    found = timeout({"conf.py": text}, path="/etc/gunicorn", command=GUNICORN)
    assert found == (None, f"unknown: ConfigMap shop/settings conf.py graceful_timeout {UNREADABLE}")


def test_an_argument_wins_over_gunicorns_file() -> None:
    found = timeout({"conf.py": CONF}, path="/etc/gunicorn", command=[*GUNICORN, "--graceful-timeout", "5"])
    assert found == (5, "argument --graceful-timeout")


CONTROLLER = "registry.k8s.io/ingress-nginx/controller:v1.13.3@sha256:0"
ARGS = ["/nginx-ingress-controller", "--configmap=$(POD_NAMESPACE)/settings", "--election-id=x"]
OPTION = "worker-shutdown-timeout"


def controller(data: dict[str, Any] | None, args: list[str] | None = None, image: str = CONTROLLER) -> Any:
    """What an ingress controller declares; its ConfigMap is not known where `data` is None."""
    context = Context()
    if data is not None:
        context.add(config_map(**data))
    read = read_workload(workload(container("controller", image=image, args=args or ARGS)))
    found = declared_timeout(settings_of(read, read.containers[0], context))
    return found and (found.seconds, found.source)


def test_ingress_nginx_is_told_by_the_config_map_of_its_argument() -> None:
    assert controller({OPTION: "90s"}) == (90, f"ConfigMap shop/settings {OPTION}")
    assert controller({OPTION: "5m"})[0] == 300
    assert controller({OPTION: "90s"}, ["/nginx-ingress-controller", "--configmap", "shop/settings"])[0] == 90
    other = "example.com/nginx-ingress-controller:0.25"
    assert controller({OPTION: "90s"}, image=other) == (90, f"ConfigMap shop/settings {OPTION}")


def test_ingress_nginx_has_a_default_where_nothing_else_is_said() -> None:
    default = f"default of ingress-nginx for {OPTION}"
    silent = f"{default}, which ConfigMap shop/settings does not set"
    assert controller({}) == (240, silent)
    assert controller({"use-gzip": "true"}) == (240, silent)
    assert controller(None, ["/nginx-ingress-controller"]) == (240, default)


def test_the_delay_before_ingress_nginx_stops_its_workers_counts() -> None:
    assert controller({OPTION: "90s"}, [*ARGS, "--shutdown-grace-period=5"])[0] == 95
    assert controller({}, [*ARGS, "--post-shutdown-grace-period=5"])[0] == 240


def test_ingress_nginx_without_its_config_map_is_unknown_and_says_which() -> None:
    assert controller(None) == (None, f"unknown: ConfigMap shop/settings, which may set {OPTION}, is not known")


def test_the_default_is_that_of_ingress_nginx_alone() -> None:
    assert controller({}, image="example.com/nginx-ingress-controller:0.25") is None
    assert controller({OPTION: "90s"}, ["/haproxy"], image="example.com/haproxy:3") is None
    assert controller({OPTION: "soon"}) is None
    assert controller({}, [*ARGS[:1], "--configmap=$(CONFIG_NAMESPACE)/settings"]) is None


SERVICE = "[SERVICE]\n    Flush 1\n    Grace 25\n"
INPUT = "[INPUT]\n    Name tail\n"


def fluent_bit(image: str = "fluent/fluent-bit:4.1", **files: str) -> Any:
    return timeout({name.replace("_", "."): text for name, text in files.items()}, image=image)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fluent-bit.conf", SERVICE),
        ("fluent-bit.conf", "[Service]\n  # a comment\n  grace  25\n" + INPUT),
        ("fluent-bit.yaml", "service:\n  grace: 25\npipeline:\n  inputs: [{name: tail}]\n"),
    ],
)
def test_fluent_bits_grace_is_read(name: str, text: str) -> None:
    assert timeout({name: text}, image="fluent/fluent-bit:4.1") == (25, f"ConfigMap shop/settings {name} service grace")


def test_fluent_bits_default_holds_where_its_whole_configuration_is_known() -> None:
    default = (5, "default of Fluent Bit for grace, which ConfigMap shop/settings main.conf does not set")
    assert fluent_bit(main_conf="[SERVICE]\n    Flush 1\n" + INPUT) == default
    assert fluent_bit(main_conf="@INCLUDE input-*.conf\n[SERVICE]\n    Flush 1\n") is None
    assert (
        fluent_bit(**{"main_conf": "@INCLUDE input-*.conf\n[SERVICE]\n    Flush 1\n", "input-a_conf": INPUT}) == default
    )
    assert fluent_bit(main_conf=INPUT) is None
    assert fluent_bit(main_yaml="service: {flush: 1}\nincludes: [more.yaml]\n") is None


@pytest.mark.parametrize(
    "text", ["service: [grace]", "- 1", "service: &a {b: *a}", "service: {grace: ${G}}", "{{", "service: {grace: [1]}"]
)
def test_an_odd_configuration_of_fluent_bit_declares_nothing(text: str) -> None:
    assert fluent_bit(main_yaml=text) in (
        None,
        (5, "default of Fluent Bit for grace, which ConfigMap shop/settings main.yaml does not set"),
    )


def test_what_is_not_fluent_bit_has_no_grace() -> None:
    assert fluent_bit(image="example/fluent-bit-exporter:1", main_conf=SERVICE) is None


def test_only_the_duration_of_a_config_map_reaches_the_report() -> None:
    mounted, pod = mounting("settings", "/config")
    text = "datasource:\n  password: hunter2\n" + NESTED
    spec = container(**mounted, envFrom=[{"configMapRef": {"name": "env"}}])
    objects = (config_map(**{"application.yml": text}), config_map("env", API_KEY="hunter2"), service())
    result = run(workload(spec, drain=None, pod=pod), *objects)
    assert result.workload["budget"]["drain"] == 45
    assert result.workload["budget"]["sources"]["drain"] == PLACE
    assert "hunter2" not in str(result.report)
