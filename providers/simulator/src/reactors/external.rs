//! What stands in a cloud for an object of a cluster, and the finalizers that guard it.
//!
//! The world keeps these outside of the cluster: they outlive it, so that a test sees what a destroy left behind.

use super::{
    Cx,
    object::{finalizers, key, name, namespace, path, text, uid},
};
use serde_json::{Value, json};

/// Adds a finalizer; returns whether it was missing.
pub(super) fn hold(cx: &Cx<'_>, object: &Value, manager: &str, finalizer: &str) -> bool {
    let mut list = finalizers(object);
    if list.iter().any(|it| it == finalizer) {
        return false;
    }
    list.push(json!(finalizer));
    let patch = json!({"metadata": {"finalizers": list}});
    cx.patch(object, manager, None, patch).is_some()
}

/// Returns whether an object has a finalizer.
pub(super) fn is_held(object: &Value, finalizer: &str) -> bool {
    finalizers(object).iter().any(|it| it == finalizer)
}

/// Returns whether a controller may take a finalizer away: where a fault holds it, it stays.
pub(super) fn may_let_go(cx: &Cx<'_>, object: &Value, finalizer: &str) -> bool {
    !cx.is_held(object, &without(object, finalizer))
}

/// Removes a finalizer, unless a fault holds it.
pub(super) fn let_go(cx: &Cx<'_>, object: &Value, manager: &str, finalizer: &str) {
    cx.patch(object, manager, None, without(object, finalizer));
}

/// Returns the patch that removes a finalizer.
fn without(object: &Value, finalizer: &str) -> Value {
    let mut list = finalizers(object);
    list.retain(|it| it != finalizer);
    let list = match list.is_empty() {
        true => Value::Null,
        false => json!(list),
    };
    json!({"metadata": {"finalizers": list}})
}

/// Makes what stands in a cloud for an object; `within` is the object whose own it is a part of.
pub(super) fn make(cx: &Cx<'_>, object: &Value, within: Option<&Value>) {
    if id(cx, object).is_some() {
        return;
    }
    // As in Azure, what is a part has the id of the whole before its own.
    let whole = within.and_then(|it| id(cx, it));
    let own = match whole {
        Some(whole) => format!("{whole}/{}", uid(object)),
        None => uid(object).to_owned(),
    };
    let kind = format!("{}.{}", text(object, "kind"), key(object).group);
    cx.acquire(&kind, &own, &path(object), object);
}

/// Returns whether something stands in a cloud for an object.
pub(super) fn exists(cx: &Cx<'_>, object: &Value) -> bool {
    id(cx, object).is_some()
}

/// Deletes what stands in a cloud for an object, with all that is a part of it.
pub(super) fn delete(cx: &Cx<'_>, object: &Value) {
    let Some(whole) = id(cx, object) else {
        return;
    };
    let parts = format!("{whole}/");
    let gone = |id: &&String| **id == whole || id.starts_with(&parts);
    let gone: Vec<String> = cx
        .ground
        .site()
        .assets
        .keys()
        .filter(gone)
        .cloned()
        .collect();
    gone.iter().for_each(|id| cx.release(id));
}

/// Returns the id of what stands in a cloud for an object.
fn id(cx: &Cx<'_>, object: &Value) -> Option<String> {
    let own = uid(object);
    let site = cx.ground.site();
    let mut ids = site.assets.keys();
    ids.find(|id| id.rsplit('/').next() == Some(own)).cloned()
}

/// Returns the Deployment of that name that has a pod which is available, wherever it is. One that is scaled to nothing calls
/// itself Available.
pub(super) fn running(cx: &Cx<'_>, deployment: &str) -> Option<std::sync::Arc<Value>> {
    find(cx, deployment).filter(|it| is_served(it))
}

/// Returns whether a Deployment has a pod that is available.
pub(super) fn is_served(deployment: &Value) -> bool {
    deployment["status"]["availableReplicas"].as_i64() >= Some(1)
}

/// Returns the Deployment of that name that is not being deleted, wherever it is.
pub(super) fn find(cx: &Cx<'_>, deployment: &str) -> Option<std::sync::Arc<Value>> {
    let all = cx.api.list("apps", "Deployment", None);
    all.into_iter().find(|it| {
        name(it) == deployment && !super::object::deleting(it) && !namespace(it).is_empty()
    })
}
