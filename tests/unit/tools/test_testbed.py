# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of the test cluster: what is built again, what the cluster is made from, what they say. No Docker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from testbed import artefacts, daemon, golang, images, settings

from ansible_collections.graceful.termination.tests.unit.tools.loading import TOOLS, load

NO_DOCKER = "unix:///nowhere/docker.sock"


# --- What is built again ---------------------------------------------------------------------------------------------


def test_a_file_is_made_again_when_its_inputs_change(tmp_path: Path) -> None:
    shop = artefacts.Workshop(tmp_path, tmp_path / "tmp")
    shop.tmp.mkdir()
    target, new = shop.bin / "kind", shop.tmp / "kind"
    assert not shop.is_made(target, "one")
    new.write_text("program")
    shop.finish(new, target, "one")
    assert shop.is_made(target, "one")
    assert not shop.is_made(target, "two")
    target.unlink()
    assert not shop.is_made(target, "one")


def test_a_comment_of_its_code_is_no_input_but_a_command_is(tmp_path: Path) -> None:
    variants = {
        "commented": 'def f(log):\n    """Unpack."""\n    # Why\n\n    log.run("tar")\n',
        "plain": 'def f(log):\n    log.run("tar")\n',
        "other": 'def f(log):\n    log.run("tar", "-v")\n',
    }
    recipes = {}
    for name, source in variants.items():
        (tmp_path / f"{name}.py").write_text(source)
        recipes[name] = artefacts.recipe(load(tmp_path / f"{name}.py").f)
    assert recipes["commented"] == recipes["plain"] != recipes["other"]


def test_only_steps_that_are_not_done_are_done_and_numbered_among_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def step(name: str, made: bool) -> artefacts.Step:
        return artefacts.Step(
            what=name,
            digest=lambda: f"digest of {name}",
            is_made=lambda digest: made,
            make=lambda digest, log: done.append(digest),
            prepare=lambda: done.append(f"prepare {name}"),
        )

    build = load(TOOLS / "kind-node/build")
    assert build.do([step("one", True), step("image a/b:1", False), step("three", True)], tmp_path) == 1
    assert done == ["prepare image a/b:1", "digest of image a/b:1"]
    assert "[2/3] image a/b:1 … " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["image-a-b-1.log"]


@pytest.mark.parametrize(
    ("have", "wanted", "enough"),
    [
        ("1.26.6", "1.26.0", True),
        ("1.26", "1.26.0", False),
        ("1.27", "1.26.3", True),
        ("1.9.7", "1.26.0", False),
        ("1.27rc1", "1.26.0", True),
        ("", "1.26.0", False),
        ("devel +abc", "1.26.0", False),
    ],
)
def test_versions_of_go_are_compared_as_numbers(have: str, wanted: str, enough: bool) -> None:
    assert (golang.release(have) >= golang.release(wanted)) is enough


# --- The cluster and its daemon --------------------------------------------------------------------------------------


def test_the_images_have_the_versions_of_the_modules_they_are_built_from() -> None:
    assert f"k8s.io/kubernetes v{images.KUBERNETES} " in (TOOLS / "kind-node/kubernetes/go.mod").read_text()
    assert (
        f"collector/otelcol v{images.OTELCOL.partition(':')[2]}\n" in (TOOLS / "kind-node/otelcol/go.mod").read_text()
    )


@pytest.mark.parametrize(("image", "built"), [(images.BUILT_NODE, True), (images.RELEASED_NODE, False)])
@pytest.mark.parametrize("ports", [(), (30080, 30081)])
def test_the_configuration_of_kind(image: str, built: bool, ports: tuple[int, ...]) -> None:
    text = settings.kind_config(image, "sha256:1", Path("/state"), ports)
    config = yaml.safe_load(text)
    node = config["nodes"][0]
    assert text.startswith("# image sha256:1\n")
    assert node["image"] == image
    assert [mount["hostPath"] for mount in node["extraMounts"]] == ["/state/policy", "/state/audit"]
    mapped = [(entry["hostPort"], entry["listenAddress"]) for entry in node.get("extraPortMappings", [])]
    assert mapped == [(port, "127.0.0.1") for port in ports]
    patches = [yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"]]
    kubelet = next(patch for patch in patches if patch["kind"] == "KubeletConfiguration")
    assert ("cgroupDriver" in kubelet) is built
    assert ("networking" in config) is built
    assert yaml.safe_load(settings.AUDIT_POLICY)["rules"][-1] == {"level": "Metadata"}


@pytest.mark.parametrize(("bounding", "has"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_the_capability_is_read_from_the_bounding_set(bounding: str, has: bool) -> None:
    status = f"Name:\tdockerd\nCapEff:\t0000000000000000\nCapBnd:\t{bounding}\nCapAmb:\t0000000000000000\n"
    assert daemon.has_sys_resource(status) is has


def test_a_process_is_known_by_its_argument_not_by_its_number_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "docker.pid"
    assert daemon.process_with(pid_file, "--config-file=x") is None
    own = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
    pid_file.write_text(f"{os.getpid()}\n")
    assert daemon.process_with(pid_file, own) == os.getpid()
    assert daemon.process_with(pid_file, own[:-1]) is None
    ended = subprocess.Popen(["true"])
    ended.wait()
    pid_file.write_text(f"{ended.pid}\n")
    assert daemon.process_with(pid_file, "true") is None
    pid_file.write_text("")
    assert daemon.process_with(pid_file, own) is None


# --- The commands ----------------------------------------------------------------------------------------------------


def run(*command: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a tool where no Docker answers, and nothing may be installed."""
    return subprocess.run(
        [TOOLS / command[0], *command[1:]],
        env=os.environ | {"GRACEFUL_CACHE": str(cache), "DOCKER_HOST": NO_DOCKER, "PROVISION": "0"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_docker_that_is_named_and_does_not_answer_is_not_replaced(tmp_path: Path) -> None:
    result = run("docker-engine", "start", cache=tmp_path)
    assert result.returncode == 1
    assert f"docker-engine: DOCKER_HOST={NO_DOCKER} does not answer: " in result.stderr
    assert "Start it, or unset DOCKER_HOST." in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("host", [NO_DOCKER, "ssh://a b;c"])
def test_what_it_prints_can_be_evaluated(tmp_path: Path, host: str) -> None:
    script = f'code=$({TOOLS}/docker-engine env); unset DOCKER_HOST; eval "$code"; printenv DOCKER_HOST'
    line = ["bash", "-c", script]
    environment = os.environ | {"GRACEFUL_CACHE": str(tmp_path), "DOCKER_HOST": host}
    done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == f"{host}\n"


def test_a_default_docker_needs_no_variable(tmp_path: Path) -> None:
    result = run("docker-engine", "env", cache=tmp_path, DOCKER_HOST="")
    assert (result.returncode, result.stdout) == (0, "")


def test_a_daemon_of_our_own_that_does_not_run_needs_no_stop(tmp_path: Path) -> None:
    result = run("docker-engine", "stop", cache=tmp_path)
    assert (result.returncode, result.stderr) == (0, "docker-engine: no daemon of our own runs\n")


@pytest.mark.parametrize("command", [["up", "--no-node-ports"], ["status"], ["images"], ["load", "x"]])
def test_a_cluster_needs_a_docker(tmp_path: Path, command: list[str]) -> None:
    result = run("test-cluster", *command, cache=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "test-cluster: no Docker answers: run tools/docker-engine start first\n"


def test_without_a_docker_there_is_no_cluster_to_delete(tmp_path: Path) -> None:
    result = run("test-cluster", "down", cache=tmp_path, GRACEFUL_CLUSTER="mine")
    assert result.returncode == 0
    assert result.stderr == "test-cluster: no Docker answers, so there is no cluster mine\n"


@pytest.mark.parametrize(
    "command",
    [
        ["docker-engine"],
        ["docker-engine", "restart"],
        ["test-cluster"],
        ["test-cluster", "load"],
        ["kind-node/build", "x"],
    ],
)
def test_a_wrong_command_shows_the_usage(tmp_path: Path, command: list[str]) -> None:
    result = run(*command, cache=tmp_path)
    assert result.returncode > 0
    assert "usage: " in result.stderr
    assert not list(tmp_path.iterdir())


def test_they_run_on_the_standard_library_alone(tmp_path: Path) -> None:
    """Before there is a virtual environment: with no site-packages, and no link to the collection."""
    code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    for name in ("docker-engine", "test-cluster", "kind-node/build"):
        path = TOOLS / name
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOOLS), "HOME": str(tmp_path)}
        subprocess.run([sys.executable, "-S", "-c", code, path], env=environment, check=True)
