//! A cluster among others: of somebody else, of other names, and side by side.

use windlass_provider::{
    Change, ClusterName, Known, NodePool, Owner, Regions, Scope, State, Verdict,
};

use super::{audit, expect_whole, make, name, plan, unmake};
use crate::{Ability, Bed};

/// A cluster that somebody else made is used as it is, told as theirs, and neither changed nor deleted.
pub async fn uses_what_others_made_and_never_deletes_it<B: Bed>() {
    let bed = B::open().await;
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    bed.make_foreign("dot").await;
    let theirs = bed.list().await;
    assert!(!theirs.is_empty());
    let facts = bed.provider().facts(&cx, &spec).await.expect("facts");
    let checks = bed.provider().preflight(&cx, &spec, &facts).await;
    assert!(
        checks.iter().any(|check| check.verdict == Verdict::Warning),
        "nobody is warned: {checks:?}"
    );
    let found = bed.provider().discover(&cx, Scope::of(&spec.name)).await;
    let found = found.expect("discovery");
    assert!(!found.is_empty());
    for item in &found {
        assert_eq!(
            (item.observed.owner, &item.tags),
            (Owner::Foreign, &None),
            "{item:?}"
        );
        let kept = bed
            .provider()
            .delete(&cx, &item.resource, &Known::new())
            .await;
        assert_eq!(kept.expect("no error"), Change::Kept);
    }
    for resource in plan(&bed, &cx, &spec).await.expect("a plan") {
        let seen = bed.provider().observe(&cx, &resource, &Known::new()).await;
        let seen = seen.expect("an observation");
        if seen.state == State::Missing {
            continue;
        }
        assert_eq!(seen.owner, Owner::Foreign);
        let used = bed.provider().ensure(&cx, &resource, &Known::new()).await;
        assert_eq!(used.expect("use").0, Change::Unchanged);
        let kept = bed.provider().delete(&cx, &resource, &Known::new()).await;
        assert_eq!(kept.expect("no error"), Change::Kept, "{}", name(&resource));
    }
    bed.provider()
        .kubeconfig(&cx, &spec.name)
        .await
        .expect("access");
    assert_eq!(bed.list().await, theirs);
}

/// The shortest name, the longest, and odd ones come and go; so do the longest names of node pools.
pub async fn takes_names_to_their_limits<B: Bed>() {
    let bed = B::open().await;
    let cx = bed.ground().cx();
    let (longest, mixed) = ("a".repeat(40), "x1-".repeat(13) + "y");
    for cluster in ["d", "a-1-b2-3", "z9", &longest, &mixed] {
        let mut spec = bed.spec(cluster);
        for (letter, length) in [("p", 1), ("q", B::LONGEST_POOL)] {
            spec.node_pools.push(NodePool {
                name: letter.repeat(length),
                min: 1,
                max: 1,
                labels: Default::default(),
                taints: Vec::new(),
            });
        }
        let made = make(&bed, &cx, &spec).await;
        made.unwrap_or_else(|error| panic!("{cluster}: {error:?}"));
        expect_whole(&bed, &spec).await;
        bed.provider()
            .kubeconfig(&cx, &spec.name)
            .await
            .expect("access");
        unmake(&bed, &cx, &spec.name).await.expect("a deletion");
        assert_eq!(audit(&bed).await, [], "{cluster}");
    }
}

/// Clusters whose names begin with each other's stand side by side, and one that goes takes nothing of the others along.
pub async fn keeps_two_clusters_apart<B: Bed>() {
    let bed = B::open().await;
    let cx = bed.ground().cx();
    let specs = ["dot", "dot-2", "dot-control-plane"].map(|name| bed.spec(name));
    let (made, others) = futures::join!(make(&bed, &cx, &specs[0]), make(&bed, &cx, &specs[1]));
    made.expect("a cluster");
    let before = others.expect("a cluster beside it");
    make(&bed, &cx, &specs[2]).await.expect("a third one");
    let all = audit(&bed).await;
    let of = |name: &ClusterName| all.iter().filter(|it| it.resource.cluster == *name).count();
    assert!(specs.iter().all(|spec| of(&spec.name) == before.len()));
    let held = bed.list().await;

    let changes = unmake(&bed, &cx, &specs[0].name).await.expect("a deletion");
    assert!(changes.iter().all(|change| *change == Change::Removed));
    let left = bed.list().await;
    assert_eq!(left.len(), held.len() - before.len());
    assert!(
        left.iter().all(|(name, tags)| held[name] == *tags),
        "{left:?}"
    );
    let again = make(&bed, &cx, &specs[1]).await.expect("the same cluster");
    for (before, after) in before.iter().zip(&again) {
        assert_eq!(after.change, Change::Unchanged);
        assert_eq!(before.outputs, after.outputs);
    }
    for spec in &specs[1..] {
        unmake(&bed, &cx, &spec.name).await.expect("a deletion");
    }
    assert_eq!(audit(&bed).await, []);
}

/// A cluster of another region than the settings name is found where all are asked for, and nowhere else, well enough to delete it.
pub async fn looks_in_the_regions_that_it_is_told<B: Bed>() {
    let bed = B::open().await;
    if !bed.can(Ability::Regions) {
        return;
    }
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    let facts = bed.elsewhere().facts(&cx, &spec).await.expect("facts");
    let wanted = bed.elsewhere().resources(&spec, &facts).expect("a plan");
    let mut known = Known::new();
    for resource in &wanted {
        let made = bed.elsewhere().ensure(&cx, resource, &known).await;
        known.insert(resource.id.clone(), made.expect("a resource").1);
    }
    let here = bed.provider().discover(&cx, Scope::of(&spec.name)).await;
    assert_eq!(here.expect("discovery"), []);
    for scope in [Scope::all(), Scope::of(&spec.name)] {
        let scope = scope.within(Regions::All);
        let all = bed.provider().discover(&cx, scope).await;
        let all = all.expect("discovery");
        assert_eq!(all.len(), wanted.len(), "{all:?}");
    }
    let scope = Scope::of(&spec.name).within(Regions::All);
    let found = bed.provider().discover(&cx, scope).await;
    for item in found.expect("discovery").iter().rev() {
        let gone = bed.provider().delete(&cx, &item.resource, &known).await;
        assert_eq!(gone.expect("a deletion"), Change::Removed, "{item:?}");
    }
    assert!(bed.names().await.is_empty());
}

/// What controllers in a cluster made beside it is found by the platform's mark of the cluster, be the cluster gone, and goes with it;
/// that of another cluster stays.
pub async fn finds_what_controllers_left<B: Bed>() {
    let bed = B::open().await;
    if !bed.can(Ability::Leftovers) {
        return;
    }
    let cx = bed.ground().cx();
    let [spec, other] = ["dot", "dot-2"].map(|name| bed.spec(name));
    make(&bed, &cx, &spec).await.expect("a cluster");
    make(&bed, &cx, &other).await.expect("another one");
    bed.leave_behind("dot-2").await;
    let before = bed.names().await;
    bed.leave_behind("dot").await;
    let found = audit(&bed).await;
    let of = |name: &ClusterName| {
        found
            .iter()
            .filter(|it| it.resource.cluster == *name)
            .count()
    };
    assert_eq!(of(&spec.name), of(&other.name));
    assert!(found.iter().all(|it| it.observed.owner == Owner::Ours));
    unmake(&bed, &cx, &spec.name).await.expect("a deletion");
    let left = bed.names().await;
    assert!(left.is_subset(&before), "{left:?}");
    assert_eq!(audit(&bed).await.len(), of(&other.name));
    // One that came to light only when all else was gone.
    bed.leave_behind("dot").await;
    let scope = Scope::of(&spec.name);
    let late = bed.provider().discover(&cx, scope).await;
    assert_eq!(late.expect("discovery").len(), 1);
    for name in [&spec.name, &other.name] {
        unmake(&bed, &cx, name).await.expect("a deletion");
    }
    assert_eq!(audit(&bed).await, []);
}
