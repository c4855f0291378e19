//! Server-side apply in stages, as Flux's own `ssa` package does it: what defines comes first and is awaited, then the rest,
//! webhook configurations last. Forced: what a user changed by hand in a field of ours is set back.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use kube::core::{
    Request,
    params::{Patch, PatchParams},
};
use serde_json::Value;
use windlass_provider::{Change, Ctx, Error, Fault, Result};

use super::{Cluster, Kind, MANAGER, ObjectRef, client, fault::Failure, list::Depth};

/// How many objects are applied at once; the client bounds requests besides.
const SIDE_BY_SIDE: usize = 16;

/// How long to wait for a kind that was just established to be served by all API servers; they take up to five seconds.
const UNSERVED_PAUSE: Duration = Duration::from_millis(1500);

/// What an apply did to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub object: ObjectRef,
    /// Made, updated or unchanged.
    pub change: Change,
}

/// An object with the kind that it is applied as.
struct Target {
    name: ObjectRef,
    kind: Arc<Kind>,
    object: Value,
}

impl Cluster {
    /// Applies objects: CRDs, namespaces and other definitions first, until those are established and active; then the rest, many
    /// at a time; webhook configurations last. Returns what became of each, in the order in which they were applied.
    ///
    /// Applying the same twice changes nothing, not even a resourceVersion. Stops at the first object that fails; the same
    /// call again goes on.
    ///
    /// # Errors
    /// The object that failed, with the fields that the API names.
    pub async fn apply(&self, cx: &Ctx, objects: &[Value]) -> Result<Vec<Applied>> {
        let mut stages: [Vec<&Value>; 3] = Default::default();
        for object in objects {
            stages[stage(object)].push(object);
        }
        let mut done = Vec::with_capacity(objects.len());
        let [definitions, rest, webhooks] = stages;
        if !definitions.is_empty() {
            done.extend(self.apply_side_by_side(cx, &definitions).await?);
            let awaited: Vec<_> = done
                .iter()
                .filter(|applied| {
                    matches!(
                        applied.object.kind.as_str(),
                        "CustomResourceDefinition" | "Namespace"
                    )
                })
                .map(|applied| applied.object.clone())
                .collect();
            self.wait_ready(cx, &awaited).await?;
            for definition in definitions {
                if definition["kind"] == "CustomResourceDefinition" {
                    self.learn_kinds(definition).await;
                }
            }
        }
        for stage in [rest, webhooks] {
            done.extend(self.apply_side_by_side(cx, &stage).await?);
        }
        Ok(done)
    }

    /// Returns those of `objects` that are in the cluster as they would be applied, as they are there, with one list for each kind and namespace.
    ///
    /// Compares what the objects say with what is there, so that what others added does not count. The API writes some values
    /// in another way (quantities): such an object is not returned, and applying it again changes nothing.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn held(&self, cx: &Ctx, objects: &[Value]) -> Result<BTreeMap<ObjectRef, Value>> {
        let mut targets = Vec::new();
        for object in objects {
            match self.target(cx, object).await {
                Ok(target) => targets.push(target),
                // Its kind is not served: it cannot be there.
                Err(error) if error.fault == Fault::Transient => {}
                Err(error) => return Err(error),
            }
        }
        let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
        let there = self.read_all(cx, &names, Depth::Whole).await?;
        Ok(targets
            .into_iter()
            .zip(there)
            .filter_map(|(target, live)| Some((target, live?)))
            .filter(|(target, live)| {
                live["metadata"]["deletionTimestamp"].is_null() && holds(live, &target.object)
            })
            .map(|(target, live)| (target.name, live))
            .collect())
    }

    async fn apply_side_by_side(&self, cx: &Ctx, objects: &[&Value]) -> Result<Vec<Applied>> {
        let mut targets = Vec::with_capacity(objects.len());
        for object in objects {
            targets.push(self.target(cx, object).await?);
        }
        targets.sort_by_key(|target| rank(&target.name.kind));
        let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
        let before = self.read_all(cx, &names, Depth::Metadata).await?;
        stream::iter(targets.into_iter().zip(before))
            .map(|(target, before)| async move {
                let change = self.apply_one(cx, &target, before.as_ref()).await?;
                Ok(Applied {
                    object: target.name,
                    change,
                })
            })
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    async fn apply_one(&self, cx: &Ctx, target: &Target, before: Option<&Value>) -> Result<Change> {
        let params = PatchParams::apply(MANAGER).force();
        let (status, after) = self.apply_as(cx, target, &params).await?;
        Ok(if status == StatusCode::CREATED {
            Change::Made
        } else if before.is_some_and(|before| is_same(before, &after)) {
            Change::Unchanged
        } else {
            Change::Updated
        })
    }

    async fn apply_as(
        &self,
        cx: &Ctx,
        target: &Target,
        params: &PatchParams,
    ) -> Result<(StatusCode, Value)> {
        let name = &target.name;
        let doing = format!("apply {name}");
        let path = target.kind.path(name.namespace.as_deref());
        let request = Request::new(path)
            .patch(&name.name, params, &Patch::Apply(&target.object))
            .map_err(|error| client::built(&doing, &error))?;
        let mut tries_left = 5;
        loop {
            tries_left -= 1;
            match self.send(cx, &doing, request.clone()).await {
                Ok(answer) => return Ok((answer.status, client::parse(&doing, &answer.body)?)),
                // Forced as it is, it can only have met another write of the same moment.
                Err(failure) if failure.is_conflict() && tries_left > 0 => {}
                // Of several API servers one may not serve yet what another has established.
                Err(failure) if failure.is_unserved() && tries_left > 0 => {
                    let pause = async {
                        cx.clock.sleep(UNSERVED_PAUSE).await;
                        Ok(())
                    };
                    cx.bound(&doing, pause).await?;
                }
                Err(failure) => return Err(hinted(name, failure)),
            }
        }
    }

    /// Applies one object under a field manager of its own: what that manager no longer says is taken away.
    pub(super) async fn apply_under(&self, cx: &Ctx, manager: &str, object: &Value) -> Result<()> {
        let target = self.target(cx, object).await?;
        let params = PatchParams::apply(manager).force();
        self.apply_as(cx, &target, &params).await?;
        Ok(())
    }

    async fn target(&self, cx: &Ctx, object: &Value) -> Result<Target> {
        let mut name = ObjectRef::of(object).ok_or_else(|| {
            Error::new(
                Fault::Invalid,
                "cannot apply an object without apiVersion, kind and name",
            )
        })?;
        let kind = self.kind(cx, &name.api_version, &name.kind).await?;
        let mut object = object.clone();
        if !kind.namespaced {
            name.namespace = None;
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.shift_remove("namespace");
            }
        } else if name.namespace.is_none() {
            return Err(Error::new(Fault::Invalid, format!("cannot apply {name}"))
                .cause("it names no namespace, and its kind lives in one")
                .hint(format!("add metadata.namespace to {name}")));
        }
        Ok(Target { name, kind, object })
    }
}

fn hinted(name: &ObjectRef, failure: Failure) -> Error {
    let error = Error::from(failure);
    if error.fault == Fault::Failed
        && let Some(namespace) = &name.namespace
        && error
            .causes
            .iter()
            .any(|cause| cause.contains("namespaces \""))
    {
        return error.hint(format!(
            "create it first: kubectl create namespace {namespace}"
        ));
    }
    error
}

/// Puts objects into the order in which they are applied.
pub fn sort_for_apply(objects: &mut [Value]) {
    objects.sort_by_key(|object| {
        let kind = object["kind"].as_str().unwrap_or_default();
        (stage(object), rank(kind))
    });
}

/// Returns in which stage an object is applied: definitions, the rest, webhook configurations.
fn stage(object: &Value) -> usize {
    let kind = object["kind"].as_str().unwrap_or_default();
    match kind {
        "CustomResourceDefinition" | "Namespace" | "ClusterRole" => 0,
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => 2,
        _ if kind.ends_with("Class") => 0,
        _ => 1,
    }
}

/// Returns the place of a kind within its stage. Source: `ReconcileOrder` in <https://github.com/fluxcd/pkg>'s `ssa/sort.go`.
fn rank(kind: &str) -> usize {
    const FIRST: [&str; 20] = [
        "CustomResourceDefinition",
        "Namespace",
        "ResourceQuota",
        "ServiceAccount",
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
        "ConfigMap",
        "Secret",
        "Service",
        "LimitRange",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "CronJob",
        "Job",
        "PodDisruptionBudget",
    ];
    FIRST
        .iter()
        .position(|first| *first == kind)
        .unwrap_or(FIRST.len())
}

/// Tells whether an apply left an object as it was: the same version; or, where its status moved meanwhile, the same
/// generation (which kinds without a status do not count) under the same metadata.
fn is_same(before: &Value, after: &Value) -> bool {
    let (before, after) = (&before["metadata"], &after["metadata"]);
    if before["resourceVersion"] == after["resourceVersion"] {
        return true;
    }
    before["generation"].is_u64()
        && [
            "generation",
            "labels",
            "annotations",
            "finalizers",
            "ownerReferences",
        ]
        .iter()
        .all(|field| before[*field] == after[*field])
}

/// Tells whether `live` says all that `wanted` says.
fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let secret = live.get("kind").is_some_and(|kind| kind == "Secret");
            wanted.iter().all(|(field, wanted)| match live.get(field) {
                Some(live) => holds(live, wanted),
                // Written as text, kept as base64.
                None if secret && field == "stringData" => holds(&live["data"], &encoded(wanted)),
                None => is_nothing(wanted),
            })
        }
        (Value::Array(live), Value::Array(wanted)) => wanted
            .iter()
            .all(|wanted| live.iter().any(|live| holds(live, wanted))),
        // Where a field takes both, the API may keep a number as text.
        (Value::String(live), Value::Number(wanted)) => *live == wanted.to_string(),
        _ => live == wanted || (live.is_null() && is_nothing(wanted)),
    }
}

/// Tells whether the API leaves a value out when it is asked to keep it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

fn encoded(texts: &Value) -> Value {
    texts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, text)| {
            let text = client::base64(text.as_str().unwrap_or_default());
            (key.clone(), Value::String(text))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_holds_what_was_applied_whatever_others_added() {
        let live = json!({
            "kind": "Deployment", "metadata": { "name": "a", "uid": "1", "labels": { "x": "1", "y": "2" } },
            "spec": { "replicas": 2, "paused": false, "template": { "spec": { "containers": [
                { "name": "sidecar" }, { "name": "web", "image": "i:1", "imagePullPolicy": "Always", "cpu": "1" },
            ] } } },
        });
        let with = |path: &str, value: Value| {
            let mut wanted = json!({ "metadata": { "labels": { "x": "1" } }, "spec": { "replicas": 2, "template": { "spec": {
                "hostNetwork": false, "volumes": [], "securityContext": {},
                "containers": [{ "name": "web", "image": "i:1", "cpu": 1 }] } } } });
            *wanted.pointer_mut(path).unwrap() = value;
            wanted
        };
        assert!(holds(&live, &with("/spec/replicas", json!(2))));
        assert!(!holds(&live, &with("/spec/replicas", json!(3))));
        assert!(!holds(&live, &with("/metadata/labels/x", json!("2"))));
        let image = "/spec/template/spec/containers/0/image";
        assert!(!holds(&live, &with(image, json!("i:2"))));
        assert!(!holds(
            &live,
            &with("/spec/template/spec/hostNetwork", json!(true))
        ));
    }

    #[test]
    fn a_secret_holds_its_text_as_base64() {
        let live = json!({ "kind": "Secret", "data": { "a": "c2VjcmV0" } });
        assert!(holds(&live, &json!({ "stringData": { "a": "secret" } })));
        assert!(!holds(&live, &json!({ "stringData": { "a": "other" } })));
        assert!(!holds(&live, &json!({ "stringData": { "b": "secret" } })));
    }

    #[test]
    fn a_status_that_moved_is_no_change_of_ours() {
        let at = |version: &str, generation: Value, labels: Value| json!({ "metadata": { "resourceVersion": version, "generation": generation, "labels": labels } });
        let before = at("1", json!(3), json!({ "a": "b" }));
        assert!(is_same(&before, &at("2", json!(3), json!({ "a": "b" }))));
        assert!(!is_same(&before, &at("2", json!(4), json!({ "a": "b" }))));
        assert!(!is_same(&before, &at("2", json!(3), json!({}))));
        let counted_by_nobody = at("1", Value::Null, Value::Null);
        assert!(is_same(
            &counted_by_nobody,
            &at("1", Value::Null, Value::Null)
        ));
        assert!(!is_same(
            &counted_by_nobody,
            &at("2", Value::Null, Value::Null)
        ));
    }

    #[test]
    fn what_defines_goes_first_and_webhooks_go_last() {
        let stage = |kind: &str| stage(&json!({ "kind": kind }));
        assert_eq!(stage("CustomResourceDefinition"), 0);
        assert_eq!(stage("GatewayClass"), 0);
        assert_eq!(stage("HelmRelease"), 1);
        assert_eq!(stage("ValidatingWebhookConfiguration"), 2);
        assert!(rank("ServiceAccount") < rank("Deployment"));
        assert!(rank("Deployment") < rank("HelmRelease"));
    }
}
