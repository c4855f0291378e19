//! Schemas of custom kinds, out of the structural `openAPIV3Schema` of a CustomResourceDefinition.

pub(in crate::kube) mod check;

use super::{ListKey, Merge, Object, Schema, builtin};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// Returns the schema of a whole object: its own fields besides `apiVersion`, `kind` and `metadata`.
pub(in crate::kube) fn read(schema: &Value) -> Arc<Schema> {
    let mut object = match value(schema) {
        Schema::Object(object) => object,
        _ => Object {
            open: true,
            ..Object::default()
        },
    };
    let text = Arc::new(Schema::Text { format: None });
    object.fields.insert("apiVersion".to_owned(), text.clone());
    object.fields.insert("kind".to_owned(), text);
    object.fields.insert(
        "metadata".to_owned(),
        builtin::read(builtin::root::<ObjectMeta>()),
    );
    Arc::new(Schema::Object(object))
}

fn value(schema: &Value) -> Schema {
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    if schema["x-kubernetes-int-or-string"] == true {
        return Schema::IntOrText;
    }
    match schema["type"].as_str() {
        Some("string") => Schema::Text { format: None },
        Some("integer") => Schema::Integer,
        Some("number") => Schema::Number,
        Some("boolean") => Schema::Boolean,
        Some("array") => Schema::List {
            item: Arc::new(value(&schema["items"])),
            merge: merge(schema),
        },
        Some("object") => {
            let atomic = schema["x-kubernetes-map-type"] == "atomic";
            if let (Some(additional @ Value::Object(_)), None) =
                (schema.get("additionalProperties"), schema.get("properties"))
            {
                return Schema::Map {
                    value: Arc::new(value(additional)),
                    atomic,
                };
            }
            let mut fields = HashMap::new();
            if let Some(properties) = schema["properties"].as_object() {
                for (name, property) in properties {
                    fields.insert(name.clone(), Arc::new(value(property)));
                }
            }
            if schema["x-kubernetes-embedded-resource"] == true {
                for name in ["apiVersion", "kind", "metadata"] {
                    fields
                        .entry(name.to_owned())
                        .or_insert_with(|| Arc::new(Schema::Any));
                }
            }
            let open = open || schema["additionalProperties"] == true;
            Schema::Object(Object {
                fields,
                atomic,
                open,
                ..Object::default()
            })
        }
        _ => Schema::Any,
    }
}

fn merge(schema: &Value) -> Merge {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Merge::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let item = &schema["items"]["properties"];
            let key = |name: &str| ListKey {
                name: name.to_owned(),
                default: item[name].get("default").cloned(),
            };
            Merge::Keys(keys.iter().filter_map(Value::as_str).map(key).collect())
        }
        _ => Merge::Atomic,
    }
}

/// Fills the defaults of a schema in; a null where a default is, and null is not allowed, counts as missing.
pub(in crate::kube) fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = property.get("default") {
                    let null = fields.get(name).is_some_and(Value::is_null)
                        && property["nullable"] != true;
                    if null || !fields.contains_key(name) {
                        fields.insert(name.clone(), default.clone());
                    }
                }
                if let Some(inner) = fields.get_mut(name) {
                    fill(inner, property);
                }
            }
            if let Some(additional @ Value::Object(_)) = schema.get("additionalProperties") {
                for (_, inner) in fields.iter_mut() {
                    fill(inner, additional);
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| fill(item, &schema["items"])),
        _ => {}
    }
}
