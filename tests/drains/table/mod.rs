//! What stands in the way of a drain: each kind that is drained, stuck by each cause that there is for it. The receipt tells exactly
//! what is left, what holds it is told down to its controller, and once that is mended the same command ends the work.

mod held;
mod refused;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    furniture::{KEPT, expect_only_what_is_kept, full},
    receipt::Receipt,
    world::World,
};

/// Something in the way.
struct Case {
    name: &'static str,
    /// What is done to the world before.
    before: fn(&World),
    /// The file of faults.
    faults: &'static str,
    /// How the destroy ends.
    code: i32,
    /// What it says, in this order.
    says: &'static [&'static str],
    /// What else is told as left: nobody can tell that nothing is behind it.
    beyond: &'static [&'static str],
    /// What is done to the world afterwards, so that the next destroy comes to its end.
    after: fn(&World),
}

fn nothing(_: &World) {}

/// One that leaves something, until it is mended.
const STUCK: Case = Case {
    name: "",
    before: nothing,
    faults: "",
    code: 5,
    says: &[],
    beyond: &[],
    after: nothing,
};

/// One that is borne.
const GONE: Case = Case {
    code: 0,
    says: &["nothing is left behind, but for what is kept on purpose"],
    ..STUCK
};

/// How many cases are under way at once: most of the time each waits.
const SIDE_BY_SIDE: usize = 12;

#[test]
fn whatever_stands_in_the_way_is_told_and_what_is_left_is_exactly_that() {
    let only = std::env::var("WINDLASS_CASE").unwrap_or_default();
    let cases: Vec<&Case> = [held::CASES, refused::CASES]
        .into_iter()
        .flatten()
        .filter(|case| case.name.contains(&only))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tried = catch_unwind(AssertUnwindSafe(|| try_case(case)));
                    if tried.is_err() {
                        failures.lock().expect("no worker panics").push(case.name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no worker panics");
    assert!(failures.is_empty(), "{failures:#?}");
}

fn try_case(case: &Case) {
    let world = full();
    (case.before)(&world);
    world.write("faults.toml", case.faults);
    let faults = [
        "--rehearse-faults",
        "faults.toml",
        "--receipt",
        "receipt.json",
    ];
    // Without a budget: when that runs out, what is asked to go goes on going behind the receipt's back.
    let ran = world.run(&[&["destroy", "kind"][..], &faults].concat());
    let ran = ran.expect(case.code);
    let mut rest = ran.text.as_str();
    for part in case.says {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{}: \"{part}\" is missing\n{}", case.name, ran.text));
        rest = &rest[at..];
    }
    let mut receipt = Receipt::read(&world);
    receipt
        .left
        .retain(|line| !case.beyond.iter().any(|name| line.starts_with(name)));
    receipt.check(&world);
    assert_eq!(world.has_cluster(), case.code != 0, "{receipt:#?}");
    if case.code != 0 {
        // The last word of what is kept is told each time.
        assert_eq!(
            receipt.kept.len(),
            KEPT.len() + 1,
            "{}: {receipt:#?}",
            case.name
        );
        (case.after)(&world);
        world.write("faults.toml", "");
        let ran = world.run(&[&["destroy", "kind"][..], &faults].concat());
        ran.expect(0);
        Receipt::read(&world).check(&world);
    }
    expect_only_what_is_kept(&world);
}
