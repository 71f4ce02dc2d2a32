# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/servers.md: how servers stop, made from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.declared_timeout import READERS
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.catalogue import GROUPS
from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    DIGITS_ONLY,
    UNIT_REQUIRED,
    UNLIMITED,
    FileKey,
    Flag,
    JsonKey,
    Options,
    Place,
    Server,
    SpringKey,
    Switch,
)
from ansible_collections.graceful.termination.tools.calibration.servers import read_cases
from ansible_collections.graceful.termination.tools.calibration.servers_page import proven
from ansible_collections.graceful.termination.tools.calibration.stops import RESULTS
from ansible_collections.graceful.termination.tools.calibration.variants import read_json

_HEAD = """# Servers

Made by `make docs` from `plugins/module_utils/workload/catalogue/`; a test fails when it is stale.
[CONTRIBUTING.md](../CONTRIBUTING.md#add-a-server) says how to add a server.

For how long a server goes on with what is in flight after its stop signal, before it cuts the rest: its *allowance* in
the [budget](report.md#the-budget). A setting counts before the default. A default counts only where the signal
certainly reaches the server itself: not behind a shell, npm or a start script. It raises no grace period: whether any
request takes that long, only its owner knows.

Servers of your own are declared with `termination_servers`, in the same form and with the settings in plain lists. They
win over what is built in, and the report names the entry wherever a number rests on it. A wrong entry makes a wrong
all-clear: declare what is certain, and say in `source` how it is known. All keys are in
[the role](../roles/audit/meta/argument_specs.yml). Where several places are set, flags count before variables, and
these before keys of files.

```yaml
- name: Audit with our own gateway
  hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: graceful.termination.audit
      vars:
        termination_source: examples
        termination_servers:
          - name: edge gateway
            images: [acme/gateway]
            programs: [gateway]
            flags: [--drain-timeout]
            variables: [GATEWAY_DRAIN_TIMEOUT]
            keys:
              - file: gateway.conf
                key: drain_timeout
            default: 40
            own_delay: 5
            ends_on: [INT]
            source: its source code, cmd/serve.go, as of release 3.2
```

*Seen*: stopped on kind with requests under way, and what was lost and finished was what an audit says:
[servers on a kubelet](servers-on-kind.md).

*Drains on*: the signals after which it finishes what is in flight. *New requests are refused*: when, or what becomes of
those that arrive meanwhile. "depends" says why nothing is assumed; "no limit" means until SIGKILL at the end of the
grace period.
"""
_COLUMNS = ("server", "drains on", "by default", "at the end", "new requests are refused", "seen")
_UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "m": "minutes",
    "h": "hours",
    UNIT_REQUIRED: "an error",
    DIGITS_ONLY: "seconds, and a unit makes it ignore the value",
}


def render_servers() -> str:
    """The catalogue as Markdown: a table of each group, and the settings of each server."""
    text, seen = _HEAD, proven(read_cases(), read_json(RESULTS))
    for title, servers in GROUPS.items():
        rows = "".join(_row(server, server.name in seen) for server in servers)
        head = (
            "| server | drains on | by default | at the end | new requests are refused | seen |\n" + "|---" * 6 + "|\n"
        )
        text += f"\n## {title}\n\n{head}{rows}" + "".join(_entry(server) for server in servers)
    return text


def _row(server: Server, seen: bool) -> str:
    drains = _signals(server.drains_on) or "none"
    cells = (server.name, drains, _default(server), server.at_end, server.refuses_new, "yes" if seen else "")
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _default(server: Server) -> str:
    if not server.drains_on and server.ends_on:
        return "ends at once"
    if server.default is None:
        return "depends" if server.unknown_because else "not assumed"
    if server.default == UNLIMITED:
        return "no limit"
    return f"{server.default:g} s"


def _entry(server: Server) -> str:
    lines = "".join(f"- {label}: {_escaped(text)}\n" for label, text in _facts(server) if text)
    return f"\n### {server.name}\n\n{lines}"


def _facts(server: Server) -> Iterator[tuple[str, str]]:
    images = (f"image `{image}`" for image in server.images)
    known = ", ".join([*(f"`{name}`" for name in server.programs), *images])
    yield "known by", f"{known} with `{server.subcommand}`" if server.subcommand else known
    yield "whatever its arguments, in", ", ".join(f"image `{image}`" for image in server.entrypoints)
    declared = server.image_signal if server.image_signal != "TERM" else ""
    yield "its images declare", f"SIG{declared}" if declared else ""
    yield "ends at once on", _signals(server.ends_on)
    yield "timeout", "; ".join(map(_place, server.timeout))
    yield "timeout, too", "keys of a file that is mounted from a ConfigMap" if server.name in READERS else ""
    yield "a timeout of 0", "no limit" if server.zero_is_unlimited else ""
    yield "no limit with", ", ".join(f"`{name}`" for name in server.waits_where)
    yield "its timeout counts only with", _switch(server.drains_where)
    yield "does not drain with", ", ".join(map(_switch, server.ends_where))
    yield "default", _hedged(server)
    yield "own delay", "; ".join(map(_place, server.own_delay))
    yield "its own delay counts only with", "" if server.own_delay_built_in else _switch(server.own_delay_where)
    yield "its own delay is no pause by itself", _built_in(server)
    yield "file of any name, given by", ", ".join(f"`{flag.name}`" for flag in server.config_flags)
    yield "what is not done in time", "goes back to its queue" if server.requeues else ""
    yield "to set N seconds", server.advice.replace("{seconds}", "N")
    yield "note", server.note
    yield "source", ", ".join(server.source)


def _hedged(server: Server) -> str:
    if server.unknown_because:
        return f"depends: {server.unknown_because}"
    if server.default is None:
        return ""
    told = "it waits without limit" if server.default == UNLIMITED else f"{server.default:g} s"
    if server.default_since:
        told += f" from {server.default_since[0][1]} on"
    return f"{told}, unless {server.file_in_image} of its image says otherwise" if server.file_in_image else told


def _built_in(server: Server) -> str:
    return f"only the build of its image sets `{server.own_delay_built_in}`" if server.own_delay_built_in else ""


def _place(place: Place) -> str:
    if isinstance(place, Options):
        return f"the same in `{place.name}`"
    kind, where = "variable", ""
    if isinstance(place, Flag):
        kind = "argument"
    elif isinstance(place, JsonKey):
        kind, where = "key", f" of the JSON in `{place.variable}`"
    elif isinstance(place, SpringKey):
        kind, where = "key", " of application.yml or application.properties"
    elif isinstance(place, FileKey):
        kind, where = "key", " of a file that is mounted from a ConfigMap"
    unit = "" if place.unit == "s" else f" (a number without a unit: {_UNITS[place.unit]})"
    return f"{kind} `{place.name}`{where}{unit}"


def _switch(switch: Switch | None) -> str:
    return f"`{switch.name}: {switch.value}`" if switch else ""


def _signals(signals: tuple[str, ...]) -> str:
    return ", ".join(f"SIG{signal}" for signal in signals)


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Markdown in which names with stars and underscores stay what they are."""
    parts = text.split("`")
    return "`".join(part if n % 2 else part.replace("*", "\\*").replace("_", "\\_") for n, part in enumerate(parts))
