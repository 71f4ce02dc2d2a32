# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a route lets a request last, as its owner wrote it. The defaults of proxies are nobody's word."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_DURATION = re.compile(r"(?:\d{1,6}(?:\.\d{1,9})?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds that a route gives a request; `source` names object and field.

    `whole`: no request on the route lasts longer; else it is how long one may be silent.
    """

    seconds: int
    source: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Setting:
    """An annotation of an Ingress. `controller` is a word in the classes of what reads it.

    `numbers`: one without a unit is seconds, which others refuse or count as milliseconds; `durations`: one with units.
    """

    controller: str
    annotation: str
    whole: bool = False
    numbers: bool = False
    durations: bool = True


# nginx and HAProxy count from one read or write to the next. Envoy's timeout of a route, which Contour sets, ends with
# the whole answer. Traefik has none on an Ingress.
_SETTINGS = (
    _Setting("nginx", "nginx.ingress.kubernetes.io/proxy-read-timeout", numbers=True, durations=False),
    _Setting("nginx", "nginx.ingress.kubernetes.io/proxy-send-timeout", numbers=True, durations=False),
    _Setting("nginx", "nginx.org/proxy-read-timeout", numbers=True),
    _Setting("nginx", "nginx.org/proxy-send-timeout", numbers=True),
    _Setting("contour", "projectcontour.io/response-timeout", whole=True),
    _Setting("haproxy", "haproxy-ingress.github.io/timeout-server"),
    _Setting("haproxy", "haproxy.org/timeout-server"),
    _Setting("azure", "appgw.ingress.kubernetes.io/request-timeout", numbers=True, durations=False),
)
CONTROLLERS = tuple(dict.fromkeys(setting.controller for setting in _SETTINGS))


def ingress_timeouts(title: str, controllers: tuple[str, ...], annotations: Mapping[str, str]) -> Iterator[Timeout]:
    """What annotations for these of CONTROLLERS say; `title` is that of the Ingress."""
    for setting in _SETTINGS:
        text = annotations.get(setting.annotation, "").strip()
        if re.fullmatch(r"\d{1,7}", text):
            seconds = int(text) if setting.numbers else None
        else:
            seconds = duration(text) if setting.durations else None
        if seconds and setting.controller in controllers:
            yield Timeout(seconds, f"{title} {setting.annotation.partition('/')[2]}", setting.whole)


def duration(text: str) -> int | None:
    """A duration such as 1m30s, rounded up to seconds; None for what is none."""
    if not _DURATION.fullmatch(text):
        return None
    return math.ceil(sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text)))
