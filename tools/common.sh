# shellcheck shell=bash
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tools share: where things are kept, how they report, how they install Debian packages. Read with `source`.
# Results go to standard output, progress and errors to standard error.

set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # debootstrap, dockerd and iptables live there, a plain user's PATH may not

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

# need COMMAND=PACKAGE...: install the Debian packages of those commands that are missing, or say which are.
need() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0
  local install="apt-get install --no-install-recommends ${missing[*]}"
  [[ ${PROVISION:-1} != 0 ]] || die "PROVISION=0 forbids installing what is missing: ${missing[*]}. As root: $install"
  command -v apt-get >/dev/null || die "missing, and only Debian packages can be installed from here: ${missing[*]}"
  [[ $EUID == 0 ]] || die "missing, and only root can install it: ${missing[*]}. As root: $install"
  attempt "$cache/apt.log" "installing the Debian packages ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  # A package list that cannot be refreshed is no failure as long as the packages can be installed.
  apt-get update -q || true
  apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}
