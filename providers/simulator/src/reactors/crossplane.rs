//! Crossplane: its packages, managed resources, and the composites that make them, with the conditions and reasons of the real
//! one (Crossplane 2.3, crossplane-runtime 2, upjet 2). Core acts only while its Deployment is Available, a provider while its
//! own is.

mod composites;
mod configs;
mod managed;
mod packages;
mod revisions;

use super::{
    Cx, Next, external,
    object::{Conditions, deleting, generation, key, name, text},
};
use crate::{
    blueprint::{self, Item},
    kube::{ApiServer, Change, Key},
};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

const MANAGER: &str = "crossplane";
const PKG: &str = "pkg.crossplane.io";
const EXTENSIONS: &str = "apiextensions.crossplane.io";
/// The Deployment of Crossplane's core.
const CORE: &str = "crossplane";
/// The kinds of packages.
const PACKAGES: [&str; 3] = ["Provider", "Configuration", "Function"];

static DEFINITIONS: LazyLock<Vec<Item>> = LazyLock::new(|| {
    // A test reads it, so that this does not fail.
    serde_saphyr::from_str(include_str!("../../crossplane/core.yaml")).unwrap_or_default()
});

/// Looks at an object; `None` where it is none of Crossplane's.
pub(super) fn react(cx: &Cx<'_>, key: &Key, object: &Value) -> Option<Next> {
    let (group, kind) = (key.group.as_str(), key.kind.as_str());
    Some(match (group, kind) {
        (PKG, kind) if PACKAGES.contains(&kind) => packages::package(cx, object),
        (PKG, "ProviderRevision" | "ConfigurationRevision" | "FunctionRevision") => {
            revisions::revision(cx, object)
        }
        (EXTENSIONS, "CompositeResourceDefinition") => composites::definition(cx, object),
        (EXTENSIONS, "ManagedResourceActivationPolicy") => revisions::policy(cx, object),
        (PKG | EXTENSIONS, _) => Next::NEVER,
        (_, "ProviderConfig" | "ClusterProviderConfig") if packages::family(group).is_some() => {
            configs::config(cx, object)
        }
        _ => match packages::serving(group, kind) {
            Some((package, resource)) => managed::resource(cx, object, package, resource),
            None => return composites::composite(cx, object),
        },
    })
}

/// Does what the init container of Crossplane's Deployment does: makes the definitions and the first activation policy.
pub(super) fn begin(cx: &Cx<'_>, deployment: &Value) {
    if name(deployment) != CORE || deleting(deployment) {
        return;
    }
    let init = &deployment["spec"]["template"]["spec"]["initContainers"][0]["args"];
    let mut args = init
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let Some(activations) = args.find_map(|arg| arg.strip_prefix("--activations=")) else {
        return;
    };
    for made in blueprint::make(&DEFINITIONS, &json!({}), "").unwrap_or_default() {
        if cx.api.get(&key(&made.object)).is_none() {
            // What is refused is tried again with the next change of the Deployment.
            let _ = cx.api.apply(MANAGER, made.object);
        }
    }
    let patterns: Value = serde_json::from_str(activations).unwrap_or_else(|_| json!([]));
    let policy = json!({
        "apiVersion": format!("{EXTENSIONS}/v1alpha1"), "kind": "ManagedResourceActivationPolicy", "metadata": {"name": "default"},
        "spec": {"activate": patterns},
    });
    let known = cx.api.get(&key(&policy));
    if known.is_none_or(|known| known["spec"]["activate"] != patterns) {
        let _ = cx.api.apply("crossplane-init", policy);
    }
}

/// Returns what else is to be looked at when an object changed.
pub(super) fn concern(api: &Arc<ApiServer>, change: &Change) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut all =
        |group: &str, kind: &str| keys.extend(api.list(group, kind, None).iter().map(|it| key(it)));
    let changed = &change.key;
    match (changed.group.as_str(), changed.kind.as_str()) {
        ("apps", "Deployment") if changed.name == CORE => {
            for kind in PACKAGES {
                all(PKG, kind);
                all(PKG, &format!("{kind}Revision"));
            }
            all(EXTENSIONS, "CompositeResourceDefinition");
            composites::kinds(api)
                .iter()
                .for_each(|(group, kind)| all(group, kind));
        }
        // A package waits for those that it needs; managed resources wait for their provider.
        (PKG, "Provider" | "Function" | "Configuration") => {
            for kind in PACKAGES {
                all(PKG, &format!("{kind}Revision"));
            }
            packages::kinds().for_each(|(group, kind)| all(group, kind));
        }
        (EXTENSIONS, "ManagedResourceActivationPolicy") => all(PKG, "ProviderRevision"),
        (EXTENSIONS, _) => {
            all(EXTENSIONS, "CompositeResourceDefinition");
            composites::kinds(api)
                .iter()
                .for_each(|(group, kind)| all(group, kind));
        }
        (group, "ProviderConfig" | "ClusterProviderConfig") => {
            let family = packages::family(group);
            packages::kinds()
                .filter(|(group, _)| packages::family(group) == family)
                .for_each(|(group, kind)| all(group, kind));
        }
        (group, kind) if packages::serving(group, kind).is_some() => {
            if let Some(family) = packages::family(group) {
                all(family, "ClusterProviderConfig");
                all(family, "ProviderConfig");
            }
        }
        _ => {}
    }
    keys.extend(composites::concern(&change.object));
    keys
}

/// Returns whether Crossplane's core acts, and its namespace.
fn home(cx: &Cx<'_>) -> Option<String> {
    let core = external::running(cx, CORE)?;
    Some(core["metadata"]["namespace"].as_str()?.to_owned())
}

/// Returns an object's conditions, to be set at its generation.
fn conditions(cx: &Cx<'_>, object: &Value) -> Conditions {
    Conditions::of(object, cx.now).observing(generation(object))
}

/// Sets conditions of an object, each with status, reason and message.
fn say(cx: &Cx<'_>, object: &Value, conditions: &[(&str, &str, &str, &str)]) {
    let mut all = self::conditions(cx, object);
    for (kind, status, reason, message) in conditions {
        all.set(kind, status, reason, message);
    }
    cx.status(object, MANAGER, json!({"conditions": all.into_value()}));
}

/// Returns whether text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, mut subject: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = subject.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    subject = rest;
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return subject.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return subject.ends_with(part);
        }
        match subject.find(part) {
            Some(at) => subject = &subject[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Returns a reference to an object as its owner, which does not control what it owns.
fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"], "uid": object["metadata"]["uid"],
    })
}

/// Returns how many packages were read.
#[cfg(test)]
pub(super) fn packages_read() -> usize {
    packages::ALL.len()
}

/// Returns the part of `org/repo:tag` that names a repository.
fn repository(package: &str) -> &str {
    let name = package.rfind('/').unwrap_or(0);
    let end = package[name..]
        .find([':', '@'])
        .map_or(package.len(), |at| name + at);
    &package[..end]
}

/// Returns the tag of `org/repo:tag`.
fn tag(package: &str) -> &str {
    package[repository(package).len()..].trim_start_matches([':', '@'])
}

/// Returns the name that Crossplane gives a package that another one needs: `org-repo`.
fn dependency(package: &str) -> String {
    let repository = repository(package);
    let path = repository
        .split_once('/')
        .map_or(repository, |(_, path)| path);
    path.replace('/', "-")
}

/// Returns the kind of a package as in a revision's: "Provider" of "ProviderRevision".
fn of_revision(revision: &Value) -> &str {
    let kind = text(revision, "kind");
    kind.strip_suffix("Revision").unwrap_or(kind)
}
