//! Managed resources: each stands for something in a cloud, which its provider makes, and deletes for as long as it lives and
//! may speak to the cloud.

use super::{
    PKG, conditions,
    packages::{Package, Resource, family},
    repository,
};
use crate::{
    clock,
    kube::Key,
    reactors::{
        Cx, Next, external,
        object::{
            Conditions, deleting, find, generation, is_true, key, name, namespace, path, second,
            text, time, uid,
        },
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MANAGER: &str = "provider";
const FINALIZER: &str = "finalizer.managedresource.crossplane.io";
const CREATED: &str = "crossplane.io/external-create-succeeded";
const NAME: &str = "crossplane.io/external-name";
/// Assumed time to delete something in a cloud, as a share of what it took to make it.
const DELETE: u32 = 2;
/// How long a provider waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(60);

/// Returns the key of the provider configuration that a resource refers to.
pub(super) fn config_of(it: &Value) -> Key {
    let reference = &it["spec"]["providerConfigRef"];
    let kind = reference["kind"]
        .as_str()
        .unwrap_or("ClusterProviderConfig");
    let group = key(it).group;
    Key {
        group: family(&group).unwrap_or(&group).to_owned(),
        kind: kind.to_owned(),
        namespace: (kind == "ProviderConfig").then(|| namespace(it).to_owned()),
        name: reference["name"].as_str().unwrap_or("default").to_owned(),
    }
}

/// Returns the Deployment that serves a package, where it runs.
pub(super) fn runtime(cx: &Cx<'_>, package: &Package) -> Option<Arc<Value>> {
    let providers = cx.api.list(PKG, "Provider", None);
    let provider = providers
        .iter()
        .find(|it| repository(text(&it["spec"], "package")) == package.package)?;
    external::running(cx, text(&provider["status"], "currentRevision"))
}

pub(super) fn resource(cx: &Cx<'_>, it: &Value, package: &Package, of: &Resource) -> Next {
    if runtime(cx, package).is_none() {
        return Next::NEVER;
    }
    if deleting(it) {
        return match external::is_held(it, FINALIZER) {
            true => delete(cx, it, of),
            false => Next::NEVER,
        };
    }
    if let Err(message) = configured(cx, it) {
        return fail(cx, it, &format!("connect failed: {message}"));
    }
    if external::hold(cx, it, MANAGER, FINALIZER) {
        // The change brings it here again.
        return Next::NEVER;
    }
    let annotations = &it["metadata"]["annotations"];
    let Some(created) = time(&annotations[CREATED]) else {
        return create(cx, it);
    };
    let strike = strike(cx, it);
    let done = clock::add(
        created,
        Duration::from_secs(of.seconds).saturating_add(strike.0),
    );
    if let Some(cause) = strike.1 {
        return fail(
            cx,
            it,
            &format!("async create failed: failed to create the resource: {cause}"),
        );
    }
    let mut all = conditions(cx, it);
    all.set("Synced", "True", "ReconcileSuccess", "");
    if cx.now < done {
        all.set("Ready", "False", "Creating", "");
        write(cx, it, all);
        return Next::at(done);
    }
    all.set("Ready", "True", "Available", "");
    write(cx, it, all);
    Next::NEVER
}

/// Asks the cloud to make it, or finds out that it may not.
fn create(cx: &Cx<'_>, it: &Value) -> Next {
    if !may(it, "Create") {
        return fail(
            cx,
            it,
            "observe failed: external resource does not exist, and managementPolicies do not let it be created",
        );
    }
    if let Some(cause) = strike(cx, it).1 {
        return fail(cx, it, &format!("create failed: {cause}"));
    }
    if let Err(cause) = carry_out(cx, it) {
        return fail(cx, it, &format!("create failed: {cause}"));
    }
    let own = it["metadata"]["annotations"][NAME]
        .as_str()
        .unwrap_or(name(it));
    let annotations = json!({
        NAME: own, "crossplane.io/external-create-pending": second(cx.now), CREATED: second(cx.now),
    });
    cx.patch(
        it,
        MANAGER,
        None,
        json!({"metadata": {"annotations": annotations}}),
    );
    Next::NEVER
}

/// Does what the resource is for: an Object is applied, anything of a cloud comes to be there.
fn carry_out(cx: &Cx<'_>, it: &Value) -> Result<(), String> {
    match key(it).group.as_str() {
        "kubernetes.m.crossplane.io" => {
            let manifest = it["spec"]["forProvider"]["manifest"].clone();
            let applied = cx.api.apply("provider-kubernetes", manifest);
            applied.map(drop).map_err(|error| error.message)
        }
        "helm.m.crossplane.io" => Ok(()),
        _ => {
            external::make(cx, it, None);
            Ok(())
        }
    }
}

fn delete(cx: &Cx<'_>, it: &Value, of: &Resource) -> Next {
    let orphan = it["spec"]["deletionPolicy"] == "Orphan" || !may(it, "Delete");
    if orphan {
        external::let_go(cx, it, MANAGER, FINALIZER);
        return Next::NEVER;
    }
    if let Err(message) = configured(cx, it) {
        return fail(cx, it, &format!("connect failed: {message}"));
    }
    let strike = strike(cx, it);
    if let Some(cause) = strike.1 {
        return fail(
            cx,
            it,
            &format!("delete failed: async delete failed: {cause}"),
        );
    }
    let mut all = conditions(cx, it);
    all.set("Synced", "True", "ReconcileSuccess", "");
    all.set("Ready", "False", "Deleting", "");
    write(cx, it, all);
    let since = time(&it["metadata"]["deletionTimestamp"]).unwrap_or(cx.now);
    let took = Duration::from_secs(of.seconds) / DELETE;
    let done = clock::add(since, took.saturating_add(strike.0));
    if cx.now < done {
        return Next::at(done);
    }
    if !external::may_let_go(cx, it, FINALIZER) {
        return Next::NEVER;
    }
    if key(it).group == "kubernetes.m.crossplane.io" {
        let manifest = &it["spec"]["forProvider"]["manifest"];
        if let Some(known) = cx.api.get(&key(manifest)) {
            cx.delete(&known);
        }
    }
    external::delete(cx, it);
    external::let_go(cx, it, MANAGER, FINALIZER);
    Next::NEVER
}

/// Returns whether the management policies allow an action.
fn may(it: &Value, action: &str) -> bool {
    match it["spec"]["managementPolicies"].as_array() {
        None => true,
        Some(policies) => policies.iter().any(|it| it == "*" || it == action),
    }
}

/// Checks that the configuration is there, with which the provider speaks to its cloud.
fn configured(cx: &Cx<'_>, it: &Value) -> Result<(), String> {
    let wanted = config_of(it);
    match cx.api.get(&wanted) {
        Some(_) => Ok(()),
        None => Err(format!(
            "cannot initialize the Terraform plugin SDK async external client: cannot get terraform setup: cannot get referenced \
             ProviderConfig: {:?}: {}.{} {:?} not found",
            wanted.name,
            wanted.kind.to_lowercase() + "s",
            wanted.group,
            wanted.name
        )),
    }
}

/// Returns the latency and the failure that faults have for this attempt. What failed is tried again in time.
fn strike(cx: &Cx<'_>, it: &Value) -> (Duration, Option<String>) {
    let since = match deleting(it) {
        true => &it["metadata"]["deletionTimestamp"],
        false => &it["metadata"]["creationTimestamp"],
    };
    let attempt = tries(time(since).unwrap_or(cx.now), cx.now);
    let subject = format!("{} {} {attempt}", uid(it), deleting(it));
    let strike = cx
        .ground
        .faults
        .managed(text(it, "kind"), &path(it), &subject, cx.now);
    (strike.latency, strike.effect)
}

fn tries(since: Timestamp, now: Timestamp) -> u64 {
    let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    age.as_secs() / RETRY.as_secs()
}

fn fail(cx: &Cx<'_>, it: &Value, message: &str) -> Next {
    let mut all = conditions(cx, it);
    all.set("Synced", "False", "ReconcileError", message);
    if find(it, "Ready").is_none() {
        all.set("Ready", "False", "Creating", "");
    }
    let reason = match message.split(' ').next() {
        Some("connect") => "CannotConnectToProvider",
        Some("delete") => "CannotDeleteExternalResource",
        Some("observe") => "CannotObserveExternalResource",
        _ => "CannotCreateExternalResource",
    };
    cx.event(it, "Warning", reason, message);
    write(cx, it, all);
    Next::limit(clock::add(cx.now, RETRY))
}

fn write(cx: &Cx<'_>, it: &Value, conditions: Conditions) {
    let mut status = json!({"conditions": conditions.into_value()});
    if is_true(it, "Ready") {
        status["observedGeneration"] = json!(generation(it));
    }
    cx.status(it, MANAGER, status);
}
