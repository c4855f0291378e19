//! What Crossplane stands for: claims, composites and managed resources, all of them or one with what is made of it.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_provider::{Ctx, Result};

use super::{Drained, How, add_kept, find, list_kept};
use crate::kube::{Cluster, ObjectRef, Selector};

/// The claims, composites and managed resources that there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composed {
    /// Claims and composites.
    pub composites: Vec<Value>,
    /// Managed resources.
    pub managed: Vec<Value>,
}

impl Composed {
    /// Returns all of them.
    pub fn all(&self) -> impl Iterator<Item = &Value> {
        self.composites.iter().chain(&self.managed)
    }

    /// Keeps what `wanted` chooses, and what is made of that or of something in `known`; adds all of it to `known`.
    fn keep(&mut self, wanted: impl Fn(&Value) -> bool, known: &mut BTreeSet<String>) {
        let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
        known.extend(self.all().filter(|it| wanted(it)).filter_map(uid));
        loop {
            let made = |it: &&Value| find::owner_uids(it).any(|owner| known.contains(owner));
            let more: Vec<String> = self.all().filter(made).filter_map(uid).collect();
            let before = known.len();
            known.extend(more);
            if known.len() == before {
                break;
            }
        }
        let is_known = |it: &Value| uid(it).is_some_and(|uid| known.contains(&uid));
        self.composites.retain(is_known);
        self.managed.retain(is_known);
    }
}

impl Cluster {
    /// Returns the claims, composites and managed resources that there are; those of Azure Service Operator are not Crossplane's.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn find_composed(&self, cx: &Ctx) -> Result<Composed> {
        let everything = Selector::default();
        let list = async |categories: &[&str]| {
            let kinds = self.list_kinds(cx, |kind| {
                let ours = !kind.group().ends_with(find::ASO);
                ours && categories.iter().any(|category| kind.is_in(category))
            });
            let kinds = kinds.await?;
            let lists = kinds
                .iter()
                .map(|kind| self.list(cx, kind, None, &everything));
            let found = futures::future::try_join_all(lists).await?;
            Ok::<_, windlass_provider::Error>(found.concat())
        };
        Ok(Composed {
            composites: list(&["claim", "composite"]).await?,
            managed: list(&["managed"]).await?,
        })
    }

    /// Deletes claims, composites and managed resources that `wanted` chooses, with what is made of them, and waits until
    /// nothing of it is left: composites first, for they delete what they are made of, then children before parents.
    ///
    /// # Errors
    /// As [`Cluster::drain`].
    pub async fn drain_composed(
        &self,
        cx: &Ctx,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Drained> {
        let mut drained = Drained::default();
        let mut known = BTreeSet::new();
        loop {
            let mut found = self.find_composed(cx).await?;
            found.keep(&wanted, &mut known);
            let all: Vec<Value> = found.all().cloned().collect();
            add_kept(&mut drained.kept, list_kept(&all));
            let wave = match found.composites.is_empty() {
                true => find::leaves(&found.managed),
                false => find::roots(&found.composites),
            };
            if wave.is_empty() {
                return Ok(drained);
            }
            self.remove(cx, &wave, &How::default(), &mut drained)
                .await?;
        }
    }

    /// Waits until the claims, composites and managed resources that `wanted` chooses are Ready, those too that are made
    /// meanwhile. Returns them.
    ///
    /// # Errors
    /// As [`Cluster::wait_ready`].
    pub async fn await_composed(
        &self,
        cx: &Ctx,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<ObjectRef>> {
        let mut awaited = BTreeSet::new();
        loop {
            let mut found = self.find_composed(cx).await?;
            found.keep(&wanted, &mut BTreeSet::new());
            let refs: Vec<ObjectRef> = found.all().filter_map(ObjectRef::of).collect();
            let names: BTreeSet<String> = refs.iter().map(ToString::to_string).collect();
            if names == awaited {
                return Ok(refs);
            }
            self.wait_ready(cx, &refs).await?;
            awaited = names;
        }
    }
}
