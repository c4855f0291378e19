//! What can be read off a cluster, and how it differs from what is wanted.

use serde_json::{Value, json};
use windlass_provider::{Difference, Observed, Outputs, Owner, State, Tags};

use crate::{
    pools, tagged,
    version::{self, Step},
    want::{ClusterLayout, SYSTEM_POOL},
};

pub(super) fn provisioning(cluster: &Value) -> &str {
    cluster["properties"]["provisioningState"]
        .as_str()
        .unwrap_or_default()
}

pub(super) fn is_stopped(cluster: &Value) -> bool {
    cluster["properties"]["powerState"]["code"] == "Stopped"
}

pub(super) fn state(cluster: &Value) -> State {
    match provisioning(cluster) {
        "Creating" => State::Making,
        "Deleting" => State::Deleting,
        "Failed" | "Canceled" => State::Failed,
        "Succeeded" if is_stopped(cluster) => State::Failed,
        _ => State::Ready,
    }
}

pub(super) fn is_busy(cluster: &Value) -> bool {
    !["Succeeded", "Failed", "Canceled"].contains(&provisioning(cluster))
}

pub(super) fn words<T: serde::Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let mut list: Vec<String> = list
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    list.sort();
    list
}

pub(super) fn system_pool(cluster: &Value) -> Option<&Value> {
    let pools = cluster["properties"]["agentPoolProfiles"].as_array()?;
    pools.iter().find(|pool| pool["name"] == SYSTEM_POOL)
}

/// Returns what can be told of a cluster in the words of settings: the key, and the value.
fn seen(cluster: &Value) -> [(&'static str, String); 9] {
    let properties = &cluster["properties"];
    let text = |value: &Value, usual: &str| value.as_str().unwrap_or(usual).to_owned();
    let flag = |value: &Value| (*value == true).to_string();
    let network = &properties["networkProfile"];
    let dataplane = match network["networkDataplane"].as_str() {
        Some("cilium") => "cilium".to_owned(),
        Some("azure") | None if network["networkPlugin"] == "azure" => "azure".to_owned(),
        _ => text(&network["networkPlugin"], "none"),
    };
    let entra = &properties["aadProfile"];
    let mesh = properties["serviceMeshProfile"]["mode"] == "Istio";
    let auto = properties["nodeProvisioningProfile"]["mode"] == "Auto";
    let allowed = strings(&properties["apiServerAccessProfile"]["authorizedIPRanges"]);
    [
        ("tier", text(&cluster["sku"]["tier"], "free").to_lowercase()),
        (
            "upgrades",
            text(&properties["autoUpgradeProfile"]["upgradeChannel"], "none"),
        ),
        ("network", dataplane),
        ("allowed-cidrs", allowed.join(", ")),
        (
            "entra-groups",
            strings(&entra["adminGroupObjectIDs"]).join(", "),
        ),
        ("azure-rbac", flag(&entra["enableAzureRBAC"])),
        (
            "no-local-accounts",
            flag(&properties["disableLocalAccounts"]),
        ),
        ("istio", mesh.to_string()),
        ("node-provisioning", auto.to_string()),
    ]
}

/// Returns how a cluster differs from what is wanted.
pub(super) fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
    let properties = &cluster["properties"];
    let mut found = Vec::new();
    let mut compare = |field: &str, wanted: String, there: String, changeable: bool| {
        if !wanted.eq_ignore_ascii_case(&there) {
            found.push(Difference {
                field: field.to_owned(),
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let current = version::current(properties, "kubernetesVersion");
    match version::compare(&current, &layout.version) {
        Step::Same => {}
        step => compare(
            "kubernetes-version",
            layout.version.clone(),
            current,
            step == Step::Next,
        ),
    }
    let identity = match layout.own_identity {
        true => "UserAssigned",
        false => "SystemAssigned",
    };
    let there = cluster["identity"]["type"].as_str().unwrap_or("none");
    compare(
        "azure.identity",
        identity.to_owned(),
        there.to_owned(),
        false,
    );
    let managed = properties["aadProfile"]["managed"] == true;
    if managed != layout.entra {
        let sign_in = |entra: bool| match entra {
            true => "with Entra",
            false => "with certificates",
        };
        // A cluster in which people sign in with Entra never goes back.
        compare(
            "azure.entra-groups",
            sign_in(layout.entra).to_owned(),
            sign_in(managed).to_owned(),
            layout.entra,
        );
    }
    let list = |items: &[String]| items.join(", ");
    for (key, there) in seen(cluster) {
        let wanted = match key {
            "tier" => words(&layout.tier),
            "upgrades" => words(&layout.upgrades),
            "network" => words(&layout.network),
            "allowed-cidrs" => list(&layout.allowed),
            "entra-groups" if managed && layout.entra => list(&layout.groups),
            "azure-rbac" if managed && layout.entra => layout.azure_rbac.to_string(),
            "no-local-accounts" => (!layout.local_accounts).to_string(),
            "istio" => layout.istio.to_string(),
            "node-provisioning" => layout.node_provisioning.to_string(),
            // It was compared as a whole.
            _ => continue,
        };
        compare(&format!("azure.{key}"), wanted, there, key != "network");
    }
    let lived = tagged::lifetime(&tagged::of(cluster));
    compare(
        "lifetime",
        tagged::lifetime_words(layout.lifetime),
        tagged::lifetime_words(lived),
        true,
    );
    if let Some(pool) = system_pool(cluster) {
        found.extend(pools::differences(pool, &layout.pool));
    }
    found
}

/// Returns whether a difference is one of the system pool's.
pub(super) fn is_pool_s(differs: &Difference) -> bool {
    let field = differs.field.as_str();
    let own = ["machine", "spot", "disk", "zones", "taints"];
    field.starts_with("nodes.")
        || field.starts_with("kubernetes-version of ")
        || field
            .strip_prefix("azure.")
            .is_some_and(|key| own.contains(&key) || key.starts_with("labels."))
}

pub(super) fn outputs(cluster: &Value) -> Outputs {
    let properties = &cluster["properties"];
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    };
    put("id", &cluster["id"]);
    put("location", &cluster["location"]);
    put("endpoint", &properties["fqdn"]);
    put("node-group", &properties["nodeResourceGroup"]);
    put("oidc-issuer", &properties["oidcIssuerProfile"]["issuerURL"]);
    put("principal", &cluster["identity"]["principalId"]);
    let version = version::current(properties, "kubernetesVersion");
    put("kubernetes-version", &json!(version));
    for seen in seen(cluster) {
        // What is not there, or off, is not told.
        if !["", "false", "none"].contains(&seen.1.as_str()) || seen.0 == "upgrades" {
            put(seen.0, &json!(seen.1));
        }
    }
    if let Some(pool) = system_pool(cluster) {
        let zones = strings(&pool["availabilityZones"]);
        put("zones", &json!(zones.join(", ")));
        put("machine", &pool["vmSize"]);
        let (min, max) = pools::limits(pool);
        put("min", &json!(min));
        put("max", &json!(max));
    }
    tagged::put_times(&mut outputs, &tagged::of(cluster));
    outputs
}

/// Describes a cluster that was read.
pub(crate) fn describe(
    cluster: &Value,
    layout: Option<&ClusterLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&tagged::of(cluster));
    let state = state(cluster);
    let detail = match state {
        State::Ready => doubt,
        State::Failed if is_stopped(cluster) => Some("it is stopped".to_owned()),
        _ => Some(provisioning(cluster).to_owned()),
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) if owner == Owner::Ours => differences(cluster, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(cluster),
        detail,
        // Nobody could reach it yet.
        unused: state == State::Making,
    };
    (observed, tags)
}
