//! What may be asked for of a cluster: who signs in, who it is itself, its network.

use super::bad;
use crate::azure::{
    Fault, TENANT,
    account::{Cx, IDENTITY},
    uuid,
};
use serde_json::{Value, json};

/// Checks who can sign in.
pub(super) fn sign_in(wanted: &Value) -> Result<(), Fault> {
    let managed = wanted["aadProfile"]["managed"] == true;
    if wanted["disableLocalAccounts"] == true && !managed {
        return Err(bad(
            "InvalidParameter",
            "disableLocalAccounts can only be set when AAD integration is enabled.",
        ));
    }
    for group in wanted["aadProfile"]["adminGroupObjectIDs"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let group = group.as_str().unwrap_or_default();
        if group.split('-').map(str::len).collect::<Vec<_>>() != [8, 4, 4, 4, 12] {
            return Err(bad(
                "InvalidParameter",
                format!(
                    "aadProfile.adminGroupObjectIDs has the value '{group}', which is no object id."
                ),
            ));
        }
    }
    if wanted["nodeProvisioningProfile"]["mode"] == "Auto" {
        let network = &wanted["networkProfile"];
        if network["networkPluginMode"] != "overlay" {
            return Err(bad(
                "InvalidParameter",
                "Node auto-provisioning needs networkPluginMode overlay.",
            ));
        }
        let scaling = wanted["agentPoolProfiles"].as_array().into_iter().flatten();
        if scaling
            .into_iter()
            .any(|it| it["enableAutoScaling"] == true)
        {
            return Err(bad(
                "InvalidParameter",
                "Node auto-provisioning cannot be enabled when the cluster autoscaler is enabled on any agent pool.",
            ));
        }
    }
    Ok(())
}

/// Returns who a cluster is.
pub(super) fn identity(cx: &Cx<'_>, name: &str, body: &Value) -> Result<Value, Fault> {
    let wanted = &body["identity"];
    match wanted["type"].as_str() {
        Some("SystemAssigned") => Ok(json!({
            "type": "SystemAssigned", "principalId": uuid(&cx.ground.mint(name)), "tenantId": TENANT,
        })),
        Some("UserAssigned") => {
            let mut told = serde_json::Map::new();
            for id in wanted["userAssignedIdentities"]
                .as_object()
                .into_iter()
                .flat_map(|it| it.keys())
            {
                let identity = cx.get(IDENTITY, id).ok_or_else(|| {
                    bad("FailedIdentityOperation", format!("Identity operation for resource failed: The resource '{id}' was not found."))
                })?;
                let its = &identity.body["properties"];
                told.insert(
                    id.clone(),
                    json!({"clientId": its["clientId"], "principalId": its["principalId"]}),
                );
            }
            match told.len() {
                1 => Ok(json!({"type": "UserAssigned", "userAssignedIdentities": told})),
                _ => Err(bad(
                    "InvalidParameter",
                    "A managed cluster has exactly one user assigned identity.",
                )),
            }
        }
        _ => Err(bad(
            "InvalidParameter",
            "Required parameter identity or servicePrincipalProfile is missing (null).",
        )),
    }
}

pub(super) fn network(wanted: &Value) -> Result<Value, Fault> {
    let mut told = match wanted {
        Value::Null => json!({"networkPlugin": "kubenet"}),
        wanted => wanted.clone(),
    };
    let cilium = told["networkDataplane"] == "cilium";
    if cilium && told["networkPlugin"] != "azure" {
        return Err(bad(
            "InvalidNetworkDataplane",
            "networkDataplane cilium needs networkPlugin azure.",
        ));
    }
    if told["networkPolicy"] == "cilium" && !cilium {
        return Err(bad(
            "InvalidNetworkPolicy",
            "networkPolicy cilium needs networkDataplane cilium.",
        ));
    }
    for (key, usual) in [
        ("podCidr", "10.244.0.0/16"),
        ("serviceCidr", "10.0.0.0/16"),
        ("dnsServiceIP", "10.0.0.10"),
        ("loadBalancerSku", "standard"),
        ("outboundType", "loadBalancer"),
    ] {
        if told[key].is_null() {
            told[key] = json!(usual);
        }
    }
    Ok(told)
}
