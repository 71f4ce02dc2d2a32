# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that a user declares: how they are recognised, what counts, and which entries are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import parse_version
from ansible_collections.graceful.termination.plugins.module_utils.run.options import AUDIT_OPTIONS, read_options
from ansible_collections.graceful.termination.plugins.module_utils.run.run import run_audit, run_remediate
from ansible_collections.graceful.termination.plugins.module_utils.sources.manifests import ManifestSource
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import (
    BUILT_IN,
    Catalogue,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.declared import read_servers
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import UNLIMITED
from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    TEMPLATES,
    Result,
    config_map,
    container,
    mounting,
    run,
    service,
    workload,
)

SAID = "(termination_servers: Gateway; its README)"
GATEWAY: dict[str, Any] = {
    "name": "Gateway",
    "source": "its README",
    "programs": ["gateway"],
    "images": ["acme/gateway"],
    "flags": ["--drain"],
    "variables": ["GATEWAY_DRAIN"],
    "keys": [{"file": "gateway.conf", "key": "drain"}],
    "default": 40,
}


def audited(spec: dict[str, Any], *around: dict[str, Any], pod: dict[str, Any] | None = None, **entry: Any) -> Result:
    """The audit of a served workload, with one entry."""
    one = workload(spec, drain=None, grace=900, pod=pod)
    return run(one, service(), *around, servers=[{**GATEWAY, **entry}])


def allowance(spec: dict[str, Any], *around: dict[str, Any], **more: Any) -> tuple[int | None, str, str] | None:
    """(seconds, how, source without the entry's name) of the allowance."""
    found = audited(spec, *around, **more).workload["budget"]["allowance"]
    if found is None:
        return None
    assert found["source"].endswith(SAID)
    return found["seconds"], found["how"], found["source"].removesuffix(SAID).strip()


def named(*command: str, **fields: Any) -> dict[str, Any]:
    """A container with this command."""
    return container(command=list(command), **fields)


def env(name: str, value: str) -> list[dict[str, str]]:
    """An environment of one variable."""
    return [{"name": name, "value": value}]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (named("gateway"), (40, "default", "default of Gateway")),
        (named("/opt/gateway", "--drain=50s"), (50, "declared", "argument --drain of Gateway")),
        (named("gateway", env=env("GATEWAY_DRAIN", "60")), (60, "declared", "env GATEWAY_DRAIN")),
        (container(image="acme/gateway:1"), (40, "default", "default of Gateway")),
        (container(image="mirror.example/hub/acme/gateway"), (40, "default", "default of Gateway")),
        (container(image="acme/gateway", args=["--drain", "50"]), (50, "declared", "argument --drain of Gateway")),
    ],
)
def test_it_is_recognised_and_its_settings_count(spec: dict[str, Any], expected: tuple[int, str, str]) -> None:
    assert allowance(spec) == expected


@pytest.mark.parametrize("text", ["drain = 55\n", "drain: 55s", 'a=1\n  "drain": "55",\n', "drain 55"])
def test_a_line_of_a_file_counts(text: str) -> None:
    mounted, pod = mounting("settings", "/etc/gateway")
    spec = named("gateway", **mounted)
    found = allowance(spec, config_map(**{"gateway.conf": text}), pod=pod)
    assert found == (55, "declared", "ConfigMap shop/settings gateway.conf drain")
    assert allowance(spec, config_map(**{"other.conf": text}), pod=pod) == (40, "default", "default of Gateway")


@pytest.mark.parametrize(
    ("file", "key", "text"),
    [
        ("gateway.json", "drain_timeout", '{"listen": 8080, "drain_timeout": 300}'),
        ("gateway.yaml", "shutdown.timeout", "shutdown:\n  timeout: 300\n"),
    ],
)
def test_a_file_in_a_form_that_is_not_read_leaves_no_default(file: str, key: str, text: str) -> None:
    mounted, pod = mounting("settings", "/etc/gateway")
    keys = [{"file": file, "key": key}]
    found = audited(named("gateway", **mounted), config_map(**{file: text}), pod=pod, keys=keys).workload["budget"]
    assert (found["drain"], found["known"]) == (None, False)
    other = audited(named("gateway", **mounted), config_map(**{file: "listen: 8080\n"}), pod=pod, keys=keys)
    assert (other.workload["budget"]["drain"], other.workload["budget"]["known"]) == (40, True)


def test_a_file_of_a_secret_makes_the_default_uncertain() -> None:
    spec = named("gateway", volumeMounts=[{"name": "conf", "mountPath": "/etc/gateway"}])
    found = audited(spec, pod={"volumes": [{"name": "conf", "secret": {"secretName": "gateway"}}]}).workload["budget"]
    assert (found["drain"], found["known"]) == (40, False)


def test_what_cannot_be_read_is_unknown() -> None:
    found = audited(named("gateway", "--drain=$(SECONDS)")).workload["budget"]
    assert (found["drain"], found["known"]) == (None, False)


@pytest.mark.parametrize(
    "spec",
    [
        named("gateways"),
        named("app", "--drain=50"),
        named("app", env=env("GATEWAY_DRAIN", "60")),
        container(image="acme/gateway-exporter"),
        container(image="acme2/gateway"),
        container(image="acme/gateway", command=["app"]),
    ],
)
def test_nothing_else_is_taken_for_it(spec: dict[str, Any]) -> None:
    assert audited(spec).workload["budget"]["allowance"] is None


def test_an_image_with_its_registry_is_that_one_alone() -> None:
    entry: dict[str, Any] = {"images": ["registry.example:5000/gateway"], "programs": None}
    assert allowance(container(image="registry.example:5000/gateway:2"), **entry)
    for image in ("gateway", "other.example/gateway", "registry.example:5000/x/gateway"):
        assert audited(container(image=image), **entry).workload["budget"]["allowance"] is None


def test_the_default_counts_only_where_the_signal_reaches_it() -> None:
    assert audited(named("sh", "-c", "gateway; true")).workload["budget"]["allowance"] is None
    quits: dict[str, Any] = {"drains_on": ["SIGQUIT"], "stop_signal": "QUIT"}
    assert allowance(container(image="acme/gateway"), **quits) == (40, "default", "default of Gateway")
    assert audited(named("gateway", image="registry.example/base"), **quits).workload["budget"]["allowance"] is None


def test_a_signal_that_ends_it_at_once_is_a_finding() -> None:
    result = audited(named("gateway"), ends_on=["TERM"])
    finding = result.one("server-ends-at-once")
    assert f"SIGTERM ends Gateway at once: nothing in flight is finished {SAID}" in finding["message"]
    assert result.workload["budget"]["drain"] is None


def test_it_wins_over_what_is_built_in() -> None:
    entry = {"name": "gunicorn", "programs": "gunicorn", "flags": "--graceful-timeout", "images": None}
    command = ("gunicorn", "--graceful-timeout=50")
    files, pod = mounting("settings", "/etc/app")
    config = config_map(**{"gunicorn.conf.py": "graceful_timeout = 70\n"})
    for spec, seconds in ((named(*command, **files), 50), (named("gunicorn", **files), 40)):
        found = audited(spec, config, pod=pod, **entry).workload["budget"]
        assert (found["drain"], found["known"]) == (seconds, True)
        assert found["allowance"]["source"].endswith("(termination_servers: gunicorn; its README)")
    built_in = run(workload(named(*command), drain=None, grace=900), service()).workload["budget"]
    assert built_in["allowance"]["source"] == "argument --graceful-timeout"


def test_a_need_above_it_is_a_finding_with_the_setting_to_change() -> None:
    one = workload(named("gateway"), drain=120, grace=900)
    finding = run(one, service(), servers=[GATEWAY]).one("server-timeout-too-short")
    assert SAID in finding["message"] and finding["evidence"] == "context"
    assert "--drain=120" in finding["snippet"]


def test_no_limit_and_no_default() -> None:
    found = audited(named("gateway"), default="unlimited").workload["budget"]
    assert (found["allowance"]["bound"], found["drain"]) == ("unlimited", None)
    assert audited(named("gateway"), default=None).workload["budget"]["allowance"] is None


@pytest.mark.parametrize(
    ("given", "spec", "seconds"),
    [
        (8, named("gateway"), 8),
        ("8", named("gateway"), 8),
        ({"variables": ["PAUSE"], "unit": "ms"}, named("gateway", env=env("PAUSE", "8000")), 8),
        ({"flags": ["--pause"], "default": 5}, named("gateway", "--pause=8s"), 8),
        ({"flags": ["--pause"], "default": 8}, named("gateway"), 8),
        ({"flags": ["--pause"]}, named("gateway"), 0),
        (8, named("app"), 0),
        (8, named("sh", "-c", "gateway; true"), 0),
        ({"variables": ["PAUSE"]}, named("app", env=env("PAUSE", "8")), 0),
    ],
)
def test_its_own_delay(given: Any, spec: dict[str, Any], seconds: int) -> None:
    budget = audited(spec, own_delay=given).workload["budget"]
    assert budget["own_delay"] == seconds
    assert (SAID in budget["sources"]["own_delay"]) == bool(seconds)


def test_an_own_delay_stands_in_for_a_pause() -> None:
    spec = named("gateway", lifecycle=None)
    assert audited(spec).of("prestop-missing")
    assert not audited(spec, own_delay=10).of("prestop-missing")


def test_a_worker_that_requeues_lacks_only_the_margin() -> None:
    spec = named("gateway", "--drain=30")
    one = workload(spec, drain=None, grace=45, annotations={"graceful.termination/profile": "worker"})
    for requeues in (True, False):
        finding = run(one, servers=[{**GATEWAY, "requeues": requeues}]).one("grace-period-insufficient")
        assert ("back in their queue" in finding["message"]) == requeues


def test_texts_of_a_form_are_read_as_lists() -> None:
    (server,) = read_servers([{**GATEWAY, "programs": "gateway, gatewayd", "ends_on": "INT", "requeues": "true"}])
    assert (server.programs, server.drains_on, server.ends_on) == (("gateway", "gatewayd"), ("TERM",), ("INT",))
    assert server.requeues
    (server,) = read_servers([{**GATEWAY, "ends_on": ["term"], "default": "unlimited", "flags": "", "unit": ""}])
    assert (server.drains_on, server.ends_on, server.default) == ((), ("TERM",), UNLIMITED)
    assert read_servers(None) == read_servers([]) == ()
    assert Catalogue.with_declared(()) is BUILT_IN


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": ""}, r"servers\[0\].name: '' is no name"),
        ({"name": "a`b"}, r"servers\[0\].name: 'a`b' is no name"),
        ({"source": " "}, r"servers\[0\]: source is missing: say how all this is known"),
        ({"programs": [], "images": ""}, r"servers\[0\]: neither programs nor images: name what tells"),
        ({"programs": ["/bin/gateway"]}, r"servers\[0\].programs: '/bin/gateway' is not valid here; a program is"),
        ({"programs": ["python3.12"]}, r"servers\[0\].programs: 'python3.12' runs any program: name the one"),
        ({"programs": ["sh"]}, r"servers\[0\].programs: 'sh' runs any program"),
        ({"programs": ["tini"]}, r"servers\[0\].programs: 'tini' runs any program"),
        ({"programs": ["java"]}, r"servers\[0\].programs: 'java' runs any program"),
        ({"images": ["gateway"]}, r"servers\[0\].images: 'gateway' is not valid here; an image is its path with at"),
        ({"images": ["acme/gateway:1"]}, r"servers\[0\].images: 'acme/gateway:1' is not valid here"),
        ({"flags": ["drain"]}, r"servers\[0\].flags: 'drain' is not valid here; a flag is such as --drain-timeout"),
        ({"variables": ["A B"]}, r"servers\[0\].variables: 'A B' is not valid here"),
        ({"keys": ["drain"]}, r"servers\[0\].keys: must be a list of maps such as \{file: app.conf"),
        ({"keys": [{"file": "/etc/a.conf", "key": "a"}]}, r"servers\[0\].keys.file: '/etc/a.conf' is no name of a"),
        ({"keys": [{"file": "a.conf"}]}, r"servers\[0\].keys.key: it is missing"),
        (
            {"keys": [{"file": "a.conf", "line": "a"}]},
            r"servers\[0\].keys: unknown key 'line'; valid keys are file",
        ),
        ({"unit": "seconds"}, r"servers\[0\].unit: 'seconds' is not one of s, ms, m, h"),
        ({"default": "30s"}, r"servers\[0\].default: '30s' is not a whole number of seconds from 0 to 86400, nor unl"),
        ({"default": True}, r"servers\[0\].default: must be text"),
        ({"default": 86401}, r"servers\[0\].default: '86401' is not"),
        ({"own_delay": "5s"}, r"servers\[0\].own_delay: '5s' is not a whole number of seconds"),
        ({"own_delay": True}, r"servers\[0\].own_delay: must be a number of seconds, or a map with the keys flags"),
        ({"own_delay": {"seconds": 5}}, r"servers\[0\].own_delay: unknown key 'seconds'; valid keys are flags"),
        ({"own_delay": {"default": "unlimited"}}, r"servers\[0\].own_delay.default: a delay has an end"),
        ({"drains_on": ["STOP IT"]}, r"servers\[0\].drains_on: 'STOP IT' is no signal such as TERM or QUIT"),
        ({"stop_signal": "9"}, r"servers\[0\].stop_signal: '9' is no signal"),
        ({"drains_on": ["QUIT"], "ends_on": ["QUIT"]}, r"servers\[0\]: SIGQUIT is in drains_on and in ends_on"),
        ({"requeues": "maybe"}, r"servers\[0\].requeues: 'maybe' is neither true nor false"),
        ({"timeout": 5}, r"servers\[0\]: unknown key 'timeout'; valid keys are name, source, programs"),
    ],
)
def test_a_malformed_entry_is_an_error_that_says_which(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_servers([{**GATEWAY, **entry}])


def test_an_entry_that_is_no_map_and_two_of_one_name_are_errors() -> None:
    with pytest.raises(ValueError, match=r"servers\[0\]: must be a map with the keys name, source"):
        read_servers(["gateway"])
    with pytest.raises(ValueError, match="servers: two entries are named 'Gateway'"):
        read_servers([GATEWAY, GATEWAY])


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: app
          image: acme/gateway:1
          args: [--drain=60]
          ports: [{containerPort: 8080}]
          lifecycle: {preStop: {sleep: {seconds: 10}}}
"""


@pytest.mark.parametrize("check", [True, False])
def test_a_whole_run_reads_the_option(tmp_path: Path, check: bool) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    parameters = {name: option.get("default") for name, option in AUDIT_OPTIONS.items()}
    given = {"source": ".", "_directory": str(tmp_path), "_snippets": TEMPLATES, "servers": [GATEWAY]}
    chosen = read_options(parameters | given | {"rules": ["grace-period-insufficient"]})
    source = ManifestSource(str(tmp_path), ".", chosen.selection, parse_version("1.34"), version_assumed=False)
    (one,) = run_audit(source, chosen).report["workloads"]
    assert (one["budget"]["drain"], one["budget"]["required"]) == (60, 80)
    assert run_remediate(source, chosen, check=check).changed
    assert ("terminationGracePeriodSeconds: 80" in file.read_text()) == (not check)
