# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers, proxies and gateways."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    UNLIMITED,
    Server,
)

SERVERS = (
    Server(
        name="nginx",
        programs=("nginx",),
        images=("library/nginx", "nginxinc/nginx-unprivileged"),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        image_signal="QUIT",
        default=UNLIMITED,
        source=("https://nginx.org/en/docs/control.html",),
    ),
    Server(
        name="ingress-nginx",
        source=("https://kubernetes.github.io/ingress-nginx/",),
    ),
    Server(
        name="HAProxy",
        programs=("haproxy",),
        images=("library/haproxy",),
        drains_on=("USR1",),
        ends_on=("TERM", "INT"),
        image_signal="USR1",
        default=UNLIMITED,
        source=("https://docs.haproxy.org/3.2/management.html#4",),
    ),
    Server(
        name="Apache httpd",
        programs=("httpd", "httpd-foreground", "apache2"),
        images=("library/httpd",),
        other_images=("library/php",),
        drains_on=("WINCH",),
        ends_on=("TERM", "INT"),
        image_signal="WINCH",
        default=UNLIMITED,
        source=("https://httpd.apache.org/docs/2.4/stopping.html",),
    ),
    Server(
        name="php-fpm",
        programs=("php-fpm",),
        other_images=("library/php",),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        image_signal="QUIT",
        source=("https://www.php.net/manual/en/install.fpm.configuration.php",),
    ),
    Server(
        name="PostgreSQL",
        programs=("postgres",),
        images=("library/postgres",),
        drains_on=("TERM",),
        image_signal="INT",
        cut_by_term=False,
        note="INT rolls open transactions back and ends, TERM waits until every client has left",
        source=("https://www.postgresql.org/docs/current/server-shutdown.html",),
    ),
)
