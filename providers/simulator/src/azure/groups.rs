//! Resource groups, and what is told of all that is in them.

use super::{
    Fault, Outcome, Reply,
    account::{
        ADDRESS, CLUSTER, Cx, FEDERATION, GROUP, IDENTITY, POOL, ROLE, VAULT, root, show, state,
        tags, text,
    },
    check, clusters, offers, operations, vaults,
};
use crate::aws::Thing;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed times until a group is gone: empty, and with a cluster in it.
const EMPTY: Duration = Duration::from_secs(45);
const FULL: Duration = Duration::from_secs(420);
const TYPE: &str = "Microsoft.Resources/resourceGroups";

/// Returns the group in which something is to be, unless it is on its way out.
pub(super) fn within(cx: &Cx<'_>, id: &str) -> Result<Thing, Fault> {
    let name = id.rsplit('/').next().unwrap_or_default();
    let group = cx.get(GROUP, id).ok_or_else(|| missing(name))?;
    match state(&group) {
        "Deleting" => Err(Fault::new(
            409,
            "ResourceGroupBeingDeleted",
            format!(
                "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
            ),
        )),
        _ => Ok(group),
    }
}

fn missing(name: &str) -> Fault {
    Fault::new(
        404,
        "ResourceGroupNotFound",
        format!("Resource group '{name}' could not be found."),
    )
}

/// Returns whether a thing is one that a filter asks for: by tag, or by type.
///
/// Source: <https://learn.microsoft.com/rest/api/resources/resource-groups/list>
fn fits(filter: Option<&str>, thing: &Thing) -> Result<bool, Fault> {
    let Some(filter) = filter else {
        return Ok(true);
    };
    let bad = || {
        Fault::new(
            400,
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{filter}' specified in the query string."),
        )
    };
    let mut wanted = (None, None, None);
    for part in filter.split(" and ") {
        let (key, value) = part.split_once(" eq ").ok_or_else(bad)?;
        let value = value
            .trim()
            .strip_prefix('\'')
            .and_then(|it| it.strip_suffix('\''))
            .ok_or_else(bad)?;
        match key.trim().to_lowercase().as_str() {
            "tagname" => wanted.0 = Some(value),
            "tagvalue" => wanted.1 = Some(value),
            "resourcetype" => wanted.2 = Some(value),
            _ => return Err(bad()),
        }
    }
    Ok(match wanted {
        (Some(tag), value, None) => {
            let there = thing.tags.get(tag);
            there.is_some_and(|there| value.is_none_or(|value| value == there))
        }
        (None, None, Some(of)) => text(&thing.body, "type").eq_ignore_ascii_case(of),
        _ => return Err(bad()),
    })
}

/// Lists groups, or, with a prefix, the resources under it.
pub(super) fn list(cx: &Cx<'_>, kinds: &[&str], prefix: &str, filter: Option<&str>) -> Outcome {
    let mut all = Vec::new();
    for kind in kinds {
        for thing in cx.under(kind, prefix) {
            if fits(filter, &thing)? {
                all.push(match *kind {
                    GROUP => show(&thing),
                    _ => brief(&thing),
                });
            }
        }
    }
    Ok(Reply::ok(json!({"value": all})))
}

/// Returns what the list of resources tells of one.
fn brief(thing: &Thing) -> Value {
    let shown = show(thing);
    let mut brief = json!({});
    for key in [
        "id",
        "name",
        "type",
        "location",
        "tags",
        "managedBy",
        "sku",
        "identity",
    ] {
        if !shown[key].is_null() {
            brief[key] = shown[key].clone();
        }
    }
    brief
}

/// What is a resource in lists: pools and what hangs on identities are none.
pub(super) const RESOURCES: [&str; 4] = [CLUSTER, IDENTITY, ADDRESS, VAULT];

pub(super) fn get(cx: &Cx<'_>, id: &str, name: &str) -> Outcome {
    match cx.get(GROUP, id) {
        Some(group) => Ok(Reply::ok(show(&group))),
        None => Err(missing(name)),
    }
}

pub(super) fn put(cx: &Cx<'_>, id: &str, name: &str, body: &Value) -> Outcome {
    check::check("ResourceGroup", body)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.()".contains(&b);
    if name.len() > 90 || name.ends_with('.') || !name.bytes().all(plain) {
        return Err(Fault::new(
            400,
            "InvalidResourceGroup",
            format!(
                "The provided resource group name '{name}' has these invalid characters or its length is not between 1 and 90."
            ),
        ));
    }
    let location = offers::location(text(body, "location"))?;
    let tags = tags(body)?;
    if cx.get(GROUP, id).is_some() {
        let mut group = within(cx, id)?;
        if group.body["location"] != location {
            return Err(Fault::new(
                409,
                "InvalidResourceGroupLocation",
                format!(
                    "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
                    text(&group.body, "location")
                ),
            ));
        }
        group.tags = tags;
        cx.put(group.clone());
        return Ok(Reply::ok(show(&group)));
    }
    let mut told = json!({"location": location, "properties": {"provisioningState": "Succeeded"}});
    if !body["managedBy"].is_null() {
        told["managedBy"] = body["managedBy"].clone();
    }
    let group = cx.make(GROUP, (id, TYPE), tags, told);
    Ok(Reply::new(201, show(&group)))
}

pub(super) fn patch(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    check::check("ResourceGroupPatchable", body)?;
    let mut group = within(cx, id)?;
    if !body["tags"].is_null() {
        group.tags = tags(body)?;
    }
    cx.put(group.clone());
    Ok(Reply::ok(show(&group)))
}

/// Makes the group for the nodes of a cluster.
pub(super) fn of_nodes(cx: &Cx<'_>, cluster: &Thing) -> Result<(), Fault> {
    let name = text(&cluster.body["properties"], "nodeResourceGroup");
    let id = format!("{}/resourceGroups/{name}", root());
    if let Some(there) = cx.get(GROUP, &id) {
        if there.body["managedBy"] == cluster.body["id"] {
            return Ok(());
        }
        return Err(Fault::new(
            409,
            "NodeResourceGroupExists",
            format!("The node resource group '{name}' already exists: choose another name."),
        ));
    }
    let body = json!({
        "location": cluster.body["location"], "managedBy": cluster.body["id"], "properties": {"provisioningState": "Succeeded"},
    });
    cx.make(GROUP, (&id, TYPE), cluster.tags.clone(), body);
    Ok(())
}

/// Removes the group for the nodes of a cluster.
pub(super) fn drop_nodes(cx: &Cx<'_>, cluster: &Thing) {
    let name = text(&cluster.body["properties"], "nodeResourceGroup");
    if let Some(group) = cx.get(GROUP, &format!("{}/resourceGroups/{name}", root())) {
        cx.clear(ADDRESS, &format!("{}/", group.id));
        cx.remove(&group);
    }
}

pub(super) fn delete(cx: &Cx<'_>, id: &str, name: &str) -> Outcome {
    let mut group = cx.get(GROUP, id).ok_or_else(|| missing(name))?;
    let operation = match state(&group) {
        "Deleting" => text(&group.body["sim"]["operation"], "id").to_owned(),
        _ => {
            let holds = !cx.under(CLUSTER, &format!("{id}/")).is_empty();
            let takes = if holds { FULL } else { EMPTY };
            let action = "Microsoft.Resources/subscriptions/resourceGroups/delete";
            let fate = cx.fate(("Microsoft.Resources", action, name), takes);
            let operation = operations::begin(cx, &mut group, "delete", "Deleting", &fate);
            cx.put(group);
            operation
        }
    };
    let link = operations::group_link(cx, &operation);
    Ok(Reply::new(202, Value::Null)
        .with("location", link)
        .with("retry-after", "15"))
}

/// Ends the deletion of a group: all in it goes.
pub(super) fn advance(cx: &Cx<'_>, mut group: Thing) {
    let (_, failed) = operations::end(cx, &mut group);
    if failed.is_some() {
        group.body["properties"]["provisioningState"] = json!("Succeeded");
        return cx.put(group);
    }
    let prefix = format!("{}/", group.id);
    for cluster in cx.under(CLUSTER, &prefix) {
        clusters::end(cx, &cluster);
    }
    for vault in cx.under(VAULT, &prefix) {
        vaults::soften(cx, &vault);
    }
    for kind in [POOL, FEDERATION, IDENTITY, ROLE, ADDRESS] {
        cx.clear(kind, &prefix);
    }
    cx.remove(&group);
}
