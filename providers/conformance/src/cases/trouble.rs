//! Calls that fail: each once, or from each on.

use std::{sync::atomic::Ordering, time::Duration};

use windlass_provider::{Ctx, Fault, Result, Scope};

use super::{audit, expect_whole, make, unmake};
use crate::{Ability, Bed, Trouble};

/// What the caller of a lost call must never be told: it would stop where the next try goes on.
const FINAL: [Fault; 4] = [
    Fault::Denied,
    Fault::Quota,
    Fault::Invalid,
    Fault::Cancelled,
];

/// Each call of a making is lost once: the making bears it, or the same again does, and there is one cluster in the end.
pub async fn bears_each_call_of_a_making_lost_once<B: Bed>() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter] {
        for nth in 1.. {
            let bed = B::open().await;
            let spec = bed.spec("dot");
            let (cx, calls) = bed.ground().counting();
            bed.trouble(trouble, nth).await;
            let made = make(&bed, &cx, &spec).await;
            bed.calm().await;
            if calls.load(Ordering::Relaxed) < nth {
                made.expect("a cluster, undisturbed");
                assert!(nth > 2, "a making that calls nobody");
                break;
            }
            if let Err(error) = made {
                assert!(!FINAL.contains(&error.fault), "call {nth}: {error:?}");
                audit(&bed).await;
                let again = make(&bed, &bed.ground().cx(), &spec).await;
                again.unwrap_or_else(|error| panic!("again after call {nth}: {error:?}"));
            }
            expect_whole(&bed, &spec).await;
        }
    }
}

/// Each call of a deletion is lost once: the deletion bears it, or the same again does, and nothing is left.
pub async fn bears_each_call_of_a_deletion_lost_once<B: Bed>() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter] {
        for nth in 1.. {
            let bed = B::open().await;
            let spec = bed.spec("dot");
            make(&bed, &bed.ground().cx(), &spec)
                .await
                .expect("a cluster");
            let (cx, calls) = bed.ground().counting();
            bed.trouble(trouble, nth).await;
            let gone = unmake(&bed, &cx, &spec.name).await;
            bed.calm().await;
            if calls.load(Ordering::Relaxed) < nth {
                gone.expect("a deletion, undisturbed");
                assert!(nth > 2, "a deletion that calls nobody");
                break;
            }
            if let Err(error) = gone {
                assert!(!FINAL.contains(&error.fault), "call {nth}: {error:?}");
                audit(&bed).await;
                let again = unmake(&bed, &bed.ground().cx(), &spec.name).await;
                again.unwrap_or_else(|error| panic!("again after call {nth}: {error:?}"));
            }
            assert_eq!(audit(&bed).await, []);
        }
    }
}

/// From whichever call on all are denied, that is what is told, nothing is half lost, and the same goes on once it is allowed.
pub async fn tells_denied_wherever_it_begins<B: Bed>() {
    for nth in 1.. {
        let bed = B::open().await;
        let spec = bed.spec("dot");
        let (cx, calls) = bed.ground().counting();
        bed.trouble(Trouble::Denied, nth).await;
        let made = make(&bed, &cx, &spec).await;
        if calls.load(Ordering::Relaxed) < nth {
            made.expect("a cluster, undisturbed");
            break;
        }
        expect_denied(made.map(drop), nth);
        bed.calm().await;
        audit(&bed).await;
        let cx = bed.ground().cx();
        make(&bed, &cx, &spec)
            .await
            .expect("a cluster, allowed again");
        expect_whole(&bed, &spec).await;

        bed.trouble(Trouble::Denied, 1).await;
        let provider = bed.provider();
        expect_denied(provider.facts(&cx, &spec).await.map(drop), 1);
        expect_denied(provider.discover(&cx, Scope::all()).await.map(drop), 1);
        expect_denied(provider.kubeconfig(&cx, &spec.name).await.map(drop), 1);
        bed.calm().await;
        let (cx, calls) = bed.ground().counting();
        bed.trouble(Trouble::Denied, nth).await;
        let gone = unmake(&bed, &cx, &spec.name).await;
        if calls.load(Ordering::Relaxed) >= nth {
            expect_denied(gone.map(drop), nth);
        }
        bed.calm().await;
        audit(&bed).await;
        let cx = bed.ground().cx();
        unmake(&bed, &cx, &spec.name)
            .await
            .expect("a deletion, allowed again");
        assert_eq!(audit(&bed).await, []);
    }
}

fn expect_denied(done: Result<()>, nth: u64) {
    match done {
        // What was denied did not matter.
        Ok(()) => assert!(nth > 1, "the first call does not matter"),
        Err(error) => assert_eq!(error.fault, Fault::Denied, "call {nth}: {error:?}"),
    }
}

/// Each call of a making and of a deletion is throttled once, or meets a platform that is not well: it is borne, or told as what passes
/// by itself.
pub async fn bears_throttling<B: Bed>() {
    if !B::open().await.can(Ability::Throttling) {
        return;
    }
    for trouble in [Trouble::Throttled, Trouble::Unwell] {
        for nth in 1.. {
            let bed = B::open().await;
            let spec = bed.spec("dot");
            let (cx, calls) = bed.ground().counting();
            bed.trouble(trouble, nth).await;
            let made = make(&bed, &cx, &spec).await;
            let in_making = calls.swap(0, Ordering::Relaxed);
            bed.calm().await;
            expect_passing(made.map(drop), nth);
            make(&bed, &bed.ground().cx(), &spec)
                .await
                .expect("a cluster");
            expect_whole(&bed, &spec).await;

            bed.trouble(trouble, nth).await;
            let gone = unmake(&bed, &cx, &spec.name).await;
            let in_deletion = calls.load(Ordering::Relaxed);
            bed.calm().await;
            expect_passing(gone.map(drop), nth);
            let gone = unmake(&bed, &bed.ground().cx(), &spec.name).await;
            gone.expect("a deletion");
            assert_eq!(audit(&bed).await, []);
            if in_making < nth && in_deletion < nth {
                break;
            }
        }
    }
}

fn expect_passing(done: Result<()>, nth: u64) {
    if let Err(error) = done {
        assert_eq!(error.fault, Fault::Transient, "call {nth}: {error:?}");
    }
}

/// Every second call is throttled, the whole life of a cluster long: with the patience that a run has for what passes by itself, all of
/// it comes to its end.
pub async fn bears_throttling_throughout<B: Bed>() {
    let bed = B::open().await;
    if !bed.can(Ability::Throttling) {
        return;
    }
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    for first in [1, 2] {
        bed.trouble(Trouble::Crowded, first).await;
        patiently(&cx, || make(&bed, &cx, &spec)).await;
        let provider = bed.provider();
        patiently(&cx, || provider.kubeconfig(&cx, &spec.name)).await;
        let found = patiently(&cx, || provider.discover(&cx, Scope::all())).await;
        assert!(!found.is_empty());
        bed.calm().await;
        expect_whole(&bed, &spec).await;
        bed.trouble(Trouble::Crowded, first).await;
        patiently(&cx, || unmake(&bed, &cx, &spec.name)).await;
        bed.calm().await;
        assert_eq!(audit(&bed).await, []);
    }
}

/// Tries again what passes by itself, as a run does.
async fn patiently<T, F: Future<Output = Result<T>>>(cx: &Ctx, mut work: impl FnMut() -> F) -> T {
    const TRIES: u32 = 10;
    for _ in 0..TRIES {
        match work().await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.fault, Fault::Transient, "{error:?}"),
        }
        cx.clock.sleep(Duration::from_secs(10)).await;
    }
    panic!("it does not get on: {TRIES} tries were not enough");
}
