//! Calls that fail: each once, or from each on.

use std::{env, time::Duration};

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

/// The places, from 1, of the calls that are made to fail, in a making and in the deletion after it.
#[derive(Clone)]
struct Targets {
    making: Vec<u64>,
    deletion: Vec<u64>,
}

impl Targets {
    /// Finds them in an undisturbed life: all, and those that change something. With `WINDLASS_SWEEP=full` each counts as a change; with
    /// `WINDLASS_SWEEP=sample` all are, of a call that is made again and again while something is awaited, the first and the last.
    async fn of<B: Bed>() -> [Self; 2] {
        let bed = B::open().await;
        let spec = bed.spec("dot");
        let (cx, in_making) = bed.ground().noting();
        make(&bed, &cx, &spec).await.expect("a cluster");
        let (cx, in_deletion) = bed.ground().noting();
        unmake(&bed, &cx, &spec.name).await.expect("a deletion");
        let how = env::var("WINDLASS_SWEEP").unwrap_or_default();
        let (making, deletion) = match how.as_str() {
            "sample" => (in_making.telling(), in_deletion.telling()),
            _ => (in_making.all(), in_deletion.all()),
        };
        let all = Self { making, deletion };
        if how == "full" {
            return [all.clone(), all];
        }
        let changing = Self {
            making: in_making.changing(),
            deletion: in_deletion.changing(),
        };
        assert!(!changing.making.is_empty(), "a making that calls nobody");
        let some = !changing.deletion.is_empty();
        assert!(some, "a deletion that calls nobody");
        [all, changing]
    }

    /// Returns one of each for every life.
    fn pairs(&self) -> impl Iterator<Item = (Option<u64>, Option<u64>)> {
        let lives = self.making.len().max(self.deletion.len());
        let get = |list: &[u64], at| list.get(at).copied();
        (0..lives).map(move |at| (get(&self.making, at), get(&self.deletion, at)))
    }
}

/// Each call of a making is lost once: the making bears it, or the same again does, and there is one cluster in the end.
pub async fn bears_each_call_of_a_making_lost_once<B: Bed>() {
    let [all, changing] = Targets::of::<B>().await;
    // Whether the answer of a call that only reads is lost, or the call, is the same.
    for (trouble, targets) in [(Trouble::LostBefore, all), (Trouble::LostAfter, changing)] {
        for nth in &targets.making {
            let bed = B::open().await;
            let spec = bed.spec("dot");
            let (cx, calls) = bed.ground().noting();
            bed.trouble(trouble, *nth).await;
            let made = make(&bed, &cx, &spec).await;
            bed.calm().await;
            if calls.count() < *nth {
                // Not every life has as many.
                made.expect("a cluster, undisturbed");
                continue;
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
    let [all, changing] = Targets::of::<B>().await;
    for (trouble, targets) in [(Trouble::LostBefore, all), (Trouble::LostAfter, changing)] {
        for nth in &targets.deletion {
            let bed = B::open().await;
            let spec = bed.spec("dot");
            make(&bed, &bed.ground().cx(), &spec)
                .await
                .expect("a cluster");
            let (cx, calls) = bed.ground().noting();
            bed.trouble(trouble, *nth).await;
            let gone = unmake(&bed, &cx, &spec.name).await;
            bed.calm().await;
            if calls.count() < *nth {
                // Not every life has as many.
                gone.expect("a deletion, undisturbed");
                continue;
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
    let [all, _] = Targets::of::<B>().await;
    for (of_making, of_deletion) in all.pairs() {
        let bed = B::open().await;
        let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
        if let Some(nth) = of_making {
            bed.trouble(Trouble::Denied, nth).await;
            expect_denied(make(&bed, &cx, &spec).await.map(drop), nth);
            bed.calm().await;
            audit(&bed).await;
        }
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
        if let Some(nth) = of_deletion {
            bed.trouble(Trouble::Denied, nth).await;
            expect_denied(unmake(&bed, &cx, &spec.name).await.map(drop), nth);
            bed.calm().await;
            audit(&bed).await;
        }
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

/// Each call of a making and of a deletion is throttled once, and each that changes something meets a platform that is not well: it is
/// borne, or told as what passes by itself.
pub async fn bears_throttling<B: Bed>() {
    if !B::open().await.can(Ability::Throttling) {
        return;
    }
    let [all, changing] = Targets::of::<B>().await;
    for (trouble, targets) in [(Trouble::Throttled, all), (Trouble::Unwell, changing)] {
        for (of_making, of_deletion) in targets.pairs() {
            let bed = B::open().await;
            let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
            if let Some(nth) = of_making {
                bed.trouble(trouble, nth).await;
                expect_passing(make(&bed, &cx, &spec).await.map(drop), nth);
                bed.calm().await;
            }
            make(&bed, &cx, &spec).await.expect("a cluster");
            expect_whole(&bed, &spec).await;
            if let Some(nth) = of_deletion {
                bed.trouble(trouble, nth).await;
                expect_passing(unmake(&bed, &cx, &spec.name).await.map(drop), nth);
                bed.calm().await;
            }
            unmake(&bed, &cx, &spec.name).await.expect("a deletion");
            assert_eq!(audit(&bed).await, []);
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
