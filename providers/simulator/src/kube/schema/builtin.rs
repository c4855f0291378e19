//! Schemas of the built-in kinds, out of `k8s_openapi`'s types, and the facts that those leave out: how lists merge and what
//! changes as one (`x-kubernetes-list-type`, `-list-map-keys` and `-map-type` in Kubernetes' OpenAPI document).

use super::{ListKey, Merge, Object, Schema};
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// A type whose JSON schema can be had.
#[derive(Clone, Copy)]
pub(in crate::kube) struct Root {
    /// Gives the name of its definition.
    pub(in crate::kube) name: fn() -> Cow<'static, str>,
    /// Gives its definition and those that it refers to.
    pub(in crate::kube) definitions: fn() -> Map<String, Value>,
}

/// Returns a type.
pub(in crate::kube) fn root<T: JsonSchema>() -> Root {
    let definitions = || {
        let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
        generator.subschema_for::<T>();
        generator.take_definitions(false)
    };
    Root {
        name: T::schema_name,
        definitions,
    }
}

/// Definitions that were read before: kinds share most of theirs.
static READ: LazyLock<Mutex<HashMap<String, Arc<Schema>>>> = LazyLock::new(Mutex::default);

/// Returns the schema of a type.
pub(in crate::kube) fn read(root: Root) -> Arc<Schema> {
    let name = (root.name)();
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(schema) = read.get(&*name) {
        return schema.clone();
    }
    let definitions = (root.definitions)();
    Reader {
        definitions: &definitions,
        read: &mut read,
    }
    .definition(&name)
}

struct Reader<'a> {
    definitions: &'a Map<String, Value>,
    read: &'a mut HashMap<String, Arc<Schema>>,
}

/// Lists whose items are told apart by keys, by field name. All types that have such a field agree, but for [`ATOMIC_LISTS`].
const KEYS: &[(&str, &[&str])] = &[
    ("addresses", &["type"]),
    ("claims", &["name"]),
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("drivers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("matchConditions", &["name"]),
    ("ownerReferences", &["uid"]),
    ("podIPs", &["ip"]),
    ("ports", &["port", "protocol"]),
    ("reservedFor", &["uid"]),
    ("resourceClaimStatuses", &["name"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("secrets", &["name"]),
    (
        "topologySpreadConstraints",
        &["topologyKey", "whenUnsatisfiable"],
    ),
    ("variables", &["name"]),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
    ("webhooks", &["name"]),
];

/// Types whose field of that name is a plain list all the same.
const ATOMIC_LISTS: &[(&str, &str)] = &[
    ("EndpointSubset", "addresses"),
    ("EndpointSubset", "ports"),
    ("EndpointSlice", "ports"),
    ("NetworkPolicyEgressRule", "ports"),
    ("NetworkPolicyIngressRule", "ports"),
    ("IngressLoadBalancerIngress", "ports"),
    ("LoadBalancerIngress", "ports"),
    ("PodStatus", "ephemeralContainers"),
    ("JobStatus", "conditions"),
    ("CertificateSigningRequestStatus", "ports"),
];

/// Lists that are sets.
const SETS: &[(&str, &str)] = &[
    ("CSIDriverSpec", "volumeLifecycleModes"),
    ("Endpoint", "addresses"),
    ("NodeSpec", "podCIDRs"),
    ("NonResourcePolicyRule", "nonResourceURLs"),
    ("NonResourcePolicyRule", "verbs"),
    ("ObjectMeta", "finalizers"),
    ("PodFailurePolicyOnExitCodesRequirement", "values"),
    ("ResourcePolicyRule", "apiGroups"),
    ("ResourcePolicyRule", "namespaces"),
    ("ResourcePolicyRule", "resources"),
    ("ResourcePolicyRule", "verbs"),
    ("UncountedTerminatedPods", "failed"),
    ("UncountedTerminatedPods", "succeeded"),
    ("ValidatingAdmissionPolicyBindingSpec", "validationActions"),
];

/// Types that change as one.
const ATOMIC: &[&str] = &[
    "ConfigMapKeySelector",
    "CrossVersionObjectReference",
    "EndpointAddress",
    "EndpointPort",
    "FileKeySelector",
    "LabelSelector",
    "LocalObjectReference",
    "MatchResources",
    "NamedRuleWithOperations",
    "NodeSelector",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "ObjectReference",
    "OwnerReference",
    "ParamKind",
    "ParamRef",
    "ResourceFieldSelector",
    "RoleRef",
    "ScopeSelector",
    "SecretKeySelector",
    "SecretReference",
    "ServiceBackendPort",
    "Subject",
    "TopologySelectorTerm",
    "TypedLocalObjectReference",
    "Variable",
];

/// Maps that change as one.
const ATOMIC_MAPS: &[(&str, &str)] = &[
    ("PodSpec", "nodeSelector"),
    ("ReplicationControllerSpec", "selector"),
    ("Scheduling", "nodeSelector"),
    ("ServiceSpec", "selector"),
];

impl Reader<'_> {
    fn definition(&mut self, name: &str) -> Arc<Schema> {
        if let Some(schema) = self.read.get(name) {
            return schema.clone();
        }
        let short = name.rsplit('.').next().unwrap_or(name);
        let schema = match (short, self.definitions.get(name)) {
            // The only type that contains itself; the schema of a schema is checked elsewhere.
            ("JSONSchemaProps" | "JSON" | "FieldsV1" | "RawExtension", _) | (_, None) => {
                Arc::new(Schema::Any)
            }
            ("Quantity", _) => Arc::new(Schema::IntOrText),
            (_, Some(definition)) => self.value(definition, short, ""),
        };
        self.read.insert(name.to_owned(), schema.clone());
        schema
    }

    fn value(&mut self, definition: &Value, owner: &str, field: &str) -> Arc<Schema> {
        if let Some(reference) = definition["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            return self.definition(name);
        }
        if definition["x-kubernetes-int-or-string"] == true {
            return Arc::new(Schema::IntOrText);
        }
        let place = (owner, field);
        Arc::new(match definition["type"].as_str() {
            Some("string") => Schema::Text {
                format: (definition["format"] == "byte").then_some("byte"),
            },
            Some("integer") => Schema::Integer,
            Some("number") => Schema::Number,
            Some("boolean") => Schema::Boolean,
            Some("array") => Schema::List {
                item: self.value(&definition["items"], owner, ""),
                merge: merge(owner, field),
            },
            Some("object") => match (
                definition.get("properties"),
                definition.get("additionalProperties"),
            ) {
                (Some(Value::Object(properties)), _) => {
                    let mut object = Object {
                        name: owner.to_owned(),
                        atomic: ATOMIC.contains(&owner),
                        ..Object::default()
                    };
                    for (name, property) in properties {
                        object
                            .fields
                            .insert(name.clone(), self.value(property, owner, name));
                    }
                    Schema::Object(object)
                }
                (None, Some(value)) => Schema::Map {
                    value: self.value(value, owner, ""),
                    atomic: ATOMIC_MAPS.contains(&place),
                },
                (_, None) => Schema::Any,
                (Some(_), _) => Schema::Any,
            },
            _ => Schema::Any,
        })
    }
}

fn merge(owner: &str, field: &str) -> Merge {
    if SETS.contains(&(owner, field)) {
        return Merge::Set;
    }
    if ATOMIC_LISTS.contains(&(owner, field)) {
        return Merge::Atomic;
    }
    let keys = match (owner, field) {
        ("Container" | "EphemeralContainer", "ports") => &["containerPort", "protocol"][..],
        _ => match KEYS.iter().find(|(name, _)| *name == field) {
            Some((_, keys)) => keys,
            None => return Merge::Atomic,
        },
    };
    let key = |name: &&str| ListKey {
        name: (*name).to_owned(),
        default: (*name == "protocol").then(|| json!("TCP")),
    };
    Merge::Keys(keys.iter().map(key).collect())
}
