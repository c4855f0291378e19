//! What goes on behind a request: a thing of its own, told about under two links.

use super::{
    Fault, Heard, Outcome, Reply,
    account::{Cx, Fate, OPERATION, root, text},
    uuid,
};
use crate::{aws::Thing, ground::digest};
use serde_json::{Value, json};

/// Begins an operation on a thing, which is in `state` until it is done.
pub(super) fn begin(
    cx: &Cx<'_>,
    thing: &mut Thing,
    verb: &str,
    state: &str,
    fate: &Fate,
) -> String {
    let id = uuid(&cx.ground.mint("operation"));
    thing.body["properties"]["provisioningState"] = json!(state);
    thing.body["sim"]["operation"] = json!({"id": id, "verb": verb, "fails": fate.fails});
    thing.due = fate.due;
    record(cx, &id, &thing.id);
    id
}

/// Makes an operation that is about something.
pub(super) fn record(cx: &Cx<'_>, id: &str, target: &str) {
    let path = format!("{}/operations/{id}", root());
    let body =
        json!({"status": "InProgress", "startTime": cx.now.to_string(), "sim": {"target": target}});
    cx.make(OPERATION, (&path, ""), Default::default(), body);
}

/// Ends the operation of a thing; returns what it was, and why it failed.
pub(super) fn end(cx: &Cx<'_>, thing: &mut Thing) -> (String, Option<String>) {
    let operation = thing.body["sim"]["operation"].take();
    let failed = operation["fails"].as_str().map(str::to_owned);
    finish(cx, text(&operation, "id"), failed.as_deref());
    (text(&operation, "verb").to_owned(), failed)
}

/// Ends an operation.
pub(super) fn finish(cx: &Cx<'_>, id: &str, failed: Option<&str>) {
    let Some(mut operation) = cx.get(OPERATION, &format!("{}/operations/{id}", root())) else {
        return;
    };
    operation.body["endTime"] = json!(cx.now.to_string());
    match failed {
        None => operation.body["status"] = json!("Succeeded"),
        Some(why) => {
            operation.body["status"] = json!("Failed");
            operation.body["error"] = error(why);
        }
    }
    cx.put(operation);
}

/// Returns the error that a failure is told as: a code may stand before a colon.
pub(super) fn error(why: &str) -> Value {
    let coded = why.split_once(": ");
    let coded = coded.filter(|(code, _)| {
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    let (code, message) = coded.unwrap_or(("InternalOperationError", why));
    json!({"code": code, "message": message})
}

/// Returns what makes a link whole: it is long, and taken over as it is or not at all.
fn seal(id: &str) -> String {
    let part = digest(&format!("link {id}"));
    part.repeat(60)
}

/// Returns where an operation tells how it stands, and where its result will be.
pub(super) fn links(cx: &Cx<'_>, location: &str, id: &str) -> [(&'static str, String); 2] {
    let link = |what: &str| {
        format!(
            "{}{}/providers/Microsoft.ContainerService/locations/{location}/{what}/{id}?api-version=2016-03-30&t={}&s={}",
            cx.base,
            root(),
            cx.now.as_second(),
            seal(id)
        )
    };
    [
        ("azure-asyncoperation", link("operations")),
        ("location", link("operationresults")),
    ]
}

/// Returns where the result of an operation on a group will be.
pub(super) fn group_link(cx: &Cx<'_>, id: &str) -> String {
    format!(
        "{}{}/operationresults/{id}?api-version=2021-04-01&s={}",
        cx.base,
        root(),
        seal(id)
    )
}

fn find(cx: &Cx<'_>, heard: &Heard, id: &str) -> Result<Thing, Fault> {
    let whole = heard.asked("s") == Some(seal(id).as_str());
    let found = cx.get(OPERATION, &format!("{}/operations/{id}", root()));
    found
        .filter(|_| whole)
        .ok_or_else(|| Fault::new(404, "NotFound", format!("The entity '{id}' was not found.")))
}

/// Tells how an operation stands.
pub(super) fn status(cx: &Cx<'_>, heard: &Heard, id: &str) -> Outcome {
    let operation = find(cx, heard, id)?;
    let mut body = super::account::show(&operation);
    body["name"] = json!(id);
    Ok(Reply::ok(body))
}

/// Tells the result of an operation, once it has ended.
pub(super) fn result(cx: &Cx<'_>, heard: &Heard, id: &str) -> Outcome {
    let operation = find(cx, heard, id)?;
    match text(&operation.body, "status") {
        "InProgress" => {
            let mut query: Vec<String> = Vec::new();
            query.extend(
                heard
                    .query
                    .iter()
                    .map(|(key, value)| format!("{key}={value}")),
            );
            let again = format!("{}{}?{}", cx.base, heard.path(), query.join("&"));
            Ok(Reply::new(202, Value::Null)
                .with("location", again)
                .with("retry-after", "15"))
        }
        "Failed" => {
            let error = &operation.body["error"];
            Err(Fault::new(409, text(error, "code"), text(error, "message")))
        }
        _ => Ok(Reply::ok(Value::Null)),
    }
}
