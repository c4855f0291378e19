//! Checking custom objects against their schema, and definitions themselves. Rules in CEL are not evaluated.

use crate::kube::status::Cause;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Checks an object.
pub(in crate::kube) fn check(object: &Value, schema: &Value, scale: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut types = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let (Some(value), false) = (object.get(name), name == "metadata") {
            walk(value, property, name, &mut types, &mut causes);
        }
    }
    required(object, schema, "", &mut causes);
    types.append(&mut causes);
    if let Some(path) = scale.and_then(|scale| scale["specReplicasPath"].as_str()) {
        let value = object
            .pointer(&path.replace('.', "/"))
            .unwrap_or(&Value::Null);
        if value.as_i64().is_some_and(|replicas| replicas < 0) {
            types.push(Cause::invalid(
                path,
                value.clone(),
                "should be a non-negative integer",
            ));
        }
    }
    let only_duplicates = types
        .iter()
        .all(|cause| cause.reason == "FieldValueDuplicate");
    if !only_duplicates && has_rules(schema) {
        types.push(Cause::invalid(
            "<nil>",
            Value::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete \
             validation",
        ));
    }
    types
}

fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == "x-kubernetes-validations" || has_rules(value)),
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

fn required(value: &Value, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if value.get(name).is_none() {
            let field = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            causes.push(Cause::required(field, ""));
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn walk(
    value: &Value,
    schema: &Value,
    path: &str,
    types: &mut Vec<Cause>,
    causes: &mut Vec<Cause>,
) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    let found = type_of(value);
    if schema["x-kubernetes-int-or-string"] == true {
        if found != "integer" && found != "string" {
            let why = format!("{path} in body must be of type integer,string");
            types.push(Cause::wrong_type(path, found, &why));
        }
        return;
    }
    if let Some(wanted) = schema["type"].as_str() {
        let fits = wanted == found || (wanted == "number" && found == "integer");
        if !fits {
            types.push(Cause::wrong_type(
                path,
                found,
                &format!("{path} in body must be of type {wanted}"),
            ));
            return;
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let shown: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        causes.push(Cause::unsupported(path, value.clone(), &shown));
    }
    match value {
        Value::String(text) => string(text, schema, path, causes),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            for (name, bad, words) in [
                (
                    "minimum",
                    (|n, l| n < l) as fn(f64, f64) -> bool,
                    "greater than or equal to",
                ),
                ("maximum", |n, l| n > l, "less than or equal to"),
            ] {
                if schema[name]
                    .as_f64()
                    .is_some_and(|limit| bad(number, limit))
                {
                    let why = format!("{path} in body should be {words} {}", schema[name]);
                    causes.push(Cause::invalid(path, value.clone(), &why));
                }
            }
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            if schema["maxItems"]
                .as_u64()
                .is_some_and(|limit| count > limit)
            {
                let why = format!("must have at most {} items", schema["maxItems"]);
                causes.push(Cause {
                    reason: "FieldValueTooMany".to_owned(),
                    message: format!("Too many: {count}: {why}"),
                    field: path.to_owned(),
                });
            }
            if schema["minItems"]
                .as_u64()
                .is_some_and(|limit| count < limit)
            {
                let why = format!(
                    "{path} in body should have at least {} items",
                    schema["minItems"]
                );
                causes.push(Cause::invalid(path, count, &why));
            }
            for (index, item) in items.iter().enumerate() {
                walk(
                    item,
                    &schema["items"],
                    &format!("{path}[{index}]"),
                    types,
                    causes,
                );
            }
            duplicates(items, schema, path, causes);
        }
        Value::Object(fields) => object(fields, value, schema, path, types, causes),
        _ => {}
    }
}

fn object(
    fields: &Map<String, Value>,
    value: &Value,
    schema: &Value,
    path: &str,
    types: &mut Vec<Cause>,
    causes: &mut Vec<Cause>,
) {
    required(value, schema, path, causes);
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    for name in names {
        let inner = match (
            schema["properties"].get(name),
            schema.get("additionalProperties"),
        ) {
            (Some(property), _) => property,
            (None, Some(additional @ Value::Object(_))) => additional,
            _ => continue,
        };
        walk(
            &fields[name],
            inner,
            &format!("{path}.{name}"),
            types,
            causes,
        );
    }
}

fn string(text: &str, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let length = text.chars().count() as u64;
    if schema["maxLength"]
        .as_u64()
        .is_some_and(|limit| length > limit)
    {
        causes.push(Cause::too_long(
            path,
            &format!("may not be more than {} bytes", schema["maxLength"]),
        ));
    }
    if schema["minLength"]
        .as_u64()
        .is_some_and(|limit| length < limit)
    {
        let why = format!(
            "{path} in body should be at least {} chars long",
            schema["minLength"]
        );
        causes.push(Cause::invalid(path, text, &why));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && compiled(pattern).is_some_and(|regex| !regex.is_match(text))
    {
        causes.push(Cause::invalid(
            path,
            text,
            &format!("{path} in body should match '{pattern}'"),
        ));
    }
}

/// Returns a compiled pattern; one that this regex crate does not understand is not checked.
fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Arc<Regex>>>>> =
        LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .entry(pattern.to_owned())
        .or_insert_with(|| Regex::new(pattern).ok().map(Arc::new))
        .clone()
}

fn duplicates(items: &[Value], schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let keys: Vec<&str> = match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => schema["x-kubernetes-list-map-keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect(),
        Some("set") => Vec::new(),
        _ => return,
    };
    let name = |item: &Value| {
        if keys.is_empty() {
            item.clone()
        } else {
            keys.iter()
                .map(|key| ((*key).to_owned(), item[*key].clone()))
                .collect()
        }
    };
    for (index, item) in items.iter().enumerate() {
        if items[..index].iter().any(|other| name(other) == name(item)) {
            causes.push(Cause::duplicate(format!("{path}[{index}]"), name(item)));
        }
    }
}

/// Checks a CustomResourceDefinition.
pub(in crate::kube) fn definition(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let wanted = format!(
        "{}.{}",
        text(&spec["names"]["plural"]),
        text(&spec["group"])
    );
    if object["metadata"]["name"] != wanted {
        let name = object["metadata"]["name"].clone();
        causes.push(Cause::invalid(
            "metadata.name",
            name,
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    for name in ["group", "scope"] {
        if text(&spec[name]).is_empty() {
            causes.push(Cause::required(format!("spec.{name}"), ""));
        }
    }
    for name in ["plural", "kind"] {
        if text(&spec["names"][name]).is_empty() {
            causes.push(Cause::required(format!("spec.names.{name}"), ""));
        }
    }
    let versions = spec["versions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let stored = versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count();
    if stored != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", json!(versions), why));
    }
    for (index, version) in versions.iter().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        // A single schema is reported where older versions of the API had it.
        let same = versions
            .iter()
            .all(|other| other["schema"] == version["schema"]);
        let path = if same {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("spec.versions[{index}].schema.openAPIV3Schema")
        };
        if schema.is_null() {
            causes.push(Cause::required(
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
                "schemas are required",
            ));
        } else {
            structural(schema, &path, true, &mut causes);
        }
        if same {
            break;
        }
    }
    causes
}

fn structural(schema: &Value, path: &str, typed: bool, causes: &mut Vec<Cause>) {
    let free = schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["x-kubernetes-int-or-string"] == true;
    if typed && !free && schema["type"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required(
            format!("{path}.type"),
            "must not be empty for specified object fields",
        ));
    }
    if schema["type"] == "array" && schema["items"].is_null() {
        causes.push(Cause::required(
            format!("{path}.items"),
            "must be specified",
        ));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        structural(
            property,
            &format!("{path}.properties[{name}]"),
            true,
            causes,
        );
    }
    if schema["items"].is_object() {
        structural(&schema["items"], &format!("{path}.items"), true, causes);
    }
    if schema["additionalProperties"].is_object() {
        structural(
            &schema["additionalProperties"],
            &format!("{path}.additionalProperties"),
            true,
            causes,
        );
    }
}
