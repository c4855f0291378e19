//! What the server's own controllers do at once after a change: namespaces, CustomResourceDefinitions, the garbage collector.
//! Everything slower, and everything that runs containers, is somewhere else.

use super::{
    collector, delete,
    managed::{Managers, Updater},
    state::{State, namespace_key},
    store::{ChangeKind, Event, Key},
    write::{self, WriteOptions},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// The finalizer that keeps a definition until its objects are gone.
pub(super) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

const MANAGER: &str = "kube-controller-manager";

/// Makes what every cluster has.
pub(super) fn boot(state: &mut State) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        make(
            state,
            "kube-apiserver",
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
        );
    }
    let everything = json!([
        { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] },
        { "nonResourceURLs": ["*"], "verbs": ["*"] },
    ]);
    let read =
        json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"] }]);
    let write = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    let public = json!([{ "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"], "verbs": ["get"] }]);
    let discovery = json!([{
        "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
            "/version", "/version/"],
        "verbs": ["get"],
    }]);
    let myself = json!([
        { "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
          "verbs": ["create"] },
        { "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"] },
    ]);
    let roles = [
        ("cluster-admin", everything, Some("system:masters")),
        ("admin", write.clone(), None),
        ("edit", write, None),
        ("view", read, None),
        (
            "system:public-info-viewer",
            public,
            Some("system:unauthenticated"),
        ),
        ("system:discovery", discovery, Some("system:authenticated")),
        ("system:basic-user", myself, Some("system:authenticated")),
    ];
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    for (name, rules, group) in roles {
        let metadata =
            json!({ "name": name, "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } });
        make(
            state,
            "kube-apiserver",
            json!({ "apiVersion": RBAC, "kind": "ClusterRole", "metadata": metadata, "rules": rules }),
        );
        if let Some(group) = group {
            let binding = json!({
                "apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
                "subjects": [{ "kind": "Group", "name": group }],
            });
            make(state, "kube-apiserver", binding);
        }
    }
    make(
        state,
        "kube-apiserver",
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": { "component": "apiserver", "provider": "kubernetes" },
            },
            "spec": {
                "clusterIP": "10.0.0.1", "ipFamilyPolicy": "SingleStack",
                "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }],
            },
        }),
    );
}

/// Creates an object unless it exists.
fn make(state: &mut State, manager: &str, object: Value) {
    let Ok(key) = super::server::key_of(&object) else {
        return;
    };
    let Some(kind) = state.kind_of(&key) else {
        return;
    };
    if state.store.get(&key).is_none() {
        let options = WriteOptions {
            manager,
            ..WriteOptions::default()
        };
        // A namespace that is about to go refuses new content, and rightly so.
        let _ = write::create(state, &kind, key.namespace.as_deref(), object, &options);
    }
}

/// Does what follows from a change.
pub(super) fn react(state: &mut State, event: &Event) {
    let (key, object) = (&event.change.key, &event.change.object);
    let gone = event.change.kind == ChangeKind::Deleted;
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") if event.change.kind == ChangeKind::Added => welcome(state, &key.name),
        ("", "Namespace") if !gone => empty(state, &key.name),
        ("", "ConfigMap") if gone && key.name == ROOT_CA => {
            if let Some(namespace) = &key.namespace {
                welcome(state, namespace);
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => define(state, key, gone),
        _ => {}
    }
    if gone {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            collector::collect_dependents(state, uid);
        }
        collector::resume_owners(state, object);
        if let Some(namespace) = key.namespace.as_deref() {
            empty(state, namespace);
        }
        if let Some(definition) = definition_of(state, key) {
            define(state, &definition, false);
        }
        return;
    }
    if object["metadata"]["deletionTimestamp"].is_null() {
        collector::collect_orphan(state, key);
    } else {
        collector::finish(state, key);
        if let Some(namespace) = key.namespace.as_deref() {
            empty(state, namespace);
        }
    }
}

const ROOT_CA: &str = "kube-root-ca.crt";

/// Gives a namespace what every namespace has.
fn welcome(state: &mut State, namespace: &str) {
    if state
        .namespace(namespace)
        .is_none_or(|object| !object["metadata"]["deletionTimestamp"].is_null())
    {
        return;
    }
    make(
        state,
        MANAGER,
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": ROOT_CA, "namespace": namespace, "annotations": { "kubernetes.io/description":
                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal \
                 service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters." } },
            "data": { "ca.crt": "" },
        }),
    );
    make(
        state,
        MANAGER,
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": namespace },
        }),
    );
}

/// Empties a namespace that is being deleted, and lets it go once it is empty.
fn empty(state: &mut State, name: &str) {
    let Some(namespace) = state.namespace(name).cloned() else {
        return;
    };
    if namespace["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let content = |state: &State| -> Vec<Arc<Value>> {
        let kinds = state.store.kinds_in(name);
        kinds
            .iter()
            .flat_map(|(group, kind)| state.store.list(group, kind, Some(name)))
            .collect()
    };
    for object in content(state) {
        if object["metadata"]["deletionTimestamp"].is_null()
            && let Ok(key) = super::server::key_of(&object)
        {
            delete::collect(state, &key);
        }
    }
    let left = content(state);
    let key = namespace_key(name);
    let finalizers = namespace["spec"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut changed = Value::clone(&namespace);
    if left.is_empty() {
        let others: Vec<Value> = finalizers
            .into_iter()
            .filter(|finalizer| finalizer != "kubernetes")
            .collect();
        if others.is_empty()
            && namespace["metadata"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty)
        {
            state.remove(key);
            return;
        }
        changed["spec"]["finalizers"] = json!(others);
    } else {
        explain(state, &mut changed, &left);
    }
    if changed != *namespace {
        note(state, &key, &namespace, &mut changed);
        state.put(key, changed);
    }
}

/// Says in the conditions of a namespace what it waits for.
fn explain(state: &State, namespace: &mut Value, left: &[Arc<Value>]) {
    let mut resources: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    for object in left {
        if let Some(kind) = super::server::key_of(object)
            .ok()
            .and_then(|key| state.kind_of(&key))
        {
            *resources
                .entry(format!("{}.{}", kind.plural, kind.group))
                .or_default() += 1;
        }
        for finalizer in object["metadata"]["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let list = |counts: &BTreeMap<String, usize>, verb: &str| -> String {
        let parts: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} {verb} {count} resource instances"))
            .collect();
        parts.join(", ")
    };
    let now = state.now();
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        (
            "NamespaceContentRemaining",
            true,
            "SomeResourcesRemain",
            format!("Some resources are remaining: {}", list(&resources, "has")),
        ),
        (
            "NamespaceFinalizersRemaining",
            !finalizers.is_empty(),
            if finalizers.is_empty() {
                "ContentHasNoFinalizers"
            } else {
                "SomeFinalizersRemain"
            },
            if finalizers.is_empty() {
                "All content-preserving finalizers finished".to_owned()
            } else {
                format!(
                    "Some content in the namespace has finalizers remaining: {}",
                    list(&finalizers, "in")
                )
            },
        ),
    ];
    let before = namespace["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let conditions: Vec<Value> = conditions
        .into_iter()
        .map(|(name, holds, reason, message)| {
            let status = if holds { "True" } else { "False" };
            let same = before.iter().find(|condition| condition["type"] == name && condition["status"] == status);
            let since = same.map_or_else(|| json!(now), |condition| condition["lastTransitionTime"].clone());
            json!({ "type": name, "status": status, "lastTransitionTime": since, "reason": reason, "message": message })
        })
        .collect();
    namespace["status"]["conditions"] = json!(conditions);
}

/// Notes a controller's change of a status.
fn note(state: &State, key: &Key, old: &Value, new: &mut Value) {
    let Some(kind) = state.kind_of(key) else {
        return;
    };
    let mut managers = Managers::read(old);
    let api_version = kind.api_version();
    let updater = Updater {
        manager: MANAGER,
        api_version: &api_version,
        subresource: Some("status"),
    };
    managers.update(old, new, kind.schema(), &updater, Some(&state.now()));
    managers.write(new);
}

/// Returns whether a definition is served.
pub(super) fn is_established(definition: &Value) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

/// Sets a condition to True.
pub(super) fn set_condition(
    object: &mut Value,
    name: &str,
    reason: &str,
    message: &str,
    now: &str,
) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = object["status"]["conditions"].as_array_mut() else {
        return;
    };
    let condition = json!({ "type": name, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message });
    match conditions
        .iter_mut()
        .find(|condition| condition["type"] == name)
    {
        Some(found) => {
            let since = found["lastTransitionTime"].clone();
            let same = found["status"] == "True";
            *found = condition;
            if same {
                found["lastTransitionTime"] = since;
            }
        }
        None => conditions.push(condition),
    }
}

fn definition_of(state: &State, key: &Key) -> Option<Key> {
    let name = state
        .registry
        .kind(&key.group, None, &key.kind)?
        .custom()?
        .definition
        .clone();
    let kind = "CustomResourceDefinition".to_owned();
    Some(Key {
        group: "apiextensions.k8s.io".to_owned(),
        kind,
        namespace: None,
        name,
    })
}

/// Establishes a definition, follows its changes, and takes its objects down before it goes.
fn define(state: &mut State, key: &Key, gone: bool) {
    let Some(definition) = state.store.get(key).cloned().filter(|_| !gone) else {
        state.registry.set_custom(&key.name, None);
        return;
    };
    let now = state.now();
    let mut changed = Value::clone(&definition);
    if definition["metadata"]["deletionTimestamp"].is_null() {
        set_condition(
            &mut changed,
            "NamesAccepted",
            "NoConflicts",
            "no conflicts found",
            &now,
        );
        let message = "the initial names have been accepted";
        set_condition(
            &mut changed,
            "Established",
            "InitialNamesAccepted",
            message,
            &now,
        );
        changed["status"]["acceptedNames"] = definition["spec"]["names"].clone();
        if changed != *definition {
            note_definition(state, key, &definition, &mut changed);
            let stored = state.put(key.clone(), changed);
            let revision = state.store.revision();
            state
                .registry
                .set_custom(&key.name, Some((&stored, revision)));
        } else {
            let revision = state.store.revision();
            state
                .registry
                .set_custom(&key.name, Some((&definition, revision)));
        }
        return;
    }
    let revision = state.store.revision();
    state
        .registry
        .set_custom(&key.name, Some((&definition, revision)));
    let group = definition["spec"]["group"].as_str().unwrap_or_default();
    let kind = definition["spec"]["names"]["kind"]
        .as_str()
        .unwrap_or_default();
    let message = "CustomResource deletion is in progress";
    let objects = state.store.list(group, kind, None);
    set_condition(
        &mut changed,
        "Terminating",
        "InstanceDeletionInProgress",
        message,
        &now,
    );
    if changed != *definition && !objects.is_empty() {
        state.put(key.clone(), changed);
    }
    for object in objects {
        if object["metadata"]["deletionTimestamp"].is_null()
            && let Ok(key) = super::server::key_of(&object)
        {
            delete::collect(state, &key);
        }
    }
    if state.store.list(group, kind, None).is_empty() {
        collector::drop_finalizer(state, key, CLEANUP);
    }
}

fn note_definition(state: &State, key: &Key, old: &Value, new: &mut Value) {
    let Some(kind) = state.kind_of(key) else {
        return;
    };
    let mut managers = Managers::read(old);
    let api_version = kind.api_version();
    let updater = Updater {
        manager: "kube-apiserver",
        api_version: &api_version,
        subresource: Some("status"),
    };
    managers.update(old, new, kind.schema(), &updater, Some(&state.now()));
    managers.write(new);
}
