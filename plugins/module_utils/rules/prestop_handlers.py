# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of lifecycle handlers that do not do what they promise: tcpSocket, httpGet, and sleep on an old cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.case import Case
from ansible_collections.graceful.termination.plugins.module_utils.kube.versions import (
    SLEEP_ACTION,
    SLEEP_ZERO,
    Version,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.prestop import (
    NEEDED_FOR_PAUSE,
    hooked_containers,
    sleep_remedy,
    without_pause,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.remedy import (
    POSTSTART_REMOVE,
    PRESTOP_EXEC_SLEEP,
    PRESTOP_REMOVE,
    PRESTOP_SLEEP,
    Remedy,
)
from ansible_collections.graceful.termination.plugins.module_utils.rules.rule import Hit, Rule
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.events import (
    HOOK_FAILED,
    HTTP_FALLBACK,
)
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.evidence.evidence import EVENTS

# Names of ports that speak something else.
_ANOTHER = re.compile(
    r"^(?:transport|cluster|peer|gossip|grpc|tcp|udp|amqp|mqtt|redis|mysql|postgres(?:ql)?|mongo(?:db)?|kafka)(?:-|$)"
)


def _tcp_socket(case: Case) -> Iterator[Hit]:
    for container in case.workload.all_containers:
        if container.post_start and container.post_start.kind == "tcpSocket":
            # One finding a container: with this hook it does not even start, so its preStop can wait.
            yield Hit(
                "the kubelet has no tcpSocket handler for postStart, though the API accepts it: the hook fails and "
                "the container is killed and restarted",
                f"{container.path}.lifecycle.postStart.tcpSocket",
                Remedy(POSTSTART_REMOVE, "check what the hook was meant to wait for"),
                container,
            )
        elif container.pre_stop and container.pre_stop.kind == "tcpSocket":
            remedy = sleep_remedy(case)
            if container.native_sidecar:
                remedy = Remedy(PRESTOP_REMOVE, "a native sidecar stops after the application: it needs no delay")
            yield Hit(
                "the kubelet has no tcpSocket handler for preStop, though the API accepts it: the hook fails at once "
                "and SIGTERM follows without any delay",
                f"{container.path}.lifecycle.preStop.tcpSocket",
                remedy,
                container,
                numbers={"prestop_seconds": 0},
            )


def _sleep_unsupported(case: Case) -> Iterator[Hit]:
    for container in hooked_containers(case):
        hook = container.pre_stop
        if hook is None or hook.kind != "sleep":
            continue
        needed = SLEEP_ACTION if hook.seconds else SLEEP_ZERO
        if case.oldest < needed:
            yield Hit(
                f"the sleep action of {hook.seconds} s needs Kubernetes {needed}, but {_without_sleep(case, needed)}",
                f"{container.path}.lifecycle.preStop.sleep",
                Remedy(PRESTOP_EXEC_SLEEP, "check whether the image has a shell"),
                container,
                numbers={"prestop_seconds": hook.seconds},
            )


def _without_sleep(case: Case, needed: Version) -> str:
    """What happens to a sleep action before the version that has it.

    The API server drops a field whose feature is off, and validation then refuses the hook without a handler; or it
    refuses 0 s. A kubelet whose feature is off returns from the hook at once, and an older one knows no such handler.
    """
    if case.version >= needed:
        return (
            f"a kubelet of {case.oldest} runs it: the hook returns or fails at once, and SIGTERM follows without any "
            "delay"
        )
    if case.workload.origin.file is None:
        return (
            f"this is {case.version}, whose API server has it enabled: a kubelet without it returns from the hook at "
            "once, and SIGTERM follows without any delay"
        )
    dropped = "drops the field and refuses the empty hook" if needed == SLEEP_ACTION else "refuses 0 s"
    return f"the API server of {case.version} {dropped}: the whole object is refused, and nothing is deployed"


def _http_unverified(case: Case) -> Iterator[Hit]:
    if case.has_shutdown_manager:
        return  # it answers when the connections have ended
    for container in case.workload.containers:
        hook = container.pre_stop
        if hook is None or hook.kind != "httpGet":
            continue
        events = case.seen.events
        reasons = {event.reason for event in events if event.container == container.name}
        named = isinstance(hook.port, str) and not hook.port.isdecimal()
        nameless = named and hook.port not in {port.name for port in container.ports}
        other = next(
            (port.name for port in container.ports if _ANOTHER.search(port.name) and port.number == hook.port), ""
        )
        message = (
            "the preStop hook is an httpGet: the kubelet ignores its status and has no timeout for it, so a 404 or an "
            "early answer counts as done, and SIGTERM follows at once"
        )
        if nameless:
            message = (
                f"the preStop hook calls port '{hook.port:.20}', but no port of the container has that name: the hook "
                "fails at once and SIGTERM follows without any delay"
            )
        elif HOOK_FAILED in reasons:
            message = (
                f"the preStop hook is an httpGet that got no answer when a pod stopped (event {HOOK_FAILED}): SIGTERM "
                "followed without any delay"
            )
        elif other:
            message += f"; port {hook.port} is declared as '{other:.20}', which is unlikely to answer HTTP"
        elif HTTP_FALLBACK in reasons:
            message += f"; a pod answered HTTP where HTTPS is declared (event {HTTP_FALLBACK})"
        yield Hit(
            message,
            f"{container.path}.lifecycle.preStop.httpGet",
            Remedy(PRESTOP_SLEEP, "check what the endpoint does"),
            container,
            "error" if nameless or HOOK_FAILED in reasons else None,
        )


def _command_fails(case: Case) -> Iterator[Hit]:
    for container in hooked_containers(case):
        fault = case.hook_of(container).fault
        if not fault or container in without_pause(case):  # of these, prestop-missing says it
            continue
        yield Hit(
            f"the preStop hook fails at once: {fault}. SIGTERM follows as if there were no hook",
            f"{container.path}.lifecycle.preStop.exec",
            Remedy(PRESTOP_REMOVE, "what the hook was meant to do is for its owner to say: write a command that works"),
            container,
            numbers={"prestop_seconds": 0},
        )


RULES = (
    Rule(
        id="prestop-tcp-socket",
        title="tcpSocket lifecycle handler never works",
        severity="error",
        evidence="static",
        why="The API accepts tcpSocket for lifecycle hooks, but the kubelet has no such handler: the delay does not "
        "exist.",
        exceptions=("tcpSocket in a probe is fine",),
        check=_tcp_socket,
        remedies=(PRESTOP_SLEEP, PRESTOP_EXEC_SLEEP, PRESTOP_REMOVE, POSTSTART_REMOVE),
        seed="2 settings: preStop",
    ),
    Rule(
        id="prestop-http-unverified",
        title="httpGet preStop hook guarantees nothing",
        severity="warning",
        evidence="static",
        why="The kubelet neither looks at the status nor sets a timeout. A missing endpoint, or one that answers "
        "before the drain is done, gives no delay at all, and no event says so. An event of a hook without an "
        "answer makes it an error.",
        exceptions=(
            "exec and sleep hooks",
            "a shutdown-manager, which answers when the connections have ended",
            "a port by number that no container declares: the declaration is optional",
        ),
        check=_http_unverified,
        remedies=(PRESTOP_SLEEP,),
        by_hand=True,
        seed="2 settings: preStop",
        observes=(EVENTS,),
    ),
    Rule(
        id="prestop-command-fails",
        title="Command of a preStop hook that cannot run",
        severity="warning",
        evidence="context",
        why="No shell reads the command of a hook, so that a whole command line in one item is the name of a file that "
        "does not exist. The hook fails each time, whatever it was meant to save or hand over.",
        exceptions=(
            "where a pause is missing as well: prestop-missing, which says the same",
            "a path with a blank in the name of a folder",
            "a program that may or may not be in the image",
            "a script that a shell runs, whatever its commands are",
        ),
        check=_command_fails,
        remedies=(PRESTOP_REMOVE,),
        by_hand=True,
        seed="2 settings: preStop",
        needs=NEEDED_FOR_PAUSE,
    ),
    Rule(
        id="sleep-action-unsupported",
        title="Sleep action on a cluster that does not run it",
        severity="error",
        evidence="context",
        why="An API server before 1.30 drops the field and refuses the object with the empty hook that is left. A "
        "kubelet before 1.30 returns from the hook at once, or fails it: then there is no delay.",
        exceptions=("Kubernetes 1.30 and later", "seconds: 0 from 1.33"),
        check=_sleep_unsupported,
        remedies=(PRESTOP_EXEC_SLEEP,),
        seed="2 settings: preStop",
        since="1.29",
        needs=("Node",),
    ),
)
