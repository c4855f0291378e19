//! What is sent of a cluster: that it be made, or be changed.

use serde_json::{Value, json};
use windlass_provider::{AzureNetwork, Ctx, Known, Resource};

use super::seen::words;
use crate::{
    pools,
    tagged::{self, Pairs},
    want::{ClusterLayout, Place, SYSTEM_POOL, cluster_identity_name, node_group_name},
};

/// Returns the body of the call that makes the cluster.
pub(super) fn creation(
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    known: &Known,
) -> Value {
    let name = &resource.cluster;
    let tags = tagged::for_new(cx, name, layout.lifetime, known);
    let tags = tagged::object(&tags, &Pairs::new());
    let mut pool = pools::properties(&layout.pool, "System", &tags);
    pool["name"] = json!(SYSTEM_POOL);
    let (dataplane, policy) = match layout.network {
        AzureNetwork::Cilium => ("cilium", Some("cilium")),
        AzureNetwork::Azure => ("azure", None),
    };
    let mut network = json!({
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkDataplane": dataplane,
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
    });
    if let Some(policy) = policy {
        network["networkPolicy"] = json!(policy);
    }
    let mut body = json!({
        "location": place.location,
        "tags": tags,
        "sku": { "name": "Base", "tier": words(&layout.tier) },
        "identity": { "type": "SystemAssigned" },
        "properties": {
            "kubernetesVersion": layout.version,
            "dnsPrefix": name.as_str(),
            "nodeResourceGroup": node_group_name(name),
            "enableRBAC": true,
            "agentPoolProfiles": [pool],
            "networkProfile": network,
            "oidcIssuerProfile": { "enabled": true },
            "securityProfile": { "workloadIdentity": { "enabled": true } },
        },
    });
    if layout.own_identity {
        let id = place.identity(&cluster_identity_name(name));
        body["identity"] = json!({ "type": "UserAssigned", "userAssignedIdentities": { id: {} } });
    }
    if let Some(key) = &layout.ssh_key {
        body["properties"]["linuxProfile"] = json!({
            "adminUsername": "azureuser",
            "ssh": { "publicKeys": [{ "keyData": key }] },
        });
    }
    settle(&mut body, layout);
    body
}

/// Writes into a cluster's body what can be changed of it, but for its version.
fn settle(body: &mut Value, layout: &ClusterLayout) {
    let tier = words(&layout.tier);
    // As Azure writes it: Free.
    let tier: String = tier
        .char_indices()
        .map(|(at, c)| match at {
            0 => c.to_ascii_uppercase(),
            _ => c,
        })
        .collect();
    body["sku"] = json!({ "name": "Base", "tier": tier });
    let properties = &mut body["properties"];
    properties["autoUpgradeProfile"]["upgradeChannel"] = json!(words(&layout.upgrades));
    properties["disableLocalAccounts"] = json!(!layout.local_accounts);
    let had = !properties["apiServerAccessProfile"].is_null();
    if had || !layout.allowed.is_empty() {
        properties["apiServerAccessProfile"]["authorizedIPRanges"] = json!(layout.allowed);
    }
    if layout.entra {
        properties["aadProfile"]["managed"] = json!(true);
        properties["aadProfile"]["enableAzureRBAC"] = json!(layout.azure_rbac);
        properties["aadProfile"]["adminGroupObjectIDs"] = json!(layout.groups);
    }
    let mesh = properties["serviceMeshProfile"]["mode"] == "Istio";
    match (layout.istio, mesh) {
        (true, false) => {
            properties["serviceMeshProfile"] = json!({
                "mode": "Istio",
                "istio": { "components": { "ingressGateways": [{ "enabled": true, "mode": "External" }] } },
            });
        }
        (false, true) => properties["serviceMeshProfile"] = json!({ "mode": "Disabled" }),
        _ => drop_null(properties, "serviceMeshProfile"),
    }
    let auto = properties["nodeProvisioningProfile"]["mode"] == "Auto";
    match (layout.node_provisioning, auto) {
        (true, false) => properties["nodeProvisioningProfile"] = json!({ "mode": "Auto" }),
        (false, true) => properties["nodeProvisioningProfile"] = json!({ "mode": "Manual" }),
        _ => drop_null(properties, "nodeProvisioningProfile"),
    }
}

/// Removes a member that is there only because it was looked at.
fn drop_null(properties: &mut Value, key: &str) {
    if let Some(members) = properties.as_object_mut()
        && members.get(key).is_some_and(Value::is_null)
    {
        members.remove(key);
    }
}

/// Returns the body of a cluster that is there, with what is wanted of it.
pub(super) fn changed(
    cx: &Ctx,
    resource: &Resource,
    cluster: &Value,
    layout: &ClusterLayout,
    version: bool,
) -> Value {
    let mut body = cluster.clone();
    if version {
        // A version goes alone; the pools follow.
        body["properties"]["kubernetesVersion"] = json!(layout.version);
        return body;
    }
    let there = tagged::of(cluster);
    let tags = tagged::again(cx, &resource.cluster, &there, layout.lifetime);
    body["tags"] = tagged::object(&tags, &there);
    settle(&mut body, layout);
    body
}
