//! Objects as rows with columns, for kubectl, and as metadata alone.

mod age;
mod cells;
mod columns;
mod path;

use super::{
    kinds::{Kind, Origin},
    request::{Form, Request},
    respond::Reply,
    server::Settings,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Gives an answer the form that the client wants.
pub(super) fn shape(
    reply: Reply,
    kind: &Kind,
    form: Form,
    request: &Request,
    settings: &Settings,
) -> Reply {
    match (form, reply) {
        (Form::Table, Reply::List(list)) => {
            let mut table = of(
                kind,
                &list.items,
                settings,
                request.parameter("includeObject"),
            );
            table["metadata"] = list.metadata(false);
            Reply::Value(200, table)
        }
        (Form::Table, Reply::Object(code, object)) => {
            let mut table = of(
                kind,
                std::slice::from_ref(&object),
                settings,
                request.parameter("includeObject"),
            );
            table["metadata"] = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
            Reply::Value(code, table)
        }
        (Form::Metadata, Reply::List(list)) => {
            let items: Vec<Value> = list
                .items
                .iter()
                .map(|object| metadata_of(object))
                .collect();
            Reply::Value(
                200,
                json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": list.metadata(false), "items": items,
                }),
            )
        }
        (Form::Metadata, Reply::Object(code, object)) => Reply::Value(code, metadata_of(&object)),
        (_, reply) => reply,
    }
}

/// Returns an object's metadata alone.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

/// Returns the table of one object, as watches send it.
pub(super) fn of_one(kind: &Kind, object: &Arc<Value>, settings: &Settings) -> Value {
    let mut table = of(kind, std::slice::from_ref(object), settings, None);
    table["metadata"] = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
    table
}

fn of(kind: &Kind, objects: &[Arc<Value>], settings: &Settings, include: Option<&str>) -> Value {
    let columns = columns(kind);
    let now = settings.now.now();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns
                .iter()
                .map(|column| cells::cell(kind, column, object, now))
                .collect();
            let shown = match include {
                Some("None") => Value::Null,
                Some("Object") => Value::clone(object),
                _ => metadata_of(object),
            };
            json!({ "cells": cells, "object": shown })
        })
        .collect();
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.class, "format": if column.name == "Name" { "name" } else { "" },
                "description": column.description, "priority": column.priority,
            })
        })
        .collect();
    json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions, "rows": rows })
}

/// A column of a table.
struct Column {
    name: String,
    class: String,
    description: String,
    priority: i64,
    /// JSON path of a custom column.
    path: String,
}

fn columns(kind: &Kind) -> Vec<Column> {
    let describe = |field: &str| describe(kind, field);
    let column = |(name, field, priority): &columns::Extra| Column {
        name: (*name).to_owned(),
        class: "string".to_owned(),
        description: field
            .strip_prefix('=')
            .map_or_else(|| describe(field), str::to_owned),
        priority: *priority,
        path: String::new(),
    };
    let mut columns = vec![column(&("Name", "metadata.name", 0))];
    if let Some(custom) = kind.custom() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        columns.extend(custom.columns.iter().map(|definition| Column {
            name: text(&definition["name"]),
            class: text(&definition["type"]),
            description: definition["description"].as_str().map_or_else(
                || {
                    format!(
                        "Custom resource definition column (in JSONPath format): {}",
                        text(&definition["jsonPath"])
                    )
                },
                str::to_owned,
            ),
            priority: definition["priority"].as_i64().unwrap_or(0),
            path: text(&definition["jsonPath"]),
        }));
        if custom.columns.is_empty() {
            const AGE: &str = ".metadata.creationTimestamp";
            columns.push(Column {
                name: "Age".to_owned(),
                class: "date".to_owned(),
                description: format!(
                    "Custom resource definition column (in JSONPath format): {AGE}"
                ),
                priority: 0,
                path: AGE.to_owned(),
            });
        }
        return columns;
    }
    let extra = columns::of(&kind.group, &kind.kind);
    // An event is told by what it says: its name comes last.
    if extra.iter().any(|(name, ..)| *name == "Name") {
        columns.clear();
    }
    columns.extend(extra.iter().map(column));
    if extra.is_empty() {
        let mut created = column(&("Created At", "metadata.creationTimestamp", 0));
        "date".clone_into(&mut created.class);
        columns.push(created);
    }
    columns
}

/// Returns the description of a field out of the schema of the kind.
fn describe(kind: &Kind, field: &str) -> String {
    static KNOWN: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
    let root = match &kind.origin {
        Origin::Builtin(root) => *root,
        Origin::Custom(_) => {
            super::schema::builtin::root::<k8s_openapi::api::core::v1::ConfigMap>()
        }
    };
    let name = (root.name)();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = format!("{name} {field}");
    if let Some(description) = known.get(&place) {
        return description.clone();
    }
    let definitions = (root.definitions)();
    let mut schema = definitions.get(&*name).unwrap_or(&Value::Null);
    for step in field.split('.') {
        if let Some(reference) = schema["$ref"].as_str() {
            schema = definitions
                .get(reference.rsplit('/').next().unwrap_or_default())
                .unwrap_or(&Value::Null);
        }
        schema = &schema["properties"][step];
    }
    let description = schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    known.insert(place, description.clone());
    description
}
