//! The columns of built-in kinds, as the real server's printers have them
//! (<https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/printers/internalversion/printers.go>).

/// A column: its name; the field whose description it bears, or after "=" the description itself; its priority: 1 is shown with `-o wide`
/// only. "Age" stands where it stands.
pub(super) type Extra = (&'static str, &'static str, i64);

const AGE: Extra = ("Age", "metadata.creationTimestamp", 0);
const CONTAINERS: Extra = ("Containers", "=Names of each container in the template.", 1);
const IMAGES: Extra = (
    "Images",
    "=Images referenced by each container in the template.",
    1,
);
const SELECTOR: Extra = ("Selector", "spec.selector", 1);
const STORAGE_CLASS: Extra = ("StorageClass", "spec.storageClassName", 0);
const ATTRIBUTES: Extra = ("VolumeAttributesClass", "spec.volumeAttributesClassName", 0);

/// Returns the columns of a kind besides its name, which comes first; without any, it has "Created At".
pub(super) fn of(group: &str, kind: &str) -> &'static [Extra] {
    match (group, kind) {
        ("", "Pod") => &[
            (
                "Ready",
                "=The aggregate readiness state of this pod for accepting traffic.",
                0,
            ),
            (
                "Status",
                "=The aggregate status of the containers in this pod.",
                0,
            ),
            (
                "Restarts",
                "=The number of times the containers in this pod have been restarted and when the last container in this pod \
                 has restarted.",
                0,
            ),
            AGE,
            ("IP", "status.podIP", 1),
            ("Node", "spec.nodeName", 1),
            ("Nominated Node", "status.nominatedNodeName", 1),
            ("Readiness Gates", "spec.readinessGates", 1),
        ],
        ("apps", "Deployment") => &[
            ("Ready", "=Number of the pod with ready state", 0),
            ("Up-to-date", "status.updatedReplicas", 0),
            ("Available", "status.availableReplicas", 0),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("apps", "ReplicaSet") | ("", "ReplicationController") => &[
            ("Desired", "spec.replicas", 0),
            ("Current", "status.replicas", 0),
            ("Ready", "status.readyReplicas", 0),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("apps", "StatefulSet") => &[
            ("Ready", "=Number of the pod with ready state", 0),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        ("apps", "DaemonSet") => &[
            ("Desired", "status.desiredNumberScheduled", 0),
            ("Current", "status.currentNumberScheduled", 0),
            ("Ready", "status.numberReady", 0),
            ("Up-to-date", "status.updatedNumberScheduled", 0),
            ("Available", "status.numberAvailable", 0),
            ("Node Selector", "=The node selector of the pods.", 0),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("apps", "ControllerRevision") => &[
            ("Controller", "=Controller of the object", 0),
            ("Revision", "revision", 0),
            AGE,
        ],
        ("batch", "Job") => &[
            ("Status", "=Status of the job.", 0),
            ("Completions", "status.succeeded", 0),
            ("Duration", "=Time required to complete the job.", 0),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("batch", "CronJob") => &[
            ("Schedule", "spec.schedule", 0),
            ("Timezone", "spec.timeZone", 0),
            ("Suspend", "spec.suspend", 0),
            ("Active", "status.active", 0),
            ("Last Schedule", "status.lastScheduleTime", 0),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        ("", "Node") => &[
            ("Status", "=The status of the node", 0),
            ("Roles", "=The roles of the node", 0),
            AGE,
            ("Version", "status.nodeInfo.kubeletVersion", 0),
            ("Internal-IP", "status.addresses", 1),
            ("External-IP", "status.addresses", 1),
            ("OS-Image", "status.nodeInfo.osImage", 1),
            ("Kernel-Version", "status.nodeInfo.kernelVersion", 1),
            (
                "Container-Runtime",
                "status.nodeInfo.containerRuntimeVersion",
                1,
            ),
        ],
        _ => plain(group, kind),
    }
}

fn plain(group: &str, kind: &str) -> &'static [Extra] {
    match (group, kind) {
        ("", "ConfigMap") => &[("Data", "data", 0), AGE],
        ("", "Secret") => &[("Type", "type", 0), ("Data", "data", 0), AGE],
        ("", "Namespace") => &[("Status", "=The status of the namespace", 0), AGE],
        ("", "ServiceAccount") => &[("Secrets", "secrets", 0), AGE],
        ("", "Service") => &[
            ("Type", "spec.type", 0),
            ("Cluster-IP", "spec.clusterIP", 0),
            ("External-IP", "spec.externalIPs", 0),
            ("Port(s)", "spec.ports", 0),
            AGE,
            SELECTOR,
        ],
        ("", "PersistentVolumeClaim") => &[
            ("Status", "status.phase", 0),
            ("Volume", "spec.volumeName", 0),
            ("Capacity", "status.capacity", 0),
            ("Access Modes", "status.accessModes", 0),
            STORAGE_CLASS,
            ATTRIBUTES,
            AGE,
            ("VolumeMode", "spec.volumeMode", 1),
        ],
        ("", "PersistentVolume") => &[
            ("Capacity", "spec.capacity", 0),
            ("Access Modes", "spec.accessModes", 0),
            ("Reclaim Policy", "spec.persistentVolumeReclaimPolicy", 0),
            ("Status", "status.phase", 0),
            ("Claim", "spec.claimRef", 0),
            STORAGE_CLASS,
            ATTRIBUTES,
            ("Reason", "status.reason", 0),
            AGE,
            ("VolumeMode", "spec.volumeMode", 1),
        ],
        ("" | "events.k8s.io", "Event") => &[
            ("Last Seen", "lastTimestamp", 0),
            ("Type", "type", 0),
            ("Reason", "reason", 0),
            ("Object", "involvedObject", 0),
            ("Subobject", "involvedObject.fieldPath", 1),
            ("Source", "source", 1),
            ("Message", "message", 0),
            ("First Seen", "firstTimestamp", 1),
            ("Count", "count", 1),
            ("Name", "metadata.name", 1),
        ],
        ("", "ResourceQuota") => &[
            (
                "Request",
                "=Request represents a minimum amount of cpu/memory that a container may consume.",
                0,
            ),
            (
                "Limit",
                "=Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
                0,
            ),
            AGE,
        ],
        ("", "Endpoints") => &[("Endpoints", "subsets", 0), AGE],
        ("storage.k8s.io", "StorageClass") => &[
            ("Provisioner", "provisioner", 0),
            ("ReclaimPolicy", "reclaimPolicy", 0),
            ("VolumeBindingMode", "volumeBindingMode", 0),
            ("AllowVolumeExpansion", "allowVolumeExpansion", 0),
            AGE,
        ],
        ("networking.k8s.io", "Ingress") => &[
            ("Class", "spec.ingressClassName", 0),
            (
                "Hosts",
                "=Hosts that incoming requests are matched against before the ingress rule",
                0,
            ),
            ("Address", "status.loadBalancer", 0),
            ("Ports", "=Ports of TLS configurations that open", 0),
            AGE,
        ],
        ("networking.k8s.io", "IngressClass") => &[
            ("Controller", "spec.controller", 0),
            ("Parameters", "spec.parameters", 0),
            AGE,
        ],
        ("networking.k8s.io", "NetworkPolicy") => &[("Pod-Selector", "spec.podSelector", 0), AGE],
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &[
            ("Role", "roleRef", 0),
            AGE,
            ("Users", "=Users in the binding", 1),
            ("Groups", "=Groups in the binding", 1),
            ("ServiceAccounts", "=ServiceAccounts in the binding", 1),
        ],
        ("scheduling.k8s.io", "PriorityClass") => &[
            ("Value", "value", 0),
            ("Global-Default", "globalDefault", 0),
            AGE,
            ("PreemptionPolicy", "preemptionPolicy", 0),
        ],
        ("policy", "PodDisruptionBudget") => &[
            ("Min Available", "spec.minAvailable", 0),
            ("Max Unavailable", "spec.maxUnavailable", 0),
            ("Allowed Disruptions", "status.disruptionsAllowed", 0),
            AGE,
        ],
        ("autoscaling", "HorizontalPodAutoscaler") => &[
            ("Reference", "spec.scaleTargetRef", 0),
            ("MinPods", "spec.minReplicas", 0),
            ("MaxPods", "spec.maxReplicas", 0),
            ("Replicas", "status.currentReplicas", 0),
            AGE,
        ],
        ("coordination.k8s.io", "Lease") => &[("Holder", "spec.holderIdentity", 0), AGE],
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => &[
            (
                "Webhooks",
                "=Webhooks indicates the number of webhooks registered in this configuration",
                0,
            ),
            AGE,
        ],
        _ => &[],
    }
}
