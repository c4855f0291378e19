//! Updates: what goes on with a cluster, a node group or an add-on, and how it ended.

use super::{
    super::{
        Outcome,
        account::{Cx, Thing},
        uuid,
    },
    ADDON, CLUSTER, NODEGROUP, UPDATE, addons, cluster_of, clusters, fate, listed, missing,
    nodegroups, text,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Begins an update of a thing; `what` is for the one who takes it over.
pub(super) fn begin(
    cx: &Cx<'_>,
    action: &str,
    of: &Thing,
    kind: &str,
    params: Value,
    takes: Duration,
    what: Value,
) -> Outcome {
    let cluster = of.id.split('/').next().unwrap_or_default();
    let id = uuid(&cx.ground.mint("update"));
    let fate = fate(cx, action, &of.id, takes);
    let body = json!({
        "id": id, "status": "InProgress", "type": kind, "params": params, "createdAt": cx.now.to_string(), "errors": [],
        "of": of.id, "kind": of.kind, "what": what, "fails": fate.fails,
    });
    let mut update = cx.make(UPDATE, &format!("{cluster}/{id}"), BTreeMap::new(), body);
    update.due = fate.due;
    cx.put(update.clone());
    Ok(json!({"update": update.body}))
}

/// Ends an update.
pub(super) fn advance(cx: &Cx<'_>, mut update: Thing) {
    let failure = update.body["fails"].as_str().map(str::to_owned);
    update.body["status"] = json!(if failure.is_some() {
        "Failed"
    } else {
        "Successful"
    });
    if let Some(why) = &failure {
        update.body["errors"] = json!([{"errorCode": "Unknown", "errorMessage": why, "resourceIds": [update.body["of"]]}]);
    }
    let what = update.body["what"].clone();
    let of = cx.get(update.text("kind"), update.text("of"));
    cx.put(update);
    let Some(of) = of else { return };
    match of.kind.as_str() {
        CLUSTER => clusters::updated(cx, of, &what, failure.is_some()),
        NODEGROUP => nodegroups::updated(cx, of, &what, failure.is_some()),
        ADDON => addons::updated(cx, of, &what, failure.is_some()),
        _ => {}
    }
}

/// Returns the updates of a cluster, or of the part of it that a request names.
fn of(cx: &Cx<'_>, input: &Value) -> Result<Vec<Thing>, super::Fault> {
    let cluster = cluster_of(cx, input)?;
    let part = input["nodegroupName"]
        .as_str()
        .or(input["addonName"].as_str());
    let of = part.map_or_else(
        || cluster.id.clone(),
        |part| format!("{}/{part}", cluster.id),
    );
    let mut all = cx.under(UPDATE, &format!("{}/", cluster.id));
    all.retain(|it| it.text("of") == of);
    Ok(all)
}

pub(super) fn describe(cx: &Cx<'_>, input: &Value) -> Outcome {
    let id = text(input, "updateId");
    let found = of(cx, input)?.into_iter().find(|it| it.text("id") == id);
    let update = found.ok_or_else(|| missing(format!("No update found for ID: {id}")))?;
    Ok(json!({"update": update.body}))
}

pub(super) fn list(cx: &Cx<'_>, input: &Value) -> Outcome {
    let ids = of(cx, input)?
        .into_iter()
        .map(|it| it.body["id"].clone())
        .collect();
    listed("updateIds", ids, input)
}
