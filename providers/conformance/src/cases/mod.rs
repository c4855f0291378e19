//! The cases: each opens beds of its own and fails by panicking.

mod change;
mod clocks;
mod life;
mod neighbours;
mod trouble;

use std::collections::BTreeSet;

use windlass_provider::{
    Change, ClusterName, ClusterSpec, Ctx, Found, Known, Outputs, Owner, Resource, Result, Scope,
    State,
};

pub use change::{
    goes_on_from_every_change_of_a_deletion, goes_on_from_every_change_of_a_making,
    goes_on_from_every_change_of_an_update, tags_in_the_create_call_itself,
};
pub use clocks::is_misled_by_no_clock;
pub use life::{
    deletes_until_nothing_is_left, finds_by_tags_alone, gives_access, makes_node_pools,
    makes_once_and_observes, tells_differences, tells_how_far_it_is,
};
pub use neighbours::{
    finds_what_controllers_left, keeps_two_clusters_apart, looks_in_the_regions_that_it_is_told,
    takes_names_to_their_limits, uses_what_others_made_and_never_deletes_it,
};
pub use trouble::{
    bears_each_call_of_a_deletion_lost_once, bears_each_call_of_a_making_lost_once,
    bears_throttling, bears_throttling_throughout, tells_denied_wherever_it_begins,
};

use crate::Bed;

/// What came of making a resource.
#[derive(Debug)]
struct Made {
    resource: Resource,
    change: Change,
    outputs: Outputs,
}

/// Returns the resources of a cluster, in an order in which what each needs comes before it.
async fn plan<B: Bed>(bed: &B, cx: &Ctx, spec: &ClusterSpec) -> Result<Vec<Resource>> {
    let provider = bed.provider();
    let facts = provider.facts(cx, spec).await?;
    provider.resources(spec, &facts)
}

/// Makes a cluster with all that it needs, by a provider of its own.
async fn make<B: Bed>(bed: &B, cx: &Ctx, spec: &ClusterSpec) -> Result<Vec<Made>> {
    let mut known = Known::new();
    let mut all = Vec::new();
    for resource in plan(bed, cx, spec).await? {
        let (change, outputs) = bed.provider().ensure(cx, &resource, &known).await?;
        known.insert(resource.id.clone(), outputs.clone());
        all.push(Made {
            resource,
            change,
            outputs,
        });
    }
    Ok(all)
}

/// Deletes all that discovery finds of a cluster, the last made first.
async fn unmake<B: Bed>(bed: &B, cx: &Ctx, name: &ClusterName) -> Result<Vec<Change>> {
    let provider = bed.provider();
    let found = provider.discover(cx, Scope::of(name)).await?;
    let known: Known = found
        .iter()
        .map(|item| (item.resource.id.clone(), item.observed.outputs.clone()))
        .collect();
    let mut changes = Vec::new();
    for item in found.iter().rev() {
        changes.push(provider.delete(cx, &item.resource, &known).await?);
    }
    Ok(changes)
}

/// Returns what a provider of its own finds, and checks that it is all that there is.
#[track_caller]
fn audit<B: Bed>(bed: &B) -> impl Future<Output = Vec<Found>> {
    let caller = std::panic::Location::caller();
    async move {
        loop {
            let before = bed.names().await;
            let provider = bed.provider();
            let found = provider.discover(&bed.ground().cx(), Scope::all()).await;
            let found = found.expect("discovery");
            // What is on its way out may go while it is looked at.
            if bed.names().await != before {
                continue;
            }
            let told: BTreeSet<String> = found.iter().map(|item| name(&item.resource)).collect();
            assert_eq!(told, before, "discovery and the world differ, at {caller}");
            return found;
        }
    }
}

/// Checks that a cluster stands whole, as wanted, and that the world holds nothing else.
async fn expect_whole<B: Bed>(bed: &B, spec: &ClusterSpec) {
    let cx = bed.ground().cx();
    let wanted = plan(bed, &cx, spec).await.expect("a plan");
    let names: BTreeSet<String> = wanted.iter().map(name).collect();
    for item in audit(bed).await {
        assert!(
            names.contains(&name(&item.resource)),
            "{item:?} is too many"
        );
        assert_eq!(item.observed.owner, Owner::Ours, "{item:?}");
    }
    let mut known = Known::new();
    for resource in &wanted {
        let seen = bed.provider().observe(&cx, resource, &known).await;
        let seen = seen.expect("an observation");
        assert_eq!(
            (seen.state, &*seen.differs),
            (State::Ready, &[][..]),
            "{seen:?}"
        );
        known.insert(resource.id.clone(), seen.outputs);
    }
    assert_eq!(names, bed.names().await);
}

fn name(resource: &Resource) -> String {
    format!("{} {}", resource.kind, resource.name)
}
