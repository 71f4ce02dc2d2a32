# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that audit_info and remediate share."""

from __future__ import annotations


class ModuleDocFragment:
    """The documented options; their argument spec is AUDIT_OPTIONS of module_utils/run/options.py."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - A file or a folder of manifests, relative to the folder in which C(ansible-playbook) was started. Unset means
        the live cluster, which needs the Python library C(kubernetes).
    type: str
  kubernetes_version:
    description:
      - The Kubernetes version that manifests are meant for, such as V(1.34). Unset means 1.34, and the report says that
        it was assumed. A live cluster has its own.
    type: str
  namespaces:
    description:
      - Namespaces to look at; shell patterns such as V(team-*) are allowed. Unset means all. A list that is given and
        empty means all for an audit; whatever changes a cluster or stops pods refuses it, and V(*) is how to say all.
      - Of a live cluster, only these are read if none is a pattern, so that rights in these namespaces are enough.
      - Lists may be one string, as forms send them, with one entry in each line, or separated by commas.
    type: list
    elements: str
  exclude_namespaces:
    description: Namespaces to leave out, as patterns. They win over O(namespaces).
    type: list
    elements: str
    default: []
  kinds:
    description:
      - Kinds of workloads to look at. Empty means Deployment, StatefulSet, DaemonSet and CronJob. Job, ReplicaSet and
        Rollout (of Argo Rollouts) may be added; they are reported only, never patched.
    type: list
    elements: str
    default: []
  names:
    description: Names of workloads to look at, as patterns. Unset or empty means all.
    type: list
    elements: str
  label_selectors:
    description:
      - Label selectors as for C(kubectl -l); a workload that one of them matches is looked at. Unset or empty means
        all.
      - As one string, there is one in each line. Commas are part of a selector.
    type: list
    elements: str
  rules:
    description:
      - Ids of the rules to judge by. Empty means all but the opt-in rules, which are judged only when they are named;
        V(default) stands for all the others, as in V([default, topology-spread-missing]).
    type: list
    elements: str
    default: []
  skip_rules:
    description: Ids of rules to leave out.
    type: list
    elements: str
    default: []
  severities:
    description:
      - Severities of your own, a map of rule id to V(error), V(warning), V(info) or V("off"). They are final.
      - Each finding of such a rule has this severity, whatever the workload; nothing raises or lowers it any more. As
        always, only errors and warnings are patched. V("off") is as O(skip_rules).
      - Quote V("off"), or leave it to YAML, which makes V(false) of it; both are understood.
      - It does not add a rule that O(rules) leaves out.
    type: dict
    default: {}
  waivers:
    description:
      - Findings that are accepted, a list of maps with C(rule), C(reason), and as needed C(kind), C(namespace), C(name)
        and C(until). All but C(reason) and C(until) may be shell patterns such as V(pdb-*).
      - C(until) is the last day on which it holds, such as V(2027-01-31), by the date in UTC; without it there is no
        end.
      - A waived finding is listed as V(suppressed) with its reason. It counts neither as open nor for O(fail_on), and
        is not patched. The report says which waivers are used, not used, or expired.
      - An owner can do the same with an annotation on a workload,
        C(ignore.graceful.termination/<rule>) with a value such as V(reason; until=2027-01-31).
    type: list
    elements: dict
    default: []
    suboptions:
      rule:
        description: The id of the rule, or a pattern. It is needed.
        type: str
      reason:
        description: Why the finding is accepted. It is needed.
        type: str
      kind:
        description: The kind of workload, or a pattern. Unset means all.
        type: str
      namespace:
        description: The namespace, or a pattern. Unset means all.
        type: str
      name:
        description: The name of the workload, or a pattern. Unset means all.
        type: str
      until:
        description: The last day on which the waiver holds, such as V(2027-01-31). Unset means no end.
        type: str
  policy:
    description:
      - How long a new preStop delay is, what margin every budget has, and how far grace is raised without a person, all
        in seconds.
      - C(prestop_seconds), a map with the keys C(default) and C(external-lb) (10 and 20), is how long a new preStop
        delay is.
      - C(margin_seconds) (10) is added to every budget.
      - C(max_grace_seconds) (300) is the highest grace period that is set without a person.
    type: dict
    default: {}
  drains:
    description:
      - How long requests or jobs of workloads take, for workloads that you do not own. A list of maps with C(seconds)
        and C(reason), one or more of C(namespace), C(name) and C(label_selector), and as needed C(kind) and C(until).
      - It counts as the annotation C(graceful.termination/drain-seconds) on each of these workloads does. An annotation
        wins, and the report notes where the two differ. Of several entries for one workload the longest counts.
      - C(until) is the last day on which it counts, by the date in UTC; without it there is no end. The report says
        which entries are used, not used, or expired.
    type: list
    elements: dict
    default: []
    suboptions:
      seconds:
        description: How long the longest request or job takes, a whole number of seconds. It is needed.
        type: str
      reason:
        description: How that is known. It is needed, and names the source of the number in the report.
        type: str
      kind:
        description: The kind of workload, or a pattern. Unset means all.
        type: str
      namespace:
        description: The namespace, or a pattern. Unset means all.
        type: str
      name:
        description: The name of the workload, or a pattern. Unset means all; V(*) says so if nothing else is set.
        type: str
      label_selector:
        description: A label selector as for C(kubectl -l), on the labels of the workload itself. Unset means all.
        type: str
      until:
        description: The last day on which it counts, such as V(2027-01-31). Unset means no end.
        type: str
  servers:
    description:
      - Servers of your own, for how long each of them goes on with what is in flight after its stop signal. A list of
        maps in the form of the catalogue of servers (docs/servers.md); they win over what is built in. The report names
        the entry wherever a number rests on it.
      - C(name) and C(source) are needed, C(source) being how all this is known. C(programs) are names of programs
        without their folder, C(images) paths of images without a tag, such as V(acme/gateway); one of the two is
        needed.
      - C(flags), C(variables) and C(keys) are where its shutdown timeout is set, in this order; C(keys) is a list of
        maps with C(file), the name of a file from a ConfigMap, and C(key). C(unit) is that of a number without one,
        V(s), V(ms), V(m) or V(h). C(default) is what it is where nothing sets it, in seconds, or V(unlimited).
      - C(own_delay) is a time for which it serves on as before after the signal; a number of seconds, or a map with
        C(flags), C(variables), C(keys), C(unit) and C(default).
      - C(drains_on) are the signals on which it drains, V(TERM) by default; C(ends_on) those on which it ends at once.
        C(stop_signal) is the one that C(images) declare (STOPSIGNAL). C(requeues) says that a job that it does not
        finish goes back to its queue.
    type: list
    elements: dict
    default: []
  prometheus_url:
    description:
      - The base address of a Prometheus server, such as V(https://user:password@prometheus.example). It shows how long
        requests take (p99.9 over 7 days, by ingress-nginx, Istio or Linkerd) where neither the annotation
        C(graceful.termination/drain-seconds) nor the server's own settings do.
      - Any server that speaks its HTTP API will do. A user and password in the address are sent to the server and never
        shown. It is asked with GET only.
      - The first of these that is there is used, the annotation C(graceful.termination/drain-seconds) or O(drains),
        what the server itself declares in arguments, environment or ConfigMaps, and the measured p99.9 of request
        durations.
      - Measured over 7 days (over 1 day where that is too much for the server) by ingress-nginx
        (C(nginx_ingress_controller_request_duration_seconds)), Istio (C(istio_request_duration_milliseconds)) or
        Linkerd (C(response_latency_ms)), of workloads with 1,000 requests or more. A duration above the largest bucket
        of the histogram is unknown.
      - A server that does not answer is one entry of C(not_evaluated); everything else is judged.
    type: str
  patch_owned:
    description:
      - Whether live objects are patched although a controller, Helm, Argo CD, Flux or another field manager owns them.
        An audit reports what a remediation with the same value would do.
      - An owner is a controller (an ownerReference), Helm, Argo CD, Flux, or a field manager that applied a field of
        the patch. It would undo the patch, or fight over it. By default the patch is written to
        C(patches/<namespace>/<kind>-<name>.yaml) in O(report_dir), for Kustomize, and where the Helm chart is known as
        values to C(values/<namespace>/<kind>-<name>.yaml).
      - Objects in C(kube-system), C(kube-public) and C(kube-node-lease), and those whose own or namespace's annotation
        C(graceful.termination/managed) is V(false), are never patched.
    type: bool
    default: false
  template_dir:
    description:
      - A folder whose C(<remedy>.yaml.j2) files replace those of the collection, by file name.
      - Relative to the folder in which C(ansible-playbook) was started.
    type: str
  report_dir:
    description:
      - A folder on the controller for the reports. Unset means that none is written. Results of drills in it are read
        for the rule C(graceful-shutdown-untested).
      - It is created when missing. Relative to the folder in which C(ansible-playbook) was started.
      - Each host of an inventory has a folder of its own in it, by its name. Only the implicit localhost writes into
        the folder itself.
      - Reports are written in check mode, too, and are never reported as a change. A report that a run could not renew
        is named in C(not-renewed.txt) beside it.
      - A file that this collection did not write is never replaced; the task fails and names it.
    type: str
  report_formats:
    description: Which reports are written. V(json) is C(report.json), V(markdown) is C(report.md).
    type: list
    elements: str
    choices: [json, markdown]
    default: [json, markdown]
  fail_on:
    description:
      - Whether the task fails, when all reports are written, because of what is found. V(error) and V(warning) are open
        findings of at least this severity, V(new) are open errors and warnings that the last C(report.json) in
        O(report_dir) does not have.
      - Its message says how many findings and where. Suppressed findings never count.
      - For V(new), only what both runs judged is compared, so a rule or a namespace that was not looked at last time
        makes nothing new. Without an earlier report nothing can be compared; a warning says so and the task does not
        fail. A finding stays new until it is fixed or waived, or until a run without V(new) has written the report.
      - In check mode, findings that the real run would fix do not count.
    type: str
    choices: [error, warning, new, never]
    default: never
  _snippets:
    description: Set by the action plugin, which reads the templates on the controller. Not for users.
    type: dict
    default: {}
  _directory:
    description: Set by the action plugin, the folder in which C(ansible-playbook) was started. Not for users.
    type: str
    default: ""
  _flat_dir:
    description:
      - Set by the action plugin, the folder of all hosts, where this one has its own below it. Not for users.
    type: str
    default: ""
  _result_file:
    description: Set by the action plugin, a private file for what is too large for a result. Not for users.
    type: str
    default: ""
  _identify:
    description: Set by the action plugin, to identify the cluster and nothing else. Not for users.
    type: bool
    default: false
"""
