//! Clocks that differ: of the machine that makes a cluster, of the one that looks at it, and of the platform.

use std::time::Duration;

use jiff::SignedDuration;
use windlass_provider::{Ctx, Known, Scope, State};

use super::{audit, make, plan, unmake};
use crate::Bed;

/// As much as a platform bears with, for requests are signed with the time.
const SKEW: SignedDuration = SignedDuration::from_mins(4);

/// A cluster that is made by a machine whose clock is ahead is the same to one whose clock is behind, and the other way round; whatever
/// has an end by the clock of whoever asks, ends by no other.
pub async fn is_misled_by_no_clock<B: Bed>() {
    for skew in [SKEW, -SKEW] {
        let bed = B::open().await;
        let patient = |skew: SignedDuration| -> Ctx {
            // What is left of it must be enough, whoever counts.
            bed.ground()
                .cx_ahead_by(skew)
                .within(Duration::from_secs(3600))
        };
        let (maker, other) = (patient(skew), patient(-skew));
        let mut spec = bed.spec("dot");
        spec.lifetime = Some(Duration::from_secs(8 * 3600));
        make(&bed, &maker, &spec).await.expect("a cluster");
        for cx in [&maker, &other] {
            let mut known = Known::new();
            for resource in plan(&bed, cx, &spec).await.expect("a plan") {
                let seen = bed.provider().observe(cx, &resource, &known).await;
                let seen = seen.expect("an observation");
                assert_eq!((seen.state, &*seen.differs), (State::Ready, &[][..]));
                known.insert(resource.id.clone(), seen.outputs);
            }
            let found = bed.provider().discover(cx, Scope::of(&spec.name)).await;
            assert_eq!(found.expect("discovery"), audit(&bed).await);
        }
        make(&bed, &other, &spec).await.expect("the same cluster");
        let tags = audit(&bed).await.into_iter().find_map(|it| it.tags);
        let tags = tags.expect("tags");
        let expires = tags.expires.expect("an end");
        let lasts = expires.as_second() - tags.created.as_second();
        assert_eq!(lasts, 8 * 3600);
        unmake(&bed, &other, &spec.name).await.expect("a deletion");
        assert_eq!(audit(&bed).await, []);
    }
}
