//! Projects, with their policies and their billing accounts.

use super::{
    Fault, Outcome, Query,
    account::{CLUSTER, Cx, PROJECT},
    clusters::check_labels,
    iam, operations,
    operations::Begun,
    page, policies, usage,
};
use crate::{aws::Thing, clock, ground::Ground};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MAKE: Duration = Duration::from_secs(12);
const CHANGE: Duration = Duration::from_secs(3);
/// How long after it was enabled an API is known everywhere.
const PROPAGATION: Duration = Duration::from_secs(40);
/// The one billing account, and who has it.
const BILLING: &str = "billingAccounts/012345-6789AB-CDEF01";
/// What a project that is assumed has enabled.
const APIS: [&str; 5] = [
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
];

/// Lets there be a project that was there before the rehearsal, with all that windlass needs in it; one that is there stays.
pub(crate) fn assume(ground: &Arc<Ground>, id: &str) {
    let _turn = ground.aws.enter();
    let cx = Cx {
        ground,
        now: ground.clock.now(),
    };
    if cx.get(PROJECT, id, id).is_some() {
        return;
    }
    let long_ago = Timestamp::UNIX_EPOCH;
    let services = APIS.map(|api| (api.to_owned(), json!(long_ago)));
    let mut body = body(&cx, id, &json!({}));
    body["-services"] = Value::Object(services.into_iter().collect());
    body["-billing"] = json!(BILLING);
    body["-assumed"] = json!(true);
    cx.make(PROJECT, id, id, body);
    usage::network(&cx, id);
}

fn body(cx: &Cx<'_>, id: &str, wanted: &Value) -> Value {
    let digits = u64::from_str_radix(&cx.ground.mint(id)[..9], 16).unwrap_or_default();
    let number = (100_000_000_000 + digits).to_string();
    let owner = format!("user:{}", super::OWNER.1);
    json!({
        "name": format!("projects/{number}"), "projectId": id, "displayName": wanted["displayName"], "parent": wanted["parent"],
        "labels": wanted["labels"], "state": "ACTIVE", "createTime": super::time(cx.now), "etag": "W/\"1\"",
        "-number": number, "-services": {}, "-billing": null,
        "-policy": {"version": 1, "etag": "BwX1", "bindings": [{"role": "roles/owner", "members": [owner]}]},
    })
}

/// Returns whether an API of a project answers: it does a little after it was enabled.
pub(super) fn answers(project: &Thing, api: &str, now: Timestamp) -> bool {
    let since = project.body["-services"][format!("{api}.googleapis.com")].as_str();
    let since: Option<Timestamp> = since.and_then(|it| it.parse().ok());
    since.is_some_and(|since| now >= clock::add(since, PROPAGATION))
}

fn show(project: &Thing) -> Value {
    super::account::show(&project.body)
}

pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str], query: &Query, body: &Value) -> Outcome {
    match call {
        "operations.get" => operations::find(
            cx,
            "cloudresourcemanager",
            &format!("operations/{}", at[0]),
            None,
        ),
        "projects.search" => search(cx, query),
        "projects.create" => create(cx, body),
        "projects.get" => Ok(show(&cx.project(at[0])?)),
        "projects.getIamPolicy" => Ok(cx.project(at[0])?.body["-policy"].clone()),
        "projects.setIamPolicy" => {
            let mut project = cx.project(at[0])?;
            let policy = iam::replace(cx, &project.id, &project.body["-policy"], &body["policy"])?;
            project.body["-policy"] = policy.clone();
            cx.put(project);
            Ok(policy)
        }
        "projects.testIamPermissions" => {
            cx.project(at[0])?;
            let wanted = body["permissions"].as_array().cloned().unwrap_or_default();
            let allowed = wanted.into_iter().filter(|it| {
                let permission = it.as_str().unwrap_or_default();
                let (service, call) = permission.split_once('.').unwrap_or((permission, ""));
                !cx.ground.faults.denies("google", service, call)
            });
            Ok(json!({"permissions": allowed.collect::<Vec<_>>()}))
        }
        "projects.getEffectiveOrgPolicy" => {
            let project = cx.project(at[0])?;
            let parent = project.body["parent"].as_str().unwrap_or_default();
            Ok(policies::effective(
                cx,
                &[&format!("projects/{}", project.id), parent],
                body,
            ))
        }
        "folders.getEffectiveOrgPolicy" => Ok(policies::effective(
            cx,
            &[&format!("folders/{}", at[0])],
            body,
        )),
        "organizations.getEffectiveOrgPolicy" => Ok(policies::effective(
            cx,
            &[&format!("organizations/{}", at[0])],
            body,
        )),
        "projects.patch" => {
            let project = cx.project(at[0])?;
            check_labels(&body["labels"])?;
            let then =
                json!({"do": "label-project", "project": project.id, "labels": body["labels"]});
            Ok(begin(cx, call, &project.id, then, CHANGE))
        }
        "projects.delete" => {
            let project = cx.project(at[0])?;
            if project.body["state"] != "ACTIVE" {
                return Err(Fault::busy("The project is not active."));
            }
            let then = json!({"do": "delete-project", "project": project.id});
            Ok(begin(cx, call, &project.id, then, CHANGE))
        }
        _ => Err(Fault::missing(format!("there is no call {call}"))),
    }
}

fn begin(cx: &Cx<'_>, call: &str, project: &str, then: Value, takes: Duration) -> Value {
    let begun = Begun {
        call: ("cloudresourcemanager", call),
        project,
        place: "global",
        kind: "",
        name: project,
        then,
        takes,
    };
    operations::begin(cx, begun)
}

fn create(cx: &Cx<'_>, wanted: &Value) -> Outcome {
    let id = wanted["projectId"].as_str().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (6..=30).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(plain);
    if !good {
        return Err(Fault::invalid(format!(
            "field [project_id] has issue [project_id \"{id}\" is malformed]"
        )));
    }
    if cx.get(PROJECT, id, id).is_some() {
        return Err(Fault::exists("Requested entity already exists"));
    }
    check_labels(&wanted["labels"])?;
    let mut made = body(cx, id, wanted);
    made["state"] = json!("ACTIVE");
    made["-coming"] = json!(true);
    cx.make(PROJECT, id, id, made);
    Ok(begin(
        cx,
        "projects.create",
        id,
        json!({"do": "create-project", "project": id}),
        MAKE,
    ))
}

/// A project is made.
pub(super) fn created(cx: &Cx<'_>, then: &Value) {
    if let Ok(mut project) = cx.project(then["project"].as_str().unwrap_or_default()) {
        project.body["-coming"] = Value::Null;
        cx.put(project);
    }
}

/// A project is on its way out: it can be had back for 30 days, and nothing in it runs any more.
pub(super) fn deleted(cx: &Cx<'_>, then: &Value) {
    let Ok(mut project) = cx.project(then["project"].as_str().unwrap_or_default()) else {
        return;
    };
    project.body["state"] = json!("DELETE_REQUESTED");
    for cluster in cx.under(CLUSTER, &project.id, "") {
        cx.remove(&cluster);
    }
    cx.put(project);
    cx.ground.settle();
}

/// A project has other labels.
pub(super) fn labelled(cx: &Cx<'_>, then: &Value) {
    if let Ok(mut project) = cx.project(then["project"].as_str().unwrap_or_default()) {
        project.body["labels"] = then["labels"].clone();
        cx.put(project);
    }
}

/// Finds projects, by the part of the language of queries that is needed: `labels.KEY:*`, `labels.KEY:VALUE`, `id:ID`, `state:STATE`.
fn search(cx: &Cx<'_>, query: &Query) -> Outcome {
    let wanted = query.get("query").map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for project in cx.under(PROJECT, "", "") {
        let mut fits = true;
        for term in wanted.split_whitespace() {
            let (key, value) = term
                .split_once([':', '='])
                .ok_or_else(|| Fault::invalid(format!("Invalid query term {term}")))?;
            let there = match key.strip_prefix("labels.") {
                Some(label) => project.body["labels"][label].as_str(),
                None => match key {
                    "id" | "projectId" => Some(project.id.as_str()),
                    "state" => project.body["state"].as_str(),
                    _ => return Err(Fault::invalid(format!("Invalid query field {key}"))),
                },
            };
            fits &= there.is_some_and(|it| value == "*" || it == value);
        }
        if fits {
            found.push(show(&project));
        }
    }
    page(found, "projects", query, "pageSize")
}

/// Answers for billing.
pub(super) fn billing(cx: &Cx<'_>, call: &str, at: &[&str], body: &Value) -> Outcome {
    let told = |project: &Thing| {
        let account = project.body["-billing"].as_str();
        json!({
            "name": format!("projects/{}/billingInfo", project.id), "projectId": project.id,
            "billingAccountName": account.unwrap_or_default(), "billingEnabled": account.is_some(),
        })
    };
    match call {
        "billingAccounts.list" => Ok(json!({"billingAccounts": [
            {"name": BILLING, "open": true, "displayName": "Rehearsal"},
            {"name": "billingAccounts/000000-000000-000000", "open": false, "displayName": "Closed"},
        ]})),
        "projects.getBillingInfo" => Ok(told(&cx.project(at[0])?)),
        _ => {
            let mut project = cx.project(at[0])?;
            let account = body["billingAccountName"].as_str().unwrap_or_default();
            if account != BILLING {
                return Err(Fault::denied("The caller does not have permission"));
            }
            project.body["-billing"] = json!(account);
            cx.put(project.clone());
            Ok(told(&project))
        }
    }
}

/// Returns whether a project has the pool of identities.
pub(super) fn has_pool(cx: &Cx<'_>, project: &str) -> bool {
    cx.project(project).is_ok_and(|it| it.body["-pool"] == true)
}
