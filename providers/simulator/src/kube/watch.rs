//! Watches: changes as a stream of JSON lines
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>).
//!
//! How long a watch lasts and when it gets bookmarks is a matter of its connection, not of the simulated world: it counts in tokio's
//! time, which tests pause.

use super::{
    kinds::Kind,
    request::{Form, Request},
    respond::Versioned,
    selector::Selector,
    server::ApiServer,
    state::State,
    status::{Cause, Status},
    store::{ChangeKind, Event},
    table,
};
use axum::body::Body;
use bytes::Bytes;
use serde_json::{Value, json};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// How long a watch lasts that asks for nothing else, as the real server's shortest.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// How often a client that wants bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(60);

struct Watch {
    server: Arc<ApiServer>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    selector: Selector,
    form: Form,
    revision: u64,
    revisions: watch::Receiver<u64>,
    lines: VecDeque<Bytes>,
    end: Instant,
    bookmark: Option<Instant>,
    columns: bool,
    over: bool,
}

/// Begins a watch.
pub(super) fn begin(
    server: &Arc<ApiServer>,
    state: &State,
    kind: &Arc<Kind>,
    namespace: Option<&str>,
    selector: Selector,
    request: &Request,
    form: Form,
) -> Result<Body, Status> {
    let initial = request.flag("sendInitialEvents");
    if initial && request.parameter("resourceVersionMatch") != Some("NotOlderThan") {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Status::invalid_options(
            "ListOptions",
            Cause::forbidden("resourceVersionMatch", why),
        ));
    }
    let from = super::list::revision_of(request)?;
    let lifetime = request
        .number("timeoutSeconds")?
        .map_or(LIFETIME, Duration::from_secs);
    let now = Instant::now();
    let end = now + lifetime;
    let bookmark = request.flag("allowWatchBookmarks").then(|| {
        let last = end.checked_sub(Duration::from_secs(2)).unwrap_or(now);
        last.min(now + BOOKMARK)
    });
    let mut watch = Watch {
        server: server.clone(),
        kind: kind.clone(),
        namespace: namespace.map(str::to_owned),
        selector,
        form,
        revision: state.store.revision(),
        revisions: state.revisions.subscribe(),
        lines: VecDeque::new(),
        end,
        bookmark: bookmark.filter(|at| *at > now),
        columns: true,
        over: false,
    };
    match from {
        Some(from) if from > 0 && !initial => {
            if from < kind.since {
                watch.expire(from, kind.since);
            } else {
                watch.revision = from;
                watch.catch_up(state);
            }
        }
        _ => {
            for object in state.store.list(&kind.group, &kind.kind, namespace) {
                if watch.selector.matches(&object) {
                    watch.line("ADDED", &object, None);
                }
            }
            if initial && request.flag("allowWatchBookmarks") {
                watch.line_bookmark(true);
            }
        }
    }
    Ok(Body::from_stream(futures::stream::unfold(
        watch,
        |mut watch| async move {
            let line = watch.next().await?;
            Some((Ok::<_, Infallible>(line), watch))
        },
    )))
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            let bookmark = self.bookmark.unwrap_or(self.end);
            tokio::select! {
                biased;
                changed = self.revisions.changed() => {
                    changed.ok()?;
                    let server = self.server.clone();
                    self.catch_up(&server.lock());
                }
                () = tokio::time::sleep_until(self.end) => return None,
                () = tokio::time::sleep_until(bookmark), if self.bookmark.is_some() => {
                    self.line_bookmark(false);
                    let next = bookmark + BOOKMARK;
                    self.bookmark = (next < self.end).then_some(next);
                }
            }
        }
    }

    fn catch_up(&mut self, state: &State) {
        // A watch may begin in the future: nothing before is for it.
        if state.store.revision() <= self.revision {
            return;
        }
        let Some(events) = state.store.since(self.revision) else {
            self.expire(self.revision, state.store.oldest());
            return;
        };
        let events: Vec<Event> = events
            .filter(|event| self.concerns(event))
            .cloned()
            .collect();
        for event in events {
            self.tell(&event);
        }
        self.revision = state.store.revision();
    }

    fn concerns(&self, event: &Event) -> bool {
        let key = &event.change.key;
        key.kind == self.kind.kind
            && key.group == super::convert::storage_group(&self.kind)
            && (self.namespace.is_none() || key.namespace == self.namespace)
    }

    fn tell(&mut self, event: &Event) {
        let gone = event.change.kind == ChangeKind::Deleted;
        let before = event
            .before
            .as_ref()
            .filter(|object| self.selector.matches(object))
            .cloned();
        let after = !gone && self.selector.matches(&event.change.object);
        match (before, after) {
            (None, true) => self.line("ADDED", &event.change.object, None),
            (Some(_), true) => self.line("MODIFIED", &event.change.object, None),
            (Some(before), false) => self.line("DELETED", &before, Some(event.revision)),
            (None, false) => {}
        }
    }

    fn line(&mut self, name: &str, object: &Arc<Value>, revision: Option<u64>) {
        let mut object = object.clone();
        if let Some(revision) = revision {
            let mut last = Value::clone(&object);
            last["metadata"]["resourceVersion"] = json!(revision.to_string());
            object = Arc::new(last);
        }
        let object = super::convert::to_version(&self.kind, object);
        let shown = match self.form {
            Form::Table => {
                let mut table = table::of_one(&self.kind, &object, &self.server.settings);
                if !std::mem::take(&mut self.columns) {
                    table["columnDefinitions"] = Value::Null;
                }
                table.to_string()
            }
            Form::Metadata => table::metadata_of(&object).to_string(),
            Form::Plain | Form::Discovery => {
                let api_version = self.kind.api_version();
                serde_json::to_string(&Versioned {
                    object: &object,
                    api_version: &api_version,
                    bare: false,
                })
                .unwrap_or_default()
            }
        };
        self.lines.push_back(Bytes::from(format!(
            "{{\"type\":\"{name}\",\"object\":{shown}}}\n"
        )));
    }

    fn line_bookmark(&mut self, initial: bool) {
        let mut metadata = json!({ "resourceVersion": self.revision.to_string() });
        if initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({ "kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": metadata });
        self.lines.push_back(Bytes::from(format!(
            "{}\n",
            json!({ "type": "BOOKMARK", "object": object })
        )));
    }

    fn expire(&mut self, from: u64, oldest: u64) {
        let status =
            Status::expired(format!("too old resource version: {from} ({oldest})")).to_value();
        self.lines.push_back(Bytes::from(format!(
            "{}\n",
            json!({ "type": "ERROR", "object": status })
        )));
        self.over = true;
    }
}
