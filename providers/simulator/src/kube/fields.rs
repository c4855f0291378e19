//! Sets of field paths, as `metadata.managedFields` keeps them (`FieldsV1`), and how objects compare field by field.

use super::schema::{Schema, Walk, item_key};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A set of paths. Children are named as in `FieldsV1`: `f:name`, `k:{"name":"web"}`, `v:"x"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether the path that leads here is in the set itself.
    pub(super) own: bool,
    pub(super) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Returns the set of one path that leads here.
    pub(super) fn leaf() -> Self {
        Self {
            own: true,
            children: BTreeMap::new(),
        }
    }

    /// Returns whether no path is in the set.
    pub(super) fn is_empty(&self) -> bool {
        !self.own && self.children.is_empty()
    }

    /// Reads `fieldsV1`.
    pub(super) fn parse(fields: &Value) -> Self {
        let Some(fields) = fields.as_object() else {
            return Self::default();
        };
        if fields.is_empty() {
            return Self::leaf();
        }
        let mut set = Self {
            own: fields.contains_key("."),
            children: BTreeMap::new(),
        };
        for (name, child) in fields.iter().filter(|(name, _)| *name != ".") {
            set.children.insert(name.clone(), Self::parse(child));
        }
        set
    }

    /// Returns `fieldsV1`.
    pub(super) fn to_value(&self) -> Value {
        let mut fields = Map::new();
        if self.own && !self.children.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (name, child) in &self.children {
            fields.insert(name.clone(), child.to_value());
        }
        Value::Object(fields)
    }

    /// Adds the paths of another set.
    pub(super) fn add(&mut self, other: &Self) {
        self.own |= other.own;
        for (name, child) in &other.children {
            self.children.entry(name.clone()).or_default().add(child);
        }
    }

    /// Takes the paths of another set away.
    pub(super) fn subtract(&mut self, other: &Self) {
        self.own &= !other.own;
        self.children.retain(|name, child| {
            if let Some(other) = other.children.get(name) {
                child.subtract(other);
            }
            !child.is_empty()
        });
    }

    /// Returns the paths that both sets have.
    pub(super) fn common(&self, other: &Self) -> Self {
        let mut set = Self {
            own: self.own && other.own,
            children: BTreeMap::new(),
        };
        for (name, child) in &self.children {
            if let Some(other) = other.children.get(name) {
                let both = child.common(other);
                if !both.is_empty() {
                    set.children.insert(name.clone(), both);
                }
            }
        }
        set
    }

    /// Returns the paths as messages write them: `.spec.containers[name="web"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(String::new(), &mut paths);
        paths
    }

    fn collect(&self, path: String, paths: &mut Vec<String>) {
        if self.own {
            paths.push(path.clone());
        }
        for (name, child) in &self.children {
            child.collect(format!("{path}{}", step(name)), paths);
        }
    }
}

/// Returns one step of a path as messages write it.
fn step(name: &str) -> String {
    let rest = name.get(2..).unwrap_or_default();
    if name.starts_with("f:") {
        return format!(".{rest}");
    }
    if name.starts_with("v:") {
        return format!("[={rest}]");
    }
    let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
    let keys: Vec<String> = keys
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("[{}]", keys.join(","))
}

/// Returns the paths that an applied configuration names: its leaves, and its list items as such.
pub(super) fn named(value: &Value, schema: &Schema) -> FieldSet {
    match schema.walk(value) {
        Walk::Leaf => FieldSet::leaf(),
        Walk::Fields => {
            let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) else {
                return FieldSet::leaf();
            };
            let mut set = FieldSet::default();
            for (name, value) in fields {
                let schema = schema.field(name).unwrap_or(&Schema::Any);
                set.children
                    .insert(format!("f:{name}"), named(value, schema));
            }
            set
        }
        Walk::Set(_) | Walk::Items(..) if value.as_array().is_none_or(Vec::is_empty) => {
            FieldSet::leaf()
        }
        Walk::Set(_) => {
            let mut set = FieldSet::default();
            for item in value.as_array().into_iter().flatten() {
                set.children.insert(format!("v:{item}"), FieldSet::leaf());
            }
            set
        }
        Walk::Items(schema, keys) => {
            let mut set = FieldSet::default();
            for item in value.as_array().into_iter().flatten() {
                let mut child = named(item, schema);
                child.own = true;
                set.children.insert(item_key(item, keys), child);
            }
            set
        }
    }
}

/// Returns every path of a value, containers included.
fn every(value: &Value, schema: &Schema) -> FieldSet {
    let mut set = FieldSet::leaf();
    match schema.walk(value) {
        Walk::Leaf => {}
        Walk::Fields => {
            for (name, value) in value.as_object().into_iter().flatten() {
                let schema = schema.field(name).unwrap_or(&Schema::Any);
                set.children
                    .insert(format!("f:{name}"), every(value, schema));
            }
        }
        Walk::Set(_) => {
            for item in value.as_array().into_iter().flatten() {
                set.children.insert(format!("v:{item}"), FieldSet::leaf());
            }
        }
        Walk::Items(schema, keys) => {
            for item in value.as_array().into_iter().flatten() {
                set.children
                    .insert(item_key(item, keys), every(item, schema));
            }
        }
    }
    set
}

/// What differs between two objects.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Paths that are new or have another value.
    pub(super) changed: FieldSet,
    /// Paths that are gone.
    pub(super) removed: FieldSet,
}

/// Compares two objects of a type.
pub(super) fn compare(old: &Value, new: &Value, schema: &Schema) -> Comparison {
    let mut comparison = Comparison::default();
    differ(
        old,
        new,
        schema,
        &mut comparison.changed,
        &mut comparison.removed,
    );
    comparison
}

fn differ(
    old: &Value,
    new: &Value,
    schema: &Schema,
    changed: &mut FieldSet,
    removed: &mut FieldSet,
) {
    let (old_entries, new_entries) = match (schema.walk(old), schema.walk(new)) {
        (Walk::Leaf, Walk::Leaf) => {
            changed.own |= old != new;
            return;
        }
        // A null that becomes a container: the container itself was there.
        (Walk::Leaf, _) => {
            let mut all = every(new, schema);
            all.own = !old.is_null() || all.children.is_empty();
            changed.add(&all);
            return;
        }
        (_, Walk::Leaf) => {
            let mut all = every(old, schema);
            all.own = false;
            removed.add(&all);
            changed.own = true;
            return;
        }
        _ => (entries(old, schema), entries(new, schema)),
    };
    let none = FieldSet::default;
    for (name, (new, schema)) in &new_entries {
        let (mut child_changed, mut child_removed) = (none(), none());
        match old_entries.get(name) {
            Some((old, _)) => differ(old, new, schema, &mut child_changed, &mut child_removed),
            None => child_changed = every(new, schema),
        }
        for (set, child) in [
            (&mut *changed, child_changed),
            (&mut *removed, child_removed),
        ] {
            if !child.is_empty() {
                set.children.insert(name.clone(), child);
            }
        }
    }
    for (name, (old, schema)) in &old_entries {
        if !new_entries.contains_key(name) {
            removed.children.insert(name.clone(), every(old, schema));
        }
    }
}

/// Returns the parts of a container by their names in `FieldsV1`.
fn entries<'a>(value: &'a Value, schema: &'a Schema) -> BTreeMap<String, (&'a Value, &'a Schema)> {
    let items = || value.as_array().into_iter().flatten();
    match schema.walk(value) {
        Walk::Leaf => BTreeMap::new(),
        Walk::Fields => value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                (
                    format!("f:{name}"),
                    (value, schema.field(name).unwrap_or(&Schema::Any)),
                )
            })
            .collect(),
        Walk::Set(schema) => items()
            .map(|item| (format!("v:{item}"), (item, &**schema)))
            .collect(),
        Walk::Items(schema, keys) => items()
            .map(|item| (item_key(item, keys), (item, &**schema)))
            .collect(),
    }
}

/// Removes the paths of `gone` from a value unless `kept` has them or something below them; returns whether anything is left.
pub(super) fn prune(value: &mut Value, schema: &Schema, gone: &FieldSet, kept: &FieldSet) {
    match value {
        Value::Object(fields) => {
            if matches!(schema.walk(&Value::Object(Map::new())), Walk::Leaf) {
                return;
            }
            for (name, gone) in &gone.children {
                let Some(field) = name.strip_prefix("f:") else {
                    continue;
                };
                let Some(inner) = fields.get_mut(field) else {
                    continue;
                };
                let kept = kept.children.get(name);
                if gone.own && kept.is_none() {
                    fields.shift_remove(field);
                    continue;
                }
                prune(
                    inner,
                    schema.field(field).unwrap_or(&Schema::Any),
                    gone,
                    kept.unwrap_or(&FieldSet::default()),
                );
                let empty = inner.as_object().is_some_and(Map::is_empty)
                    || inner.as_array().is_some_and(Vec::is_empty);
                if empty && kept.is_none() {
                    fields.shift_remove(field);
                }
            }
        }
        Value::Array(items) => {
            let walked = Value::Array(Vec::new());
            let (inner, keys) = match schema.walk(&walked) {
                Walk::Set(inner) => (inner, None),
                Walk::Items(inner, keys) => (inner, Some(keys)),
                _ => return,
            };
            items.retain_mut(|item| {
                let name = keys.map_or_else(|| format!("v:{item}"), |keys| item_key(item, keys));
                let Some(gone) = gone.children.get(&name) else {
                    return true;
                };
                let kept = kept.children.get(&name);
                if gone.own && kept.is_none() {
                    return false;
                }
                prune(item, inner, gone, kept.unwrap_or(&FieldSet::default()));
                true
            });
        }
        _ => {}
    }
}
