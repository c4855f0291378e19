//! Giving up what is stuck. In two steps, so that what goes on existing is written down before nothing in the cluster names it any
//! more: a drain names it, and then its finalizers are removed.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Drained, How, Target, find, holding, kept, name_in};
use crate::kube::{Cluster, ObjectRef, list::Depth};

/// How long nothing may go before what is left is called stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// How removing some objects went.
pub(super) enum Removal {
    Done,
    /// Not all of them go, and the user gives up what does not.
    Stuck,
}

/// What came of giving up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// The objects whose finalizers were removed.
    pub freed: Vec<String>,
    /// What was named as stuck and went by itself after all.
    pub went: Vec<String>,
}

impl Cluster {
    /// Deletes objects, and waits until they are gone or called stuck.
    pub(super) async fn remove(
        &self,
        cx: &Ctx,
        objects: &[&Value],
        how: &How,
        drained: &mut Drained,
    ) -> Result<Removal> {
        let refs: Vec<ObjectRef> = objects.iter().filter_map(|it| ObjectRef::of(it)).collect();
        let note = |gone: &[ObjectRef]| {
            let of = |it: &&&Value| ObjectRef::of(it).is_some_and(|name| gone.contains(&name));
            for object in objects.iter().filter(of) {
                drained.note_gone(object);
            }
        };
        self.delete_or_tire(cx, refs, how, note).await
    }

    /// Deletes objects, and waits until they are gone or called stuck; `note` is told what is gone.
    pub(super) async fn delete_or_tire(
        &self,
        cx: &Ctx,
        mut left: Vec<ObjectRef>,
        how: &How,
        mut note: impl FnMut(&[ObjectRef]),
    ) -> Result<Removal> {
        if !how.abandon {
            self.remove_all(cx, &left, how.way_out()).await?;
            note(&left);
            return Ok(Removal::Done);
        }
        loop {
            let patient = cx.within(PATIENCE);
            match self.remove_all(&patient, &left, how.way_out()).await {
                Ok(_) => {
                    note(&left);
                    return Ok(Removal::Done);
                }
                Err(error) if error.fault != Fault::TimedOut => return Err(error),
                Err(error) if cx.deadline.is_some_and(|at| cx.clock.now() >= at) => {
                    return Err(error);
                }
                Err(error) => cx.progress.say(error.to_line()),
            }
            let found = self.read_all(cx, &left, Depth::Whole).await?;
            let (held, gone): (Vec<_>, Vec<_>) = left
                .into_iter()
                .zip(found)
                .partition(|(_, it)| it.is_some());
            let names = |pairs: Vec<(ObjectRef, Option<Value>)>| -> Vec<ObjectRef> {
                pairs.into_iter().map(|(name, _)| name).collect()
            };
            left = names(held);
            if gone.is_empty() {
                return Ok(Removal::Stuck);
            }
            note(&names(gone));
        }
    }

    /// Notes what of a target is stuck and holds something outside of the cluster.
    pub(super) async fn note_stuck(
        &self,
        cx: &Ctx,
        target: Target,
        drained: &mut Drained,
    ) -> Result<()> {
        let found = self.find_drainable(cx, target).await?;
        let (along, stuck): (Vec<&Value>, Vec<&Value>) =
            holding(target, &found).partition(|it| drained.took_along(it, &found));
        drained.stuck = stuck.into_iter().map(kept::named).collect();
        along.into_iter().for_each(|it| drained.note_gone(it));
        Ok(())
    }

    /// Removes the finalizers of what is left of a target that was asked to go, leaves first, and waits until it is gone. `named`
    /// is what is written down as given up, and `gone` what is known to be gone outside of the cluster.
    ///
    /// # Errors
    /// Those of the API; [`Fault::Conflict`] where something holds a cloud resource that is in neither list.
    pub async fn give_up(
        &self,
        cx: &Ctx,
        target: Target,
        named: &[String],
        gone: &[String],
    ) -> Result<GivenUp> {
        let mut given = GivenUp::default();
        let is_in = |list: &[String], name: &str| list.iter().any(|it| name_in(it) == name);
        let mut first = true;
        loop {
            let mut found = self.find_drainable(cx, target).await?;
            if target == Target::Volumes {
                found.retain(find::is_deletable);
            }
            let holding: Vec<String> = holding(target, &found).map(kept::named).collect();
            let unknown = holding.iter().find(|it| {
                let name = name_in(it);
                !is_in(named, name) && !is_in(gone, name)
            });
            if let Some(unknown) = unknown {
                let message = format!("{unknown} is not written down as given up: it came later");
                return Err(Error::new(Fault::Conflict, message)
                    .hint("run the same command again: it looks at what there is"));
            }
            if std::mem::take(&mut first) {
                let went = named.iter().filter(|it| !is_in(&holding, name_in(it)));
                given.went = went.cloned().collect();
            }
            let mut wave: Vec<ObjectRef> = match target {
                Target::Volumes => find::claims_of(&found),
                _ => Vec::new(),
            };
            let leaves = find::leaves(&found);
            wave.extend(leaves.into_iter().filter_map(ObjectRef::of));
            if wave.is_empty() {
                return Ok(given);
            }
            self.delete_all(cx, &wave).await?;
            for name in &wave {
                let free = json!({ "metadata": { "finalizers": null } });
                match self.patch(cx, name, &free).await {
                    Ok(_) => given.freed.push(name.to_string()),
                    // It is gone meanwhile.
                    Err(_) if self.get(cx, name).await?.is_none() => {}
                    Err(error) => return Err(error),
                }
            }
            self.delete_and_wait(cx, &wave).await?;
        }
    }
}

impl Drained {
    fn note_gone(&mut self, object: &Value) {
        let uid = object["metadata"]["uid"].as_str();
        self.uids.extend(uid.map(str::to_owned));
        if kept::stays_because(object).is_none() {
            self.removed.push(kept::named(object));
        }
    }

    /// Tells whether what an object stands for went along with what it was a part of, in Azure.
    fn took_along(&self, object: &Value, found: &[Value]) -> bool {
        kept::is_azure(object)
            && (find::owner_uids(object).any(|uid| self.uids.contains(uid))
                || kept::house_of(object, found).is_some_and(|it| self.took_along(it, found)))
    }
}
