//! Key vaults that are deleted and can be recovered: they cost nothing, and keep their names, until they are purged.
//!
//! Source: <https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview>

use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Error, Fault, Observed, Result, Tags};

use crate::{
    client::{Call, Client, Method},
    cluster::group_of,
    discover,
    refusal::Answer,
    want::{Place, at, group_name},
};

/// The version of the vaults' API.
pub(crate) const VAULTS_API: &str = "2023-07-01";

/// Lists the deleted vaults of a subscription.
pub(crate) async fn deleted(client: &Client, cx: &Ctx, place: &Place) -> Answer<Vec<Value>> {
    let path = format!(
        "{}/providers/Microsoft.KeyVault/deletedVaults",
        place.root()
    );
    client
        .list(cx, "list the deleted key vaults", at(&path, VAULTS_API))
        .await
}

/// Returns whether a deleted vault was a cluster's: by its tags, or by the resource group that windlass makes for the cluster.
pub(crate) fn is_of(vault: &Value, cluster: &ClusterName) -> bool {
    let properties = &vault["properties"];
    if properties["tags"][Tags::CLUSTER] == cluster.as_str() {
        return true;
    }
    let group = group_of(properties["vaultId"].as_str().unwrap_or_default());
    group.is_some_and(|it| it.eq_ignore_ascii_case(&group_name(cluster)))
}

/// Returns until when a deleted vault can be recovered: the day.
pub(crate) fn until(vault: &Value) -> &str {
    let until = vault["properties"]["scheduledPurgeDate"].as_str();
    let until = until.unwrap_or("a day that Azure does not tell");
    until.split('T').next().unwrap_or(until)
}

/// Describes a deleted vault: until when it can be recovered, and whether nobody may purge it.
pub(crate) fn describe(vault: &Value) -> Observed {
    let mut observed = discover::there();
    let outputs = &mut observed.outputs;
    outputs.insert("recoverable-until".to_owned(), until(vault).to_owned());
    if vault["properties"]["purgeProtectionEnabled"] == true {
        outputs.insert("purge-protected".to_owned(), "true".to_owned());
    }
    observed
}

/// Purges a deleted vault.
pub(crate) async fn purge(client: &Client, cx: &Ctx, id: &str) -> Result<()> {
    let name = id.rsplit('/').next().unwrap_or_default();
    let action = format!("purge key vault {name}");
    loop {
        let found = client.get(cx, &action, at(id, VAULTS_API)).await?;
        let Some(vault) = found else { return Ok(()) };
        if vault["properties"]["purgeProtectionEnabled"] == true {
            return Err(Error::new(
                Fault::Conflict,
                format!("key vault {name} is protected from being purged"),
            )
            .cause(format!("Azure removes it itself on {}", until(&vault))));
        }
        let call = Call {
            action: action.clone(),
            method: Method::Post,
            path: at(&format!("{id}/purge"), VAULTS_API),
            body: None,
        };
        let cannot = format!("cannot {action}");
        client.ask_to_go(cx, &call, &cannot).await?;
    }
}
