//! What AKS installs into a cluster as an extension of it: Flux.
//!
//! Source: <https://learn.microsoft.com/azure/templates/microsoft.kubernetesconfiguration/extensions>

use super::{
    Fault, Outcome, Reply,
    account::{CLUSTER, Cx, EXTENSION, is_busy, show, text},
    check, clusters, operations,
};
use crate::{aws::Thing, kube::ApiServer, manifests, reactors::key};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const TYPE: &str = "Microsoft.KubernetesConfiguration/extensions";
const SERVICE: &str = "Microsoft.KubernetesConfiguration";
const WRITE: &str = "Microsoft.KubernetesConfiguration/extensions/write";
const DELETE: &str = "Microsoft.KubernetesConfiguration/extensions/delete";
/// The one kind that is known here, and what it brings.
const FLUX: &str = "microsoft.flux";
const RELEASE: &str = "flux/v2.9.4/install.yaml";
/// Assumed times until it is there, and gone.
const MADE: Duration = Duration::from_secs(90);
const GONE: Duration = Duration::from_secs(60);

fn cluster_of(id: &str) -> &str {
    id.find("/providers/Microsoft.KubernetesConfiguration")
        .map_or(id, |at| &id[..at])
}

fn not_found(id: &str) -> Fault {
    Fault::new(
        404,
        "ResourceNotFound",
        format!(
            "Cluster extension {} was not found.",
            id.rsplit('/').next().unwrap_or_default()
        ),
    )
}

pub(super) fn list(cx: &Cx<'_>, id: &str) -> Outcome {
    clusters::find(cx, cluster_of(id))?;
    let all = cx.under(EXTENSION, &format!("{id}/"));
    let all: Vec<Value> = all.iter().map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    clusters::find(cx, cluster_of(id))?;
    let found = cx.get(EXTENSION, id).ok_or_else(|| not_found(id))?;
    Ok(Reply::ok(show(&found)))
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    let cluster = clusters::find(cx, cluster_of(id))?;
    check::check("Extension", body)?;
    let wanted = &body["properties"];
    if !text(wanted, "extensionType").eq_ignore_ascii_case(FLUX) {
        return Err(Fault::new(
            400,
            "ExtensionTypeRegistrationGetFailed",
            format!(
                "Extension type {} is not known here.",
                text(wanted, "extensionType")
            ),
        ));
    }
    clusters::idle(cx, &cluster)?;
    let there = cx.get(EXTENSION, id);
    if let Some(busy) = there.as_ref().filter(|it| is_busy(it)) {
        return Err(Fault::new(
            409,
            "Conflict",
            format!(
                "Operation in progress: {}",
                text(&busy.body["properties"], "provisioningState")
            ),
        ));
    }
    let mut told = json!({"properties": wanted});
    told["properties"]["currentVersion"] = json!("1.20.3");
    told["properties"]["provisioningState"] = json!("Creating");
    let mut extension = cx.make(EXTENSION, (id, TYPE), Default::default(), told);
    let fate = cx.fate((SERVICE, WRITE, text(&cluster.body, "name")), MADE);
    let operation = operations::begin(cx, &mut extension, "create", "Creating", &fate);
    cx.put(extension.clone());
    let status = if there.is_some() { 200 } else { 201 };
    let [link, _] = operations::links(cx, text(&cluster.body, "location"), &operation);
    Ok(Reply::new(status, show(&extension)).with(link.0, link.1))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    let cluster = clusters::find(cx, cluster_of(id))?;
    let Some(mut extension) = cx.get(EXTENSION, id) else {
        return Ok(Reply::new(204, Value::Null));
    };
    let fate = cx.fate((SERVICE, DELETE, text(&cluster.body, "name")), GONE);
    let operation = operations::begin(cx, &mut extension, "delete", "Deleting", &fate);
    cx.put(extension);
    let links = operations::links(cx, text(&cluster.body, "location"), &operation);
    let reply = Reply::new(202, Value::Null);
    Ok(links
        .into_iter()
        .fold(reply, |reply, link| reply.with(link.0, link.1)))
}

/// Ends what is being done to an extension.
pub(super) fn advance(cx: &Cx<'_>, mut extension: Thing) {
    let (verb, failed) = operations::end(cx, &mut extension);
    let cluster = cx.get(CLUSTER, cluster_of(text(&extension.body, "id")));
    let running = cluster.and_then(|it| clusters::running(cx, &it));
    match (failed, verb.as_str()) {
        (Some(why), _) => {
            extension.body["properties"]["provisioningState"] = json!("Failed");
            extension.body["properties"]["errorInfo"] = operations::error(&why);
            cx.put(extension);
        }
        (None, "delete") => {
            if let Some(running) = running {
                controllers(&running.api, |api, object| {
                    let _ = api.delete(&key(&object));
                });
            }
            cx.remove(&extension);
        }
        (None, _) => {
            extension.body["properties"]["provisioningState"] = json!("Succeeded");
            cx.put(extension);
            if let Some(running) = running {
                // What the API server refuses is missed by who looks at it.
                controllers(&running.api, |api, object| {
                    let _ = api.apply("fluxextension", object);
                });
            }
        }
    }
}

/// Does something with each object of Flux's release.
fn controllers(api: &Arc<ApiServer>, each: impl Fn(&Arc<ApiServer>, Value)) {
    let text = manifests::find(RELEASE).unwrap_or_default();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
    for object in objects {
        each(api, object);
    }
}
