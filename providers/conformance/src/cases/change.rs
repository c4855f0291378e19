//! A making or a deletion that ends at any of its changes: by a crash, or by the user.

use std::{collections::BTreeMap, time::Duration};

use futures::future::{Either, select};
use jiff::Timestamp;
use windlass_provider::{Change, ClusterSpec, Fault, NodePool, Owner, Tags};

use super::{audit, expect_whole, make, unmake};
use crate::{Ability, Bed};

/// How a call ends in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As with a crash: nobody waits for it any more.
    Dropped,
    /// The user interrupts.
    Cancelled,
}

/// Before and after each change: each way to end it once.
const WAYS: [(bool, End); 2] = [(false, End::Cancelled), (true, End::Dropped)];

/// At every change of a making, what there is is ours and found by its tags; the same again finishes it.
pub async fn goes_on_from_every_change_of_a_making<B: Bed>() {
    for (after, end) in WAYS {
        for nth in 1.. {
            let bed = B::open().await;
            let mut spec = bed.spec("dot");
            spec.lifetime = Some(Duration::from_secs(3600));
            if !end_making(&bed, &spec, nth, after, end).await {
                assert!(nth > 1, "a making changes nothing");
                break;
            }
            expect_ours(&bed, &spec).await;
            let cx = bed.ground().cx();
            make(&bed, &cx, &spec).await.unwrap_or_else(|error| {
                panic!("it does not go on from change {nth} ({end:?}): {error:?}")
            });
            expect_whole(&bed, &spec).await;
            unmake(&bed, &cx, &spec.name).await.expect("a deletion");
            assert_eq!(audit(&bed).await, []);
        }
    }
}

/// Ends a making at its nth change; returns false where it has no so many.
async fn end_making<B: Bed>(bed: &B, spec: &ClusterSpec, nth: u64, after: bool, end: End) -> bool {
    let cx = bed.ground().cx();
    bed.hold(nth, after).await;
    let making = Box::pin(make(bed, &cx, spec));
    match select(making, Box::pin(bed.held())).await {
        Either::Left((made, _)) => {
            made.expect("a cluster");
            bed.hold(0, false).await;
            return false;
        }
        Either::Right(((), making)) => {
            expect_ours(bed, spec).await;
            if end == End::Cancelled {
                cx.cancel.cancel();
                let error = making.await.expect_err("an end");
                assert_eq!(error.fault, Fault::Cancelled, "{error:?}");
            }
        }
    }
    bed.cut().await;
    true
}

/// Checks that whatever there is is found, ours, and tagged.
async fn expect_ours<B: Bed>(bed: &B, spec: &ClusterSpec) {
    for item in audit(bed).await {
        assert_eq!(item.observed.owner, Owner::Ours, "{item:?}");
        assert_eq!(item.resource.cluster, spec.name);
    }
    for (name, tags) in bed.list().await {
        let read = Tags::from_pairs(&tags).expect("tags that can be read");
        let read = read.unwrap_or_else(|| panic!("{name} has no tags"));
        assert_eq!(read.cluster, spec.name, "{name}");
        let lifetime = read
            .expires
            .map(|at| at.as_second() - read.created.as_second());
        let wanted = spec.lifetime.map(|lifetime| lifetime.as_secs() as i64);
        assert_eq!(lifetime, wanted, "{name}");
    }
}

/// Where the platform can change what is there: at every change of an update that ends there, the same again finishes it. More and
/// fewer nodes, labels and another pool come by it, and what has come is left alone.
pub async fn goes_on_from_every_change_of_an_update<B: Bed>() {
    if !B::open().await.can(Ability::ChangeInPlace) {
        return;
    }
    let pool = |name: &str, min: u32, label: &str| NodePool {
        name: name.to_owned(),
        min,
        max: 5,
        labels: BTreeMap::from([("tier".to_owned(), label.to_owned())]),
        taints: Vec::new(),
    };
    for (after, end) in WAYS {
        for nth in 1.. {
            let bed = B::open().await;
            let cx = bed.ground().cx();
            let mut spec = bed.spec("dot");
            spec.node_pools = vec![pool("batch", 2, "slow"), pool("web", 1, "slow")];
            make(&bed, &cx, &spec).await.expect("a cluster");
            let before = bed.names().await;
            spec.nodes.min += 1;
            spec.nodes.max = spec.nodes.max.max(spec.nodes.min);
            spec.node_pools[0] = pool("batch", 1, "fast");
            spec.node_pools.push(pool("new", 1, "fast"));
            let more = end_making(&bed, &spec, nth, after, end).await;
            if more {
                let made = make(&bed, &cx, &spec).await;
                made.unwrap_or_else(|error| panic!("again from change {nth}: {error:?}"));
            }
            expect_whole(&bed, &spec).await;
            let after = bed.names().await;
            assert!(before.is_subset(&after), "{after:?}");
            assert_eq!(after.len(), before.len() + 1, "{after:?}");
            let again = make(&bed, &cx, &spec).await.expect("the same");
            assert!(again.iter().all(|it| it.change == Change::Unchanged));
            if !more {
                assert!(nth > 3, "an update that changes little");
                break;
            }
        }
    }
}

/// After every change of a deletion that ends there, the same again leaves nothing.
pub async fn goes_on_from_every_change_of_a_deletion<B: Bed>() {
    for (after, end) in WAYS {
        for nth in 1.. {
            let bed = B::open().await;
            let (ground, spec) = (bed.ground(), bed.spec("dot"));
            let cx = ground.cx();
            make(&bed, &cx, &spec).await.expect("a cluster");
            bed.hold(nth, after).await;
            let deletion = Box::pin(unmake(&bed, &cx, &spec.name));
            match select(deletion, Box::pin(bed.held())).await {
                Either::Left((gone, _)) => {
                    gone.expect("a deletion");
                    assert!(nth > 1, "a deletion changes nothing");
                    break;
                }
                Either::Right(((), deletion)) => {
                    if end == End::Cancelled {
                        cx.cancel.cancel();
                        let error = deletion.await.expect_err("an end");
                        assert_eq!(error.fault, Fault::Cancelled, "{error:?}");
                    }
                }
            }
            bed.cut().await;
            audit(&bed).await;
            let gone = unmake(&bed, &ground.cx(), &spec.name).await;
            gone.unwrap_or_else(|error| panic!("it does not go on from change {nth}: {error:?}"));
            assert_eq!(audit(&bed).await, []);
        }
    }
}

/// The tags say whose a cluster is, since when and until when, in characters that every platform takes, from its first change on.
pub async fn tags_in_the_create_call_itself<B: Bed>() {
    for lifetime in [None, Some(Duration::from_secs(8 * 3600))] {
        let bed = B::open().await;
        let mut spec = bed.spec("dot-1");
        spec.lifetime = lifetime;
        let from = bed.ground().now().as_second();
        make(&bed, &bed.ground().cx(), &spec)
            .await
            .expect("a cluster");
        let now = bed.ground().now().as_second();
        expect_ours(&bed, &spec).await;
        for (name, tags) in bed.list().await {
            let ours: BTreeMap<_, _> = tags
                .iter()
                .filter(|it| it.0.starts_with("windlass"))
                .collect();
            for (key, value) in ours {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(key.len() <= 63 && key.chars().all(plain), "{name}: {key}");
                assert!(
                    value.len() <= 63 && value.chars().all(plain),
                    "{name}: {value}"
                );
            }
            let created: i64 = tags[Tags::CREATED].parse().expect("seconds");
            assert!(
                (from..=now).contains(&created),
                "{name} was made at {created}"
            );
            assert_eq!(
                tags.contains_key(Tags::EXPIRES),
                lifetime.is_some(),
                "{name}"
            );
        }
        let found = audit(&bed).await;
        let tags = found.iter().find_map(|item| item.tags.as_ref());
        let tags = tags.expect("tags");
        let expires =
            |seconds: u64| Timestamp::from_second(tags.created.as_second() + seconds as i64);
        let wanted = lifetime.map(|lifetime| expires(lifetime.as_secs()).expect("a time"));
        assert_eq!(tags.expires, wanted);
    }
}
