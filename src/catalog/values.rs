//! Values of charts: how they are laid over each other, held to their types, and compared. Pure.

use serde_json::{Map, Value};

/// Lays `over` on `base` as Helm does: maps are merged, all else replaces. A `null` stays: a chart takes it as the wish to
/// have its own value removed (<https://helm.sh/docs/chart_template_guide/values_files/#deleting-a-default-key>).
/// No values at all, a `null` in place of a map of them, change nothing.
pub fn merge(base: &mut Value, over: &Value) {
    if !over.is_null() {
        lay_over(base, over);
    }
}

fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Takes from `values` the leaves that are in `made` with the same value.
pub fn take_away(values: &mut Map<String, Value>, made: &Value) {
    for (key, made) in made.as_object().into_iter().flatten() {
        let goes = match values.get_mut(key) {
            Some(Value::Object(inner)) if made.is_object() => {
                take_away(inner, made);
                inner.is_empty()
            }
            found => found.as_deref() == Some(made),
        };
        if goes {
            values.shift_remove(key);
        }
    }
}

/// A value of another type than ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongType {
    /// The path of the value: `service.spec.type`.
    pub path: String,
    /// What it is.
    pub found: &'static str,
    /// What it must be.
    pub wanted: &'static str,
}

/// Returns the values in `users` that have another type than the same ones in `ours`. What `ours` does not have cannot be
/// checked: only the chart knows it.
#[must_use]
pub(super) fn check_types(ours: &Value, users: &Value) -> Vec<WrongType> {
    let mut wrong = Vec::new();
    compare(ours, users, "", &mut wrong);
    wrong
}

fn compare(ours: &Value, users: &Value, path: &str, wrong: &mut Vec<WrongType>) {
    match (ours, users) {
        // What is removed has no type, and what is open takes any.
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(ours), Value::Object(users)) => {
            for (key, users) in users {
                if let Some(ours) = ours.get(key) {
                    compare(ours, users, &join(path, key), wrong);
                }
            }
        }
        (ours, users) => {
            let (wanted, found) = (describe(ours), describe(users));
            if wanted != found {
                wrong.push(WrongType {
                    path: path.to_owned(),
                    found,
                    wanted,
                });
            }
        }
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// How one value differs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// The path of the value.
    pub path: String,
    /// What it is; `None`: there is none.
    pub now: Option<Value>,
    /// What it is to be; `None`: there is to be none.
    pub then: Option<Value>,
}

/// Returns how two sets of values differ, sorted by path; lists are compared as wholes.
#[must_use]
pub fn compare_values(now: &Value, then: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    differ(Some(now), Some(then), "", &mut differences);
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    differences
}

fn differ(now: Option<&Value>, then: Option<&Value>, path: &str, into: &mut Vec<Difference>) {
    if now == then {
        return;
    }
    let nothing = Map::new();
    let map = |value: Option<&Value>| match value {
        None => Some(nothing.clone()),
        Some(Value::Object(map)) => Some(map.clone()),
        Some(_) => None,
    };
    match (map(now), map(then)) {
        (Some(now), Some(then)) if !(now.is_empty() && then.is_empty()) => {
            let added = then.keys().filter(|key| !now.contains_key(*key));
            for key in now.keys().chain(added) {
                differ(now.get(key), then.get(key), &join(path, key), into);
            }
        }
        _ => into.push(Difference {
            path: path.to_owned(),
            now: now.cloned(),
            then: then.cloned(),
        }),
    }
}

/// Returns the path of `key` in `path`, with its dots escaped as `--set` wants them.
fn join(path: &str, key: &str) -> String {
    let key = key.replace('.', "\\.");
    match path {
        "" => key,
        _ => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_are_merged_and_all_else_replaces() {
        let mut base = json!({ "a": { "b": 1, "c": 2 }, "list": [1, 2], "d": 1 });
        merge(
            &mut base,
            &json!({ "a": { "b": null, "e": 3 }, "list": [3], "d": { "f": null } }),
        );
        assert_eq!(
            base,
            json!({ "a": { "b": null, "c": 2, "e": 3 }, "list": [3], "d": { "f": null } })
        );
    }

    #[test]
    fn what_was_made_is_taken_away_and_what_differs_stays() {
        let mut values = json!({ "a": { "b": 1, "c": 2 }, "d": { "e": [1] }, "f": 1 });
        let made = json!({ "a": { "b": 1, "c": 3 }, "d": { "e": [1] }, "f": { "g": 1 }, "h": 1 });
        take_away(values.as_object_mut().unwrap(), &made);
        assert_eq!(values, json!({ "a": { "c": 2 }, "f": 1 }));
    }

    #[test]
    fn a_wrong_type_of_ours_is_named_and_others_are_not_judged() {
        let ours = json!({ "a": { "port": 80, "on": true, "note": "60" }, "list": [] });
        let users = json!({ "a": { "port": "80", "on": null, "note": 60, "other": 7 }, "list": {}, "free": 1 });
        let wrong: Vec<_> = check_types(&ours, &users)
            .into_iter()
            .map(|wrong| format!("{}: {} for {}", wrong.path, wrong.found, wrong.wanted))
            .collect();
        assert_eq!(
            wrong,
            [
                "a.port: a string for a number",
                "a.note: a number for a string",
                "list: a map for a list"
            ]
        );
    }

    #[test]
    fn differences_are_told_leaf_by_leaf() {
        let now = json!({ "a": { "b": 1, "same": 1 }, "gone": { "x.y": true }, "list": [1] });
        let then = json!({ "a": { "b": 2, "same": 1 }, "list": [1, 2], "new": {} });
        let told: Vec<_> = compare_values(&now, &then)
            .into_iter()
            .map(|difference| {
                format!(
                    "{} {:?} {:?}",
                    difference.path, difference.now, difference.then
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "a.b Some(Number(1)) Some(Number(2))",
                "gone.x\\.y Some(Bool(true)) None",
                "list Some(Array [Number(1)]) Some(Array [Number(1), Number(2)])",
                "new None Some(Object {})",
            ]
        );
        assert_eq!(compare_values(&now, &now), []);
    }
}
