# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than the one they get. Static form: what the object itself says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.container import Container, image_name
from ansible_collections.graceful.termination.plugins.module_utils.hook_command import Command, commands_in
from ansible_collections.graceful.termination.plugins.module_utils.hook_stop import stops_server
from ansible_collections.graceful.termination.plugins.module_utils.remedy import STOP_SIGNAL, UWSGI_SIGTERM, Remedy
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.shape import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.version import Version

_FIELD_SINCE = Version(1, 33)  # behind the gate ContainerStopSignals, alpha and off by default up to 1.37
_SIGNAL = re.compile(r"SIG([A-Z]{2,6}[0-9]{0,2})")
# Program: (the signal on which it drains, official images, which declare that signal themselves).
_SERVERS = {
    "nginx": ("QUIT", ("nginx", "nginxinc/nginx-unprivileged")),
    "php-fpm": ("QUIT", ("php",)),
    "httpd": ("WINCH", ("httpd",)),
    "httpd-foreground": ("WINCH", ("httpd",)),
    "apache2": ("WINCH", ("php",)),
    "haproxy": ("USR1", ("haproxy",)),
    "postgres": ("INT", ("postgres",)),
}
_CONFIGURES_UWSGI = re.compile(
    r"--(?:die-on-term|ini|xml|ya?ml|json|conf|emperor|hook|include|inherit|sqlite|ldap|zerg)|-[xyj]$|\$|_$|"
    r"(?:\.|:)(?:ini|xml|ya?ml|json|conf|lua)\b"
)
_CONFIGURES_UWSGI_IN_ENV = re.compile(r"UWSGI_(?:DIE_ON_TERM|INI|XML|YA?ML|JSON|CONF|EMPEROR|HOOK|INCLUDE|INHERIT)")


def _field_dropped(case: Case, container: Container) -> Iterator[Hit]:
    """What a manifest says. A live object that has the field is of a server whose gate is on."""
    workload = case.workload
    if not container.stop_signal or workload.origin.file is None:
        return
    system = workload.pod.get("os")
    severity = "error"
    if case.version < _FIELD_SINCE:
        message = f"is a field that Kubernetes {case.version} does not know (new in {_FIELD_SINCE})"
    elif not (isinstance(system, dict) and system.get("name")):
        message = "needs spec.os.name beside it: without that it is refused where its feature gate is on, else dropped"
    else:
        message = "is dropped without a word unless the feature gate ContainerStopSignals is on (alpha, off by default)"
        severity = "warning"
    seconds, drain = case.policy.prestop_for(case.profile.traits)[0], case.budget.drain.seconds or case.budget.margin
    signal = _SIGNAL.fullmatch(container.stop_signal)
    values = {
        "signal": signal[1] if signal else "TERM",
        "drain_seconds": drain,
        "grace_seconds": max(workload.grace + seconds, seconds + drain + case.budget.margin),
    }
    yield Hit(
        f"lifecycle.stopSignal {container.stop_signal:.20} {message}; the server gets its image's signal or SIGTERM, "
        "and what it drops then is lost",
        f"{container.path}.lifecycle.stopSignal",
        Remedy(STOP_SIGNAL, "whether the image has a shell, and which signal it declares itself, is not known", values),
        container,
        severity,
    )


def _last_command(container: Container) -> Command | None:
    """What the container runs in the end, where its command is written out."""
    commands = commands_in(container.words) if container.command else []
    return commands[-1] if commands else None


def _uwsgi_reloads(container: Container) -> Iterator[Hit]:
    command = _last_command(container)
    if command is None or command.program != "uwsgi" or not {"--master", "-M"} & set(command.words):
        return
    names = [str(entry.get("name")) for entry in get_maps(container.spec, "env", container.path)]
    if (
        any(_CONFIGURES_UWSGI.search(word[:500]) for word in command.words)
        or any(map(_CONFIGURES_UWSGI_IN_ENV.match, names))
        or container.spec.get("envFrom")
    ):
        return
    yield Hit(
        "uWSGI reloads on SIGTERM instead of stopping, unless it is told otherwise: requests in flight are cut, and "
        "the pod runs on until it is killed",
        f"{container.path}.command",
        Remedy(UWSGI_SIGTERM, "a changed reaction to signals is for its owner to test"),
        container,
        "info",
    )


def _is_official(container: Container, images: tuple[str, ...]) -> bool:
    name = image_name(container)
    for host in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(host)
    return name in images or any(name.endswith(f"library/{image}") for image in images)


def _signal_unseen(container: Container) -> Iterator[NotEvaluated]:
    command = _last_command(container)
    if command is None:
        return
    program = "php-fpm" if re.fullmatch(r"php-fpm[\d.]{0,5}", command.program) else command.program
    signal, images = _SERVERS.get(program, ("", ()))
    if program == "httpd" and image_name(container).rpartition("/")[2] == "busybox":
        return  # busybox has a small server of that name, not Apache's
    if signal and not _is_official(container, images):
        yield NotEvaluated(
            f"{program} drains on SIG{signal}; whether it gets that is STOPSIGNAL of the image, which the Kubernetes "
            "API does not show"
        )


def _mismatch(case: Case) -> Iterator[Hit | NotEvaluated]:
    batch = case.profile.name == "batch"
    for container in (*case.workload.containers, *case.workload.sidecars):
        yield from _field_dropped(case, container)
        if batch or container.stop_signal or container.native_sidecar or _stops_by_hook(container):
            continue
        yield from _uwsgi_reloads(container)
        yield from _signal_unseen(container)


def _stops_by_hook(container: Container) -> bool:
    """Whether the preStop hook stops the server, so that the stop signal comes too late to matter."""
    words = container.pre_stop.command if container.pre_stop else ()
    return any(stops_server(command, " ".join(words)) for command in commands_in(words))


RULES = (
    Rule(
        id="stop-signal-mismatch",
        title="Server does not get the signal on which it drains",
        severity="warning",
        evidence="static",
        why="nginx, php-fpm and Apache stop at once on SIGTERM and drain on another signal; uWSGI reloads. Images set "
        "the right one, or not; the field of the same purpose is alpha, and dropped without a word.",
        traps=(
            "official images, which declare their signal",
            "a hook that stops the server gracefully",
            "an init that rewrites the signal (dumb-init --rewrite)",
            "a live object that kept the field: its server has the feature on",
            "uWSGI with a configuration file or variables that may say otherwise",
        ),
        check=_mismatch,
        seed="nine steps: 4",
        remedies=(STOP_SIGNAL, UWSGI_SIGTERM),
    ),
)
