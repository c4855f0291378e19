//! Draining a cluster before it goes: what its objects hold outside of it is deleted through them, while the controllers that do
//! so still live. Each target is listed and deleted until nothing of it is left. A finalizer is never touched, unless the user
//! gives up what it guards ([`How::abandon`]): then the drain names that and ends, and [`Cluster::give_up`] removes it.

mod abandon;
pub(super) mod chain;
mod composed;
mod find;
mod kept;
mod volumes;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use windlass_provider::{Ctx, Error, Result};

pub use composed::Composed;

use super::{Cluster, ObjectRef};
pub use abandon::GivenUp;
use abandon::Removal;

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
    /// Whether what is stuck is given up: it is named and not waited for any more.
    pub abandon: bool,
    /// Only what is of these API groups, or composed by Crossplane where its own is among them; empty: everything.
    pub groups: Vec<String>,
    /// Whether disks are kept: their volumes are told to retain them.
    pub keep_volumes: bool,
    /// Cancelled when no time is left to wait: what there is is still asked to go, and the drain ends.
    pub hurry: CancellationToken,
    /// When that is, where a budget says so.
    pub hurry_at: Option<Timestamp>,
}

impl How {
    /// Tells whether the time that was given is down to what is kept for the last words.
    fn is_late(&self, cx: &Ctx) -> bool {
        self.hurry_at.is_some_and(|at| cx.clock.now() >= at)
    }

    /// Tells whether an object is to be drained.
    fn includes(&self, target: Target, object: &Value) -> bool {
        const CROSSPLANE: &str = "crossplane.io";
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let own = version.split_once('/').map_or("", |(group, _)| group);
        let below = |group: &String| {
            own.strip_suffix(group.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match target {
            _ if self.groups.is_empty() => true,
            // Those have whichever group their definition gives them.
            Target::Claims => self.groups.iter().any(|group| group == CROSSPLANE),
            Target::Managed => self.groups.iter().any(below),
            Target::Releases | Target::Network | Target::Volumes => false,
        }
    }
}

/// What came of draining a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// What is gone, each with what the cloud called it: "Bucket team/data (data-7f2c)".
    pub removed: Vec<String>,
    /// What stays outside of the cluster as its objects say, and why.
    pub kept: BTreeSet<String>,
    /// What is stuck and holds something outside of the cluster, where the user gives that up: it still exists.
    pub stuck: Vec<String>,
    /// The uids of what is gone.
    uids: BTreeSet<String>,
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
    holding(target, found).map(kept::named).collect()
}

/// Returns those of `found` that have been asked to go already.
#[must_use]
pub fn list_asked(found: &[Value]) -> Vec<String> {
    let asked = |object: &&Value| !object["metadata"]["deletionTimestamp"].is_null();
    found.iter().filter(asked).map(kept::named).collect()
}

fn holding(target: Target, found: &[Value]) -> impl Iterator<Item = &Value> {
    going(found).filter(move |object| match target {
        // One that no controller took up is nothing but an object.
        Target::Managed | Target::Network => kept::is_taken_up(object),
        Target::Volumes => true,
        Target::Claims | Target::Releases => false,
    })
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
    /// Those of the API. [`windlass_provider::Fault::TimedOut`] when the context's deadline passes, with who holds what is left; the same when
    /// there is no time to wait any more, and [`windlass_provider::Fault::Cancelled`] when the user interrupts: all that is left of this target and
    /// of those after it has then been asked to go.
    pub async fn drain(&self, cx: &Ctx, target: Target, how: &How) -> Result<Drained> {
        let mut patient = cx.clone();
        if let Some(at) = how.hurry_at {
            patient.deadline = Some(cx.deadline.map_or(at, |deadline| deadline.min(at)));
        }
        let what = format!("drain {}", target.as_str());
        let patiently = async {
            match how.is_late(cx) {
                true => Err(Error::timed_out(&what)),
                false => self.drain_patiently(&patient, target, how).await,
            }
        };
        let drained = tokio::select! {
            biased;
            () = how.hurry.cancelled() => Err(Error::cancelled(&what)),
            drained = patiently => drained,
        };
        match drained {
            Err(error) if how.is_late(cx) || how.hurry.is_cancelled() => {
                let asked = self.ask_to_go(cx, target, how).await;
                Err(asked.into_iter().fold(error, Error::cause))
            }
            drained => drained,
        }
    }

    async fn drain_patiently(&self, cx: &Ctx, target: Target, how: &How) -> Result<Drained> {
        let mut drained = Drained::default();
        let mut at_last = false;
        if target == Target::Claims {
            // What a composite is made of goes with it, and may be gone before its own turn comes.
            let made = self.find_drainable(cx, Target::Managed).await?;
            self.detach_houses(cx, &made).await?;
        }
        loop {
            let mut found = self.find_drainable(cx, target).await?;
            found.retain(|object| how.includes(target, object));
            if target == Target::Managed && self.detach_houses(cx, &found).await? {
                continue;
            }
            add_kept(&mut drained.kept, list_kept(&found));
            if target == Target::Volumes {
                return self.drain_volumes(cx, found, how, drained).await;
            }
            let wave: Vec<&Value> = match target {
                _ if at_last => found.iter().collect(),
                Target::Claims => find::roots(&found),
                _ => find::leaves(&found),
            };
            if wave.is_empty() {
                return Ok(drained);
            }
            let all = wave.len() == found.len();
            match self.remove(cx, &wave, how, &mut drained).await? {
                Removal::Done => {}
                Removal::Stuck if all => {
                    self.note_stuck(cx, target, &mut drained).await?;
                    return Ok(drained);
                }
                // What is stuck may go along with what it is a part of.
                Removal::Stuck => at_last = true,
            }
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

    /// Asks all that is left of a target and of those after it to go, without waiting. Returns what was asked, a line for each
    /// target, and what refused.
    pub async fn ask_to_go(&self, cx: &Ctx, first: Target, how: &How) -> Vec<String> {
        let rest = Target::ALL.into_iter().skip_while(|it| *it != first);
        let mut told = Vec::new();
        for target in rest {
            if target == Target::Volumes && how.keep_volumes {
                continue;
            }
            match self.ask_of(cx, target, how).await {
                Ok(refs) if refs.is_empty() => {}
                Ok(refs) => told.push(format!(
                    "asked to go, and not waited for: {}",
                    name_some(&refs)
                )),
                Err(failed) => {
                    told.push(format!("{}: {}", target.as_str(), failed.to_line()));
                }
            }
        }
        told
    }

    /// Asks all of a target to go; returns what that is.
    async fn ask_of(&self, cx: &Ctx, target: Target, how: &How) -> Result<Vec<ObjectRef>> {
        if matches!(target, Target::Claims | Target::Managed) {
            let managed = self.find_drainable(cx, Target::Managed).await?;
            self.detach_houses(cx, &managed).await?;
        }
        let mut found = self.find_drainable(cx, target).await?;
        found.retain(|object| how.includes(target, object));
        let refs: Vec<ObjectRef> = match target {
            Target::Volumes => find::claims_of(&found),
            _ => found.iter().filter_map(ObjectRef::of).collect(),
        };
        self.delete_all(cx, &refs).await?;
        Ok(refs)
    }
}

/// Names some objects, and counts the others.
fn name_some(refs: &[ObjectRef]) -> String {
    const NAMED: usize = 8;
    let named: Vec<String> = refs.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match refs.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}
