# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that drain on another signal than the one they get, or are stopped while they do. What the object says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.graceful.termination.plugins.module_utils.budget.budget import compute_budget
from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.fields import get_maps
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import Version
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    DEFAULT_VARIABLES,
    STOP_SIGNAL,
    UWSGI_SIGTERM,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, NotEvaluated, Rule
from ansible_collections.graceful.termination.plugins.module_utils.workload.commands import commands_in
from ansible_collections.graceful.termination.plugins.module_utils.workload.container import Container
from ansible_collections.graceful.termination.plugins.module_utils.workload.hook_time import HookTime
from ansible_collections.graceful.termination.plugins.module_utils.workload.server_stop import hook_stops_server

_FIELD_SINCE = Version(1, 33)  # behind the gate ContainerStopSignals, alpha and off by default up to 1.37
_SIGNAL = re.compile(r"SIG([A-Z]{2,6}[0-9]{0,2})")
_CONFIGURES_UWSGI = re.compile(
    r"--(?:die-on-term|ini|xml|ya?ml|json|conf|emperor|hook|include|inherit|sqlite|ldap|zerg)|-[xyj]$|\$|_$|"
    r"(?:\.|:)(?:ini|xml|ya?ml|json|conf|lua)\b"
)
_CONFIGURES_UWSGI_IN_ENV = re.compile(r"UWSGI_(?:DIE_ON_TERM|INI|XML|YA?ML|JSON|CONF|EMPEROR|HOOK|INCLUDE|INHERIT)")


def stop_signal_values(case: Case, container: Container) -> dict[str, Any]:
    """What the snippet stop-signal needs for a container; `signal_known` and `drain_known` tell values from defaults.

    The grace period is the one that an audit of the patched workload asks for, and no less time to drain than before.
    """
    default = DEFAULT_VARIABLES[STOP_SIGNAL]
    declared, running = _SIGNAL.fullmatch(container.stop_signal), case.signalled_server(container)
    known = declared[1] if declared else running.server.image_signal if running else ""
    # A value that is no signal goes into no command.
    signal = known or ("TERM" if container.stop_signal else default["signal"])
    drain = case.drain_of(container).expected
    waits = drain or default["drain_seconds"]
    paused = case.wanted_prestop[0]
    hook = HookTime(paused + waits, True, "snippet stop-signal", signal=signal, waits=waits)
    required = compute_budget(case.workload, case.profile, case.policy, prestop={container.name: hook}).required
    added = max(paused - case.hook_of(container).seconds, 0)
    return {
        "signal": signal,
        "signal_known": bool(known),
        "drain_seconds": waits,
        "drain_known": drain is not None,
        "grace_seconds": max(case.workload.grace + added, required),
    }


def _field_dropped(case: Case, container: Container) -> Iterator[Hit]:
    """What a manifest says. A live object that has the field comes from a server whose gate is on."""
    workload = case.workload
    if not container.stop_signal or workload.origin.file is None:
        return
    system = workload.pod.get("os")
    severity = "error"
    if case.version < _FIELD_SINCE:
        message = f"is a field that Kubernetes {case.version} does not know (new in {_FIELD_SINCE})"
    elif not (isinstance(system, dict) and system.get("name")):
        message = "needs spec.os.name: without it the field is refused where its feature gate is on, else dropped"
    else:
        message = "is dropped silently unless the feature gate ContainerStopSignals is on (alpha, off by default)"
        severity = "warning"
    yield Hit(
        f"lifecycle.stopSignal {container.stop_signal:.20} {message}; the server gets its image's signal or SIGTERM, "
        "and what it drops then is lost",
        f"{container.path}.lifecycle.stopSignal",
        Remedy(
            STOP_SIGNAL,
            "check whether the image has a shell, and which stop signal it declares",
            stop_signal_values(case, container),
        ),
        container,
        severity,
    )


def _uwsgi_reloads(container: Container) -> Iterator[Hit]:
    commands = commands_in(container.words) if container.command else []
    command = commands[-1] if commands else None
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
        "uWSGI reloads on SIGTERM instead of stopping, unless it is configured otherwise: requests in flight are cut, "
        "and the pod runs on until it is killed",
        f"{container.path}.command",
        Remedy(UWSGI_SIGTERM, "its owner must test the changed signal handling"),
        container,
        "info",
    )


def _signal_unseen(case: Case, container: Container) -> Iterator[NotEvaluated]:
    running = case.signalled_server(container)
    if running and container.command and not running.official:
        server = running.server
        yield NotEvaluated(
            f"{server.name} drains on SIG{server.image_signal}. STOPSIGNAL of the image decides whether it gets that, "
            "and the Kubernetes API does not show it"
        )


def _stopped_while_draining(case: Case, container: Container) -> Iterator[Hit]:
    """A hook that asks for the drain, and SIGTERM after it before the drain is over."""
    hook, running = case.hook_of(container), case.signalled_server(container)
    drain = case.drain_of(container).expected or 0
    if running is None or not running.is_first or running.official:
        return
    server = running.server
    if not server.cut_by_term or hook.signal != server.image_signal:
        return
    if not case.workload.application_is_pid1 or hook.waits >= drain:
        return
    yield Hit(
        f"the preStop hook sends {server.name} SIG{server.image_signal} and waits {hook.waits} s, but its requests "
        f"take {drain} s: unless the image declares another stop signal, SIGTERM follows and cuts what is in flight "
        "then",
        f"{container.path}.lifecycle.preStop.exec",
        Remedy(STOP_SIGNAL, "its owner must keep what else the hook does", stop_signal_values(case, container)),
        container,
        numbers={"waits_seconds": hook.waits, "drain_seconds": drain},
        evidence=case.profile.drain_evidence,
    )


def _mismatch(case: Case) -> Iterator[Hit | NotEvaluated]:
    batch = case.profile.name == "batch"
    for container in case.workload.all_containers:
        yield from _field_dropped(case, container)
        if batch or container.stop_signal or container.native_sidecar:
            continue
        if hook_stops_server(container):
            yield from _stopped_while_draining(case, container)
            continue
        yield from _uwsgi_reloads(container)
        yield from _signal_unseen(case, container)


RULES = (
    Rule(
        id="stop-signal-mismatch",
        title="Server does not get the signal on which it drains",
        severity="warning",
        evidence="static",
        why="nginx, php-fpm and Apache stop at once on SIGTERM and drain on another signal; uWSGI reloads. Images "
        "declare the right one, or not; the field for it is alpha and dropped silently elsewhere.",
        exceptions=(
            "official images, which declare their signal",
            "a hook that stops the server gracefully, and waits as long as its requests take",
            "an init that rewrites the signal (dumb-init --rewrite)",
            "a live object that kept the field: its server has the feature on",
            "uWSGI with a configuration file or variables that may say otherwise",
        ),
        check=_mismatch,
        seed="nine steps: 4",
        remedies=(STOP_SIGNAL, UWSGI_SIGTERM),
        needs=("ConfigMap",),
    ),
)
