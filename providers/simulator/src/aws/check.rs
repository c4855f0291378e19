//! Whether a value is what a shape asks for, as AWS's services check it before they look at anything else.

use super::model::{Limits, Service, Shape};
use serde_json::Value;

/// One thing that is wrong with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The member, as "vpcConfig.subnetIds".
    pub(super) path: String,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Missing,
    Unknown,
    /// It cannot be read as what it should be.
    Type(&'static str),
    /// A constraint that a value does not satisfy, as AWS words it.
    Constraint {
        value: String,
        wanted: String,
    },
}

/// Returns all that is wrong with a value.
pub(super) fn check(service: &Service, shape: &str, value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    visit(service, shape, value, "", &mut problems);
    problems
}

fn visit(service: &Service, name: &str, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let mut note = |path: &str, kind| {
        let path = path.to_owned();
        problems.push(Problem { path, kind });
    };
    match (service.shape(name), value) {
        (Shape::Struct(members), Value::Object(fields)) => {
            for key in fields.keys() {
                if members.iter().all(|it| it.name != key) {
                    note(&join(path, key), Kind::Unknown);
                }
            }
            for member in members {
                let place = join(path, member.name);
                match fields.get(member.name).filter(|it| !it.is_null()) {
                    Some(value) => visit(service, member.shape, value, &place, problems),
                    None if member.required => problems.push(Problem {
                        path: place,
                        kind: Kind::Missing,
                    }),
                    None => {}
                }
            }
        }
        (Shape::List { member, limits, .. }, Value::Array(items)) => {
            if let Some(wanted) = outside(limits, items.len() as f64, "length") {
                let value = value.to_string();
                note(path, Kind::Constraint { value, wanted });
            }
            for (at, item) in items.iter().enumerate() {
                let place = format!("{path}.{}.member", at + 1);
                visit(service, member, item, &place, problems);
            }
        }
        (Shape::Map { key, value: of, .. }, Value::Object(fields)) => {
            for (name, value) in fields {
                visit(service, key, &Value::String(name.clone()), path, problems);
                visit(service, of, value, &join(path, name), problems);
            }
        }
        (Shape::Text(limits, pattern), Value::String(text)) => {
            let value = text.clone();
            if let Some(wanted) = outside(limits, text.chars().count() as f64, "length") {
                note(path, Kind::Constraint { value, wanted });
            } else if let Some(pattern) = pattern.as_ref().filter(|it| !it.matches(text)) {
                let wanted = format!(
                    "Member must satisfy regular expression pattern: {}",
                    pattern.text
                );
                note(path, Kind::Constraint { value, wanted });
            }
        }
        (Shape::Enum(allowed), Value::String(text)) => {
            if !allowed.contains(&text.as_str()) {
                let wanted = format!(
                    "Member must satisfy enum value set: [{}]",
                    allowed.join(", ")
                );
                let value = text.clone();
                note(path, Kind::Constraint { value, wanted });
            }
        }
        (Shape::Whole(limits), Value::Number(number)) if number.is_i64() || number.is_u64() => {
            range(limits, number, path, &mut note);
        }
        (Shape::Number(limits), Value::Number(number)) => range(limits, number, path, &mut note),
        (Shape::Flag, Value::Bool(_)) | (Shape::Time, Value::Number(_) | Value::String(_)) => {}
        (Shape::Blob, Value::String(_)) => {}
        (shape, _) => note(path, Kind::Type(noun(shape))),
    }
}

fn range(
    limits: &Limits,
    number: &serde_json::Number,
    path: &str,
    note: &mut impl FnMut(&str, Kind),
) {
    if let Some(wanted) = outside(limits, number.as_f64().unwrap_or_default(), "value") {
        let value = number.to_string();
        note(path, Kind::Constraint { value, wanted });
    }
}

fn outside(limits: &Limits, size: f64, what: &str) -> Option<String> {
    let (have, than) = match what {
        "length" => ("have length", "or equal to"),
        _ => ("have value", "or equal to"),
    };
    if let Some(least) = limits.least.filter(|least| size < *least) {
        return Some(format!("Member must {have} greater than {than} {least}"));
    }
    let most = limits.most.filter(|most| size > *most)?;
    Some(format!("Member must {have} less than {than} {most}"))
}

fn noun(shape: &Shape) -> &'static str {
    match shape {
        Shape::Struct(_) => "a structure",
        Shape::List { .. } => "a list",
        Shape::Map { .. } => "a map",
        Shape::Text(..) | Shape::Enum(_) | Shape::Blob => "a string",
        Shape::Whole(_) => "an integer",
        Shape::Number(_) => "a number",
        Shape::Flag => "a boolean",
        Shape::Time => "a timestamp",
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Returns what is wrong in the words that AWS's services share.
pub(super) fn tell(problems: &[Problem]) -> String {
    let told: Vec<String> = problems.iter().map(one).collect();
    let (count, s) = (told.len(), if told.len() == 1 { "" } else { "s" });
    format!("{count} validation error{s} detected: {}", told.join("; "))
}

fn one(problem: &Problem) -> String {
    let path = &problem.path;
    match &problem.kind {
        Kind::Missing => {
            format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")
        }
        Kind::Unknown => format!("Unknown parameter '{path}'"),
        Kind::Type(wanted) => format!("Value at '{path}' is not {wanted}"),
        Kind::Constraint { value, wanted } => {
            format!("Value '{value}' at '{path}' failed to satisfy constraint: {wanted}")
        }
    }
}
