# shellcheck shell=sh
# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs in the ephemeral container, and writes each second what /proc shows of the container whose processes it shares.
# In shell, though it is long: small images have no more. It needs cat, awk and sleep, too; for a capture tcpdump. The
# log of the container adds the times.
#   $1  seconds to wait for the stop, then this ends by itself      $3  a process that is no part of the target, or 0
#   $2  seconds allowed for the stop                               $4  "capture", or nothing
LC_ALL=C
export LC_ALL
phase=wait left=$1 before='' dump=''

# The kubelet sends SIGTERM here, too, when the stop begins. A shell that does not handle it would end; one that is
# its own PID 1 would stay until it is killed, and the pod with it.
trap '[ $phase = stop ] || { phase=stop left=$2; echo stop; }' TERM
trap '[ -z "$dump" ] || kill "$dump"' EXIT

sockets() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; }

# The ports that are listened on; connections of all others lead from the pod to somewhere else.
served=$(sockets | awk '$4 == "0A" { sub(/.*:/, "", $2); printf " %s", $2 }')

# A name may hold anything: what is not printable becomes a question mark, and the name comes last in its line.
look() {
  { cat /proc/[0-9]*/status 2>/dev/null; sockets; } | awk -v me=$$ -v aside="$3" -v served="$served" '
    /^[A-Za-z]+:/ { value = $0; sub(/^[A-Za-z]+:[ \t]*/, "", value) }
    /^Name:/      { name = value; gsub(/[^ -~]/, "?", name) }
    /^State:/     { state = substr(value, 1, 1) }
    /^Pid:/       { pid = value }
    /^PPid:/      { parent[pid] = value; text[pid] = value " " state; names[pid] = name }
    /^Threads:|^SigBlk:|^SigIgn:|^SigCgt:/ { text[pid] = text[pid] " " value }
    $3 ~ /^[0-9A-F]+:[0-9A-F]+$/ {
      port = $2
      sub(/.*:/, "", port)
      if ($4 != "0A" && !index(served, " " port)) port = "-"
      amount[port " " $4]++
    }
    END {
      own[me] = 1
      do {
        more = 0
        for (pid in parent) if (!(pid in own) && parent[pid] in own) own[pid] = more = 1
      } while (more)
      own[aside] = 1
      for (pid in parent) if (!(pid in own) && ++shown <= 300) print "process", pid, text[pid], names[pid]
      for (key in amount) print "sockets", key, amount[key]
    }'
}

[ -z "$4" ] || {
  # Only what opens, closes or resets a connection: no payload.
  tcpdump -i any -nn -p -l -tt -c 10000 'tcp[13] & 7 != 0 or (ip6[6] == 6 and ip6[53] & 7 != 0)' 2>&1 &
  dump=$!
}
echo "observe $$"
while [ "$left" -gt 0 ]; do
  left=$((left - 1))
  now=$(look "$@")
  [ "$now" = "$before" ] || printf '%s\n' "$now"
  before=$now
  echo looked
  case $phase,$now in stop,process*) ;; stop,*) echo ended; break ;; esac
  sleep 1 &
  wait $!
done
