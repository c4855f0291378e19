//! Watching the objects of one kind: a list, then every change, for as long as anyone listens.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::core::{Request, WatchEvent, params::WatchParams};
use serde_json::Value;
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{
    Cluster, Kind, Selector, client,
    fault::Failure,
    list::{self, Depth},
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long a watch may say nothing before all is listed anew. The API server sends a bookmark about once a minute, so that
/// silence means a connection that is half open: <https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks>.
const SILENCE: Duration = Duration::from_secs(75);

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Seen {
    /// All that there is; what was seen before and is not in it is gone. First of all, and again after a gap.
    All(Vec<Value>),
    /// One is there, or has changed.
    One(Value),
    /// One is gone.
    Gone(Value),
}

/// Where a watch stands.
enum State {
    /// It must list first.
    Unknown,
    /// It knows all up to a version, and must ask for what follows.
    Listed(String),
    /// Events come in.
    Open(Open),
}

struct Open {
    version: String,
    events: stream::BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>,
    /// Whether any event came yet: a connection that ends without one is not opened again at once.
    fruitful: bool,
}

type Step = Result<(Option<Seen>, State), (Error, State)>;

/// Watches the objects of a kind that a selector finds, in a namespace or in all.
///
/// A lost connection goes on from where it was. A version that the server has forgotten (410) starts with a fresh list, and so does
/// a connection that told nothing: where watches never tell, lists still do. Pauses only follow on faults, and go through the clock. A kind that is not served is a kind with no objects, asked for again.
/// The stream ends after an error that does not pass by itself.
pub(super) fn watch(
    cluster: Cluster,
    cx: Ctx,
    kind: Kind,
    namespace: Option<String>,
    selector: Selector,
) -> impl Stream<Item = Result<Seen>> + Send {
    let watcher = Watcher {
        doing: format!("watch {}", kind.plural),
        cluster,
        cx,
        kind,
        namespace,
        selector,
    };
    let start = Some((watcher, State::Unknown, FIRST_PAUSE));
    stream::unfold(start, |state| async {
        let (watcher, mut state, mut pause) = state?;
        loop {
            let step = match state {
                State::Unknown => watcher.list().await,
                State::Listed(version) => watcher.open(version).await,
                State::Open(open) => watcher.next(open).await,
            };
            match step {
                Ok((None, next)) => state = next,
                Ok((Some(seen), next)) => {
                    if !matches!(&seen, Seen::All(objects) if objects.is_empty()) {
                        pause = FIRST_PAUSE;
                    }
                    return Some((Ok(seen), Some((watcher, next, pause))));
                }
                Err((error, next)) if error.fault == Fault::Transient => {
                    watcher.cx.clock.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    state = next;
                }
                Err((error, _)) => return Some((Err(error), None)),
            }
        }
    })
}

struct Watcher {
    doing: String,
    cluster: Cluster,
    cx: Ctx,
    kind: Kind,
    namespace: Option<String>,
    selector: Selector,
}

impl Watcher {
    async fn list(&self) -> Step {
        let namespace = self.namespace.as_deref();
        let listed = self
            .cluster
            .pages(
                &self.cx,
                &self.kind,
                namespace,
                &self.selector,
                Depth::Whole,
            )
            .await
            .map_err(|error| (error, State::Unknown))?;
        Ok((
            Some(Seen::All(listed.objects)),
            State::Listed(listed.version),
        ))
    }

    async fn open(&self, version: String) -> Step {
        let params = WatchParams {
            label_selector: self.selector.labels.clone(),
            field_selector: self.selector.fields.clone(),
            bookmarks: true,
            ..Default::default()
        };
        let request = Request::new(self.kind.path(self.namespace.as_deref()))
            .watch(&params, &version)
            .map_err(|error| (client::built(&self.doing, &error), State::Unknown))?;
        match self.cluster.open(&self.cx, &self.doing, request).await {
            Ok(events) => Ok((
                None,
                State::Open(Open {
                    version,
                    events: events.boxed(),
                    fruitful: false,
                }),
            )),
            Err(failure) => Err(self.after(failure, version)),
        }
    }

    async fn next(&self, mut open: Open) -> Step {
        let quiet = self.cx.clock.now() + SILENCE;
        let event = tokio::select! {
            event = open.events.next() => event,
            () = self.cx.clock.reached(quiet) => return Ok((None, State::Unknown)),
        };
        let event = match event {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                let (error, next) = self.after(Failure::of(&self.doing, error), open.version);
                let next = if open.fruitful { next } else { State::Unknown };
                return Err((error, next));
            }
            // The server ends watches after some minutes.
            None if open.fruitful => return Ok((None, State::Listed(open.version))),
            None => {
                let error = Error::new(Fault::Transient, format!("cannot {}", self.doing))
                    .cause("the watch ended without an event");
                return Err((error, State::Unknown));
            }
        };
        let seen = match event {
            WatchEvent::Error(status) => {
                return Err(self.after(Failure::refused(&self.doing, *status), open.version));
            }
            WatchEvent::Bookmark(mark) => {
                open.version = mark.metadata.resource_version;
                None
            }
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                open.version = version_of(&object);
                Some(Seen::One(list::named(&self.kind, object)))
            }
            WatchEvent::Deleted(object) => {
                open.version = version_of(&object);
                Some(Seen::Gone(list::named(&self.kind, object)))
            }
        };
        open.fruitful = true;
        Ok((seen, State::Open(open)))
    }

    /// Says how the watch goes on after a failure.
    fn after(&self, failure: Failure, version: String) -> (Error, State) {
        // A list gets a fresh credential, or says for good that there is none.
        let afresh = failure.is_gone() || failure.is_unserved() || failure.is_unauthorized();
        let mut error = failure.error;
        if afresh {
            error.fault = Fault::Transient;
        }
        if afresh || version.is_empty() {
            (error, State::Unknown)
        } else {
            (error, State::Listed(version))
        }
    }
}

fn version_of(object: &Value) -> String {
    let version = object["metadata"]["resourceVersion"].as_str();
    version.unwrap_or_default().to_owned()
}
