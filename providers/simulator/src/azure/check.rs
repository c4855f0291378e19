//! Whether a body is what its shape asks for, as the resource manager checks it before it looks at anything else.
//!
//! The table is written by `tests/azure/shapes.py` from the models of Microsoft's own clients, and compared with them by a test.

use super::Fault;
use serde_json::Value;
use std::{collections::BTreeMap, sync::OnceLock};

const TABLE: &str = include_str!("../../azure.shapes");

/// A member of a shape.
struct Member {
    name: &'static str,
    required: bool,
    kind: &'static str,
}

type Shapes = BTreeMap<&'static str, Vec<Member>>;

fn shapes() -> &'static Shapes {
    static SHAPES: OnceLock<Shapes> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let mut shapes = Shapes::new();
        let mut current = "";
        for line in TABLE.lines() {
            match line.strip_prefix("  ").and_then(|it| it.split_once(' ')) {
                None => {
                    current = line;
                    shapes.insert(line, Vec::new());
                }
                Some((name, kind)) => {
                    let member = Member {
                        name: name.trim_end_matches(['!', '=']),
                        required: name.ends_with('!'),
                        kind,
                    };
                    shapes.entry(current).or_default().push(member);
                }
            }
        }
        shapes
    })
}

/// Checks a body against a shape.
pub(super) fn check(shape: &str, body: &Value) -> Result<(), Fault> {
    visit(shape, body, "").map_err(|message| Fault::new(400, "InvalidRequestContent", message))
}

fn visit(kind: &str, value: &Value, path: &str) -> Result<(), String> {
    // What is null is as good as not there, and what is only read is taken and not looked at.
    if value.is_null() {
        return Ok(());
    }
    let inside = |open: char, close: char| kind.strip_prefix(open)?.strip_suffix(close);
    let mistyped = |wanted: &str| {
        Err(format!(
            "The request content was invalid and could not be deserialized: '{path}' is {value}, and must be {wanted}."
        ))
    };
    if let Some(of) = inside('[', ']') {
        let Some(items) = value.as_array() else {
            return mistyped("an array");
        };
        for (at, item) in items.iter().enumerate() {
            visit(of, item, &format!("{path}[{at}]"))?;
        }
        return Ok(());
    }
    if let Some(of) = inside('{', '}') {
        let Some(entries) = value.as_object() else {
            return mistyped("an object");
        };
        for (key, entry) in entries {
            visit(of, entry, &format!("{path}.{key}"))?;
        }
        return Ok(());
    }
    match kind {
        "any" => return Ok(()),
        "string" if value.is_string() => return Ok(()),
        "int" if value.is_i64() || value.is_u64() => return Ok(()),
        "number" if value.is_number() => return Ok(()),
        "bool" if value.is_boolean() => return Ok(()),
        "string" => return mistyped("a string"),
        "int" => return mistyped("a whole number"),
        "number" => return mistyped("a number"),
        "bool" => return mistyped("true or false"),
        _ => {}
    }
    let Some(members) = shapes().get(kind) else {
        // A choice: the words count in whichever case.
        let word = value.as_str().unwrap_or_default();
        return match kind.split('|').any(|it| it.eq_ignore_ascii_case(word)) {
            true => Ok(()),
            false => mistyped(&format!("one of {}", kind.replace('|', ", "))),
        };
    };
    let Some(entries) = value.as_object() else {
        return mistyped("an object");
    };
    for (key, entry) in entries {
        let place = match path.is_empty() {
            true => key.clone(),
            false => format!("{path}.{key}"),
        };
        let Some(member) = members.iter().find(|it| it.name == key) else {
            return Err(format!(
                "The request content was invalid and could not be deserialized: 'Could not find member '{key}' on object of type '{kind}'. Path '{place}'.'"
            ));
        };
        visit(member.kind, entry, &place)?;
    }
    for member in members.iter().filter(|it| it.required) {
        if entries.get(member.name).is_none_or(Value::is_null) {
            let place = match path.is_empty() {
                true => member.name.to_owned(),
                false => format!("{path}.{}", member.name),
            };
            return Err(format!("Required parameter {place} is missing (null)."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_are_held_to_their_shapes() {
        let pool = |properties: Value| check("AgentPool", &json!({"properties": properties}));
        assert!(
            pool(json!({"count": 1, "mode": "user", "nodeTaints": ["a=b:NoSchedule"]})).is_ok()
        );
        let told = |properties: Value| pool(properties).unwrap_err().message;
        assert!(told(json!({"size": 1})).contains("Could not find member 'size'"));
        assert!(told(json!({"count": "1"})).contains("must be a whole number"));
        assert!(
            told(json!({"mode": "Boss"})).contains("one of Gateway"),
            "{}",
            told(json!({"mode": "Boss"}))
        );
        assert!(told(json!({"nodeLabels": {"a": 1}})).contains("properties.nodeLabels.a"));
        let fault = check("ManagedCluster", &json!({"tags": {}})).unwrap_err();
        assert_eq!(
            fault.message,
            "Required parameter location is missing (null)."
        );
    }
}
