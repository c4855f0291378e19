//! The shape of objects: which fields there are, of what type, and how lists merge.
//!
//! Built-in and custom kinds are read into the same [`Schema`], which decoding, server-side apply and strategic merge walk. What
//! the values must look like beyond their types is not here.

pub(super) mod builtin;
pub(super) mod custom;

use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// The type of a value.
#[derive(Debug)]
pub(super) enum Schema {
    /// Anything at all.
    Any,
    /// A string; `format` is "byte" for base64.
    Text { format: Option<&'static str> },
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A number or a string.
    IntOrText,
    /// Free keys with values of one type.
    Map { value: Arc<Schema>, atomic: bool },
    /// Known fields.
    Object(Object),
    /// Items of one type.
    List { item: Arc<Schema>, merge: Merge },
}

/// An object with known fields.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// Name of the type, as errors of the real server say it ("ConfigMap").
    pub(super) name: String,
    pub(super) fields: HashMap<String, Arc<Schema>>,
    /// Changes as one.
    pub(super) atomic: bool,
    /// Keeps fields that it does not know.
    pub(super) open: bool,
}

/// How two lists become one.
#[derive(Debug, Clone)]
pub(super) enum Merge {
    /// The new one replaces the old.
    Atomic,
    /// Union of scalars.
    Set,
    /// Item by item, told apart by these fields.
    Keys(Vec<ListKey>),
}

/// A field that tells items of a list apart.
#[derive(Debug, Clone)]
pub(super) struct ListKey {
    pub(super) name: String,
    /// What it is where an item leaves it out.
    pub(super) default: Option<Value>,
}

/// How the value at hand is to be walked.
pub(super) enum Walk<'a> {
    /// As one.
    Leaf,
    /// Key by key; the function gives the schema of a key.
    Fields,
    /// Item by item as a set of scalars.
    Set(&'a Arc<Schema>),
    /// Item by item by keys.
    Items(&'a Arc<Schema>, &'a [ListKey]),
}

impl Schema {
    /// Returns the schema of a field, `None` where there is no such field.
    pub(super) fn field(&self, name: &str) -> Option<&Schema> {
        match self {
            Self::Any => Some(&Self::Any),
            Self::Map { value, .. } => Some(value),
            Self::Object(object) => match object.fields.get(name) {
                Some(schema) => Some(schema),
                None => object.open.then_some(&Self::Any),
            },
            _ => None,
        }
    }

    /// Returns how ownership and merging walk a value of this type.
    pub(super) fn walk(&self, value: &Value) -> Walk<'_> {
        match (self, value) {
            (Self::Any, Value::Object(_)) => Walk::Fields,
            (Self::Map { atomic: false, .. }, Value::Object(_)) => Walk::Fields,
            (Self::Object(object), Value::Object(_)) if !object.atomic => Walk::Fields,
            (
                Self::List {
                    item,
                    merge: Merge::Set,
                },
                Value::Array(_),
            ) => Walk::Set(item),
            (
                Self::List {
                    item,
                    merge: Merge::Keys(keys),
                },
                Value::Array(_),
            ) => Walk::Items(item, keys),
            _ => Walk::Leaf,
        }
    }
}

/// Returns the key of a list item, in the form of `fieldsV1`: `k:{"name":"web"}`.
pub(super) fn item_key(item: &Value, keys: &[ListKey]) -> String {
    let mut sorted: Vec<&ListKey> = keys.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = String::from("k:{");
    for key in sorted {
        let value = item
            .get(&key.name)
            .filter(|value| !value.is_null())
            .or(key.default.as_ref());
        // A key without a value and without a default is left out, as structured-merge-diff does.
        if let Some(value) = value {
            if text.len() > 3 {
                text.push(',');
            }
            text.push_str(&format!("{}:{value}", Value::from(key.name.as_str())));
        }
    }
    text.push('}');
    text
}
