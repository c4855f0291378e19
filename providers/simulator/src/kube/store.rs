//! What is stored: objects by kind, one revision counter, and the last changes for watches.
//!
//! It knows nothing of what an object means.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// Identifies an object. Storage does not depend on the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// API group, empty for core.
    pub group: String,
    /// Kind, as in "ConfigMap".
    pub kind: String,
    /// Namespace, `None` where the kind is cluster-scoped.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: String,
}

/// One durable change: what a log keeps and what `restore` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The revision that this change made.
    pub revision: u64,
    /// Which object.
    pub key: Key,
    /// The object after the change, `None` where it was removed.
    pub object: Option<Value>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It did not exist before.
    Added,
    /// It existed and exists.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change as reactors see it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// Which object.
    pub key: Key,
    /// The object after the change; where deleted, its last state.
    pub object: Arc<Value>,
}

/// A change as watches need it: with its revision and the object before.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) revision: u64,
    pub(super) change: Change,
    pub(super) before: Option<Arc<Value>>,
}

/// How many changes a watch can be behind before it is told to list again.
const HISTORY: usize = 2048;

type Collection = BTreeMap<(Option<String>, String), Arc<Value>>;

/// All objects.
#[derive(Default)]
pub(super) struct Store {
    collections: HashMap<(String, String), Collection>,
    history: VecDeque<Event>,
    revision: u64,
}

impl Store {
    /// Returns the revision of the last change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns one object.
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.collections
            .get(&(key.group.clone(), key.kind.clone()))?
            .get(&(key.namespace.clone(), key.name.clone()))
    }

    /// Returns the objects of a kind in the order of namespace and name; `None` = of all namespaces.
    pub(super) fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(collection) = self.collections.get(&(group.to_owned(), kind.to_owned())) else {
            return Vec::new();
        };
        match namespace {
            None => collection.values().cloned().collect(),
            Some(namespace) => collection
                .range((Some(namespace.to_owned()), String::new())..)
                .take_while(|((found, _), _)| found.as_deref() == Some(namespace))
                .map(|(_, object)| object.clone())
                .collect(),
        }
    }

    /// Returns the kinds, by group and name, that have objects in a namespace.
    pub(super) fn kinds_in(&self, namespace: &str) -> Vec<(String, String)> {
        let start = (Some(namespace.to_owned()), String::new());
        let within = |collection: &Collection| {
            collection
                .range(start.clone()..)
                .next()
                .is_some_and(|((found, _), _)| found.as_deref() == Some(namespace))
        };
        let mut kinds: Vec<_> = self
            .collections
            .iter()
            .filter(|(_, collection)| within(collection))
            .map(|(kind, _)| kind.clone())
            .collect();
        kinds.sort();
        kinds
    }

    /// Returns every object.
    pub(super) fn objects(&self) -> Vec<Arc<Value>> {
        self.collections
            .values()
            .flat_map(|collection| collection.values().cloned())
            .collect()
    }

    /// Stores an object under the next revision and returns the event.
    pub(super) fn put(&mut self, key: Key, mut object: Value) -> Event {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let before = self.insert(&key, Some(object.clone()));
        let kind = if before.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.remember(Event {
            revision: self.revision,
            change: Change { kind, key, object },
            before,
        })
    }

    /// Removes an object under the next revision and returns the event, whose object carries that revision.
    pub(super) fn remove(&mut self, key: Key) -> Option<Event> {
        let before = self.insert(&key, None)?;
        self.revision += 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let change = Change {
            kind: ChangeKind::Deleted,
            key,
            object: Arc::new(last),
        };
        Some(self.remember(Event {
            revision: self.revision,
            change,
            before: Some(before),
        }))
    }

    /// Takes a record of a log over.
    pub(super) fn restore(&mut self, record: Record) {
        self.revision = self.revision.max(record.revision);
        self.insert(&record.key, record.object.map(Arc::new));
    }

    /// Returns the oldest revision after which all changes are remembered.
    pub(super) fn oldest(&self) -> u64 {
        self.history
            .front()
            .map_or(self.revision, |event| event.revision - 1)
    }

    /// Returns the changes after a revision, or `None` where they are forgotten.
    pub(super) fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Event>> {
        (revision >= self.oldest()).then(|| {
            let start = self
                .history
                .partition_point(|event| event.revision <= revision);
            self.history.range(start..)
        })
    }

    fn insert(&mut self, key: &Key, object: Option<Arc<Value>>) -> Option<Arc<Value>> {
        let collection = self
            .collections
            .entry((key.group.clone(), key.kind.clone()))
            .or_default();
        let place = (key.namespace.clone(), key.name.clone());
        match object {
            Some(object) => collection.insert(place, object),
            None => collection.remove(&place),
        }
    }

    fn remember(&mut self, event: Event) -> Event {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(event.clone());
        event
    }
}
