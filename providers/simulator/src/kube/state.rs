//! Everything behind the lock: storage, served kinds, owners, and what follows from a change.

use super::{
    collector::Owners,
    controllers,
    kinds::{Kind, Registry},
    server::{Authenticator, Settings},
    store::{Change, ChangeKind, Event, Key, Record, Store},
};
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::{broadcast, watch};

/// How many changes a subscriber can be behind before it is told that it lagged.
const BACKLOG: usize = 8192;

/// Everything behind the lock.
pub(super) struct State {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) owners: Owners,
    pub(super) settings: Arc<Settings>,
    /// As in "v1.36.1".
    pub(super) version: String,
    /// Who knows tokens that the server did not issue.
    pub(super) authenticator: Option<Arc<dyn Authenticator>>,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) revisions: watch::Sender<u64>,
    pending: VecDeque<Event>,
    booted: bool,
}

impl State {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            store: Store::default(),
            registry: Registry::new(),
            owners: Owners::default(),
            version: settings.git_version.clone(),
            authenticator: None,
            settings,
            changes: broadcast::channel(BACKLOG).0,
            revisions: watch::channel(0).0,
            pending: VecDeque::new(),
            booted: false,
        }
    }

    /// Makes what every cluster has, the first time.
    pub(super) fn boot(&mut self) {
        if !self.booted {
            self.booted = true;
            controllers::boot(self);
            self.settle();
        }
    }

    /// Takes a record over without telling anyone.
    pub(super) fn restore(&mut self, record: Record) {
        if let Some(before) = self.store.get(&record.key).cloned() {
            self.owners.forget(&record.key, &before);
        }
        if let Some(object) = &record.object {
            self.owners.note(&record.key, object);
        }
        if record.key.kind == "CustomResourceDefinition" {
            let name = record.key.name.clone();
            let served = record
                .object
                .as_ref()
                .filter(|object| controllers::is_established(object));
            self.registry
                .set_custom(&name, served.map(|object| (object, record.revision)));
        }
        self.store.restore(record);
        self.revisions.send_replace(self.store.revision());
    }

    /// Stores an object.
    pub(super) fn put(&mut self, key: Key, object: Value) -> Arc<Value> {
        let event = self.store.put(key, object);
        self.publish(event)
    }

    /// Removes an object and returns its last state, with the revision of the removal.
    pub(super) fn remove(&mut self, key: Key) -> Option<Arc<Value>> {
        let event = self.store.remove(key)?;
        Some(self.publish(event))
    }

    fn publish(&mut self, event: Event) -> Arc<Value> {
        let Change { kind, key, object } = event.change.clone();
        if let Some(before) = &event.before {
            self.owners.forget(&key, before);
        }
        let gone = kind == ChangeKind::Deleted;
        if !gone {
            self.owners.note(&key, &object);
        }
        let kept = (!gone).then(|| Value::clone(&object));
        self.settings.sink.record(&Record {
            revision: event.revision,
            key,
            object: kept,
        });
        // Nobody may be listening.
        let _ = self.changes.send(event.change.clone());
        self.revisions.send_replace(event.revision);
        self.pending.push_back(event);
        object
    }

    /// Runs the controllers until nothing follows from anything any more.
    pub(super) fn settle(&mut self) {
        while let Some(event) = self.pending.pop_front() {
            controllers::react(self, &event);
        }
    }

    /// Returns the present moment as objects carry it.
    pub(super) fn now(&self) -> String {
        self.settings
            .now
            .now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    }

    /// Returns the served kind of a key, at the version that it is stored in.
    pub(super) fn kind_of(&self, key: &Key) -> Option<Arc<Kind>> {
        let preferred = self.registry.kind(&key.group, None, &key.kind)?;
        self.registry
            .kind(&key.group, Some(&preferred.storage_version), &key.kind)
            .or(Some(preferred))
            .cloned()
    }

    /// Returns a namespace.
    pub(super) fn namespace(&self, name: &str) -> Option<&Arc<Value>> {
        self.store.get(&namespace_key(name))
    }
}

/// Returns the key of a namespace.
pub(super) fn namespace_key(name: &str) -> Key {
    Key {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}
