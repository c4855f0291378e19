//! Deleting objects and waiting, by watch, until they are gone. A finalizer is never touched: what holds an object is named.

use std::{collections::HashMap, time::Duration};

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, SelectAll},
};
use kube::core::{
    Request,
    params::{DeleteParams, PropagationPolicy},
};
use serde_json::Value;
use windlass_provider::{Change, Ctx, Error, Fault, Result};

use super::{
    Cluster, ObjectRef, client,
    drain::chain,
    list,
    watch::{self, Seen},
};

/// How many objects are deleted at once.
const SIDE_BY_SIDE: usize = 16;
/// How long explaining what is stuck may take, on the clock.
const EXPLAINING: Duration = Duration::from_secs(15);

impl Cluster {
    /// Deletes objects, with what they own in the background, and waits until each is gone. Absence is success. Returns, in
    /// their order, which were there to be removed.
    ///
    /// # Errors
    /// Those of the API; [`Fault::TimedOut`] when the context's deadline passes, with the finalizers that hold each object, and
    /// with how they are given up.
    pub async fn delete_and_wait(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<Vec<Change>> {
        self.remove_all(cx, refs, WayOut::ByHand).await
    }

    /// Does the same, and tells that way out, where nothing goes.
    pub(super) async fn remove_all(
        &self,
        cx: &Ctx,
        refs: &[ObjectRef],
        way_out: WayOut,
    ) -> Result<Vec<Change>> {
        let deleted = self.delete_all(cx, refs).await?;
        let waiting = refs
            .iter()
            .zip(&deleted)
            .filter_map(|(name, deleted)| match deleted {
                Deleted::Absent => None,
                Deleted::Going { uid } => Some((name.clone(), uid.clone())),
            });
        let what = match refs {
            [one] => format!("delete {one}"),
            _ => format!("delete {} objects", refs.len()),
        };
        self.wait_gone(cx, &what, waiting.collect(), way_out)
            .await?;
        Ok(deleted
            .into_iter()
            .map(|deleted| match deleted {
                Deleted::Absent => Change::Absent,
                Deleted::Going { .. } => Change::Removed,
            })
            .collect())
    }

    /// Asks for the deletion of objects, with what they own in the background, and does not wait. Returns those that are going
    /// and still there.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn delete_unawaited(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<Vec<ObjectRef>> {
        let deleted = self.delete_all(cx, refs).await?;
        let mut going = Vec::new();
        for (name, deleted) in refs.iter().zip(deleted) {
            if matches!(deleted, Deleted::Going { .. }) && self.get(cx, name).await?.is_some() {
                going.push(name.clone());
            }
        }
        Ok(going)
    }

    /// Asks for the deletion of objects, with what they own in the background, and does not wait. In their order.
    pub(super) async fn delete_all(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<Vec<Deleted>> {
        stream::iter(refs.iter().cloned())
            .map(|name| async move { self.delete(cx, &name).await })
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    /// Waits until objects are gone: those of the uid, where one is given. `what` names the work in errors.
    ///
    /// # Errors
    /// As [`Self::delete_and_wait`].
    pub(super) async fn wait_gone(
        &self,
        cx: &Ctx,
        what: &str,
        waiting: HashMap<ObjectRef, Option<String>>,
        way_out: WayOut,
    ) -> Result<()> {
        let mut wait = Wait {
            all: waiting.len(),
            waiting,
            held: HashMap::new(),
            said: String::new(),
        };
        match cx.bound(what, wait.run(self, cx)).await {
            Err(error) if error.fault == Fault::TimedOut => Err(wait.late(self, cx, way_out).await),
            ended => ended,
        }
    }

    /// Asks for one object's deletion, and does not wait.
    async fn delete(&self, cx: &Ctx, name: &ObjectRef) -> Result<Deleted> {
        let Some(kind) = self.find_kind(cx, &name.api_version, &name.kind).await? else {
            return Ok(Deleted::Absent);
        };
        let doing = format!("delete {name}");
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..Default::default()
        };
        let request = Request::new(kind.path(name.namespace.as_deref()))
            .delete(&name.name, &params)
            .map_err(|error| client::built(&doing, &error))?;
        let answer = match self.read(cx, &doing, request).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_absent() => return Ok(Deleted::Absent),
            // A namespace that is being emptied refuses to be deleted once more.
            Err(failure) if failure.is_conflict() => return Ok(Deleted::Going { uid: None }),
            Err(failure) => return Err(failure.into()),
        };
        // The object where something holds it still, else a Status that names it.
        let uid = [&answer["metadata"]["uid"], &answer["details"]["uid"]]
            .into_iter()
            .find_map(Value::as_str);
        Ok(Deleted::Going {
            uid: uid.map(str::to_owned),
        })
    }
}

/// What a delete met.
pub(super) enum Deleted {
    Absent,
    Going { uid: Option<String> },
}

/// What the user can do about what is stuck, besides mending what holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WayOut {
    /// Removing its finalizers by hand.
    ByHand,
    /// What the command itself offers, which tells so.
    Command,
}

struct Wait {
    /// What is not known to be gone, with the uid of the one that was deleted: another of its name is not waited for.
    waiting: HashMap<ObjectRef, Option<String>>,
    /// The objects as they were last seen.
    held: HashMap<ObjectRef, Value>,
    all: usize,
    said: String,
}

impl Wait {
    async fn run(&mut self, cluster: &Cluster, cx: &Ctx) -> Result<()> {
        let names: Vec<_> = self.waiting.keys().cloned().collect();
        let groups = list::groups(&names);
        let mut events = SelectAll::new();
        for (index, group) in groups.iter().enumerate() {
            let kind = cluster
                .find_kind(cx, &group.api_version, &group.kind)
                .await?;
            let Some(kind) = kind else {
                self.take(group, Seen::All(Vec::new()));
                continue;
            };
            let watch = watch::watch(
                cluster.clone(),
                cx.clone(),
                (*kind).clone(),
                group.namespace.clone(),
                group.selector.clone(),
            );
            events.push(watch.map(move |seen| (index, seen)).boxed());
        }
        while !self.waiting.is_empty() {
            let Some((group, seen)) = events.next().await else {
                return Err(Error::new(
                    Fault::Transient,
                    "cannot wait: all watches have ended",
                ));
            };
            self.take(&groups[group], seen?);
            self.say(cluster, cx);
        }
        Ok(())
    }

    fn take(&mut self, group: &list::Group, seen: Seen) {
        match seen {
            Seen::All(objects) => {
                let mut found: HashMap<_, _> = objects
                    .into_iter()
                    .filter_map(|object| Some((ObjectRef::of(&object)?, object)))
                    .collect();
                let of_group: Vec<_> = self
                    .waiting
                    .keys()
                    .filter(|name| group.has(name))
                    .cloned()
                    .collect();
                for name in of_group {
                    match found.remove(&name) {
                        Some(object) => self.see(name, object),
                        None => self.forget(&name),
                    }
                }
            }
            Seen::One(object) => {
                if let Some(name) = ObjectRef::of(&object) {
                    self.see(name, object);
                }
            }
            Seen::Gone(object) => {
                if let Some(name) = ObjectRef::of(&object) {
                    self.forget(&name);
                }
            }
        }
    }

    fn see(&mut self, name: ObjectRef, object: Value) {
        let Some(uid) = self.waiting.get(&name) else {
            return;
        };
        let another = uid
            .as_deref()
            .is_some_and(|uid| object["metadata"]["uid"] != uid);
        if another {
            self.forget(&name);
        } else {
            self.held.insert(name, object);
        }
    }

    fn forget(&mut self, name: &ObjectRef) {
        self.waiting.remove(name);
        self.held.remove(name);
    }

    fn say(&mut self, cluster: &Cluster, cx: &Ctx) {
        let Some(first) = self.waiting.keys().min() else {
            return;
        };
        let held = held_by(cluster, cx, first, self.held.get(first));
        let said = match self.all {
            1 => held,
            all => format!("{} of {all} gone; {held}", all - self.waiting.len()),
        };
        if said != self.said {
            cx.progress.say(&said);
            self.said = said;
        }
    }

    async fn late(&self, cluster: &Cluster, cx: &Ctx, way_out: WayOut) -> Error {
        const NAMED: usize = 5;
        let mut names: Vec<_> = self.waiting.keys().collect();
        names.sort();
        let message = match names[..] {
            [one] => format!("{one} is not gone: the time ran out"),
            _ => format!(
                "{} of {} objects are not gone: the time ran out",
                names.len(),
                self.all
            ),
        };
        let mut error = Error::new(Fault::TimedOut, message);
        // The deadline of the work has just passed.
        let cx = &Ctx {
            deadline: None,
            ..cx.clone()
        }
        .within(EXPLAINING);
        for name in names.iter().take(NAMED) {
            let object = self.held.get(*name);
            error = error.cause(held_by(cluster, cx, name, object));
            if let Some(object) = object {
                error = chain::explain(cluster, cx, error, name, object).await;
            }
        }
        let mut objects = names.iter().filter_map(|name| self.held.get(*name));
        let stuck = objects.find(|it| it["metadata"]["finalizers"].is_array());
        match stuck {
            Some(stuck) if way_out == WayOut::ByHand => error.hint(chain::way_out(stuck)),
            _ => error,
        }
    }
}

/// Says what holds an object: "Namespace a-team: finalizers kubernetes, deleted 2m ago".
fn held_by(cluster: &Cluster, cx: &Ctx, name: &ObjectRef, object: Option<&Value>) -> String {
    let Some(object) = object else {
        return format!("{name}: not gone yet");
    };
    let mut said = match finalizers(object)[..] {
        [] => format!("{name}: still there"),
        ref finalizers => format!("{name}: held by {}", finalizers.join(", ")),
    };
    let since = object["metadata"]["deletionTimestamp"]
        .as_str()
        .and_then(|since| since.parse::<jiff::Timestamp>().ok());
    if let Some(since) = since {
        let since = cluster.by_own_clock(since);
        let seconds = cx.clock.now().duration_since(since).as_secs();
        if seconds >= 60 {
            said.push_str(&format!(", deleted {} min ago", seconds / 60));
        }
    }
    if let Some(why) = chain::complaint(object) {
        said.push_str(&format!("; {why}"));
    }
    said
}

/// Returns the finalizers of an object; of a namespace also those of its spec, which guard its content.
pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    [
        &object["metadata"]["finalizers"],
        &object["spec"]["finalizers"],
    ]
    .into_iter()
    .filter_map(Value::as_array)
    .flatten()
    .filter_map(Value::as_str)
    .collect()
}
