//! Key vaults, as others make them: deleted ones can be recovered for a while, and keep their names until they are purged.
//!
//! Source: <https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview>

use super::{
    Fault, Outcome, Reply,
    account::{Cx, DELETED_VAULT, Fate, VAULT, group_of, root, show, tags, text},
    groups, offers, operations,
};
use crate::aws::Thing;
use jiff::ToSpan;
use serde_json::{Value, json};
use std::time::Duration;

const TYPE: &str = "Microsoft.KeyVault/vaults";
const DELETED: &str = "Microsoft.KeyVault/deletedVaults";
const PURGE: &str = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
/// Assumed time until a vault is purged.
const GONE: Duration = Duration::from_secs(30);

fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

fn not_found(of: &str, id: &str) -> Fault {
    Fault::new(
        404,
        "ResourceNotFound",
        format!("The Resource '{of}/{}' was not found.", name_of(id)),
    )
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    let found = cx.get(VAULT, id);
    found
        .map(|it| Reply::ok(show(&it)))
        .ok_or_else(|| not_found(TYPE, id))
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    groups::within(cx, &group_of(id))?;
    let location = offers::location(text(body, "location"))?;
    let wanted = &body["properties"];
    if text(&wanted["sku"], "name").is_empty() || text(wanted, "tenantId").is_empty() {
        return Err(Fault::new(
            400,
            "BadRequest",
            "The properties tenantId and sku are required.",
        ));
    }
    let taken = cx.under(DELETED_VAULT, &format!("{}/", root()));
    if taken
        .iter()
        .any(|it| text(&it.body, "name").eq_ignore_ascii_case(name_of(id)))
    {
        return Err(Fault::new(
            409,
            "ConflictError",
            format!(
                "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault '{}'.",
                name_of(id)
            ),
        ));
    }
    let told = json!({
        "location": location,
        "properties": {
            "sku": wanted["sku"], "tenantId": wanted["tenantId"], "enableSoftDelete": true, "provisioningState": "Succeeded",
            "softDeleteRetentionInDays": wanted["softDeleteRetentionInDays"].as_i64().unwrap_or(90),
            "enablePurgeProtection": wanted["enablePurgeProtection"],
        },
    });
    let vault = cx.make(VAULT, (id, TYPE), tags(body)?, told);
    Ok(Reply::new(201, show(&vault)))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    match cx.get(VAULT, id) {
        None => Ok(Reply::new(204, Value::Null)),
        Some(vault) => {
            soften(cx, &vault);
            Ok(Reply::ok(Value::Null))
        }
    }
}

/// Deletes a vault so that it can be recovered.
pub(super) fn soften(cx: &Cx<'_>, vault: &Thing) {
    let properties = &vault.body["properties"];
    let location = text(&vault.body, "location");
    let name = text(&vault.body, "name");
    let days = properties["softDeleteRetentionInDays"].as_i64();
    let until = cx.now + (24 * days.unwrap_or(90)).hours();
    let mut told = json!({
        "vaultId": vault.body["id"], "location": location, "tags": vault.tags,
        "deletionDate": cx.now.to_string(), "scheduledPurgeDate": until.to_string(),
    });
    if properties["enablePurgeProtection"] == true {
        told["purgeProtectionEnabled"] = json!(true);
    }
    let id = format!(
        "{}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}",
        root()
    );
    cx.remove(vault);
    cx.make(
        DELETED_VAULT,
        (&id, DELETED),
        Default::default(),
        json!({"properties": told}),
    );
}

pub(super) fn list_deleted(cx: &Cx<'_>) -> Outcome {
    let all = cx.under(DELETED_VAULT, &format!("{}/", root()));
    let all: Vec<Value> = all.iter().map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get_deleted(cx: &Cx<'_>, id: &str) -> Outcome {
    let found = cx.get(DELETED_VAULT, id);
    found
        .map(|it| Reply::ok(show(&it)))
        .ok_or_else(|| not_found(DELETED, id))
}

pub(super) fn purge(cx: &Cx<'_>, id: &str) -> Outcome {
    let mut vault = cx
        .get(DELETED_VAULT, id)
        .ok_or_else(|| not_found(DELETED, id))?;
    if vault.body["properties"]["purgeProtectionEnabled"] == true {
        return Err(Fault::new(
            400,
            "MethodNotAllowed",
            "Operation \"purge\" is not allowed because purge protection is enabled.",
        ));
    }
    let running = text(&vault.body["sim"]["operation"], "id").to_owned();
    let operation = match running.is_empty() {
        false => running,
        true => {
            let fate: Fate = cx.fate(("Microsoft.KeyVault", PURGE, name_of(id)), GONE);
            let operation = operations::begin(cx, &mut vault, "purge", "Purging", &fate);
            cx.put(vault);
            operation
        }
    };
    let link = operations::group_link(cx, &operation);
    Ok(Reply::new(202, Value::Null)
        .with("location", link)
        .with("retry-after", "15"))
}

/// Ends a purge.
pub(super) fn advance(cx: &Cx<'_>, mut vault: Thing) {
    let (_, failed) = operations::end(cx, &mut vault);
    match failed {
        None => cx.remove(&vault),
        Some(_) => {
            vault.body["properties"]["provisioningState"] = Value::Null;
            cx.put(vault);
        }
    }
}
