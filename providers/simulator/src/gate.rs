//! The gate that every mutating request passes: it counts them, and can hold one before or after it is carried out, so that a
//! test can stop the world at an exact point. It knows nothing of what a request does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// On which side of carrying it out a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    Before,
    After,
}

/// One mutating request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mutation {
    /// Counted from 1 since the world was opened.
    pub(crate) n: u64,
    /// "POST /clusters/dot/api/v1/namespaces" or "kind create cluster …".
    pub(crate) request: String,
    pub(crate) at: Timestamp,
}

/// A request that is held.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Held {
    pub(crate) when: When,
    #[serde(flatten)]
    pub(crate) mutation: Mutation,
}

#[derive(Default)]
struct State {
    mutations: Vec<Mutation>,
    armed: Option<(u64, When)>,
    held: Option<Held>,
    answer: Option<bool>,
}

/// See the room.
pub(crate) struct Gate(watch::Sender<State>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(watch::channel(State::default()).0)
    }

    /// Counts a request.
    pub(crate) fn enter(&self, request: String, at: Timestamp) -> Mutation {
        let mut counted = None;
        self.0.send_modify(|state| {
            let n = state.mutations.len() as u64 + 1;
            let mutation = Mutation { n, request, at };
            state.mutations.push(mutation.clone());
            counted = Some(mutation);
        });
        counted.expect("send_modify calls its closure")
    }

    /// Holds the request if it is the one that is waited for. Returns whether it may go on, or be answered.
    pub(crate) async fn pass(&self, mutation: &Mutation, when: When) -> bool {
        let holds = self.0.send_if_modified(|state| {
            let holds = state.armed == Some((mutation.n, when));
            if holds {
                let mutation = mutation.clone();
                state.held = Some(Held { when, mutation });
                state.answer = None;
            }
            holds
        });
        if !holds {
            return true;
        }
        let _lift = Lift(self);
        let mut state = self.0.subscribe();
        match state.wait_for(|state| state.answer.is_some()).await {
            Ok(state) => state.answer == Some(true),
            Err(_) => false,
        }
    }

    /// Waits for the `ahead`th request from now on; `None` = for none any more. Lets go of one that is held.
    pub(crate) fn arm(&self, ahead: Option<u64>, when: When) {
        self.0.send_modify(|state| {
            let count = state.mutations.len() as u64;
            state.armed = ahead.map(|ahead| (count + ahead, when));
            if state.held.take().is_some() {
                state.answer = Some(true);
            }
        });
    }

    /// Lets the held request go on, or drops its connection. Returns whether one was held.
    pub(crate) fn release(&self, answer: bool) -> bool {
        self.0.send_if_modified(|state| {
            let held = state.held.take().is_some();
            if held {
                state.armed = None;
                state.answer = Some(answer);
            }
            held
        })
    }

    /// Waits until a request is held; `None` as soon as none is waited for.
    pub(crate) async fn held(&self) -> Option<Held> {
        let mut state = self.0.subscribe();
        let settled = |state: &State| state.held.is_some() || state.armed.is_none();
        state.wait_for(settled).await.ok()?.held.clone()
    }

    /// Returns the mutating requests so far.
    pub(crate) fn mutations(&self) -> Vec<Mutation> {
        self.0.borrow().mutations.clone()
    }
}

/// Forgets a held request whose client went away.
struct Lift<'a>(&'a Gate);

impl Drop for Lift<'_> {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|state| {
            let held = state.held.take().is_some();
            if held {
                state.armed = None;
            }
            held
        });
    }
}
