//! A destroy that is cut short, or not alone: killed at any request of its drain, stopped by a signal, run twice, or left by the API.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    furniture::{KEPT, expect_only_what_is_kept, full, full_at},
    receipt::Receipt,
    world::World,
};

const DESTROY: [&str; 4] = ["destroy", "kind", "--receipt", "receipt.json"];

/// Kills a destroy while that request is held, which is then never answered; one that needs fewer comes to its end.
fn kill_at(world: &World, at: u64, when: &str, args: &[&str]) {
    let (going, held) = world.hold(at, when, args);
    if held.is_none() {
        going.end();
        return;
    }
    going.kill();
    world.let_go();
    world.tell("hold", &json!({ "at": Value::Null }));
}

/// Tries these numbers, some side by side; fails the test where one fails.
fn each(numbers: &[u64], check: impl Fn(u64) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let check = std::panic::AssertUnwindSafe(|| check(*number));
                    if std::panic::catch_unwind(check).is_err() {
                        failed.lock().expect("no worker panics").push(*number);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no worker panics");
    assert!(failed.is_empty(), "requests {failed:?}");
}

#[test]
fn killed_at_any_request_of_the_drain_the_same_command_ends_it() {
    let world = full();
    let before = count(&world);
    world.run(&DESTROY).expect(0);
    let requests = count(&world) - before;
    assert!(requests > 15, "{requests}");
    // Every second one, before and after it in turn; `resume` tries all of a smaller cluster.
    let some: Vec<u64> = (1..=requests).step_by(2).collect();
    each(&some, |at| {
        let world = full();
        let when = if at % 4 == 1 { "before" } else { "after" };
        kill_at(&world, at, when, &DESTROY);
        world.run(&DESTROY).expect(0);
        let receipt = Receipt::read(&world);
        receipt.check(&world);
        // What stays is remembered, be its object gone.
        assert_eq!(
            receipt.kept.len(),
            KEPT.len() + 1,
            "request {at}: {receipt:#?}"
        );
        expect_only_what_is_kept(&world);
    });
}

fn count(world: &World) -> u64 {
    let mutations = world.ask("mutations");
    mutations.as_array().expect("a list").len() as u64
}

#[test]
fn what_was_given_up_is_remembered_wherever_the_destroy_is_killed() {
    let stuck = "[[finalizer]]\nkind = \"SubnetGroup\"\nname = \"default/alone\"\n\n\
                 [[finalizer]]\nkind = \"Service\"\nname = \"default/web\"\n";
    let abandon = [
        &DESTROY[..],
        &["--abandon", "--rehearse-faults", "faults.toml"],
    ]
    .concat();
    let begin = || {
        let world = full();
        world.write("faults.toml", stuck);
        world
    };
    let expect = |world: &World| {
        let receipt = Receipt::read(world);
        receipt.check(world);
        // Once the cluster is gone, nobody can tell whether somebody has seen to it.
        let doubted = receipt.unproven.iter();
        let doubted = doubted.filter_map(|it| it.strip_prefix("whether "));
        let mut given_up: Vec<&str> = receipt
            .left
            .iter()
            .map(String::as_str)
            .chain(doubted)
            .filter_map(|it| it.split(" (").next())
            .collect();
        given_up.sort_unstable();
        assert_eq!(
            given_up,
            ["Service default/web", "SubnetGroup default/alone"],
            "{receipt:#?}"
        );
        let told = receipt.left.iter().chain(&receipt.unproven);
        assert!(
            told.into_iter()
                .all(|it| it.ends_with("given up, as --abandon asked"))
        );
        assert_eq!(receipt.kept.len(), KEPT.len() + 1, "{receipt:#?}");
        assert!(!world.has_cluster());
    };
    let world = begin();
    let before = count(&world);
    world
        .run(&abandon)
        .expect(5)
        .says("its finalizers were removed");
    expect(&world);
    let requests = count(&world) - before;
    // From the first finalizer that is removed on.
    let list = world.ask("mutations");
    let list = list
        .as_array()
        .expect("a list")
        .iter()
        .skip(usize::try_from(before).expect("few"));
    let asked: Vec<String> = list.map(Value::to_string).collect();
    let frees = |it: &String| it.contains("PATCH") && it.contains("/subnetgroups/alone");
    let first = asked.iter().position(frees).expect("one that is given up") as u64 + 1;
    let some: Vec<u64> = (first..=requests).step_by(3).collect();
    each(&some, |at| {
        let world = begin();
        kill_at(&world, at, "after", &abandon);
        // It is told once more as long as nobody takes the journal away.
        for _ in 0..2 {
            world.run(&abandon).expect(5);
            expect(&world);
        }
    });
}

#[test]
fn an_api_that_dies_for_good_is_done_without_and_what_is_not_proven_is_listed() {
    let world = full();
    let (going, request) = world.hold(3, "before", &DESTROY);
    let request = request.expect("a request");
    assert!(request.starts_with("DELETE"), "{request}");
    world
        .program(&["docker", "stop", "dot-control-plane"])
        .expect(0);
    world.let_go();
    let ran = going.end().expect(5);
    ran.says("has not answered for 5 minutes");
    let receipt = Receipt::read(&world);
    receipt.check(&world);
    assert!(!world.has_cluster());
    let doubted = |name: &str| receipt.unproven.iter().any(|line| line.contains(name));
    for name in [
        "Instance default/db-rdsinstance",
        "Service default/web",
        "PersistentVolume pvc-",
    ] {
        assert!(doubted(name), "{name}: {receipt:#?}");
    }
    stays_known_until_it_is_seen_to(&world);
}

/// Checks that a destroy which left something, and whose cluster is gone, says so again until the user lets its folder forget it; and
/// that one which knows of nothing claims nothing.
fn stays_known_until_it_is_seen_to(world: &World) {
    let before = Receipt::read(world);
    let again = world.run(&DESTROY).expect(5);
    again.says("delete it there; then let this folder forget it: ");
    assert!(!again.text.contains("go on from"), "{}", again.text);
    let receipt = Receipt::read(world);
    receipt.check(world);
    assert_eq!(receipt.left, [""; 0], "{receipt:#?}");
    let told = before.left.iter().chain(&before.unproven);
    for line in told {
        let name = line.strip_prefix("whether ").unwrap_or(line);
        let name = name.split(" (").next().expect("a name");
        let name = name.split(" is gone").next().expect("a name");
        let doubted = receipt.unproven.iter().any(|it| it.contains(name));
        assert!(doubted, "{name}: {receipt:#?}");
    }
    let elsewhere = world.start("elsewhere", &["destroy", "kind"]);
    let elsewhere = elsewhere.end().expect(0);
    elsewhere.says("there was nothing of cluster dot; if somebody else removed it");
    assert!(
        !elsewhere.text.contains("nothing is left"),
        "{}",
        elsewhere.text
    );
    world.run(&["clean", "--yes"]).expect(0);
    world.run(&DESTROY).expect(0);
}

#[test]
fn what_was_not_drained_stays_known_until_it_is_seen_to() {
    let world = full();
    let undrained = [&DESTROY[..], &["--skip-drain"]].concat();
    // Be it that it was killed before it told.
    kill_at(&world, 1, "after", &undrained);
    world.run(&undrained).expect(5);
    Receipt::read(&world).check(&world);
    stays_known_until_it_is_seen_to(&world);
}

#[test]
fn what_a_half_drained_cluster_held_that_somebody_else_removed_is_not_said_to_be_gone() {
    let world = full();
    kill_at(&world, 8, "after", &DESTROY);
    let gone = world.program(&["kind", "delete", "cluster", "--name", "dot"]);
    gone.expect(0);
    world.run(&DESTROY).expect(5);
    Receipt::read(&world).check(&world);
    stays_known_until_it_is_seen_to(&world);
}

#[test]
fn a_cluster_that_is_stopped_is_not_said_to_have_left_nothing() {
    let world = full();
    world
        .program(&["docker", "stop", "dot-control-plane"])
        .expect(0);
    let ran = world.run(&DESTROY).expect(5);
    ran.says("whether objects in cluster dot hold cloud resources: its API does not answer");
    assert!(!world.has_cluster());
    let again = world.run(&DESTROY).expect(5);
    again.says("whether objects in cluster dot hold cloud resources");
    again.says("let this folder forget it: ");
    // Another cluster of that name cannot be asked what the first one held.
    world.run(&["cluster", "create", "kind"]).expect(0);
    let again = world.run(&DESTROY).expect(5);
    again.says("whether objects in cluster dot hold cloud resources");
    world.run(&["clean", "--yes"]).expect(0);
    world.run(&DESTROY).expect(0);
}

#[test]
fn a_budget_that_is_used_up_by_looking_still_has_all_asked_to_go() {
    // Time goes at a pace: where it leaps, a busy machine asks too slowly.
    let world = full_at("10");
    world.write(
        "faults.toml",
        "[[request]]\nnth = 3\ncount = 1\nlatency = \"70s\"\n",
    );
    let faults = ["--rehearse-faults", "faults.toml", "--timeout", "1m"];
    let ran = world.run(&[&DESTROY[..], &faults].concat()).expect(5);
    ran.says("0 of ");
    ran.says("warning: asked to go, and not waited for: ");
    let service = world.api().get("api/v1/namespaces/default/services/web");
    let there = service.is_some_and(|it| it["metadata"]["deletionTimestamp"].is_null());
    assert!(!there, "{}", ran.text);
    assert!(world.has_cluster());
}

#[test]
fn a_budget_too_short_to_find_an_api_dead_leaves_all_as_it_is() {
    // Time goes at a pace: what leaps would leap over the fault.
    let world = full_at("20");
    let held = world.clouds();
    world.write("faults.toml", "[[request]]\ncount = 1\ndown = \"1h\"\n");
    let faults = ["--rehearse-faults", "faults.toml", "--timeout", "70s"];
    let ran = world.run(&[&DESTROY[..], &faults].concat());
    ran.expect(5)
        .says("whether objects in cluster dot hold cloud resources: its API does not answer");
    assert!(world.has_cluster());
    assert_eq!(world.clouds(), held);
}

#[test]
fn who_may_not_look_destroys_nothing_unless_told_to() {
    let world = full();
    let held = world.clouds();
    world.write(
        "faults.toml",
        "[[request]]\npath = \"/apis/rds.aws.m.upbound.io/**\"\nstatus = 403\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let refused = world.run(&[&DESTROY[..], &faults].concat()).expect(6);
    refused.says("cannot look at what objects in cluster dot hold outside of it");
    refused.says("--skip-drain");
    assert!(world.has_cluster());
    assert_eq!(world.clouds(), held);
    world
        .run(&[&DESTROY[..], &faults, &["--skip-drain"]].concat())
        .expect(5);
    let receipt = Receipt::read(&world);
    assert!(!receipt.unproven.is_empty(), "{receipt:#?}");
    assert!(!world.has_cluster());
}

#[test]
fn two_destroys_at_once_lose_nothing() {
    let world = full();
    let (first, _) = world.hold(4, "before", &DESTROY);
    // In the same folder the second is told who is at work.
    let second = world.run(&["destroy", "kind"]).expect(1);
    second.says(&format!("process {}", first.id()));
    // From another folder, or another machine, it does the same work.
    let other = world.start("elsewhere", &["destroy", "kind"]);
    world.let_go();
    let (first, other) = (first.end(), other.end());
    // The slower one may find the cluster gone beneath it, and then cannot prove what the other did; run again, it sees that all
    // is done.
    let codes = [first.code, other.code];
    assert!(codes.contains(&0), "{}\n{}", first.text, other.text);
    assert!(
        codes.iter().all(|code| [0, 3, 5].contains(code)),
        "{}\n{}",
        first.text,
        other.text
    );
    let again = world.start("elsewhere", &["destroy", "kind"]).end();
    match other.code {
        5 => again.expect(5).says("not proven to be gone"),
        _ => drop(again.expect(0)),
    };
    expect_only_what_is_kept(&world);
}

/// How a job ends before its work is done.
enum End {
    /// By SIGTERM, while the request of this number is under way.
    Signal(u64),
    /// By its budget.
    Timeout(&'static str),
}

#[test]
fn when_a_job_is_ended_all_that_is_left_is_asked_to_go() {
    let stuck = "[[managed]]\nkind = \"Instance\"\nfails = \"busy\"\n";
    let faults = ["--rehearse-faults", "faults.toml"];
    let destroy = [&DESTROY[..], &faults].concat();
    let ends = [
        // The first phase lets Flux rest, and deletes nothing.
        End::Signal(1),
        End::Signal(5),
        // All of it is the reserve.
        End::Timeout("1m"),
        End::Timeout("2m"),
    ];
    for end in ends {
        // What a signal leaves time for is counted in seconds, and what a budget does in a minute.
        let world = match end {
            End::Signal(_) => full_at("1"),
            End::Timeout(_) => full_at("10"),
        };
        world.write("faults.toml", stuck);
        let ran = match end {
            End::Signal(at) => {
                let (going, _) = world.hold(at, "after", &destroy);
                going.signal(Signal::TERM);
                world.let_go();
                going.end().expect(130)
            }
            End::Timeout(budget) => world
                .run(&[&destroy[..], &["--timeout", budget]].concat())
                .expect(5),
        };
        ran.says("asked to go, and not waited for: ");
        // Nobody gives it up for that alone.
        assert!(!ran.text.contains("--abandon"), "{}", ran.text);
        let database =
            "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/instances/db-rdsinstance";
        let service = "api/v1/namespaces/default/services/web";
        for path in [database, service] {
            let there = world.api().get(path);
            let there = there.is_some_and(|it| it["metadata"]["deletionTimestamp"].is_null());
            assert!(!there, "{path} was not asked to go: {}", ran.text);
        }
        let receipt = Receipt::read(&world);
        let told = "Instance default/db-rdsinstance (";
        let told = receipt.left.iter().find(|it| it.starts_with(told));
        let told = told.unwrap_or_else(|| panic!("{receipt:#?}"));
        assert!(told.ends_with(": asked to go, and not gone yet"), "{told}");
        assert!(world.has_cluster());
        let world = world.rest().wake();
        world.write("faults.toml", "");
        world.run(&destroy).expect(0);
        expect_only_what_is_kept(&world);
    }
}
