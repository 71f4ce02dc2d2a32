# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shutdown timeouts that a server declares for itself: in its arguments, its environment or a file of a ConfigMap.

Only what is written is taken. A default is none where a configuration file inside the image may say otherwise.
"""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.celery import celery_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.fluent_bit import fluent_bit_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.haproxy import haproxy_timeout
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.ingress_nginx import (
    ingress_nginx_timeout,
)
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.servers import SERVERS
from ansible_collections.graceful.termination.plugins.module_utils.budget.declared.timeout import Timeout
from ansible_collections.graceful.termination.plugins.module_utils.snapshot.settings import Settings

READERS = (
    *(server.timeout for server in SERVERS),
    celery_timeout,
    ingress_nginx_timeout,
    fluent_bit_timeout,
    haproxy_timeout,
)


def declared_timeout(settings: Settings) -> Timeout | None:
    """The longest timeout that a container declares, "without limit" being the longest; None when it declares none."""
    found = [timeout for timeout in (read(settings) for read in READERS) if timeout]
    unlimited = [timeout for timeout in found if timeout.seconds is None]
    return unlimited[0] if unlimited else max(found, key=lambda timeout: timeout.seconds or 0, default=None)
