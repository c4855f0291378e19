//! The table of built-in kinds, as a kube-apiserver 1.36 serves them. Group, version, kind and plural come from the types of
//! `k8s_openapi`, which are generated from Kubernetes' own description.

use super::{Kind, Origin, Subresource};
use crate::kube::schema::builtin::root;
use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1 as admission, apps::v1 as apps,
        authentication::v1 as authentication, authorization::v1 as authorization,
        autoscaling::v1 as autoscaling, autoscaling::v2 as autoscaling_v2, batch::v1 as batch,
        certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core,
        discovery::v1 as discovery, events::v1 as events, flowcontrol::v1 as flowcontrol,
        networking::v1 as networking, node::v1 as node, policy::v1 as policy, rbac::v1 as rbac,
        resource::v1 as resource, scheduling::v1 as scheduling, storage::v1 as storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions,
    kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration,
    schemars::JsonSchema,
};
use std::sync::OnceLock;

/// The groups in the order in which discovery lists them; the core group is first.
pub(super) const GROUPS: &[&str] = &[
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const NO_COLLECTION: &[&str] = &[
    "create", "delete", "get", "list", "patch", "update", "watch",
];
const READ: &[&str] = &["get", "list"];
const CREATE: &[&str] = &["create"];
const PART: &[&str] = &["get", "patch", "update"];
const UPDATE: &[&str] = &["update"];
const GET: &[&str] = &["get"];
const STREAM: &[&str] = &["create", "get"];
const PROXY: &[&str] = &["create", "delete", "get", "patch", "update"];

type Parts = &'static [(
    &'static str,
    Option<(&'static str, &'static str, &'static str)>,
    &'static [&'static str],
)];

const STATUS: Parts = &[("status", None, PART)];
const SCALE: Parts = &[
    ("scale", Some(("autoscaling", "v1", "Scale")), PART),
    ("status", None, PART),
];
const NAMESPACE: Parts = &[("finalize", None, UPDATE), ("status", None, PART)];
const NODE: Parts = &[
    ("proxy", Some(("", "", "NodeProxyOptions")), PROXY),
    ("status", None, PART),
];
const SERVICE: Parts = &[
    ("proxy", Some(("", "", "ServiceProxyOptions")), PROXY),
    ("status", None, PART),
];
const TOKEN: Parts = &[(
    "token",
    Some(("authentication.k8s.io", "v1", "TokenRequest")),
    CREATE,
)];
const CSR: Parts = &[("approval", None, PART), ("status", None, PART)];
const POD: Parts = &[
    ("attach", Some(("", "", "PodAttachOptions")), STREAM),
    ("binding", Some(("", "", "Binding")), CREATE),
    ("ephemeralcontainers", None, PART),
    ("eviction", Some(("policy", "v1", "Eviction")), CREATE),
    ("exec", Some(("", "", "PodExecOptions")), STREAM),
    ("log", None, GET),
    (
        "portforward",
        Some(("", "", "PodPortForwardOptions")),
        STREAM,
    ),
    ("proxy", Some(("", "", "PodProxyOptions")), PROXY),
    ("resize", None, PART),
    ("status", None, PART),
];

/// Returns the built-in kinds.
pub(super) fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    kinds.extend(core_kinds());
    kinds.extend(workload_kinds());
    kinds.extend(cluster_kinds());
    kinds.extend(review_kinds());
    kinds
}

fn core_kinds() -> Vec<Kind> {
    vec![
        kind::<core::Binding>(true, "", CREATE, &[]),
        kind::<core::ComponentStatus>(false, "cs", READ, &[]),
        kind::<core::ConfigMap>(true, "cm", ALL, &[]),
        kind::<core::Endpoints>(true, "ep", ALL, &[]),
        kind::<core::Event>(true, "ev", ALL, &[]),
        kind::<core::LimitRange>(true, "limits", ALL, &[]),
        kind::<core::Namespace>(false, "ns", NO_COLLECTION, NAMESPACE),
        kind::<core::Node>(false, "no", ALL, NODE),
        kind::<core::PersistentVolumeClaim>(true, "pvc", ALL, STATUS),
        kind::<core::PersistentVolume>(false, "pv", ALL, STATUS),
        everyday::<core::Pod>("po", POD),
        kind::<core::PodTemplate>(true, "", ALL, &[]),
        everyday::<core::ReplicationController>("rc", SCALE),
        kind::<core::ResourceQuota>(true, "quota", ALL, STATUS),
        kind::<core::Secret>(true, "", ALL, &[]),
        kind::<core::ServiceAccount>(true, "sa", ALL, TOKEN),
        everyday::<core::Service>("svc", SERVICE),
    ]
}

fn workload_kinds() -> Vec<Kind> {
    vec![
        kind::<apps::ControllerRevision>(true, "", ALL, &[]),
        everyday::<apps::DaemonSet>("ds", STATUS),
        everyday::<apps::Deployment>("deploy", SCALE),
        everyday::<apps::ReplicaSet>("rs", SCALE),
        everyday::<apps::StatefulSet>("sts", SCALE),
        everyday::<autoscaling::HorizontalPodAutoscaler>("hpa", STATUS),
        everyday::<autoscaling_v2::HorizontalPodAutoscaler>("hpa", STATUS),
        everyday::<batch::CronJob>("cj", STATUS),
        everyday::<batch::Job>("", STATUS),
        kind::<policy::PodDisruptionBudget>(true, "pdb", ALL, STATUS),
        kind::<networking::Ingress>(true, "ing", ALL, STATUS),
        kind::<networking::IngressClass>(false, "", ALL, &[]),
        kind::<networking::NetworkPolicy>(true, "netpol", ALL, &[]),
        kind::<networking::IPAddress>(false, "ip", ALL, &[]),
        kind::<networking::ServiceCIDR>(false, "", ALL, STATUS),
        kind::<discovery::EndpointSlice>(true, "", ALL, &[]),
        kind::<events::Event>(true, "ev", ALL, &[]),
        kind::<coordination::Lease>(true, "", ALL, &[]),
    ]
}

fn cluster_kinds() -> Vec<Kind> {
    vec![
        labelled::<apiregistration::APIService>("", STATUS, "api-extensions"),
        labelled::<apiextensions::CustomResourceDefinition>("crd,crds", STATUS, "api-extensions"),
        labelled::<admission::MutatingAdmissionPolicy>("", &[], "api-extensions"),
        labelled::<admission::MutatingAdmissionPolicyBinding>("", &[], "api-extensions"),
        labelled::<admission::MutatingWebhookConfiguration>("", &[], "api-extensions"),
        labelled::<admission::ValidatingAdmissionPolicy>("", STATUS, "api-extensions"),
        labelled::<admission::ValidatingAdmissionPolicyBinding>("", &[], "api-extensions"),
        labelled::<admission::ValidatingWebhookConfiguration>("", &[], "api-extensions"),
        kind::<certificates::CertificateSigningRequest>(false, "csr", ALL, CSR),
        kind::<rbac::ClusterRole>(false, "", ALL, &[]),
        kind::<rbac::ClusterRoleBinding>(false, "", ALL, &[]),
        kind::<rbac::Role>(true, "", ALL, &[]),
        kind::<rbac::RoleBinding>(true, "", ALL, &[]),
        kind::<storage::CSIDriver>(false, "", ALL, &[]),
        kind::<storage::CSINode>(false, "", ALL, &[]),
        kind::<storage::CSIStorageCapacity>(true, "", ALL, &[]),
        kind::<storage::StorageClass>(false, "sc", ALL, &[]),
        kind::<storage::VolumeAttachment>(false, "", ALL, STATUS),
        kind::<storage::VolumeAttributesClass>(false, "vac", ALL, &[]),
        kind::<scheduling::PriorityClass>(false, "pc", ALL, &[]),
        kind::<node::RuntimeClass>(false, "", ALL, &[]),
        kind::<resource::DeviceClass>(false, "", ALL, &[]),
        kind::<resource::ResourceClaim>(true, "", ALL, STATUS),
        kind::<resource::ResourceClaimTemplate>(true, "", ALL, &[]),
        kind::<resource::ResourceSlice>(false, "", ALL, &[]),
        kind::<flowcontrol::FlowSchema>(false, "", ALL, STATUS),
        kind::<flowcontrol::PriorityLevelConfiguration>(false, "", ALL, STATUS),
    ]
}

fn review_kinds() -> Vec<Kind> {
    vec![
        kind::<authentication::SelfSubjectReview>(false, "", CREATE, &[]),
        kind::<authentication::TokenReview>(false, "", CREATE, &[]),
        kind::<authorization::LocalSubjectAccessReview>(true, "", CREATE, &[]),
        kind::<authorization::SelfSubjectAccessReview>(false, "", CREATE, &[]),
        kind::<authorization::SelfSubjectRulesReview>(false, "", CREATE, &[]),
        kind::<authorization::SubjectAccessReview>(false, "", CREATE, &[]),
    ]
}

fn kind<T: Resource + JsonSchema>(
    namespaced: bool,
    short_names: &str,
    verbs: &'static [&'static str],
    parts: Parts,
) -> Kind {
    Kind {
        group: T::GROUP.to_owned(),
        version: T::VERSION.to_owned(),
        storage_version: if T::GROUP == "events.k8s.io" {
            "v1"
        } else {
            storage_version(T::GROUP, T::VERSION)
        }
        .to_owned(),
        kind: T::KIND.to_owned(),
        list_kind: format!("{}List", T::KIND),
        plural: T::URL_PATH_SEGMENT.to_owned(),
        singular: T::KIND.to_lowercase(),
        short_names: short_names
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        categories: Vec::new(),
        namespaced,
        verbs,
        subresources: parts
            .iter()
            .map(|(name, body, verbs)| Subresource {
                name: (*name).to_owned(),
                body: *body,
                verbs,
            })
            .collect(),
        origin: Origin::Builtin(root::<T>()),
        since: 0,
        schema: OnceLock::new(),
    }
}

/// Returns a namespaced kind that `kubectl get all` shows.
fn everyday<T: Resource + JsonSchema>(short_names: &str, parts: Parts) -> Kind {
    Kind {
        categories: vec!["all".to_owned()],
        ..kind::<T>(true, short_names, ALL, parts)
    }
}

/// Returns a cluster-scoped kind with a category.
fn labelled<T: Resource + JsonSchema>(short_names: &str, parts: Parts, category: &str) -> Kind {
    Kind {
        categories: vec![category.to_owned()],
        ..kind::<T>(false, short_names, ALL, parts)
    }
}

fn storage_version(group: &str, version: &'static str) -> &'static str {
    if group == "autoscaling" {
        "v2"
    } else {
        version
    }
}
