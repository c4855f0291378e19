//! Creating and changing objects: the way that every write takes, from what was decoded to what is stored.

mod commit;

use super::{
    apply::{self, Applier},
    convert, decode, defaults,
    kinds::Kind,
    managed::{Managers, Operation, Updater},
    patch,
    schema::custom,
    state::State,
    status::{Cause, Status},
    store::Key,
    strategy,
};
use commit::Target;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What becomes of unknown fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(in crate::kube) enum Validation {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They are refused.
    Strict,
}

/// What a write request asks for besides its body.
#[derive(Clone, Debug, Default)]
pub(in crate::kube) struct WriteOptions<'a> {
    pub(in crate::kube) manager: &'a str,
    pub(in crate::kube) dry_run: bool,
    pub(in crate::kube) force: bool,
    pub(in crate::kube) validation: Validation,
}

/// What a write did.
#[derive(Debug)]
pub(in crate::kube) struct Written {
    pub(in crate::kube) object: Arc<Value>,
    pub(in crate::kube) created: bool,
    pub(in crate::kube) warnings: Vec<String>,
}

/// A patch, parsed.
pub(in crate::kube) enum Patch {
    Json(Value),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

/// Creates an object that came as a whole.
pub(in crate::kube) fn create(
    state: &mut State,
    kind: &Kind,
    namespace: Option<&str>,
    object: Value,
    options: &WriteOptions<'_>,
) -> Result<Written, Status> {
    let decoded = decode::shape(object, kind)?;
    let warnings = judge(kind, decoded.problems, options.validation)?;
    let mut object = decoded.object;
    place(&mut object, kind, namespace, None)?;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
        metadata.shift_remove("resourceVersion");
    }
    finish(kind, &mut object);
    drop_status(kind, &mut object);
    let mut managers = Managers::default();
    let empty = blank(kind);
    let now = state.now();
    let api_version = kind.api_version();
    let updater = Updater {
        manager: options.manager,
        api_version: &api_version,
        subresource: None,
    };
    managers.update(&empty, &object, kind.schema(), &updater, Some(&now));
    let object = commit::store_new(state, kind, object, &managers, options)?;
    Ok(Written {
        object,
        created: true,
        warnings,
    })
}

/// Replaces an object, or one subresource of it, by what came as a whole.
pub(in crate::kube) fn replace(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    subresource: Option<&str>,
    object: Value,
    options: &WriteOptions<'_>,
) -> Result<Written, Status> {
    let decoded = decode::shape(object, kind)?;
    let warnings = judge(kind, decoded.problems, options.validation)?;
    let mut object = decoded.object;
    place(&mut object, kind, key.namespace.as_deref(), Some(&key.name))?;
    let Some(current) = state
        .store
        .get(key)
        .map(|found| convert::to_version(kind, found.clone()))
    else {
        return Err(Status::not_found(&kind.group, &kind.plural, &key.name));
    };
    if kind.custom().is_some() && object["metadata"]["resourceVersion"].is_null() {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            0,
            "must be specified for an update",
        );
        return Err(Status::invalid(
            &kind.group,
            &kind.plural,
            &key.name,
            vec![cause],
        ));
    }
    let (given, found) = (&object["metadata"]["uid"], &current["metadata"]["uid"]);
    if !given.is_null() && given != found {
        let path = key
            .namespace
            .as_ref()
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": StorageError: invalid object, Code: 4, Key: /registry/{}/{path}{}, \
             ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: {}",
            kind.qualified(),
            key.name,
            kind.plural,
            key.name,
            text(given),
            text(found)
        );
        return Err(Status::new(409, "Conflict", message).about(
            &kind.group,
            &kind.plural,
            &key.name,
        ));
    }
    finish(kind, &mut object);
    // `managedFields: [{}]` is how a client says that it wants none.
    let cleared = object["metadata"]["managedFields"] == json!([{}]);
    let managers = if cleared {
        None
    } else {
        Some(Managers::read(&current))
    };
    let target = Target {
        kind,
        key,
        subresource,
        current: &current,
    };
    let object = commit::update(state, &target, object, managers, options)?;
    Ok(Written {
        object,
        created: false,
        warnings,
    })
}

/// Patches an object, or one subresource of it.
pub(in crate::kube) fn patch(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    subresource: Option<&str>,
    patch: &Patch,
    options: &WriteOptions<'_>,
) -> Result<Written, Status> {
    if let Patch::Apply(config) = patch {
        return apply(state, kind, key, subresource, config, options);
    }
    let Some(current) = state
        .store
        .get(key)
        .map(|found| convert::to_version(kind, found.clone()))
    else {
        return Err(Status::not_found(&kind.group, &kind.plural, &key.name));
    };
    let mut patched = Value::clone(&current);
    patched["apiVersion"] = json!(kind.api_version());
    match patch {
        Patch::Json(operations) => patch::operate(&mut patched, operations)?,
        Patch::Merge(changes) => patch::merge(&mut patched, changes),
        Patch::Strategic(changes) => patch::strategic(&mut patched, changes, kind.schema()),
        Patch::Apply(_) => {}
    }
    let shown = patched.clone();
    let decoded = decode::shape(patched, kind)?;
    let warnings = match options.validation {
        Validation::Strict if !decoded.problems.is_empty() => {
            let why = format!("strict decoding error: {}", decoded.problems.join(", "));
            return Err(Status::invalid(
                "",
                "",
                "",
                vec![Cause::invalid("patch", shown.to_string(), &why)],
            ));
        }
        _ => judge(kind, decoded.problems, options.validation)?,
    };
    let mut object = decoded.object;
    place(&mut object, kind, key.namespace.as_deref(), Some(&key.name))?;
    finish(kind, &mut object);
    let managers = Some(Managers::read(&current));
    let target = Target {
        kind,
        key,
        subresource,
        current: &current,
    };
    let object = commit::update(state, &target, object, managers, options)?;
    Ok(Written {
        object,
        created: false,
        warnings,
    })
}

/// Applies a configuration.
fn apply(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    subresource: Option<&str>,
    config: &Value,
    options: &WriteOptions<'_>,
) -> Result<Written, Status> {
    let api_version = kind.api_version();
    let given = (
        config["apiVersion"].as_str().unwrap_or_default(),
        config["kind"].as_str().unwrap_or_default(),
    );
    if given.0 != api_version || given.1 != kind.kind {
        let (group, version) = crate::kube::kinds::split(given.0);
        return Err(Status::bad_request(format!(
            "invalid object type: {group}/{version}, Kind={}",
            given.1
        )));
    }
    if config["metadata"].get("managedFields").is_some() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    apply::check(config, kind.schema(), "").map_err(|fault| {
        let (group, version) = crate::kube::kinds::split(&api_version);
        let message = format!(
            "failed to create typed patch object (/{}; {group}/{version}, Kind={}): {fault}",
            key.name, kind.kind
        );
        Status::new(500, "", message)
    })?;
    let mut config = config.clone();
    place(&mut config, kind, key.namespace.as_deref(), Some(&key.name))?;
    let current = state
        .store
        .get(key)
        .map(|found| convert::to_version(kind, found.clone()));
    if current.is_none() && subresource.is_some() {
        return Err(Status::not_found(&kind.group, &kind.plural, &key.name));
    }
    let live = current
        .as_ref()
        .map_or_else(|| blank(kind), |current| Value::clone(current));
    let mut managers = current
        .as_ref()
        .map(|current| Managers::read(current))
        .unwrap_or_default();
    if current.is_some() && managers.is_empty() {
        managers.before_first_apply(&live, kind.schema(), &api_version);
    }
    let applier = Applier {
        manager: options.manager,
        api_version: &api_version,
        subresource,
        force: options.force,
    };
    let wanted = confine(apply::without_identity(&config), kind, subresource);
    let live_content = apply::without_identity(&live);
    let merged = apply::apply(
        &live_content,
        &wanted,
        kind.schema(),
        &mut managers,
        &applier,
    )?;
    let id = managers.id(options.manager, Operation::Apply, &api_version, subresource);
    let now = state.now();
    let identity = if current.is_some() { &live } else { &config };
    let mut object = apply::with_identity(merged, identity);
    object["apiVersion"] = json!(api_version);
    let decoded = decode::shape(object, kind)?;
    let mut object = decoded.object;
    finish(kind, &mut object);
    let Some(current) = current else {
        place(&mut object, kind, key.namespace.as_deref(), Some(&key.name))?;
        drop_status(kind, &mut object);
        managers.touch(&id, &now);
        let object = commit::store_new(state, kind, object, &managers, options)?;
        return Ok(Written {
            object,
            created: true,
            warnings: Vec::new(),
        });
    };
    for name in ["uid", "resourceVersion"] {
        if let Some(value) = config["metadata"].get(name) {
            object["metadata"][name] = value.clone();
        }
    }
    if commit::strip(&object) != commit::strip(&current) {
        managers.touch(&id, &now);
    }
    let options = WriteOptions {
        manager: "",
        ..options.clone()
    };
    let target = Target {
        kind,
        key,
        subresource,
        current: &current,
    };
    let object = commit::update(state, &target, object, Some(managers), &options)?;
    Ok(Written {
        object,
        created: false,
        warnings: Vec::new(),
    })
}

/// Returns the part of a configuration that a request may write: everything but the status, or nothing but it.
fn confine(mut config: Value, kind: &Kind, subresource: Option<&str>) -> Value {
    let Some(fields) = config.as_object_mut() else {
        return config;
    };
    if subresource == Some("status") {
        fields
            .retain(|name, _| name == "status" || (name == "metadata" && kind.custom().is_none()));
    } else if kind.has_status() {
        fields.shift_remove("status");
    }
    if fields
        .get("metadata")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty)
    {
        fields.shift_remove("metadata");
    }
    config
}

/// Returns an object of a kind in which nothing is set.
fn blank(kind: &Kind) -> Value {
    let skeleton = if kind.custom().is_some() {
        None
    } else {
        defaults::skeleton(&kind.group, &kind.kind)
    };
    skeleton.unwrap_or_else(|| json!({}))
}

/// Fills defaults in.
fn finish(kind: &Kind, object: &mut Value) {
    match kind.custom() {
        Some(custom) => custom::fill(object, &custom.schema),
        None => {
            defaults::fill(&kind.group, &kind.kind, object);
            strategy::settle_strings(kind, object);
        }
    }
}

/// Gives a new object the status of a new object.
fn drop_status(kind: &Kind, object: &mut Value) {
    if kind.has_status()
        && let Some(fields) = object.as_object_mut()
    {
        fields.shift_remove("status");
        if let Some(status) = blank(kind).get("status") {
            fields.insert("status".to_owned(), status.clone());
        }
    }
}

/// Puts an object where the request says that it is.
fn place(
    object: &mut Value,
    kind: &Kind,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<(), Status> {
    defaults::set(object, "metadata", json!({}));
    let metadata = &mut object["metadata"];
    if let Some(name) = name {
        let given = metadata["name"].as_str().unwrap_or_default();
        if !given.is_empty() && given != name {
            let message = format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            );
            return Err(Status::bad_request(message));
        }
        metadata["name"] = json!(name);
    }
    if !kind.namespaced {
        if let Some(fields) = metadata.as_object_mut() {
            fields.shift_remove("namespace");
        }
        return Ok(());
    }
    let given = metadata["namespace"].as_str().unwrap_or_default();
    let Some(namespace) = namespace else {
        return Err(Status::bad_request(
            "an empty namespace may not be set during creation",
        ));
    };
    if !given.is_empty() && given != namespace {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(message));
    }
    metadata["namespace"] = json!(namespace);
    Ok(())
}

/// Turns problems into warnings, or into a refusal.
pub(in crate::kube) fn judge(
    kind: &Kind,
    problems: Vec<String>,
    validation: Validation,
) -> Result<Vec<String>, Status> {
    match validation {
        Validation::Ignore => Ok(Vec::new()),
        Validation::Warn => Ok(problems),
        Validation::Strict if problems.is_empty() => Ok(problems),
        Validation::Strict => Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
            kind.kind,
            kind.version,
            kind.kind,
            problems.join(", ")
        ))),
    }
}
