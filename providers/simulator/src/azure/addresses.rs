//! Public IP addresses, as Kubernetes' controllers make them for services: in the group for nodes, with the tags of AKS's cloud provider.

use super::{
    Fault, Outcome, Reply,
    account::{ADDRESS, Cx, group_of, show, tags, text},
    groups, offers,
};
use serde_json::{Value, json};

const TYPE: &str = "Microsoft.Network/publicIPAddresses";

fn not_found(id: &str) -> Fault {
    let group = group_of(id);
    Fault::new(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{TYPE}/{}' under resource group '{}' was not found.",
            id.rsplit('/').next().unwrap_or_default(),
            group.rsplit('/').next().unwrap_or_default()
        ),
    )
}

pub(super) fn list(cx: &Cx<'_>, prefix: &str) -> Outcome {
    let all: Vec<Value> = cx.under(ADDRESS, prefix).iter().map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    let found = cx.get(ADDRESS, id);
    found
        .map(|it| Reply::ok(show(&it)))
        .ok_or_else(|| not_found(id))
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    groups::within(cx, &group_of(id))?;
    let location = offers::location(text(body, "location"))?;
    let tags = tags(body)?;
    if let Some(mut address) = cx.get(ADDRESS, id) {
        address.tags = tags;
        cx.put(address.clone());
        return Ok(Reply::ok(show(&address)));
    }
    let told = json!({
        "location": location, "sku": body["sku"],
        "properties": {"provisioningState": "Succeeded", "publicIPAllocationMethod": "Static"},
    });
    let address = cx.make(ADDRESS, (id, TYPE), tags, told);
    Ok(Reply::new(201, show(&address)))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    match cx.get(ADDRESS, id) {
        None => Ok(Reply::new(204, Value::Null)),
        Some(address) => {
            cx.remove(&address);
            Ok(Reply::ok(Value::Null))
        }
    }
}
