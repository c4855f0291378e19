//! Revisions of packages: what a package brings, and the Deployment that serves it; and which managed resources are wanted.

use super::{EXTENSIONS, MANAGER, PKG, conditions, fits, home, of_revision, owner, packages};
use crate::{
    blueprint::{self, Item},
    reactors::{
        Cx, Next,
        object::{Conditions, deleting, find, is_true, key, name, reference, text},
    },
};
use packages::{Package, Resource};
use serde_json::{Value, json};

const HEALTHY: &str = "HealthyPackageRevision";
const UNHEALTHY: &str = "UnhealthyPackageRevision";

pub(super) fn revision(cx: &Cx<'_>, it: &Value) -> Next {
    let Some(home) = home(cx).filter(|_| !deleting(it)) else {
        return Next::NEVER;
    };
    let image = text(&it["spec"], "image");
    let Some(package) = packages::find_package(image) else {
        return Next::NEVER;
    };
    if it["spec"]["desiredState"] != "Active" {
        if let Some(deployment) = cx.get("apps", "Deployment", &home, name(it)) {
            cx.delete(&deployment);
        }
        return Next::NEVER;
    }
    let mut conditions = conditions(cx, it);
    let unmet: Vec<String> = package
        .needs
        .iter()
        .filter_map(|need| packages::need(cx, need))
        .collect();
    if !unmet.is_empty() {
        let message = format!("cannot resolve package dependencies: {}", unmet.join(", "));
        conditions.set("RevisionHealthy", "False", UNHEALTHY, &message);
        cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
        return Next::NEVER;
    }
    match establish(cx, it, package) {
        Ok(()) => conditions.set("RevisionHealthy", "True", HEALTHY, ""),
        Err(cause) => {
            let message = format!("cannot establish control of object: {cause}");
            conditions.set("RevisionHealthy", "False", UNHEALTHY, &message);
        }
    }
    if package.kind != "Configuration" {
        run(cx, it, &home, &mut conditions);
    }
    cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
    Next::NEVER
}

/// Makes what a package brings.
fn establish(cx: &Cx<'_>, it: &Value, package: &Package) -> Result<(), String> {
    let made = blueprint::make(&package.objects, &json!({}), "").map_err(|it| format!("{it:#}"))?;
    let mut objects: Vec<Value> = made.into_iter().map(|made| made.object).collect();
    for resource in &package.managed {
        let definition = definition(resource)?;
        let active = is_wanted(cx, resource);
        objects.push(json!({
            "apiVersion": format!("{EXTENSIONS}/v1alpha1"), "kind": "ManagedResourceDefinition",
            "metadata": {"name": definition["metadata"]["name"]},
            "spec": {
                "group": resource.group, "names": definition["spec"]["names"], "scope": definition["spec"]["scope"],
                "versions": definition["spec"]["versions"], "state": if active { "Active" } else { "Inactive" },
            },
        }));
        if active {
            objects.push(definition);
        }
    }
    for mut object in objects {
        // Whoever deletes a provider deletes its kinds with it, and the resources of these.
        let mut owners = reference(it);
        let by = &it["metadata"]["ownerReferences"][0];
        if let Some(package) = cx.get(PKG, of_revision(it), "", text(by, "name"))
            && let Some(owners) = owners.as_array_mut()
        {
            owners.push(owner(&package));
        }
        object["metadata"]["ownerReferences"] = owners;
        let known = cx.api.get(&key(&object));
        if known.is_none_or(|known| !crate::reactors::object::contains(&known, &object)) {
            cx.api
                .apply(MANAGER, object)
                .map_err(|error| error.message)?;
        }
    }
    Ok(())
}

/// Returns the definition of a kind of managed resources.
fn definition(it: &Resource) -> Result<Value, String> {
    let cluster = !it.group.contains(".m.");
    let item = json!({"crd": {
        "group": it.group, "kind": it.kind, "plural": it.plural, "versions": [it.version], "cluster": cluster,
        "categories": ["crossplane", "managed"], "required": ["forProvider"],
        "columns": [
            ["Synced", ".status.conditions[?(@.type==\"Synced\")].status"],
            ["Ready", ".status.conditions[?(@.type==\"Ready\")].status"],
        ],
    }});
    let item: Item = serde_json::from_value(item).map_err(|error| error.to_string())?;
    let made = blueprint::make(&[item], &json!({}), "").map_err(|error| format!("{error:#}"))?;
    let made = made.into_iter().next();
    Ok(made.map(|made| made.object).unwrap_or_default())
}

fn is_wanted(cx: &Cx<'_>, it: &Resource) -> bool {
    let name = format!("{}.{}", it.plural, it.group);
    let policies = cx
        .api
        .list(EXTENSIONS, "ManagedResourceActivationPolicy", None);
    let patterns = policies.iter().flat_map(|policy| {
        let patterns = policy["spec"]["activate"].as_array();
        patterns.into_iter().flatten().filter_map(Value::as_str)
    });
    patterns.into_iter().any(|pattern| fits(pattern, &name))
}

/// An activation policy is in force as soon as it is there.
pub(super) fn policy(cx: &Cx<'_>, it: &Value) -> Next {
    if home(cx).is_some() {
        super::say(cx, it, &[("Healthy", "True", "Running", "")]);
    }
    Next::NEVER
}

/// Makes the Deployment that serves a provider or a function, and says how it is.
fn run(cx: &Cx<'_>, it: &Value, home: &str, conditions: &mut Conditions) {
    let config = text(&it["spec"]["runtimeConfigRef"], "name");
    let config = cx.get(PKG, "DeploymentRuntimeConfig", "", config);
    let given = config.map(|it| it["spec"].clone()).unwrap_or_default();
    let account = given["serviceAccountTemplate"]["metadata"]["name"].as_str();
    let account = account.unwrap_or(name(it)).to_owned();
    let Some(deployment) = cx.get("apps", "Deployment", home, name(it)) else {
        let labels = json!({"pkg.crossplane.io/revision": name(it), "pkg.crossplane.io/provider": it["metadata"]["labels"]["pkg.crossplane.io/package"]});
        // One that exists, of the user's own, is as good.
        let _ = cx.create(json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {
                "name": account, "namespace": home, "ownerReferences": reference(it),
                "annotations": given["serviceAccountTemplate"]["metadata"]["annotations"],
            },
        }));
        let replicas = given["deploymentTemplate"]["spec"]["replicas"]
            .as_u64()
            .unwrap_or(1);
        let made = cx.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name(it), "namespace": home, "labels": labels, "ownerReferences": reference(it)},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"pkg.crossplane.io/revision": name(it)}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": account, "containers": [{"name": "package-runtime", "image": it["spec"]["image"]}]},
                },
            },
        }));
        match made {
            Ok(_) => conditions.set(
                "RuntimeHealthy",
                "Unknown",
                "UnknownPackageRevisionHealth",
                "",
            ),
            Err(error) => conditions.set(
                "RuntimeHealthy",
                "False",
                UNHEALTHY,
                &format!("cannot apply package deployment: {}", error.message),
            ),
        }
        return;
    };
    if is_true(&deployment, "Available") {
        conditions.set("RuntimeHealthy", "True", HEALTHY, "");
        return;
    }
    let why = find(&deployment, "Available").map_or("", |it| text(it, "message"));
    let message = format!(
        "post establish runtime hook failed for package: provider package deployment is unavailable: {why}"
    );
    conditions.set("RuntimeHealthy", "False", UNHEALTHY, &message);
}
