//! APIs of projects: enabled after a while, and known everywhere a little later.

use super::{
    Fault, Outcome,
    account::{COMPUTE, Cx},
    operations,
    operations::Begun,
};
use serde_json::{Value, json};
use std::time::Duration;

const ENABLE: Duration = Duration::from_secs(25);

pub(super) fn act(
    cx: &Cx<'_>,
    call: &str,
    at: &[&str],
    query: &[(String, String)],
    body: &Value,
) -> Outcome {
    if call == "operations.get" {
        return operations::find(cx, "serviceusage", &format!("operations/{}", at[0]), None);
    }
    if at[0] != "projects" {
        return Err(Fault::invalid(format!("{} have no services here", at[0])));
    }
    let project = cx.project(at[1])?;
    match call {
        "services.batchGet" => {
            let names = query.iter().filter(|it| it.0 == "names");
            let told = names.map(|(_, name)| {
                let api = name.rsplit('/').next().unwrap_or_default();
                let enabled = !project.body["-services"][api].is_null();
                let state = if enabled { "ENABLED" } else { "DISABLED" };
                json!({"name": format!("projects/{}/services/{api}", project.body["-number"].as_str().unwrap_or_default()), "state": state})
            });
            let told: Vec<Value> = told.collect();
            match told.len() {
                1..=30 => Ok(json!({"services": told})),
                _ => Err(Fault::invalid("names must be 1 to 30")),
            }
        }
        _ => {
            let ids = body["serviceIds"].as_array().cloned().unwrap_or_default();
            if ids.is_empty() || ids.len() > 20 {
                return Err(Fault::invalid("serviceIds must be 1 to 20"));
            }
            if project.body["-billing"].is_null()
                && ids.iter().any(|it| it == "container.googleapis.com")
            {
                let message = format!(
                    "Billing account for project '{}' is not found. Billing must be enabled for activation of service(s) 'container.googleapis.com,compute.googleapis.com' to proceed.",
                    project.body["-number"].as_str().unwrap_or_default()
                );
                return Err(Fault::busy(message).because("UREQ_PROJECT_BILLING_NOT_FOUND"));
            }
            let begun = Begun {
                call: ("serviceusage", call),
                project: &project.id,
                place: "global",
                kind: "",
                name: &project.id,
                then: json!({"do": "enable", "project": project.id, "apis": ids}),
                takes: ENABLE,
            };
            Ok(operations::begin(cx, begun))
        }
    }
}

/// APIs are enabled; that of compute makes the default network.
pub(super) fn enabled(cx: &Cx<'_>, then: &Value) {
    let id = then["project"].as_str().unwrap_or_default();
    let Ok(mut project) = cx.project(id) else {
        return;
    };
    for api in then["apis"].as_array().into_iter().flatten() {
        let Some(api) = api.as_str() else { continue };
        if project.body["-services"][api].is_null() {
            project.body["-services"][api] = json!(cx.now);
        }
    }
    cx.put(project);
    let compute = then["apis"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| it == "compute.googleapis.com");
    if compute {
        network(cx, id);
    }
}

/// Makes the network that projects have from the beginning.
pub(super) fn network(cx: &Cx<'_>, project: &str) {
    let path = "global/networks/default";
    if cx.get(COMPUTE, project, path).is_none() {
        let link = format!("https://www.googleapis.com/compute/v1/projects/{project}/{path}");
        let body = json!({"name": "default", "selfLink": link, "autoCreateSubnetworks": true, "-assumed": true});
        cx.make(COMPUTE, project, path, body);
    }
}
