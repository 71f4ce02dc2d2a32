# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers of PHP."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    APPLICATION,
    WORKER,
    FileKey,
    Flag,
    Server,
)

_FPM_FILE = r"(?:www|zz[\w.-]*|docker|[\w.-]*fpm[\w.-]*)\.conf"
_CONTROL_TIMEOUT = FileKey(
    "process_control_timeout",
    _FPM_FILE,
    r"^[ \t]*process_control_timeout[ \t]*=[ \t]*([^\s;]+)",
    last_wins=True,
)

SERVERS = (
    Server(
        name="php-fpm",
        role=APPLICATION,
        programs=("php-fpm",),
        images=("library/php:fpm",),
        config_flags=(Flag("-y"), Flag("--fpm-config")),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        image_signal="QUIT",
        signal_since=(("library/php", "7.3.5"),),
        timeout=(_CONTROL_TIMEOUT,),
        default=0,
        file_in_image="php-fpm.conf",
        at_end="ends the children with SIGTERM, then SIGKILL",
        refuses_new="they wait and are dropped at the end",
        advice="process_control_timeout = {seconds} and the stop signal SIGQUIT",
        note="with its default of 0 it does not drain on SIGQUIT either",
        source=("php-src, sapi/fpm/fpm/fpm_process_ctl.c; tried with 8.2",),
    ),
    Server(
        name="php-fpm (Bitnami)",
        role=APPLICATION,
        images=("bitnami/php-fpm", "bitnamilegacy/php-fpm"),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        timeout=(_CONTROL_TIMEOUT,),
        default=0,
        file_in_image="php-fpm.conf",
        at_end="ends the children at once",
        advice="process_control_timeout = {seconds} and the stop signal SIGQUIT",
        note="its image declares no stop signal, so SIGTERM arrives",
        source=("bitnami/containers, bitnami/php-fpm/8.3",),
    ),
    Server(
        name="Laravel queue worker",
        role=WORKER,
        programs=("artisan queue:work",),
        drains_on=("TERM", "QUIT"),
        image_signal="",
        unknown_because="without the extension pcntl, which official images lack, it handles no signal",
        at_end="a job is killed after --timeout (60 s by default), and comes back after retry_after",
        refuses_new="takes no further job",
        advice="--timeout={seconds}",
        note="images built on php:fpm declare SIGQUIT, which it handles from Laravel 9.24 on; SIGWINCH it does not",
        source=("laravel/framework 13, src/Illuminate/Queue/Worker.php",),
    ),
    Server(
        name="Laravel Horizon",
        role=WORKER,
        programs=("artisan horizon",),
        drains_on=("TERM", "INT"),
        image_signal="",
        default=60,
        file_in_image="config/horizon.php",
        at_end="ends, and in a container its workers with it",
        refuses_new="takes no further job",
        advice="'timeout' => {seconds} in config/horizon.php",
        note="it does not handle SIGQUIT and SIGWINCH, which images built on php:fpm and php:apache declare",
        source=("laravel/horizon, src/MasterSupervisor.php",),
    ),
    Server(
        name="RoadRunner",
        role=APPLICATION,
        programs=("rr",),
        drains_on=(),
        unknown_because="it closes connections at once; only its PHP workers may finish",
        at_end="gives its plugins up after endure.grace_period (30 s)",
        advice="endure.grace_period: {seconds}s, and a preStop pause as long as a request",
        source=("roadrunner-server/http, servers/http11/http.go",),
    ),
    Server(
        name="FrankenPHP",
        role=APPLICATION,
        programs=("frankenphp",),
        images=("dunglas/frankenphp",),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        unknown_because="its PHP threads are killed 30 s after the signal from 1.12.5 on, and waited for before",
        own_delay=(FileKey("shutdown_delay", r"Caddyfile", r"^[ \t]*shutdown_delay[ \t]+(\S+)"),),
        at_end="cuts the connections",
        refuses_new="at once",
        advice="grace_period {seconds}s",
        note="`grace_period` of its Caddyfile is for connections; no setting changes the 30 s",
        source=("php/frankenphp, caddy/app.go and phpmainthread.go",),
    ),
)
