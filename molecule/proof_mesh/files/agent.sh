#!/bin/sh
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Stands for Istio's agent, which starts Envoy and on SIGTERM drains its inbound listeners, waits for terminationDrainDuration (5 s
# by default) whatever the application does, and ends it.
envoy --config-path /etc/proxy/envoy.yaml --concurrency 2 --drain-time-s 45 --drain-strategy immediate --log-level warning &
envoy=$!
stop() {
  curl --silent --request POST 'http://127.0.0.1:15000/drain_listeners?inboundonly&graceful&skip_exit'
  sleep 5
  kill -KILL $envoy
  exit 0
}
trap stop TERM
wait $envoy
