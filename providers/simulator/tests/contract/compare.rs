//! Compares answers as far as a client can tell. What the recording's build does on its own, and what controllers write that are no
//! part of an API server, is left out on both sides.

use crate::replay::Answer;
use regex::Regex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

/// Returns what placeholders look like.
pub(crate) fn placeholder() -> &'static Regex {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(UID-\d+|RV-\d+|CONTINUE-\d+|RAND\d*|TIME|TOKEN|PEM|AGE)\b")
            .expect("the pattern is sound")
    });
    &PATTERN
}

/// Writes out `<1100000 x a>`.
pub(crate) fn expand(text: &str) -> String {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<(\d+) x (.)>").expect("the pattern is sound"));
    PATTERN
        .replace_all(text, |found: &regex::Captures<'_>| {
            found[2].repeat(found[1].parse().expect("a number"))
        })
        .into_owned()
}

type Known = BTreeMap<String, String>;

/// Compares an answer with the recorded one and learns what new placeholders stand for. Who is `quick` writes within a second what
/// took the recording several, and so orders by name what that ordered by time.
pub(crate) fn answers(
    known: &mut Known,
    step: &Value,
    answer: &Answer,
    quick: bool,
) -> Result<(), String> {
    let mut faults = Vec::new();
    let found_text = String::from_utf8_lossy(&answer.body).into_owned();
    if step["status"] != answer.status {
        faults.push(format!(
            "status {} instead of {}: {}",
            answer.status,
            step["status"],
            cut(&found_text)
        ));
    }
    let media = |text: &str| text.replace(' ', "");
    let wanted = step["response_content_type"].as_str().unwrap_or_default();
    let found = answer
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if media(wanted) != media(found) && !wanted.is_empty() && answer.status != 204 {
        faults.push(format!("content type {found} instead of {wanted}"));
    }
    let warnings: Vec<&str> = answer
        .headers
        .get_all("warning")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    if step.get("response_warnings").cloned().unwrap_or(json!([])) != json!(warnings) {
        faults.push(format!(
            "warnings {warnings:?} instead of {}",
            step["response_warnings"]
        ));
    }
    for (name, value) in step["response_headers"].as_object().into_iter().flatten() {
        if answer
            .headers
            .get(name)
            .and_then(|found| found.to_str().ok())
            != value.as_str()
        {
            faults.push(format!(
                "header {name} is {:?} instead of {value}",
                answer.headers.get(name)
            ));
        }
    }
    let wanted_body = step["response_body"].clone();
    let found_body = match (&wanted_body, wanted) {
        (Value::String(_), "application/yaml") => {
            serde_saphyr::from_str(&found_text).unwrap_or(Value::Null)
        }
        (Value::String(_), _) => Value::String(found_text.clone()),
        (Value::Array(_), _) => found_text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or(Value::Null))
            .collect(),
        _ => serde_json::from_str(&found_text).unwrap_or(Value::Null),
    };
    let wanted_body = match (&wanted_body, wanted) {
        (Value::String(text), "application/yaml") => {
            serde_saphyr::from_str(text).expect("recorded YAML")
        }
        _ => wanted_body,
    };
    let title = format!(
        "{}: {}",
        step["scenario"].as_str().unwrap_or_default(),
        step["step"].as_str().unwrap_or_default()
    );
    let (mut wanted_body, mut found_body) = (
        mask(&wanted_body, &title),
        mask(&trim(found_body, &wanted_body, &title), &title),
    );
    if quick {
        order(&mut wanted_body);
        order(&mut found_body);
    }
    same(known, &wanted_body, &found_body, "", &mut faults);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults
            .into_iter()
            .map(|fault| format!("    {fault}\n"))
            .collect())
    }
}

/// Orders the entries of managed fields by who they are about.
fn order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(order),
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("managedFields", Value::Array(entries)) = (name.as_str(), &mut *value) {
                    let text = |entry: &Value, name: &str| entry[name].to_string();
                    entries.sort_by_cached_key(|entry| {
                        ["manager", "operation", "subresource", "apiVersion"]
                            .map(|name| text(entry, name))
                    });
                } else {
                    order(value);
                }
            }
        }
        _ => {}
    }
}

fn cut(text: &str) -> &str {
    &text[..text
        .char_indices()
        .nth(300)
        .map_or(text.len(), |(at, _)| at)]
}

fn same(known: &mut Known, wanted: &Value, found: &Value, path: &str, faults: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, wanted) in wanted {
                let path = format!("{path}.{name}");
                // Names in managed fields can be placeholders too.
                let filled = fill(known, name);
                match found.get(&filled) {
                    Some(found) => same(known, wanted, found, &path, faults),
                    None => faults.push(format!("{path} is missing: {}", cut(&wanted.to_string()))),
                }
            }
            let names: Vec<String> = wanted.keys().map(|name| fill(known, name)).collect();
            for (name, value) in found.iter().filter(|(name, _)| !names.contains(name)) {
                faults.push(format!(
                    "{path}.{name} should not be there: {}",
                    cut(&value.to_string())
                ));
            }
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if wanted.len() != found.len() {
                faults.push(format!(
                    "{path} has {} items instead of {}: {}",
                    found.len(),
                    wanted.len(),
                    cut(&json!(found).to_string())
                ));
            }
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                same(known, wanted, found, &format!("{path}[{index}]"), faults);
            }
        }
        (Value::String(wanted), Value::String(found)) => {
            if !texts(known, wanted, found) {
                faults.push(format!("{path} is {found:?} instead of {wanted:?}"));
            }
        }
        _ if wanted == found => {}
        _ => faults.push(format!(
            "{path} is {} instead of {}",
            cut(&found.to_string()),
            cut(&wanted.to_string())
        )),
    }
}

fn fill(known: &Known, text: &str) -> String {
    placeholder()
        .replace_all(text, |found: &regex::Captures<'_>| {
            known.get(&found[0]).cloned().unwrap_or(found[0].to_owned())
        })
        .into_owned()
}

/// Compares texts in which placeholders stand; the first time, a placeholder takes what it meets.
fn texts(known: &mut Known, wanted: &str, found: &str) -> bool {
    if !placeholder().is_match(wanted) {
        return wanted == found;
    }
    let mut pattern = String::from("(?s)^");
    let mut names = Vec::new();
    let mut rest = wanted;
    while let Some(place) = placeholder().find(rest) {
        pattern.push_str(&regex::escape(&rest[..place.start()]));
        let name = place.as_str();
        let group = match (known.get(name), name) {
            (Some(value), _) => regex::escape(value),
            (None, "TIME") => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z".to_owned(),
            (None, "RAND") => "[a-z0-9]+".to_owned(),
            (None, "AGE" | "PEM") => ".*".to_owned(),
            (None, _) => {
                names.push(name.to_owned());
                if name.starts_with("RV-") {
                    r"(\d+)".to_owned()
                } else {
                    "(.+?)".to_owned()
                }
            }
        };
        pattern.push_str(&group);
        rest = &rest[place.end()..];
    }
    pattern.push_str(&regex::escape(rest));
    pattern.push('$');
    let Some(captures) = Regex::new(&pattern)
        .ok()
        .and_then(|pattern| pattern.captures(found))
    else {
        return false;
    };
    for (index, name) in names.into_iter().enumerate() {
        let value = captures[index + 1].to_owned();
        if name.starts_with("RV-") && !in_order(known, &name, &value) {
            return false;
        }
        known.insert(name, value);
    }
    true
}

/// Returns whether a revision lies between those with smaller and with larger numbers.
fn in_order(known: &Known, name: &str, value: &str) -> bool {
    let number = |text: &str| text.trim_start_matches("RV-").parse::<u64>().unwrap_or(0);
    known
        .iter()
        .filter(|(other, _)| other.starts_with("RV-"))
        .all(|(other, other_value)| {
            let (place, revision) = (
                number(other).cmp(&number(name)),
                number(other_value).cmp(&number(value)),
            );
            place == revision || revision.is_eq()
        })
}

/// Cuts an answer down to what the recording kept of it.
fn trim(mut found: Value, wanted: &Value, title: &str) -> Value {
    let sorted = |paths: &Value| -> Vec<String> {
        let mut names: Vec<String> = match paths {
            Value::Object(paths) => paths.keys().cloned().collect(),
            paths => paths
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        names.sort();
        names
    };
    match title {
        "discovery: openapi v3 index (paths only)" | "discovery: openapi v2 (paths only)" => {
            found["paths"] = json!(sorted(&found["paths"]))
        }
        "health: root paths, first 20" => {
            let mut paths = sorted(&found["paths"]);
            paths.truncate(20);
            found["paths"] = json!(paths);
        }
        "discovery: aggregated does not apply below /apis" => {
            keep(&mut found["resources"], &wanted["resources"], "/name")
        }
        _ if title.contains("aggregated") => {
            keep(&mut found["items"], &wanted["items"], "/metadata/name");
            for (found, wanted) in found["items"]
                .as_array_mut()
                .into_iter()
                .flatten()
                .zip(wanted["items"].as_array().into_iter().flatten())
            {
                let versions = found["versions"].as_array_mut().into_iter().flatten();
                for (found, wanted) in
                    versions.zip(wanted["versions"].as_array().into_iter().flatten())
                {
                    keep(&mut found["resources"], &wanted["resources"], "/resource");
                }
            }
        }
        _ => {}
    }
    if wanted["spec"] == "TRIMMED" {
        found["spec"] = json!("TRIMMED");
        if let Some(metadata) = found["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
    }
    if title == "crd: table of CRDs" {
        found["rows"][0]["object"] = wanted["rows"][0]["object"].clone();
    }
    found
}

/// Keeps the items that the recording has, in its order.
fn keep(found: &mut Value, wanted: &Value, name: &str) {
    let items = found.as_array().cloned().unwrap_or_default();
    let kept = wanted
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|wanted| {
            items
                .iter()
                .find(|item| item.pointer(name) == wanted.pointer(name))
                .cloned()
        });
    *found = kept.collect();
}

/// Leaves out what is not an API server's.
fn mask(value: &Value, title: &str) -> Value {
    match value {
        Value::Array(items) => {
            let kept = items.iter().filter(|item| !is_foreign(item));
            kept.map(|item| mask(item, title)).collect()
        }
        Value::Object(fields) => {
            let mut masked: Value = fields
                .iter()
                .map(|(name, value)| (name.clone(), mask(value, title)))
                .collect();
            if fields.contains_key("gitVersion") {
                for name in [
                    "gitVersion",
                    "gitCommit",
                    "gitTreeState",
                    "goVersion",
                    "compiler",
                    "platform",
                ] {
                    masked[name] = json!("the build's");
                }
            }
            if fields.contains_key("serverAddress") {
                masked["serverAddress"] = json!("the address");
            }
            if fields.contains_key("swagger") {
                masked["info"]["version"] = json!("the version");
            }
            // A template holds labels of its own; only whole objects have controllers.
            let metadata = &value["metadata"];
            let controlled = title.starts_with("apply-deployment")
                || title.starts_with("patches")
                || title.starts_with("propagation")
                || title.starts_with("table");
            if controlled
                && metadata.get("creationTimestamp").is_some()
                && (fields.contains_key("spec") || value["kind"] == "PartialObjectMetadata")
            {
                uncontrol(&mut masked);
            }
            masked
        }
        Value::String(text) => {
            // The recording kept a number of its own in this message.
            static PATTERN: LazyLock<Regex> =
                LazyLock::new(|| Regex::new(r"in record \(\d+\)").expect("the pattern is sound"));
            json!(PATTERN.replace(text, "in record (N)"))
        }
        other => other.clone(),
    }
}

/// Returns whether an item comes from the controller of the recording's build.
fn is_foreign(item: &Value) -> bool {
    const NAME: &str = "openshift-service-ca.crt";
    item["metadata"]["name"] == NAME
        || item["configMap"]["name"] == NAME
        || item["cells"][0] == NAME
}

/// Takes away what kube-controller-manager wrote.
fn uncontrol(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        if let Some(entries) = metadata
            .get_mut("managedFields")
            .and_then(Value::as_array_mut)
        {
            entries.retain(|entry| entry["manager"] != "kube-controller-manager");
            if entries.is_empty() {
                metadata.remove("managedFields");
            }
        }
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove("deployment.kubernetes.io/revision");
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    if object["spec"]["replicas"].is_number() || object["spec"]["completionMode"].is_string() {
        let conditions = object["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let own: Vec<Value> = conditions
            .into_iter()
            .filter(|condition| {
                !matches!(
                    condition["type"].as_str(),
                    Some("Available" | "Progressing" | "Suspended")
                )
            })
            .collect();
        object["status"] = json!(own);
    }
}
