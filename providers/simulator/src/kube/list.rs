//! Lists: selectors, pages, and revisions of the past.

use super::{
    convert,
    kinds::Kind,
    request::Request,
    respond::List,
    selector::Selector,
    state::State,
    status::{Cause, Status},
};
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// How continue tokens are written; as Go does, stray bits at the end are let pass.
const TOKENS: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Returns the revision that a request names.
pub(super) fn revision_of(request: &Request) -> Result<Option<u64>, Status> {
    let Some(text) = request.parameter("resourceVersion") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    })
}

/// Refuses a revision that is not there yet.
pub(super) fn check_future(state: &State, revision: Option<u64>) -> Result<(), Status> {
    let current = state.store.revision();
    let Some(revision) = revision.filter(|revision| *revision > current) else {
        return Ok(());
    };
    let message = format!("Timeout: Too large resource version: {revision}, current: {current}");
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    let mut status = Status::new(504, "Timeout", message).with_causes([cause]);
    if let Some(details) = &mut status.details {
        details.insert("retryAfterSeconds".to_owned(), json!(1));
    }
    Err(status)
}

/// Lists the objects of a kind.
pub(super) fn list(
    state: &State,
    kind: &Kind,
    namespace: Option<&str>,
    selector: &Selector,
    request: &Request,
) -> Result<List, Status> {
    let limit = request
        .number("limit")?
        .filter(|limit| *limit > 0)
        .and_then(|limit| usize::try_from(limit).ok());
    let revision = revision_of(request)?;
    let matching = request.parameter("resourceVersionMatch");
    if matching.is_some() && revision.is_none() {
        let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
        return Err(Status::invalid_options(
            "ListOptions",
            Cause::forbidden("resourceVersionMatch", why),
        ));
    }
    check_future(state, revision)?;
    let exact = revision.filter(|_| matching == Some("Exact"));
    let (start, token_revision) = match request.parameter("continue") {
        Some(token) => read_token(token)?,
        None => (None, None),
    };
    let mut items = match exact {
        Some(revision) => past(state, kind, namespace, revision)?,
        None => state
            .store
            .list(&convert::storage_group(kind), &kind.kind, namespace),
    };
    items.retain(|object| selector.matches(object));
    if let Some(start) = start {
        items.retain(|object| place(object) > start);
    }
    let revision = exact.or(token_revision).unwrap_or(state.store.revision());
    let mut list = List {
        items,
        revision,
        token: None,
        remaining: None,
    };
    if let Some(limit) = limit.filter(|limit| *limit < list.items.len()) {
        list.remaining = selector.is_empty().then(|| list.items.len() - limit);
        list.items.truncate(limit);
        let last = list
            .items
            .last()
            .map(|object| place(object))
            .unwrap_or_default();
        list.token =
            Some(TOKENS.encode(
                json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": last }).to_string(),
            ));
    }
    list.items = list
        .items
        .into_iter()
        .map(|object| convert::to_version(kind, object))
        .collect();
    Ok(list)
}

fn place(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn read_token(token: &str) -> Result<(Option<String>, Option<u64>), Status> {
    let refused = |why: &str| {
        Status::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = TOKENS
        .decode(token)
        .map_err(|error| refused(&error.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().copied().unwrap_or_default();
        refused(&format!(
            "invalid character '\\x{first:02x}' looking for beginning of value"
        ))
    })?;
    Ok((
        value["start"].as_str().map(str::to_owned),
        value["rv"].as_u64(),
    ))
}

/// Returns the objects of a kind as they were at a revision.
fn past(
    state: &State,
    kind: &Kind,
    namespace: Option<&str>,
    revision: u64,
) -> Result<Vec<Arc<Value>>, Status> {
    let group = convert::storage_group(kind);
    let mut objects: BTreeMap<String, Arc<Value>> = state
        .store
        .list(&group, &kind.kind, namespace)
        .into_iter()
        .map(|object| (place(&object), object))
        .collect();
    let Some(events) = state.store.since(revision) else {
        return Err(Status::expired("The provided resource version is too old."));
    };
    let events: Vec<_> = events.collect();
    for event in events.into_iter().rev() {
        let key = &event.change.key;
        if key.group == group
            && key.kind == kind.kind
            && (namespace.is_none() || key.namespace.as_deref() == namespace)
        {
            match &event.before {
                Some(before) => objects.insert(place(before), before.clone()),
                None => objects.remove(&place(&event.change.object)),
            };
        }
    }
    Ok(objects.into_values().collect())
}
