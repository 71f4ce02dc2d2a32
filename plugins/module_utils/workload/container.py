# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container of a pod template, as the kubelet will run and stop it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import (
    Obj,
    Unreadable,
    get,
    get_map,
    get_maps,
    get_texts,
    line_of,
)
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell import commands_of, script_of
from ansible_collections.graceful.termination.plugins.module_utils.workload.shell_less import calls_shell, lacks_shell

# The pause image by any of its names, such as pause-amd64 or mirrored-pause.
_PAUSE = re.compile(r"(^|[/-])pause(-\w+)?$")
_IDLES = re.compile(r"(?:exec\s+)?(?:\S*/)?(?:(?:sleep|echo)(?:\s|$)|tail\s+-[fF]\s+/dev/null$|(?:pause|true|:)$)")
HANDLERS = ("exec", "httpGet", "sleep", "tcpSocket")
INJECTED_IMAGE = "auto"  # Istio fills in the container, its probes too
PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


@dataclass(frozen=True, slots=True)
class Handler:
    """A lifecycle handler. `kind` is one of HANDLERS; `seconds` for sleep, `command` for exec, `port` for httpGet.

    `windows`: Windows runs the command. `bare`: the command needs a shell, and an image of this name has none.
    """

    kind: str
    seconds: int = 0
    command: tuple[str, ...] = ()
    port: int | str = 0
    windows: bool = False
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A declared container port; `name` is empty and `host_port` 0 when there is none."""

    number: int
    name: str = ""
    host_port: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """An application container, or a native sidecar (an init container with restartPolicy Always).

    `path` names it in messages; `line` is 1-based in its file or None; `spec` is the object as it was read.
    """

    name: str
    image: str
    path: str
    line: int | None
    spec: Obj
    native_sidecar: bool
    command: tuple[str, ...]
    args: tuple[str, ...]
    ports: tuple[Port, ...]
    pre_stop: Handler | None
    post_start: Handler | None
    probes: dict[str, Obj]
    stop_signal: str = ""  # lifecycle.stopSignal, such as SIGQUIT

    @property
    def words(self) -> tuple[str, ...]:
        """Command and arguments in one row, as the process sees them."""
        return self.command + self.args


def read_container(spec: Obj, path: str, *, native_sidecar: bool = False, windows: bool = False) -> Container:
    """Read and check one entry of `containers` or `initContainers` of a Linux or a Windows pod. Raises Unreadable."""
    name = get(spec, "name", str, path, "")
    if not name:
        raise Unreadable(f"{path}: a container without a name", line_of(spec))
    path = f"{path.rsplit('[', 1)[0]}[{name}]"
    lifecycle = get_map(spec, "lifecycle", path)
    image = get(spec, "image", str, path, "")

    def handler(hook: str) -> Handler | None:
        found = _read_handler(lifecycle, hook, f"{path}.lifecycle", windows=windows)
        lacks = found is not None and not windows and calls_shell(found.command) and lacks_shell(image)
        return replace(found, bare=True) if found and lacks else found

    return Container(
        name=name,
        image=image,
        path=path,
        line=line_of(spec),
        spec=spec,
        native_sidecar=native_sidecar,
        command=get_texts(spec, "command", path),
        args=get_texts(spec, "args", path),
        ports=tuple(_read_port(port, path) for port in get_maps(spec, "ports", path)),
        pre_stop=handler("preStop"),
        post_start=handler("postStart"),
        probes={probe: get_map(spec, probe, path) for probe in PROBES if spec.get(probe)},
        stop_signal=get(lifecycle, "stopSignal", str, f"{path}.lifecycle", ""),
    )


def _read_port(port: Obj, path: str) -> Port:
    return Port(
        number=get(port, "containerPort", int, f"{path}.ports", 0),
        name=get(port, "name", str, f"{path}.ports", ""),
        host_port=get(port, "hostPort", int, f"{path}.ports", 0),
    )


def _read_handler(lifecycle: Obj, hook: str, path: str, *, windows: bool) -> Handler | None:
    spec: dict[str, Any] = get_map(lifecycle, hook, path)
    kinds = [kind for kind in HANDLERS if spec.get(kind) is not None]
    if not kinds:
        return None
    if len(kinds) > 1:
        raise Unreadable(f"{path}.{hook} has {' and '.join(kinds)}: the API server allows one handler", line_of(spec))
    kind, path = kinds[0], f"{path}.{hook}"
    body = get_map(spec, kind, path)
    seconds = get(body, "seconds", int, f"{path}.{kind}", 0) if kind == "sleep" else 0
    if seconds < 0:
        raise Unreadable(f"{path}.{kind}.seconds cannot be negative", line_of(body))
    return Handler(
        kind=kind,
        seconds=seconds,
        command=get_texts(body, "command", f"{path}.{kind}") if kind == "exec" else (),
        port=port if isinstance(port := body.get("port"), int | str) else 0,
        windows=windows,
    )


def image_name(container: Container) -> str:
    """The image without its tag and digest, such as registry.k8s.io/ingress-nginx/controller."""
    folder, slash, name = container.image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}"


def is_idle(container: Container) -> bool:
    """Whether it is a placeholder: the pause image, or a command that does nothing but sleep."""
    if not container.command:
        return bool(_PAUSE.search(image_name(container)))
    script = script_of(container.words)
    commands = commands_of(script) if script is not None else [" ".join(container.words)]
    return bool(commands) and all(_IDLES.match(command) for command in commands)
