//! Who owns whom, and the garbage collector
//! (<https://kubernetes.io/docs/concepts/architecture/garbage-collection/>).

use super::{delete, state::State, store::Key};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Objects by uid, and dependents by the uid of their owner.
#[derive(Default)]
pub(super) struct Owners {
    alive: HashMap<String, Key>,
    dependents: HashMap<String, BTreeSet<Key>>,
}

impl Owners {
    /// Notes an object.
    pub(super) fn note(&mut self, key: &Key, object: &Value) {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.alive.insert(uid.to_owned(), key.clone());
        }
        for owner in owners_of(object) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(key.clone());
        }
    }

    /// Forgets an object as it was.
    pub(super) fn forget(&mut self, key: &Key, object: &Value) {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            self.alive.remove(uid);
        }
        for owner in owners_of(object) {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }

    fn dependents(&self, uid: &str) -> Vec<Key> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

fn owners_of(object: &Value) -> impl Iterator<Item = &str> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["uid"].as_str())
}

/// Deletes an object whose owners are all gone.
pub(super) fn collect_orphan(state: &mut State, key: &Key) {
    let Some(object) = state.store.get(key) else {
        return;
    };
    let owned = owners_of(object).next().is_some();
    let lost = owned && !owners_of(object).any(|uid| state.owners.alive.contains_key(uid));
    if lost && object["metadata"]["deletionTimestamp"].is_null() {
        delete::collect(state, key);
    }
}

/// Deletes what an object that is gone owned, unless something else owns it too.
pub(super) fn collect_dependents(state: &mut State, uid: &str) {
    for dependent in state.owners.dependents(uid) {
        let others = |object: &Value| {
            owners_of(object).any(|owner| owner != uid && state.owners.alive.contains_key(owner))
        };
        match state.store.get(&dependent) {
            Some(object) if others(object) => disown(state, &dependent, uid),
            Some(_) => delete::collect(state, &dependent),
            None => {}
        }
    }
}

/// Goes on with an object that waits for its dependents: to be gone (foreground) or to be let go (orphan).
pub(super) fn finish(state: &mut State, key: &Key) {
    let Some(object) = state.store.get(key).cloned() else {
        return;
    };
    let metadata = &object["metadata"];
    let Some(uid) = metadata["uid"]
        .as_str()
        .filter(|_| !metadata["deletionTimestamp"].is_null())
    else {
        return;
    };
    let waits = |name: &str| {
        metadata["finalizers"]
            .as_array()
            .is_some_and(|list| list.iter().any(|item| item == name))
    };
    if waits("orphan") {
        for dependent in state.owners.dependents(uid) {
            disown(state, &dependent, uid);
        }
        drop_finalizer(state, key, "orphan");
    } else if waits("foregroundDeletion") {
        for dependent in state.owners.dependents(uid) {
            let fresh = state
                .store
                .get(&dependent)
                .is_some_and(|object| object["metadata"]["deletionTimestamp"].is_null());
            if fresh {
                delete::collect_first(state, &dependent);
            }
        }
        if state
            .owners
            .dependents(uid)
            .iter()
            .all(|dependent| !blocks(state, dependent, uid))
        {
            drop_finalizer(state, key, "foregroundDeletion");
        }
    }
}

/// Goes on with the owners of an object that is gone.
pub(super) fn resume_owners(state: &mut State, object: &Value) {
    for uid in owners_of(object) {
        if let Some(key) = state.owners.alive.get(uid).cloned() {
            finish(state, &key);
        }
    }
}

fn blocks(state: &State, dependent: &Key, uid: &str) -> bool {
    let references = state
        .store
        .get(dependent)
        .and_then(|object| object["metadata"]["ownerReferences"].as_array());
    references
        .into_iter()
        .flatten()
        .any(|reference| reference["uid"] == uid && reference["blockOwnerDeletion"] == true)
}

fn disown(state: &mut State, dependent: &Key, uid: &str) {
    let Some(object) = state.store.get(dependent) else {
        return;
    };
    let mut object = Value::clone(object);
    if let Some(references) = object["metadata"]["ownerReferences"].as_array_mut() {
        references.retain(|reference| reference["uid"] != uid);
        if references.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.shift_remove("ownerReferences");
        }
    }
    disown_fields(&mut object, uid);
    state.put(dependent.clone(), object);
}

/// Takes a reference that is gone out of the managers' sets.
fn disown_fields(object: &mut Value, uid: &str) {
    let item = format!("k:{}", json!({ "uid": uid }));
    for entry in object["metadata"]
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(metadata) = entry
            .pointer_mut("/fieldsV1/f:metadata")
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        if let Some(references) = metadata
            .get_mut("f:ownerReferences")
            .and_then(Value::as_object_mut)
        {
            references.shift_remove(&item);
            if references.keys().all(|name| name == ".") {
                metadata.shift_remove("f:ownerReferences");
            }
        }
    }
}

/// Takes a finalizer away; where it was the last one of a deleted object, the object goes.
pub(super) fn drop_finalizer(state: &mut State, key: &Key, finalizer: &str) {
    let Some(object) = state.store.get(key) else {
        return;
    };
    let finalizers = object["metadata"]["finalizers"].as_array();
    if !finalizers
        .into_iter()
        .flatten()
        .any(|name| name == finalizer)
    {
        return;
    }
    let mut object = Value::clone(object);
    let mut left = 0;
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|name| name != finalizer);
        left = finalizers.len();
    }
    if left == 0
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.shift_remove("finalizers");
    }
    state.put(key.clone(), object);
    if left == 0 {
        state.remove(key.clone());
    }
}
