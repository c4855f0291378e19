//! The packages that the registries have, and the objects that ask for them.

use super::{MANAGER, PKG, conditions, dependency, home, repository, tag};
use crate::{
    blueprint::Item,
    clock,
    ground::digest,
    reactors::{
        Cx, Next,
        object::{deleting, find, generation, is_true, name, reference, text, time, uid},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::LazyLock, time::Duration};

/// Assumed time to fetch and unpack a package.
const FETCH: Duration = Duration::from_secs(4);

/// How long Crossplane waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(60);

/// A package of a registry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    pub(super) package: String,
    /// "Provider", "Configuration" or "Function".
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) versions: Vec<String>,
    #[serde(default)]
    pub(super) needs: Vec<Need>,
    #[serde(default)]
    pub(super) objects: Vec<Item>,
    #[serde(default)]
    pub(super) managed: Vec<Resource>,
}

/// Another package that a package needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) package: String,
}

/// A kind of managed resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) version: String,
    /// Assumed time until what it stands for is there.
    pub(super) seconds: u64,
}

pub(super) static ALL: LazyLock<Vec<Package>> = LazyLock::new(|| {
    // A test reads it, so that this does not fail.
    serde_saphyr::from_str(include_str!("../../../crossplane/packages.yaml")).unwrap_or_default()
});

/// Returns the package whose provider looks after a kind, and the kind.
pub(super) fn serving(group: &str, kind: &str) -> Option<(&'static Package, &'static Resource)> {
    ALL.iter().find_map(|package| {
        let mut managed = package.managed.iter();
        let found = managed.find(|it| it.group == group && it.kind == kind)?;
        Some((package, found))
    })
}

/// Returns the groups and kinds of all managed resources.
pub(super) fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    let managed = ALL.iter().flat_map(|package| &package.managed);
    managed.map(|it| (it.group.as_str(), it.kind.as_str()))
}

/// Returns the group of the provider configurations that a group's resources refer to.
pub(super) fn family(group: &str) -> Option<&'static str> {
    const FAMILIES: [&str; 5] = [
        "aws.m.upbound.io",
        "azure.m.upbound.io",
        "gcp.m.upbound.io",
        "helm.m.crossplane.io",
        "kubernetes.m.crossplane.io",
    ];
    let within = |family: &&str| {
        group == *family
            || group
                .strip_suffix(*family)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    FAMILIES.into_iter().find(within)
}

/// Returns the package of that repository, in the version that is asked for where there is one.
pub(super) fn find_package(image: &str) -> Option<&'static Package> {
    let named = || ALL.iter().filter(|it| it.package == repository(image));
    let versioned = |it: &&Package| it.versions.iter().any(|version| version == tag(image));
    named().find(versioned).or_else(|| named().next())
}

/// Returns the name of the revision that an image makes of a package's object.
pub(super) fn revision_name(object: &Value, image: &str) -> String {
    format!("{}-{}", name(object), &digest(image)[..12])
}

pub(super) fn package(cx: &Cx<'_>, it: &Value) -> Next {
    if home(cx).is_none() || deleting(it) {
        return Next::NEVER;
    }
    let image = text(&it["spec"], "package");
    let current = revision_name(it, image);
    let kind = text(it, "kind");
    if let Some(revision) = cx.get(PKG, &format!("{kind}Revision"), "", &current) {
        return follow(cx, it, &revision, image);
    }
    let begun = find(it, "Installed")
        .filter(|known| known["reason"] == "UnpackingPackage")
        .filter(|known| known["observedGeneration"].as_i64() == Some(generation(it)));
    let Some(since) = begun.and_then(|it| time(&it["lastTransitionTime"])) else {
        let mut conditions = conditions(cx, it);
        conditions.remove("Installed");
        conditions.set("Installed", "False", "UnpackingPackage", "");
        cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
        // The change brings it here again.
        return Next::NEVER;
    };
    let age = Duration::try_from(cx.now.duration_since(since)).unwrap_or_default();
    let attempt = age.as_secs() / RETRY.as_secs();
    let attempt = format!("{} {} {attempt}", uid(it), generation(it));
    let strike = cx.ground.faults.package(name(it), &attempt, cx.now);
    let done = clock::add(since, FETCH.saturating_add(strike.latency));
    if cx.now < done {
        return Next::at(done);
    }
    let cannot = |cause: &str| {
        let message = format!("cannot unpack package: {cause}");
        let mut conditions = conditions(cx, it);
        conditions.set("Installed", "False", "UnpackingPackage", &message);
        cx.event(it, "Warning", "UnpackPackage", &message);
        cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
        Next::limit(clock::add(cx.now, RETRY))
    };
    if let Some(cause) = strike.effect {
        return cannot(&cause);
    }
    let path = repository(image);
    let (registry, path) = path.split_once('/').unwrap_or((path, ""));
    let manifest = format!("GET https://{registry}/v2/{path}/manifests/{}", tag(image));
    match find_package(image).filter(|package| package.kind == kind) {
        None => cannot(&format!(
            "failed to fetch package digest from remote: {manifest}: NAME_UNKNOWN: repository name not known to registry"
        )),
        Some(package) if !package.versions.iter().any(|it| it == tag(image)) => cannot(&format!(
            "failed to fetch package digest from remote: {manifest}: MANIFEST_UNKNOWN: manifest unknown"
        )),
        Some(package) => {
            begin(cx, it, package, &current, image);
            Next::NEVER
        }
    }
}

/// Makes the revision, in place of those before.
fn begin(cx: &Cx<'_>, it: &Value, package: &Package, current: &str, image: &str) {
    let kind = format!("{}Revision", package.kind);
    let old = cx.api.list(PKG, &kind, None);
    let old = old
        .iter()
        .filter(|old| crate::reactors::object::owned(old, it));
    let mut last = 0;
    for old in old {
        last = last.max(old["spec"]["revision"].as_i64().unwrap_or(0));
        let inactive = json!({"spec": {"desiredState": "Inactive"}});
        cx.patch(old, MANAGER, None, inactive);
    }
    let mut spec = json!({"desiredState": "Active", "image": image, "revision": last + 1});
    if package.kind != "Configuration" {
        let default = json!({"apiVersion": format!("{PKG}/v1beta1"), "kind": "DeploymentRuntimeConfig", "name": "default"});
        spec["runtimeConfigRef"] = match &it["spec"]["runtimeConfigRef"] {
            Value::Null => default,
            given => given.clone(),
        };
    }
    // That it exists is as good.
    let _ = cx.create(json!({
        "apiVersion": it["apiVersion"], "kind": kind,
        "metadata": {"name": current, "labels": {"pkg.crossplane.io/package": name(it)}, "ownerReferences": reference(it)},
        "spec": spec,
    }));
}

/// Says of a package what its revision says.
fn follow(cx: &Cx<'_>, it: &Value, revision: &Value, image: &str) -> Next {
    let mut conditions = conditions(cx, it);
    conditions.set("Installed", "True", "ActivePackageRevision", "");
    let runtime = text(it, "kind") == "Configuration" || is_true(revision, "RuntimeHealthy");
    let unwell = ["RevisionHealthy", "RuntimeHealthy"]
        .into_iter()
        .filter_map(|kind| find(revision, kind))
        .find(|known| known["status"] == "False");
    match unwell {
        _ if is_true(revision, "RevisionHealthy") && runtime => {
            conditions.set("Healthy", "True", "HealthyPackageRevision", "");
        }
        Some(unwell) => conditions.set(
            "Healthy",
            "False",
            "UnhealthyPackageRevision",
            text(unwell, "message"),
        ),
        None => conditions.set("Healthy", "Unknown", "UnknownPackageRevisionHealth", ""),
    }
    let status = json!({
        "conditions": conditions.into_value(), "currentRevision": name(revision), "currentIdentifier": image,
        "resolvedPackage": image,
    });
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Makes the object of a package that another one needs, where nobody asked for it yet; returns why it does not serve yet.
pub(super) fn need(cx: &Cx<'_>, need: &Need) -> Option<String> {
    let wanted = repository(&need.package);
    let all = cx.api.list(PKG, &need.kind, None);
    let known = all
        .iter()
        .find(|it| repository(text(&it["spec"], "package")) == wanted);
    let Some(known) = known else {
        // That it exists is as good.
        let _ = cx.create(json!({
            "apiVersion": format!("{PKG}/v1"), "kind": need.kind, "metadata": {"name": dependency(&need.package)},
            "spec": {"package": need.package},
        }));
        return Some(format!("missing dependencies: [{:?}]", wanted));
    };
    (!is_true(known, "Healthy")).then(|| format!("dependency {wanted} is not healthy"))
}
