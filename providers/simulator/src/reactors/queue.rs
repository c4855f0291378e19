//! Which objects are to be looked at, and when.

use super::Next;
use crate::kube::Key;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

/// See the room. An object has at most one place among those due now, and one pair of times.
#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<Key>,
    queued: HashSet<Key>,
    times: HashMap<Key, Next>,
    at: BTreeSet<(Timestamp, Key)>,
    limit: BTreeSet<(Timestamp, Key)>,
    /// What is gone, as it was last, and not yet looked at.
    gone: Vec<Arc<Value>>,
}

impl Queue {
    /// Notes an object that is gone.
    pub(super) fn note_gone(&mut self, object: Arc<Value>) {
        self.gone.push(object);
    }

    /// Takes what is gone.
    pub(super) fn take_gone(&mut self) -> Vec<Arc<Value>> {
        std::mem::take(&mut self.gone)
    }

    /// Makes an object due now.
    pub(super) fn push(&mut self, key: Key) {
        if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Sets when an object is due next, in place of what was set before.
    pub(super) fn wait(&mut self, key: Key, next: Next) {
        self.forget(&key);
        if let Some(at) = next.at {
            self.at.insert((at, key.clone()));
        }
        if let Some(limit) = next.limit {
            self.limit.insert((limit, key.clone()));
        }
        if next.at.is_some() || next.limit.is_some() {
            self.times.insert(key, next);
        }
    }

    /// Takes an object that is due at `now`.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Key> {
        for times in [&mut self.at, &mut self.limit] {
            while let Some((at, _)) = times.first()
                && *at <= now
                && let Some((_, key)) = times.pop_first()
            {
                if self.queued.insert(key.clone()) {
                    self.ready.push_back(key);
                }
            }
        }
        let key = self.ready.pop_front()?;
        self.queued.remove(&key);
        self.forget(&key);
        Some(key)
    }

    /// Returns the earliest time that something is done, and the earliest limit.
    pub(super) fn next(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let first = |times: &BTreeSet<(Timestamp, Key)>| times.first().map(|(at, _)| *at);
        (first(&self.at), first(&self.limit))
    }

    fn forget(&mut self, key: &Key) {
        if let Some(next) = self.times.remove(key) {
            if let Some(at) = next.at {
                self.at.remove(&(at, key.clone()));
            }
            if let Some(limit) = next.limit {
                self.limit.remove(&(limit, key.clone()));
            }
        }
    }
}
