//! REST with JSON: the operation is a method and a path, members are in the path, the query, headers and the body.

use super::super::{
    Fault, Heard,
    model::{Member, Operation, Place, Service, Shape},
    signature::{decode, pairs},
};
use serde_json::{Map, Value, json};

/// Returns the operation that a method and a path call; of two that fit, the one with fewer variables.
pub(super) fn operation(service: &'static Service, heard: &Heard) -> Option<&'static Operation> {
    let fits =
        |it: &&Operation| it.method == heard.method && variables(it.uri, &heard.path).is_some();
    let fitting = service.operations.iter().filter(fits);
    fitting.min_by_key(|it| it.uri.matches('{').count())
}

/// Returns what the variables of a template are in a path.
fn variables(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let wanted: Vec<&str> = template.split('/').collect();
    let given: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) if !given.is_empty() => found.push((name.to_owned(), decode(given))),
            None if wanted == given => {}
            _ => return None,
        }
    }
    Some(found)
}

pub(super) fn read(
    service: &Service,
    operation: &Operation,
    heard: &Heard,
) -> Result<Value, Fault> {
    let refuse = |message: String| Fault::new(400, "InvalidParameterException", message);
    let members = service.members(operation.input.unwrap_or("-"));
    let mut input = Map::new();
    let body: Value = match heard.body.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(&heard.body)
            .map_err(|error| Fault::new(400, "SerializationException", error.to_string()))?,
    };
    let Value::Object(body) = body else {
        return Err(Fault::new(
            400,
            "SerializationException",
            "the body is no JSON object",
        ));
    };
    for (key, value) in body {
        let known = members
            .iter()
            .find(|it| it.place == Place::Body && it.wire == key);
        input.insert(known.map_or(key, |it| it.name.to_owned()), value);
    }
    for (name, text) in variables(operation.uri, &heard.path).unwrap_or_default() {
        put(service, members, Place::Uri, &name, &text, &mut input);
    }
    for (name, text) in pairs(&heard.query) {
        if name.starts_with("X-Amz-") {
            continue;
        }
        if !put(service, members, Place::Query, &name, &text, &mut input) {
            return Err(refuse(format!("Unknown parameter '{name}'")));
        }
    }
    Ok(Value::Object(input))
}

/// Puts a text where a member is; several of a list add up. Returns whether there is such a member.
fn put(
    service: &Service,
    members: &[Member],
    place: Place,
    wire: &str,
    text: &str,
    input: &mut Map<String, Value>,
) -> bool {
    let Some(member) = members
        .iter()
        .find(|it| it.place == place && it.wire == wire)
    else {
        return false;
    };
    match service.shape(member.shape) {
        Shape::List { .. } => {
            let list = input
                .entry(member.name.to_owned())
                .or_insert_with(|| json!([]));
            if let Value::Array(items) = list {
                items.push(json!(text));
            }
        }
        shape => {
            input.insert(member.name.to_owned(), scalar(shape, text));
        }
    }
    true
}

/// Returns a text as a value of a shape, or the text where it is none.
pub(super) fn scalar(shape: &Shape, text: &str) -> Value {
    let read = match shape {
        Shape::Whole(_) => text.parse::<i64>().ok().map(Value::from),
        Shape::Number(_) => text.parse::<f64>().ok().map(Value::from),
        Shape::Flag => match text {
            "true" | "True" => Some(json!(true)),
            "false" | "False" => Some(json!(false)),
            _ => None,
        },
        _ => None,
    };
    read.unwrap_or_else(|| json!(text))
}
