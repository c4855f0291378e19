//! Draining a cluster before it goes: what its objects hold outside of it is deleted through them, while the controllers that do
//! so still live. Each target is listed and deleted until nothing of it is left. A finalizer is never touched, unless the user
//! gives up what it guards ([`How::abandon`]), and then that is named.

pub(super) mod chain;
mod composed;
mod find;
mod kept;
mod volumes;

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use windlass_provider::{Ctx, Error, Fault, Result};

pub use composed::Composed;

use super::{Cluster, ObjectRef};

/// How long an object may be stuck before it is given up, where the user said so.
const PATIENCE: Duration = Duration::from_secs(120);

/// The API group of Flux's Kustomizations, which also labels what they make.
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";

/// What is drained together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Crossplane's claims and composites.
    Claims,
    /// Crossplane's managed resources and the resources of Azure Service Operator.
    Managed,
    /// The Helm releases whose objects hold load balancers or disks.
    Releases,
    /// Services of type LoadBalancer, Ingresses and Gateways.
    Network,
    /// Volumes that are disks of a cloud, and before them the pods that mount them.
    Volumes,
}

impl Target {
    /// All of them, in the order in which they are drained.
    pub const ALL: [Self; 5] = [
        Self::Claims,
        Self::Managed,
        Self::Releases,
        Self::Network,
        Self::Volumes,
    ];

    /// Returns what it is, as a fragment in the plural.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claims => "claims and composites",
            Self::Managed => "managed resources",
            Self::Releases => "Helm releases",
            Self::Network => "load balancers",
            Self::Volumes => "volumes",
        }
    }
}

/// How to drain.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Whether what is stuck is given up: its finalizers are removed, and what they guard goes on existing.
    pub abandon: bool,
    /// Whether disks are kept: their volumes are told to retain them.
    pub keep_volumes: bool,
    /// Cancelled when no time is left to wait: what there is is still asked to go, and the drain ends.
    pub hurry: CancellationToken,
    /// When that is, where a budget says so.
    pub hurry_at: Option<Timestamp>,
}

/// What came of draining a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// What is gone, each with what the cloud called it: "Bucket team/data (data-7f2c)".
    pub removed: Vec<String>,
    /// What stays outside of the cluster as its objects say, and why.
    pub kept: BTreeSet<String>,
    /// What the user gave up: it still exists.
    pub given_up: Vec<String>,
}

/// Returns the object that a line of a drain is about: "Bucket team/data" of "Bucket team/data (data-7f2c): …".
#[must_use]
pub fn name_in(line: &str) -> &str {
    let end = line.find([':', '(']).unwrap_or(line.len());
    line[..end].trim_end()
}

/// Adds lines about what is kept, but for those about what is told already: the first reason is the one that counts.
pub fn add_kept(kept: &mut BTreeSet<String>, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        if !kept.iter().any(|known| name_in(known) == name_in(&line)) {
            kept.insert(line);
        }
    }
}

/// Returns those of `found` whose cloud resource stays, and why: "Bucket team/data (data-7f2c): …".
#[must_use]
pub fn list_kept(found: &[Value]) -> Vec<String> {
    kept::staying(found)
        .into_iter()
        .map(|(object, why)| format!("{}: {why}", kept::named(object)))
        .collect()
}

/// Returns those of `found` that a drain deletes, with what the cloud calls what goes with them: "Bucket team/data (data-7f2c)".
#[must_use]
pub fn list_going(found: &[Value]) -> Vec<String> {
    going(found).map(kept::named).collect()
}

/// Returns those of `found` that hold something outside of the cluster, which goes on existing if nothing drains them.
#[must_use]
pub fn list_holding(target: Target, found: &[Value]) -> Vec<String> {
    let holds = |object: &&Value| match target {
        // One that no controller took up is nothing but an object.
        Target::Managed | Target::Network => kept::is_taken_up(object),
        Target::Volumes => true,
        Target::Claims | Target::Releases => false,
    };
    going(found).filter(holds).map(kept::named).collect()
}

/// Returns those of `found` whose cloud resource goes with them.
fn going(found: &[Value]) -> impl Iterator<Item = &Value> {
    let stays = kept::staying(found);
    found
        .iter()
        .filter(move |object| !stays.iter().any(|(it, _)| std::ptr::eq(*it, *object)))
}

impl Cluster {
    /// Returns Flux's Kustomizations that are not suspended.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn find_awake(&self, cx: &Ctx) -> Result<Vec<Value>> {
        let mut found = self
            .list_of(cx, &format!("{KUSTOMIZE}/v1"), "Kustomization")
            .await?;
        found.retain(|object| object["spec"]["suspend"] != true);
        Ok(found)
    }

    /// Tells Flux's Kustomizations to rest, parents first, so that nothing that goes is brought back. Returns their names.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn suspend_kustomizations(&self, cx: &Ctx) -> Result<Vec<String>> {
        let found = self.find_awake(cx).await?;
        let label = |object: &Value, name: &str| {
            let value = object["metadata"]["labels"][format!("{KUSTOMIZE}/{name}")].as_str();
            value.unwrap_or_default().to_owned()
        };
        let parent = |object: &Value| {
            let (namespace, name) = (label(object, "namespace"), label(object, "name"));
            found.iter().find(|other| {
                other["metadata"]["namespace"] == *namespace && other["metadata"]["name"] == *name
            })
        };
        let depth = |object: &Value| {
            let mut at = object;
            let mut depth = 0;
            while let Some(above) = parent(at).filter(|_| depth <= found.len()) {
                at = above;
                depth += 1;
            }
            depth
        };
        let mut ordered: Vec<&Value> = found.iter().collect();
        ordered.sort_by_key(|object| depth(object));
        let mut names = Vec::new();
        for name in ordered.into_iter().filter_map(ObjectRef::of) {
            self.patch(cx, &name, &json!({ "spec": { "suspend": true } }))
                .await?;
            names.push(name.to_string());
        }
        Ok(names)
    }

    /// Lists and deletes what there is of a target until nothing of it is left.
    ///
    /// # Errors
    /// Those of the API. [`Fault::TimedOut`] when the context's deadline passes, with who holds what is left; the same when
    /// there is no time to wait any more, and [`Fault::Cancelled`] when the user interrupts: all that is left of this target and
    /// of those after it has then been asked to go.
    pub async fn drain(&self, cx: &Ctx, target: Target, how: &How) -> Result<Drained> {
        let mut patient = cx.clone();
        if let Some(at) = how.hurry_at {
            patient.deadline = Some(cx.deadline.map_or(at, |deadline| deadline.min(at)));
        }
        let drained = tokio::select! {
            biased;
            () = how.hurry.cancelled() => {
                Err(Error::cancelled(&format!("drain {}", target.as_str())))
            }
            drained = self.drain_patiently(&patient, target, how) => drained,
        };
        let late = how.hurry_at.is_some_and(|at| cx.clock.now() >= at);
        match drained {
            Err(error) if late || how.hurry.is_cancelled() => {
                Err(self.ask_rest(cx, target, how, error).await)
            }
            drained => drained,
        }
    }

    async fn drain_patiently(&self, cx: &Ctx, target: Target, how: &How) -> Result<Drained> {
        let mut drained = Drained::default();
        if target == Target::Claims {
            // What a composite is made of goes with it, and may be gone before its own turn comes.
            let made = self.find_drainable(cx, Target::Managed).await?;
            self.detach_houses(cx, &made).await?;
        }
        loop {
            let found = self.find_drainable(cx, target).await?;
            if target == Target::Managed && self.detach_houses(cx, &found).await? {
                continue;
            }
            add_kept(&mut drained.kept, list_kept(&found));
            if target == Target::Volumes {
                return self.drain_volumes(cx, found, how, drained).await;
            }
            let wave: Vec<&Value> = match target {
                Target::Claims => find::roots(&found),
                _ => find::leaves(&found),
            };
            if wave.is_empty() {
                return Ok(drained);
            }
            self.remove(cx, &wave, how, &mut drained).await?;
        }
    }

    /// Tells what would take along something that stays to stay, too. Returns whether there was any.
    async fn detach_houses(&self, cx: &Ctx, found: &[Value]) -> Result<bool> {
        let houses = kept::undetached(found);
        for name in houses.iter().filter_map(|it| ObjectRef::of(it)) {
            self.patch(cx, &name, &kept::detach()).await?;
        }
        Ok(!houses.is_empty())
    }

    /// Deletes objects and waits until they are gone, or gives them up.
    async fn remove(
        &self,
        cx: &Ctx,
        objects: &[&Value],
        how: &How,
        drained: &mut Drained,
    ) -> Result<()> {
        let refs: Vec<ObjectRef> = objects.iter().filter_map(|it| ObjectRef::of(it)).collect();
        let note = |gone: &[ObjectRef], drained: &mut Drained| {
            let names = objects
                .iter()
                .filter(|it| ObjectRef::of(it).is_some_and(|name| gone.contains(&name)))
                .filter(|it| kept::stays_because(it).is_none());
            drained.removed.extend(names.map(|it| kept::named(it)));
        };
        if !how.abandon {
            self.delete_and_wait(cx, &refs).await?;
            note(&refs, drained);
            return Ok(());
        }
        let mut left = refs;
        loop {
            match self.delete_and_wait(&cx.within(PATIENCE), &left).await {
                Ok(_) => {
                    note(&left, drained);
                    return Ok(());
                }
                Err(error) if error.fault == Fault::TimedOut => {}
                Err(error) => return Err(error),
            }
            let (gone, held) = self.split_gone(cx, &left).await?;
            note(&gone, drained);
            left = held.iter().filter_map(ObjectRef::of).collect();
            if gone.is_empty() {
                for object in &held {
                    self.give_up(cx, object, drained).await?;
                }
                // What is given up is not gone where it counts.
                return self.delete_and_wait(cx, &left).await.map(drop);
            }
        }
    }

    /// Returns which of these are gone, and the others as they are now.
    async fn split_gone(
        &self,
        cx: &Ctx,
        refs: &[ObjectRef],
    ) -> Result<(Vec<ObjectRef>, Vec<Value>)> {
        let found = self.read_all(cx, refs, super::list::Depth::Whole).await?;
        let gone = refs.iter().zip(&found);
        let gone = gone.filter(|(_, found)| found.is_none());
        let gone = gone.map(|(name, _)| name.clone()).collect();
        Ok((gone, found.into_iter().flatten().collect()))
    }

    /// Removes the finalizers of an object that is stuck: what they guard goes on existing, and is named.
    async fn give_up(&self, cx: &Ctx, object: &Value, drained: &mut Drained) -> Result<()> {
        let Some(name) = ObjectRef::of(object) else {
            return Ok(());
        };
        let named = kept::named(object);
        cx.progress
            .say(format!("giving up {named}: its finalizers are removed"));
        // What stays by its own word is kept on purpose.
        if kept::stays_because(object).is_none() {
            drained.given_up.push(named.clone());
        }
        match self
            .patch(cx, &name, &json!({ "metadata": { "finalizers": null } }))
            .await
        {
            // It went by itself meanwhile.
            Err(_) if self.get(cx, &name).await?.is_none() => {
                drained.given_up.retain(|given| *given != named);
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// Asks all that is left of a target and of those after it to go, without waiting; adds to the error that ended the drain
    /// what was asked.
    async fn ask_rest(&self, cx: &Ctx, target: Target, how: &How, mut error: Error) -> Error {
        let rest = Target::ALL.into_iter().skip_while(|it| *it != target);
        for target in rest {
            if target == Target::Volumes && how.keep_volumes {
                continue;
            }
            let asked = async {
                if matches!(target, Target::Claims | Target::Managed) {
                    let managed = self.find_drainable(cx, Target::Managed).await?;
                    self.detach_houses(cx, &managed).await?;
                }
                let found = self.find_drainable(cx, target).await?;
                let refs: Vec<ObjectRef> = match target {
                    Target::Volumes => find::claims_of(&found),
                    _ => found.iter().filter_map(ObjectRef::of).collect(),
                };
                self.delete_all(cx, &refs).await?;
                Ok::<_, Error>(refs.len())
            };
            error = match asked.await {
                Ok(0) => error,
                Ok(count) => error.cause(format!(
                    "{}: {count} asked to go, and not waited for: their controllers go on with it",
                    target.as_str()
                )),
                Err(failed) => error.cause(format!("{}: {failed}", target.as_str())),
            };
        }
        error
    }
}
