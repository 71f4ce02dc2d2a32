# shellcheck shell=bash
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts in bash share: where things are kept and how they report. Read with `source`.
# Results go to standard output, progress and errors to standard error.

set -euo pipefail

# testbed/common.py says the same.
cache=${GRACEFUL_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or GRACEFUL_CACHE}/.cache}/graceful-termination}
[[ $cache == /* ]] || cache=$PWD/$cache
tool=${0##*/}

say() { printf '%s: %s\n' "$tool" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# attempt LOG WHAT COMMAND...: run the command or function with its output in LOG and one line of progress with its
# seconds; when it fails, show the log's end and stop. `set -e` holds within, which it would not in an `if`.
attempt() {
  local log=$1 what=$2 begin=$SECONDS status
  shift 2
  mkdir -p "${log%/*}"
  printf '%s: %s … ' "$tool" "$what" >&2
  set +e
  (set -e && "$@") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if ((status)); then
    printf 'failed after %d s\n' $((SECONDS - begin)) >&2
    tail -n 20 "$log" | sed 's/^/    /' >&2
    die "failed: $what (status $status). The whole log: $log"
  fi
  printf '%d s\n' $((SECONDS - begin)) >&2
}
