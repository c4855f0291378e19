//! The server: its settings, its one lock, and what callers in the same process use instead of HTTP.

use super::{
    status::Status,
    store::{Change, Event, Key, Record, Store},
};
use axum::body::Body;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Time source, so that timestamps follow the world's clock.
pub trait Now: Send + Sync {
    /// Returns the present moment of the simulated world.
    fn now(&self) -> jiff::Timestamp;
}

/// Receives every record before the answer is sent, synchronously and in the order of revisions.
pub trait Sink: Send + Sync {
    /// Takes one record; it is durable once this returns.
    fn record(&self, record: &Record);
}

/// What an API server is made of.
pub struct Settings {
    /// Version that `/version` tells, as in "v1.36.1".
    pub git_version: String,
    /// The clock.
    pub now: Arc<dyn Now>,
    /// Where changes go.
    pub sink: Arc<dyn Sink>,
    /// The bearer token that is admin; `None`: everyone is.
    pub token: Option<String>,
}

/// How many changes a subscriber can be behind before it is told that it lagged.
const BACKLOG: usize = 8192;

/// One simulated Kubernetes API server.
pub struct ApiServer {
    pub(super) settings: Settings,
    store: Mutex<Store>,
    changes: broadcast::Sender<Change>,
}

impl ApiServer {
    /// Returns an empty server.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            store: Mutex::default(),
            changes: broadcast::channel(BACKLOG).0,
        })
    }

    /// Takes the records of an earlier run over, without calling the sink.
    pub fn restore(&self, records: impl IntoIterator<Item = Record>) {
        let mut store = self.lock();
        for record in records {
            store.restore(record);
        }
    }

    /// Answers one request; a path prefix is already stripped ("/api/v1/…").
    pub async fn handle(self: &Arc<Self>, request: http::Request<Body>) -> http::Response<Body> {
        let message = format!("{} is not served yet", request.uri().path());
        let status = Status::new(404, "NotFound", message).to_value();
        let mut response = http::Response::new(Body::from(status.to_string()));
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        response
    }

    /// Returns one object.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().get(key).cloned()
    }

    /// Returns the objects of a kind; `None` = of all namespaces.
    pub fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.lock().list(group, kind, namespace)
    }

    /// Creates an object with the defaults that a POST would give it.
    pub fn create(&self, object: Value) -> Result<Arc<Value>, Status> {
        let mut store = self.lock();
        let key = key_of(&object)?;
        if store.get(&key).is_some() {
            return Err(Status::already_exists(&key.group, &key.kind, &key.name));
        }
        Ok(self.put(&mut store, key, object))
    }

    /// Applies an object on the server's side as `manager`, forced.
    pub fn apply(&self, manager: &str, object: Value) -> Result<Arc<Value>, Status> {
        let key = key_of(&object)?;
        if self.get(&key).is_some() {
            return self.merge_patch(&key, manager, None, object);
        }
        self.create(object)
    }

    /// Merges a patch (RFC 7396) into an object or one of its subresources.
    pub fn merge_patch(
        &self,
        key: &Key,
        _manager: &str,
        _subresource: Option<&str>,
        patch: Value,
    ) -> Result<Arc<Value>, Status> {
        let mut store = self.lock();
        let Some(before) = store.get(key) else {
            return Err(Status::not_found(&key.group, &key.kind, &key.name));
        };
        let mut object = Value::clone(before);
        merge(&mut object, &patch);
        Ok(self.put(&mut store, key.clone(), object))
    }

    /// Deletes an object, its dependents in the background.
    pub fn delete(&self, key: &Key) -> Result<(), Status> {
        let mut store = self.lock();
        match store.remove(key.clone()) {
            Some(event) => {
                self.publish(event);
                Ok(())
            }
            None => Err(Status::not_found(&key.group, &key.kind, &key.name)),
        }
    }

    /// Returns all changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Returns every object, for audits and for reactors that resume.
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.lock().objects()
    }

    fn put(&self, store: &mut Store, key: Key, object: Value) -> Arc<Value> {
        let event = store.put(key, object);
        let object = event.change.object.clone();
        self.publish(event);
        object
    }

    fn publish(&self, event: Event) {
        let object = match event.change.kind {
            super::ChangeKind::Deleted => None,
            _ => Some(Value::clone(&event.change.object)),
        };
        self.settings.sink.record(&Record {
            revision: event.revision,
            key: event.change.key.clone(),
            object,
        });
        // Nobody may be listening.
        let _ = self.changes.send(event.change);
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(object: &Value) -> Result<Key, Status> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let (Some(version), Some(kind), Some(name)) =
        (text("/apiVersion"), text("/kind"), text("/metadata/name"))
    else {
        return Err(Status::bad_request(
            "apiVersion, kind and metadata.name are required",
        ));
    };
    let group = version
        .split_once('/')
        .map_or("", |(group, _)| group)
        .to_owned();
    Ok(Key {
        group,
        kind,
        namespace: text("/metadata/namespace"),
        name,
    })
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            if let Some(target) = target.as_object_mut() {
                target.shift_remove(key);
            }
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}
