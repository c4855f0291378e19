//! JSON paths as the columns of a CustomResourceDefinition use them: fields, indices, `[*]` and filters that compare one field
//! (`.status.conditions[?(@.type=="Ready")].status`). <https://kubernetes.io/docs/reference/kubectl/jsonpath/>

use serde_json::Value;

/// Returns the first value that a path leads to.
pub(super) fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    follow(vec![object], path).into_iter().next()
}

fn follow<'a>(mut values: Vec<&'a Value>, path: &str) -> Vec<&'a Value> {
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() && !values.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing(inside);
            values = choose(&values, inside[..end].trim());
            rest = inside.get(end + 1..).unwrap_or_default();
            continue;
        }
        rest = rest.trim_start_matches('.');
        let (name, length) = field(rest);
        rest = &rest[length..];
        if !name.is_empty() {
            values = values.iter().filter_map(|it| it.get(&name)).collect();
        } else if length == 0 && !rest.starts_with('[') {
            break;
        }
    }
    values
}

/// Returns a field's name, of which `\.` is a part, and how long it is in the path.
fn field(path: &str) -> (String, usize) {
    let mut name = String::new();
    let mut letters = path.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '.' | '[' => return (name, at),
            '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
            other => name.push(other),
        }
    }
    (name, path.len())
}

/// Returns where the bracket ends that is open; brackets in quotes and inner ones count.
fn closing(text: &str) -> usize {
    let (mut depth, mut quote) = (0, None);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return at,
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn choose<'a>(values: &[&'a Value], inside: &str) -> Vec<&'a Value> {
    let items = || values.iter().filter_map(|it| it.as_array());
    if inside == "*" {
        let fields = values.iter().filter_map(|it| it.as_object());
        return items()
            .flatten()
            .chain(fields.flat_map(|it| it.values()))
            .collect();
    }
    if let Some(filter) = inside.strip_prefix("?(") {
        let filter = filter.trim_end_matches(')');
        return items().flatten().filter(|it| holds(it, filter)).collect();
    }
    if let Ok(index) = inside.parse::<i64>() {
        let at = |list: &'a Vec<Value>| match usize::try_from(index) {
            Ok(index) => list.get(index),
            Err(_) => list
                .len()
                .checked_sub(usize::try_from(-index).ok()?)
                .and_then(|index| list.get(index)),
        };
        return items().filter_map(at).collect();
    }
    let name = inside.trim_matches(['\'', '"']);
    values.iter().filter_map(|it| it.get(name)).collect()
}

/// Returns whether a filter holds for an item: `@.field == "text"`, another comparison, or only that the field is there.
fn holds(item: &Value, filter: &str) -> bool {
    for sign in ["==", "!=", "<=", ">=", "<", ">"] {
        let Some((left, right)) = filter.split_once(sign) else {
            continue;
        };
        let wanted = right.trim();
        let text = wanted.trim_matches(['"', '\'']);
        let left = follow(vec![item], left.trim().trim_start_matches('@'));
        let Some(known) = left.first() else {
            return false;
        };
        let order = match known {
            Value::String(known) => Some(known.as_str().cmp(text)),
            Value::Bool(known) => text.parse().ok().map(|wanted| known.cmp(&wanted)),
            known => known
                .as_f64()
                .zip(text.parse().ok())
                .and_then(|(known, wanted)| known.partial_cmp(&wanted)),
        };
        return order.is_some_and(|order| match sign {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<=" => order.is_le(),
            ">=" => order.is_ge(),
            "<" => order.is_lt(),
            _ => order.is_gt(),
        });
    }
    !follow(vec![item], filter.trim().trim_start_matches('@')).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn follows_what_columns_say() {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "dotted"}},
            "spec": {"list": [{"name": "x", "n": 1}, {"name": "y.z", "n": 2}]},
            "status": {"conditions": [{"type": "Stalled", "status": "False"}, {"type": "Ready", "status": "True", "message": "m"}]},
        });
        for (path, found) in [
            (
                ".status.conditions[?(@.type==\"Ready\")].status",
                json!("True"),
            ),
            (
                ".status.conditions[?(@.type == 'Ready')].message",
                json!("m"),
            ),
            ("{.status}", Value::Null),
            (".spec.list[1].name", json!("y.z")),
            (".spec.list[-1].n", json!(2)),
            (".spec.list[*].name", json!("x")),
            (".spec.list[?(@.name==\"y.z\")].n", json!(2)),
            (".spec.list[?(@.n>1)].name", json!("y.z")),
            (".spec.list[?(@.n!=1)].name", json!("y.z")),
            (".spec.list[5].name", Value::Null),
            (".metadata.annotations.a\\.b/c", json!("dotted")),
            (".metadata.annotations['a.b/c']", json!("dotted")),
            (".spec.list[?(@.none)].name", Value::Null),
            (".none[?(@.type==\"Ready\")].status", Value::Null),
            (".spec.list[", Value::Null),
        ] {
            let value = find(&object, path).cloned().unwrap_or_default();
            assert_eq!(value, found, "{path}");
        }
    }
}
