//! The server: its settings, its one lock, and what callers in the same process use instead of HTTP.

use super::{
    delete::{self, DeleteOptions},
    quota,
    state::State,
    status::Status,
    store::{Change, Key, Record},
    write::{self, Patch, WriteOptions},
};
use serde_json::Value;
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

/// One simulated Kubernetes API server.
pub struct ApiServer {
    pub(super) settings: Arc<Settings>,
    state: Mutex<State>,
}

impl ApiServer {
    /// Returns a server with nothing in it. What every cluster has (the namespaces `default` and `kube-system`, say) is made at the
    /// first use, so that it does not stand in the way of [`ApiServer::restore`].
    pub fn new(settings: Settings) -> Arc<Self> {
        let settings = Arc::new(settings);
        Arc::new(Self {
            settings: settings.clone(),
            state: Mutex::new(State::new(settings)),
        })
    }

    /// Takes the records of an earlier run over, without calling the sink.
    pub fn restore(&self, records: impl IntoIterator<Item = Record>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            state.restore(record);
        }
    }

    /// Returns one object.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().store.get(key).cloned()
    }

    /// Returns the objects of a kind; `None` = of all namespaces.
    pub fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.lock().store.list(group, kind, namespace)
    }

    /// Creates an object with the defaults that a POST would give it.
    pub fn create(&self, object: Value) -> Result<Arc<Value>, Status> {
        let mut state = self.lock();
        let key = key_of(&object)?;
        let kind = kind_of(&state, &object)?;
        let options = WriteOptions {
            manager: "simulator",
            ..WriteOptions::default()
        };
        let written = write::create(
            &mut state,
            &kind,
            key.namespace.as_deref(),
            object,
            &options,
        );
        state.settle();
        Ok(written?.object)
    }

    /// Applies an object on the server's side as `manager`, forced.
    pub fn apply(&self, manager: &str, object: Value) -> Result<Arc<Value>, Status> {
        let mut state = self.lock();
        let key = key_of(&object)?;
        let kind = kind_of(&state, &object)?;
        let options = WriteOptions {
            manager,
            force: true,
            ..WriteOptions::default()
        };
        let written = write::patch(
            &mut state,
            &kind,
            &key,
            None,
            &Patch::Apply(object),
            &options,
        );
        state.settle();
        Ok(written?.object)
    }

    /// Merges a patch (RFC 7396) into an object or one of its subresources.
    pub fn merge_patch(
        &self,
        key: &Key,
        manager: &str,
        subresource: Option<&str>,
        patch: Value,
    ) -> Result<Arc<Value>, Status> {
        let mut state = self.lock();
        let kind = state.kind_of(key).ok_or_else(Status::no_resource)?;
        let options = WriteOptions {
            manager,
            ..WriteOptions::default()
        };
        let written = write::patch(
            &mut state,
            &kind,
            key,
            subresource,
            &Patch::Merge(patch),
            &options,
        );
        state.settle();
        Ok(written?.object)
    }

    /// Deletes an object, its dependents in the background.
    pub fn delete(&self, key: &Key) -> Result<(), Status> {
        let mut state = self.lock();
        let kind = state.kind_of(key).ok_or_else(Status::no_resource)?;
        let options = DeleteOptions {
            propagation: Some(delete::Propagation::Background),
            ..DeleteOptions::default()
        };
        let deleted = delete::delete(&mut state, &kind, key, &options).map(drop);
        state.settle();
        deleted
    }

    /// Returns whether a kind is served at a version.
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        let (group, version) = super::kinds::split(api_version);
        let state = self.lock();
        state.registry.kind(group, Some(version), kind).is_some()
    }

    /// Returns how much of each limit of a ResourceQuota is used.
    pub fn quota_usage(&self, quota: &Value) -> Value {
        quota::usage(&self.lock(), quota)
    }

    /// Returns all changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.lock().changes.subscribe()
    }

    /// Returns every object, for audits and for reactors that resume.
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.lock().store.objects()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.boot();
        state
    }
}

fn kind_of(state: &State, object: &Value) -> Result<Arc<super::kinds::Kind>, Status> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let (group, version) = super::kinds::split(text("apiVersion"));
    state
        .registry
        .kind(group, Some(version), text("kind"))
        .cloned()
        .ok_or_else(Status::no_resource)
}

/// Returns the key of an object.
pub(super) fn key_of(object: &Value) -> Result<Key, Status> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
        return Err(Status::bad_request("apiVersion and kind are required"));
    };
    let (group, _) = super::kinds::split(&version);
    let group = if group == "events.k8s.io" { "" } else { group }.to_owned();
    let name = text("/metadata/name").unwrap_or_default();
    Ok(Key {
        group,
        kind,
        namespace: text("/metadata/namespace"),
        name,
    })
}
