# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell as PID 1, seen statically."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.graceful.termination.tests.unit.plugins.module_utils.factory import (
    container,
    run,
    sidecar,
    workload,
)

RULE = "pid1-shell-wrapper"
SEVERAL = "./wait-for-db; ./server"


def shell(script: str, *words: str) -> dict[str, Any]:
    """A container whose command is a shell with this script."""
    return container(command=[*(words or ("sh", "-c")), script])


def test_several_commands_are_a_warning_for_a_person() -> None:
    finding = run(workload(shell(SEVERAL), grace=40)).one(RULE)
    assert (finding["severity"], finding["remedy"], finding["template"]) == ("warning", "manual", "exec-entrypoint")
    assert finding["path"] == "spec.template.spec.containers[app].command"
    assert finding["numbers"] == {"commands": 2, "grace_seconds": 40}
    assert "runs until it is killed after 40 s, and what is in flight then is cut" in finding["message"]


def stopped(script: str, hook: str) -> dict[str, Any]:
    """The same with a preStop hook, which is a script as well."""
    return shell(script) | {"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", hook]}}}}


@pytest.mark.parametrize(
    "hook",
    [
        "sleep 5 && kill -TERM $(pidof server)",
        "sleep 5; pkill server",
        "killall -w server",
        "sleep 5; kill $(cat /run/server.pid)",
        "sleep 5; nginx -s quit",
        "kill -TERM -1",
    ],
)
def test_a_shell_ends_with_what_the_hook_stops_by_name(hook: str) -> None:
    assert not run(workload(stopped(SEVERAL, hook))).of(RULE)


@pytest.mark.parametrize(
    ("script", "hook"),
    [
        (SEVERAL, "sleep 5"),
        (SEVERAL, "sleep 5; kill 1"),  # the shell, which ignores it
        (SEVERAL, "kill -TERM 1"),
        (SEVERAL, "pkill -0 server"),
        ("while true; do ./server; done", "pkill server"),
        ("./server; sleep infinity", "pkill server"),
        ("./server & tail -f /dev/null", "pkill server"),
    ],
)
def test_a_shell_that_the_hook_does_not_end(script: str, hook: str) -> None:
    assert run(workload(stopped(script, hook))).one(RULE)["severity"] == "warning"


def test_behind_an_init_the_shell_ends_before_what_the_hook_has_told_to_drain() -> None:
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "pkill server"]}}}
    assert run(workload(container(command=["tini", "--", "sh", "-c", SEVERAL], lifecycle=hook))).of(RULE)


@pytest.mark.parametrize("script", ["./server", "java -jar app.jar 2>&1", "PORT=80 ./server >/dev/null"])
def test_one_simple_command_is_an_info(script: str) -> None:
    finding = run(workload(shell(script))).one(RULE)
    assert finding["severity"] == "info"
    assert "exec CHANGE-ME" in finding["snippet"]


@pytest.mark.parametrize(
    ("command", "args", "in_args"),
    [
        (["sh", "-c"], [SEVERAL], True),
        (["sh"], ["-c", SEVERAL], True),
        (["tini", "--"], ["sh", "-c", SEVERAL], True),
        (["sh", "-c", SEVERAL], ["the", "script's", "own"], False),
        (["tini", "--", "sh", "-c", SEVERAL], ["the script's own"], False),
        (["sh", "-c", SEVERAL], None, False),
    ],
)
def test_a_script_in_args_goes_with_the_new_command_and_what_the_script_gets_stays(
    command: list[str], args: list[str] | None, in_args: bool
) -> None:
    finding = run(workload(container(command=command, args=args))).one(RULE)
    assert ("args: null" in finding["snippet"]) == in_args


@pytest.mark.parametrize(
    "words",
    [
        ("/bin/sh", "-c"),
        ("bash", "-ec"),
        ("bash", "-lc"),
        ("bash", "-ce"),
        ("bash", "--login", "-c"),
        ("bash", "-o", "pipefail", "-c"),
        ("bash", "-euo", "pipefail", "-c"),
        ("/usr/bin/env", "bash", "-c"),
        ("busybox", "sh", "-c"),
        ("dash", "-e", "-c"),
    ],
)
def test_every_way_to_call_a_shell(words: tuple[str, ...]) -> None:
    assert run(workload(shell("./server & wait", *words))).one(RULE)["severity"] == "warning"


def test_command_and_args_are_one_row() -> None:
    split = container(command=["sh", "-c"], args=["./prepare && ./server"])
    assert run(workload(split)).one(RULE)["severity"] == "warning"


@pytest.mark.parametrize(
    "script",
    [
        "exec ./server",
        "./wait-for-db; exec ./server",
        "set -e\n./migrate\nexec ./server \\\n  --port 80\n",
        "cd /app && exec ./server",
        'if [ -n "$DEBUG" ]; then exec ./server -v; else exec ./server; fi',
        "UMASK=022 exec ./server",
        "./prepare # don't ask\nexec ./server 'now'",
    ],
)
def test_exec_makes_the_application_pid_1(script: str) -> None:
    assert not run(workload(shell(script))).of(RULE)


@pytest.mark.parametrize(
    "script", ["trap 'kill $child' TERM; ./server & child=$!; wait", "trap stop TERM\n./server & wait"]
)
def test_a_trap_handles_the_signal(script: str) -> None:
    assert not run(workload(shell(script))).of(RULE)


@pytest.mark.parametrize(
    "script",
    [
        "exec 2>&1; ./server",
        "exec >/var/log/server.log; ./server",
        "echo 'exec ./server'; ./server",
        "./prepare; # exec ./server\n./server",
        "find . -exec rm {} +; ./server",
        "echo trap it; ./server",
        "./prepare; tini -- ./server",
        "./server | tee log",
        "./server & wait",
        "while true; do ./server; done",
    ],
)
def test_what_only_looks_like_exec_or_trap_does_not_help(script: str) -> None:
    assert run(workload(shell(script))).one(RULE)["severity"] == "warning"


INITS = [["tini", "--"], ["/sbin/tini", "-g", "--"], ["tini", "-p", "SIGKILL"], ["dumb-init"], ["dumb-init", "-c"]]


@pytest.mark.parametrize("init", INITS)
def test_an_init_in_front_of_the_application_passes_signals_on(init: list[str]) -> None:
    for started in (["./server"], ["sh", "-c", "./wait-for-db; exec ./server"], ["sh", "-c", "sleep infinity"]):
        assert not run(workload(container(command=[*init, *started]))).of(RULE)


@pytest.mark.parametrize("init", INITS)
def test_an_init_in_front_of_a_shell_ends_with_it(init: list[str]) -> None:
    finding = run(workload(container(command=[*init, "sh", "-c", SEVERAL]))).one(RULE)
    assert finding["severity"] == "warning"
    assert "killed at that moment" in finding["message"]


@pytest.mark.parametrize("command", [["sh", "-c", "./server"], ["bash", "-c", SEVERAL]])
def test_a_shell_behind_an_init_that_may_go_is_an_info(command: list[str]) -> None:
    finding = run(workload(container(command=["tini", "--", *command]))).one(RULE)
    assert finding["severity"] == "info"
    assert "behind tini may stay" in finding["message"]


def test_an_init_that_sends_another_signal_is_silent() -> None:
    assert not run(workload(container(command=["dumb-init", "--rewrite", "15:3", "--", "bash", "-c", "a & wait"]))).of(
        RULE
    )


def test_the_snippet_puts_no_init_in_front_of_a_shell() -> None:
    assert "exec CHANGE-ME" in run(workload(shell(SEVERAL))).one(RULE)["snippet"]


@pytest.mark.parametrize("command", [None, ["./server"], ["sh", "/entrypoint.sh"], ["python", "-c", "a; b"], ["sh"]])
def test_what_is_no_shell_with_a_script_says_nothing(command: list[str] | None) -> None:
    assert not run(workload(container(command=command))).of(RULE)


def test_args_alone_follow_an_entrypoint_that_is_not_known() -> None:
    finding = run(workload(container(args=["sh", "-c", SEVERAL]))).one(RULE)
    assert (finding["severity"], finding["path"]) == ("info", "spec.template.spec.containers[app].args")
    assert finding["message"].startswith("if the image's entrypoint starts its arguments")
    # A command would replace the image's entrypoint.
    assert "args: [" in finding["snippet"]
    assert "command: [" not in finding["snippet"]


@pytest.mark.parametrize(
    "args", [["./server"], ["--port", "80"], ["sh", "-c", "./prepare; exec ./server"], ["sh", "-c", "sleep infinity"]]
)
def test_args_alone_without_a_shell_that_stays_say_nothing(args: list[str]) -> None:
    assert not run(workload(container(args=args))).of(RULE)


# --- package managers


@pytest.mark.parametrize(
    "words",
    [
        ("yarn", "start"),
        ("yarn", "run", "serve"),
        ("yarn", "node", "server.js"),
        ("/usr/local/bin/yarn", "--silent", "start"),
        ("pnpm", "start"),
        ("pnpm", "run", "serve"),
        ("sh", "-c", "./migrate; exec yarn start"),
        ("tini", "--", "yarn", "start"),
        ("npx", "next", "start"),
    ],
)
def test_a_package_manager_that_does_not_wait_for_the_application(words: tuple[str, ...]) -> None:
    finding = run(workload(container(command=list(words)))).one(RULE)
    assert (finding["severity"], finding["remedy"]) == ("warning", "manual")
    assert "killed within a second" in finding["message"]


@pytest.mark.parametrize(
    ("image", "severity"),
    [
        ("node:20", "warning"),
        ("docker.io/library/node:20-bookworm-slim", "warning"),
        ("registry.example/shop:1-debian", "warning"),
        ("registry.example/shop:1", "info"),
    ],
)
@pytest.mark.parametrize("field", ["command", "args"])
def test_npm_depends_on_the_shell_of_its_image(image: str, severity: str, field: str) -> None:
    words: dict[str, Any] = {field: ["npm", "run", "start"]}
    finding = run(workload(container(image=image, **words))).one(RULE)
    assert (finding["severity"], finding["path"].rpartition(".")[2]) == (severity, field)


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("node:20-alpine", ["npm", "start"]),
        ("node:20", ["node", "server.js"]),
        ("node:20", ["sh", "-c", "npm run build && exec node server.js"]),
        ("node:20", ["npm", "ci"]),
        ("node:20", ["yarn", "install"]),
        ("node:20", ["dumb-init", "node", "server.js"]),
        ("registry.example/npm-mirror:1", ["./npm-mirror"]),
        ("registry.example/yarn:1", ["yarn-resourcemanager"]),
    ],
)
def test_what_is_no_application_behind_a_package_manager(image: str, command: list[str]) -> None:
    assert not run(workload(container(image=image, command=command))).of(RULE)


def test_a_job_behind_a_package_manager_is_an_info() -> None:
    assert run(workload(container(command=["yarn", "report"]), kind="CronJob")).one(RULE)["severity"] == "info"


@pytest.mark.parametrize(
    "pod",
    [
        {"shareProcessNamespace": True},
        {"hostPID": True},
        {"os": {"name": "windows"}},
        {"nodeSelector": {"kubernetes.io/os": "windows"}},
    ],
)
def test_where_the_shell_is_not_pid_1_of_a_linux_pod_it_is_silent(pod: dict[str, Any]) -> None:
    assert not run(workload(shell(SEVERAL), pod=pod)).of(RULE)


def test_batch_is_an_info() -> None:
    assert run(workload(shell(SEVERAL), kind="CronJob")).one(RULE)["severity"] == "info"


def test_sidecars_are_not_judged() -> None:
    assert not run(workload(pod={"initContainers": [sidecar(command=["sh", "-c", SEVERAL])]})).of(RULE)


def test_each_container_is_a_finding() -> None:
    assert len(run(workload(shell(SEVERAL), shell(SEVERAL) | {"name": "other"})).of(RULE)) == 2


@pytest.mark.parametrize(
    "script",
    [
        SEVERAL,
        "./wait-for-db && ./server --port 80",
        "if [ ! -f /data/seed ]; then\n  ./seed\nfi\nexport MODE=prod\n./entrypoint.sh ./run.sh\n",
        "./migrate\n./server \\\n  --port 80\n",
    ],
)
def test_bash_replaces_itself_with_the_last_program(script: str) -> None:
    finding = run(workload(shell(script, "/bin/bash", "-ec"))).one(RULE)
    assert finding["severity"] == "info"
    assert "may stay PID 1" in finding["message"]
    finding = run(workload(shell(script))).one(RULE)
    assert finding["severity"] == "warning"
    assert "may" not in finding["message"]


@pytest.mark.parametrize(
    "script",
    [
        "./prepare\n./server >/dev/null",
        "./prepare\n./server | ./log",
        "./prepare\n./server\n\n",
        "./prepare\nfor port in 80 81; do ./server $port; done",
        "if true; then\n  ./server\nfi\n",
        "./server &\nwait",
        "./server &\n./tail-logs",
        "serve() {\n  ./server\n}\nserve",
        "./prepare\n. ./server.sh",
        "./prepare\n./server 'a\nb'",
        "./server <<END\nstart\nEND",
    ],
)
def test_bash_stays_for_what_it_has_to_wait_for(script: str) -> None:
    assert run(workload(shell(script, "bash", "-c"))).one(RULE)["severity"] == "warning"


@pytest.mark.parametrize("script", ["echo image pulled && sleep infinity", "sleep 1d; true", "tail -f /dev/null"])
def test_where_nothing_but_waiting_is_killed_nothing_is_lost(script: str) -> None:
    finding = run(workload(shell(script))).one(RULE)
    assert finding["severity"] == "info"
    assert "nothing is lost" in finding["message"]
    assert "30 s" in finding["message"]
