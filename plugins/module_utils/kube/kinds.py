# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of workloads, the kinds of their context, and the addresses of both in a cluster."""

from __future__ import annotations

from dataclasses import dataclass

# What a pod template is patched through.
DEFAULT_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
# Judged when the user asks for them and never changed, for these reasons.
OPT_IN_KINDS = {
    "Job": "fix the object that creates it",
    "ReplicaSet": "fix the object that creates it",
    "Rollout": "a custom resource does not accept a strategic merge patch; put the snippet into its source",
}
API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "Rollout": "argoproj.io/v1alpha1",
}


@dataclass(frozen=True, slots=True)
class ContextKind:
    """`plural` is the path segment of the API. `addon`: of an extension that many clusters do not have; no loss then.

    `on_demand`: listed only when a chosen rule needs it, which none does where a cluster shows the same elsewhere.
    `by_name`: a cluster is never asked for all of them, only for those that a workload refers to.
    """

    kind: str
    api_version: str
    plural: str
    addon: bool = False
    on_demand: bool = False
    by_name: bool = False

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


# What runs pods as well and is not judged, so that it is counted at least. Those of a cluster are asked for by name;
# in manifests whatever holds containers is one of them.
OTHER_KINDS = (
    ContextKind("Pod", "v1", "pods"),
    ContextKind("ReplicationController", "v1", "replicationcontrollers"),
    ContextKind("DeploymentConfig", "apps.openshift.io/v1", "deploymentconfigs", addon=True),
    ContextKind("Service", "serving.knative.dev/v1", "services", addon=True),
    ContextKind("CloneSet", "apps.kruise.io/v1alpha1", "clonesets", addon=True),
    ContextKind("StatefulSet", "apps.kruise.io/v1beta1", "statefulsets", addon=True),
    ContextKind("DaemonSet", "apps.kruise.io/v1alpha1", "daemonsets", addon=True),
    ContextKind("UnitedDeployment", "apps.kruise.io/v1alpha1", "uniteddeployments", addon=True),
    ContextKind("BroadcastJob", "apps.kruise.io/v1alpha1", "broadcastjobs", addon=True),
    ContextKind("AdvancedCronJob", "apps.kruise.io/v1alpha1", "advancedcronjobs", addon=True),
    ContextKind("ScaledJob", "keda.sh/v1alpha1", "scaledjobs", addon=True),
    ContextKind("Workflow", "argoproj.io/v1alpha1", "workflows", addon=True),
    ContextKind("CronWorkflow", "argoproj.io/v1alpha1", "cronworkflows", addon=True),
)
CONTEXT_KINDS = {
    entry.kind: entry
    for entry in (
        ContextKind("Service", "v1", "services"),
        ContextKind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
        ContextKind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
        # On a cluster the HorizontalPodAutoscaler that KEDA makes of it tells.
        ContextKind("ScaledObject", "keda.sh/v1alpha1", "scaledobjects", addon=True, on_demand=True),
        ContextKind("PersistentVolumeClaim", "v1", "persistentvolumeclaims"),
        ContextKind("Lease", "coordination.k8s.io/v1", "leases"),
        ContextKind("Node", "v1", "nodes"),
        ContextKind("Ingress", "networking.k8s.io/v1", "ingresses"),
        ContextKind("HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes", addon=True),
        ContextKind("GRPCRoute", "gateway.networking.k8s.io/v1", "grpcroutes", addon=True),
        ContextKind("Gateway", "gateway.networking.k8s.io/v1", "gateways", addon=True),
        ContextKind("TargetGroupBinding", "elbv2.k8s.aws/v1beta1", "targetgroupbindings", addon=True),
        ContextKind("VirtualService", "networking.istio.io/v1", "virtualservices", addon=True, on_demand=True),
        ContextKind("ConfigMap", "v1", "configmaps", by_name=True),
        ContextKind("PrometheusRule", "monitoring.coreos.com/v1", "prometheusrules", addon=True, on_demand=True),
    )
}
