//! User-assigned managed identities, and whose tokens they trust.

use super::{
    Fault, Outcome, Reply,
    account::{Cx, FEDERATION, IDENTITY, group_of, show, tags, text},
    check, groups, offers, uuid,
};
use serde_json::{Value, json};

const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const FEDERATED: &str =
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";
/// How many an identity may have.
const MOST: usize = 20;

fn not_found(id: &str, of: &str) -> Fault {
    let name = id.rsplit('/').next().unwrap_or_default();
    let group = group_of(id);
    let group = group.rsplit('/').next().unwrap_or_default();
    Fault::new(
        404,
        "ResourceNotFound",
        format!("The Resource '{of}/{name}' under resource group '{group}' was not found."),
    )
}

pub(super) fn list(cx: &Cx<'_>, kind: &str, prefix: &str) -> Outcome {
    let all: Vec<Value> = cx.under(kind, prefix).iter().map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    match cx.get(IDENTITY, id) {
        Some(identity) => Ok(Reply::ok(show(&identity))),
        None => {
            // A group that is not there is told first.
            match groups::within(cx, &group_of(id)) {
                Err(fault) if fault.status == 404 => Err(fault),
                _ => Err(not_found(id, TYPE)),
            }
        }
    }
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    groups::within(cx, &group_of(id))?;
    check::check("Identity", body)?;
    let name = id.rsplit('/').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(3..=128).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(Fault::new(
            400,
            "InvalidResourceName",
            format!(
                "The name '{name}' is invalid: 3 to 128 letters, digits, hyphens and underscores are allowed."
            ),
        ));
    }
    let location = offers::location(text(body, "location"))?;
    let tags = tags(body)?;
    if let Some(mut identity) = cx.get(IDENTITY, id) {
        identity.tags = tags;
        cx.put(identity.clone());
        return Ok(Reply::ok(show(&identity)));
    }
    let told = json!({
        "location": location,
        "properties": {
            "tenantId": super::TENANT, "principalId": uuid(&cx.ground.mint("principal")), "clientId": uuid(&cx.ground.mint("client")),
        },
    });
    let identity = cx.make(IDENTITY, (id, TYPE), tags, told);
    Ok(Reply::new(201, show(&identity)))
}

pub(super) fn patch(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    check::check("IdentityUpdate", body)?;
    let mut identity = cx.get(IDENTITY, id).ok_or_else(|| not_found(id, TYPE))?;
    if !body["tags"].is_null() {
        identity.tags = tags(body)?;
    }
    cx.put(identity.clone());
    Ok(Reply::ok(show(&identity)))
}

/// Deletes an identity, and what it trusts; its roles stay, and are of nobody then.
pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    let Some(identity) = cx.get(IDENTITY, id) else {
        return Ok(Reply::new(204, Value::Null));
    };
    cx.clear(FEDERATION, &format!("{}/", identity.id));
    cx.remove(&identity);
    Ok(Reply::ok(Value::Null))
}

pub(super) fn federations(cx: &Cx<'_>, parent: &str) -> Outcome {
    cx.get(IDENTITY, parent)
        .ok_or_else(|| not_found(parent, TYPE))?;
    list(cx, FEDERATION, &format!("{parent}/"))
}

pub(super) fn federation(cx: &Cx<'_>, id: &str) -> Outcome {
    let found = cx.get(FEDERATION, id);
    found
        .map(|it| Reply::ok(show(&it)))
        .ok_or_else(|| not_found(id, FEDERATED))
}

/// Lets an identity trust somebody's tokens.
///
/// Source: <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(super) fn federate(cx: &Cx<'_>, parent: &str, id: &str, body: &Value) -> Outcome {
    let identity = cx
        .get(IDENTITY, parent)
        .ok_or_else(|| not_found(parent, TYPE))?;
    check::check("FederatedIdentityCredential", body)?;
    let wanted = &body["properties"];
    let (issuer, subject) = (text(wanted, "issuer"), text(wanted, "subject"));
    let refuse = |message: String| Err(Fault::new(400, "BadRequest", message));
    if !issuer.starts_with("https://")
        || subject.is_empty()
        || wanted["audiences"]
            .as_array()
            .is_none_or(|it| it.len() != 1)
    {
        return refuse("Issuer must be a valid URL with https, and there must be a subject and exactly one audience.".to_owned());
    }
    let others = cx.under(FEDERATION, &format!("{}/", identity.id));
    let others: Vec<_> = others
        .into_iter()
        .filter(|it| it.id != id.to_lowercase())
        .collect();
    let same = |it: &crate::aws::Thing| {
        it.body["properties"]["issuer"] == issuer && it.body["properties"]["subject"] == subject
    };
    if others.iter().any(same) {
        return Err(Fault::new(
            409,
            "Conflict",
            format!(
                "Issuer and subject combination already exists for this Managed Identity: {subject}"
            ),
        ));
    }
    if others.len() >= MOST {
        return refuse(format!(
            "A managed identity has {MOST} federated identity credentials at most."
        ));
    }
    let there = cx.get(FEDERATION, id).is_some();
    let made = cx.make(
        FEDERATION,
        (id, FEDERATED),
        Default::default(),
        json!({"properties": wanted}),
    );
    Ok(Reply::new(if there { 200 } else { 201 }, show(&made)))
}

pub(super) fn unfederate(cx: &Cx<'_>, id: &str) -> Outcome {
    match cx.get(FEDERATION, id) {
        None => Ok(Reply::new(204, Value::Null)),
        Some(there) => {
            cx.remove(&there);
            Ok(Reply::ok(Value::Null))
        }
    }
}
