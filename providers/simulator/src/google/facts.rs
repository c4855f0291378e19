//! What the official discovery documents say of the calls that are known here: verbs, paths, parameters, and the names, types and enums
//! of what goes with them. `facts.json` is made of them by `tests/google/facts.py`; a test holds it to the documents.

use super::{Fault, Query};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::OnceLock};

/// Parameters that every call takes (<https://cloud.google.com/apis/docs/system-parameters>).
const GENERAL: [&str; 6] = ["alt", "$alt", "key", "prettyPrint", "fields", "quotaUser"];

#[derive(Deserialize)]
struct Facts {
    calls: Vec<Call>,
    /// By service and name.
    schemas: BTreeMap<String, BTreeMap<String, BTreeMap<String, Shape>>>,
}

/// A call.
#[derive(Deserialize)]
pub(super) struct Call {
    pub(super) service: String,
    /// As in "clusters.create".
    pub(super) call: String,
    verb: String,
    /// With `*` for what names something.
    path: String,
    query: Vec<String>,
    #[serde(default)]
    request: Option<String>,
}

/// What a property is.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "ref")]
    reference: Option<String>,
    list: Option<Box<Shape>>,
    map: Option<Box<Shape>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    format: Option<String>,
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
}

impl Call {
    /// Returns whether it changes anything: some read by POST.
    pub(super) fn mutates(&self) -> bool {
        let reads = [
            "getIamPolicy",
            "testIamPermissions",
            "getEffectiveOrgPolicy",
            "listInstances",
            "listNetworkEndpoints",
        ];
        self.verb != "GET" && !reads.iter().any(|it| self.call.ends_with(it))
    }
}

/// A call that a request is, with what its path names.
pub(super) struct Matched {
    pub(super) call: &'static Call,
    pub(super) at: Vec<String>,
    /// The query as it was sent: some parameters are there several times.
    pub(super) query: Vec<(String, String)>,
}

fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    // A file that is compiled in, and that tests read.
    FACTS.get_or_init(|| {
        serde_json::from_str(include_str!("facts.json")).unwrap_or(Facts {
            calls: Vec::new(),
            schemas: BTreeMap::new(),
        })
    })
}

/// Finds the call that a request is.
pub(super) fn find(service: &str, verb: &str, path: &str) -> Option<Matched> {
    let calls = facts().calls.iter();
    let mut calls = calls.filter(|it| it.service == service && it.verb == verb);
    calls.find_map(|call| {
        let at = fit(&call.path, path)?;
        Some(Matched {
            call,
            at,
            query: Vec::new(),
        })
    })
}

/// Returns what stands in a path for each `*` of a pattern.
fn fit(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, given) in wanted.iter().zip(given) {
        match wanted.strip_prefix('*') {
            Some(verb) => {
                let name = given.strip_suffix(verb)?;
                // Another verb behind a colon is another call; a project may have a domain before one.
                let custom =
                    verb.is_empty() && name.rsplit_once(':').is_some_and(|it| !it.0.contains('.'));
                if name.is_empty() || custom {
                    return None;
                }
                found.push(decode(name));
            }
            None if *wanted == given => {}
            None => return None,
        }
    }
    Some(found)
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3);
        let byte = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 3;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Returns the pairs of a query.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|it| !it.is_empty());
    pairs
        .map(|it| {
            let (key, value) = it.split_once('=').unwrap_or((it, ""));
            (decode(key), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Reads the query and the body of a call, and holds them to the documents.
pub(super) fn read(call: &Call, query: &str, body: &[u8]) -> Result<(Query, Value), Fault> {
    let mut told = Query::new();
    for (key, value) in pairs(query) {
        let known = call.query.contains(&key) || GENERAL.contains(&key.as_str());
        // Clients of Google's own name a path's parts again, as fields of the request.
        if !known && !key.ends_with("Id") {
            return Err(Fault::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{key}\": Cannot bind query parameter. Field '{key}' could not be found in request message."
            )));
        }
        told.insert(key, value);
    }
    let Some(request) = &call.request else {
        return Ok((told, Value::Null));
    };
    let value: Value = match body.is_empty() {
        true => serde_json::json!({}),
        false => serde_json::from_slice(body)
            .map_err(|error| Fault::invalid(format!("Invalid JSON payload received. {error}")))?,
    };
    check(&call.service, request, &value, "")?;
    Ok((told, value))
}

/// Checks an object against a schema, by the rules of JSON's mapping (<https://protobuf.dev/programming-guides/json/>).
fn check(service: &str, schema: &str, value: &Value, at: &str) -> Result<(), Fault> {
    let Some(properties) = facts().schemas.get(service).and_then(|it| it.get(schema)) else {
        return Ok(());
    };
    let Some(fields) = value.as_object() else {
        return Err(mistyped(at, schema, value));
    };
    for (key, value) in fields {
        let Some(shape) = properties.get(key) else {
            let place = match at.is_empty() {
                true => String::new(),
                false => format!(" at '{at}'"),
            };
            return Err(Fault::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{key}\"{place}: Cannot find field."
            )));
        };
        let at = match at.is_empty() {
            true => key.clone(),
            false => format!("{at}.{key}"),
        };
        fits(service, shape, value, &at)?;
    }
    Ok(())
}

fn mistyped(at: &str, wanted: &str, value: &Value) -> Fault {
    Fault::invalid(format!("Invalid value at '{at}' ({wanted}), {value}"))
}

fn fits(service: &str, shape: &Shape, value: &Value, at: &str) -> Result<(), Fault> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(schema) = &shape.reference {
        return check(service, schema, value, at);
    }
    if let Some(within) = &shape.list {
        let items = value
            .as_array()
            .ok_or_else(|| mistyped(at, "list", value))?;
        for (number, item) in items.iter().enumerate() {
            fits(service, within, item, &format!("{at}[{number}]"))?;
        }
        return Ok(());
    }
    if let Some(within) = &shape.map {
        let entries = value
            .as_object()
            .ok_or_else(|| mistyped(at, "map", value))?;
        for (key, value) in entries {
            fits(service, within, value, &format!("{at}[\"{key}\"]"))?;
        }
        return Ok(());
    }
    let Some(kind) = &shape.kind else {
        return Ok(());
    };
    let wide = matches!(shape.format.as_deref(), Some("int64" | "uint64"));
    let good = match (kind.as_str(), value) {
        ("boolean", Value::Bool(_)) => true,
        ("integer", Value::Number(it)) => it.is_i64() || it.is_u64(),
        ("number", Value::Number(_)) => true,
        // A number of 64 bits is text, and a number that stands for it is taken too.
        ("string", Value::Number(it)) => wide && (it.is_i64() || it.is_u64()),
        ("string", Value::String(text)) => match (&shape.values, wide) {
            (Some(values), _) => values.contains(text),
            (None, true) => text.parse::<i64>().is_ok(),
            (None, false) => true,
        },
        ("any", _) => true,
        _ => false,
    };
    match good {
        true => Ok(()),
        false => Err(mistyped(at, kind, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(service: &str, schema: &str, value: &Value) -> String {
        check(service, schema, value, "").unwrap_err().message
    }

    #[test]
    fn requests_are_held_to_the_official_documents() {
        let good = json!({"cluster": {"name": "a", "nodePools": [{"config": {"diskSizeGb": 10, "accelerators": [{"acceleratorCount": "1"}]}}]}});
        assert!(check("container", "CreateClusterRequest", &good, "").is_ok());
        let unknown = json!({"cluster": {"nodePools": [{"machine": "x"}]}});
        assert_eq!(
            refused("container", "CreateClusterRequest", &unknown),
            "Invalid JSON payload received. Unknown name \"machine\" at 'cluster.nodePools[0]': Cannot find field."
        );
        let word = json!({"cluster": {"releaseChannel": {"channel": "FAST"}}});
        assert!(
            refused("container", "CreateClusterRequest", &word)
                .contains("cluster.releaseChannel.channel")
        );
        let text = json!({"cluster": {"initialNodeCount": "three"}});
        assert!(refused("container", "CreateClusterRequest", &text).contains("initialNodeCount"));
    }

    #[test]
    fn paths_are_told_apart_by_their_verbs() {
        let of = |verb: &str, path: &str| {
            find("container", verb, path).map(|it| (it.call.call.clone(), it.at))
        };
        let place = "v1/projects/p/locations/l/clusters";
        assert_eq!(of("GET", place).unwrap().0, "clusters.list");
        let (call, at) = of("POST", &format!("{place}/c:setResourceLabels")).unwrap();
        assert_eq!((call.as_str(), at.len()), ("clusters.setResourceLabels", 3));
        assert!(of("POST", &format!("{place}/c:setOther")).is_none());
        assert_eq!(
            of("GET", "v1/projects/x.org%3Ap/locations/l/clusters")
                .unwrap()
                .1[0],
            "x.org:p"
        );
    }
}
