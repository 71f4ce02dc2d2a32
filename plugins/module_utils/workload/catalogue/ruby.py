# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers of Ruby."""

from __future__ import annotations

from ansible_collections.graceful.termination.plugins.module_utils.workload.catalogue.server import (
    APPLICATION,
    UNLIMITED,
    WORKER,
    FileKey,
    Flag,
    Server,
    Variable,
)

# Of a nested one, which may be a connection's or count in one environment alone, the value is the key: not a number.
_YAML_TIMEOUT = r"^(?::?timeout:[ \t]*|[ \t]+(?=:?timeout:))([^\s#]+)"

SERVERS = (
    Server(
        name="Puma",
        role=APPLICATION,
        programs=("puma",),
        drains_on=("TERM", "INT"),
        unknown_because="with workers it kills them after 30 s, without any it waits without limit, and its "
        "configuration file is in the image",
        at_end="raises ForceShutdown in the threads; a worker is killed",
        refuses_new="at once",
        advice="force_shutdown_after {seconds} and worker_shutdown_timeout {seconds}",
        source=("puma, lib/puma/dsl.rb and cluster.rb",),
    ),
    Server(
        name="Unicorn",
        role=APPLICATION,
        programs=("unicorn", "unicorn_rails"),
        drains_on=("QUIT",),
        ends_on=("TERM", "INT"),
        timeout=(FileKey("timeout", r"unicorn\.rb", r"^[ \t]*timeout[ \t(]+([^\s#)]+)"),),
        default=60,
        file_in_image="config/unicorn.rb",
        at_end="kills the workers",
        refuses_new="they are accepted and reset at the end",
        advice="the stop signal SIGQUIT and timeout {seconds}",
        source=("unicorn, lib/unicorn/http_server.rb and SIGNALS",),
    ),
    Server(
        name="Sidekiq",
        role=WORKER,
        programs=("sidekiq", "sidekiqswarm"),
        drains_on=("TERM", "INT"),
        timeout=(
            Flag("-t"),
            Flag("--timeout"),
            FileKey(":timeout", r"sidekiq\.ya?ml", _YAML_TIMEOUT),
        ),
        default=25,
        file_in_image="config/sidekiq.yml",
        requeues=True,
        at_end="pushes unfinished jobs back to Redis, up to 4 s later",
        refuses_new="takes no further job",
        advice="-t {seconds}",
        note="SIGKILL before that loses the jobs, except with super_fetch",
        source=("sidekiq 8, lib/sidekiq/manager.rb and config.rb",),
    ),
    Server(
        name="Shoryuken",
        role=WORKER,
        programs=("shoryuken",),
        drains_on=("TERM", "INT"),
        timeout=(Flag("-t"), Flag("--timeout"), FileKey("timeout", r"shoryuken\.ya?ml", _YAML_TIMEOUT)),
        default=8,
        file_in_image="config/shoryuken.yml",
        requeues=True,
        at_end="a message becomes visible again after the visibility timeout of its queue",
        refuses_new="takes no further message",
        advice="-t {seconds}",
        source=("shoryuken 7.0.3, lib/shoryuken/launcher.rb",),
    ),
    Server(
        name="GoodJob",
        role=WORKER,
        programs=("good_job",),
        drains_on=("TERM", "INT"),
        timeout=(Flag("--shutdown-timeout"), Variable("GOOD_JOB_SHUTDOWN_TIMEOUT")),
        default=UNLIMITED,
        file_in_image="config/application.rb",
        requeues=True,
        at_end="ends the threads; the jobs run again",
        refuses_new="takes no further job",
        advice="--shutdown-timeout={seconds}",
        source=("good_job 4.19.2, lib/good_job/configuration.rb",),
    ),
    Server(
        name="Solid Queue",
        role=WORKER,
        programs=("rake solid_queue:start",),
        drains_on=("TERM", "INT"),
        ends_on=("QUIT",),
        default=5,
        file_in_image="config/application.rb",
        requeues=True,
        at_end="gives claimed jobs back to the queue",
        refuses_new="takes no further job",
        advice="config.solid_queue.shutdown_timeout = {seconds}.seconds",
        note="SIGKILL before that marks the jobs as failed",
        source=("solid_queue 1.5.0, lib/solid_queue/fork_supervisor.rb",),
    ),
    Server(
        name="Resque",
        role=WORKER,
        programs=("rake resque:work",),
        drains_on=("QUIT",),
        unknown_because="SIGTERM kills the job unless GRACEFUL_TERM or TERM_CHILD is set",
        at_end="the job is recorded as failed",
        refuses_new="takes no further job",
        advice="GRACEFUL_TERM=1",
        source=("resque 3.0.0, lib/resque/worker.rb",),
    ),
)
