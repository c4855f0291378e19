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
        let mut given_up: Vec<&str> = receipt
            .left
            .iter()
            .filter_map(|it| it.split(" (").next())
            .collect();
        given_up.sort_unstable();
        assert_eq!(
            given_up,
            ["Service default/web", "SubnetGroup default/alone"],
            "{receipt:#?}"
        );
        assert!(
            receipt
                .left
                .iter()
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
    // It stays known until somebody has looked after it.
    world.run(&DESTROY).expect(5);
    Receipt::read(&world).check(&world);
    world.run(&["clean", "--yes"]).expect(0);
    world.run(&DESTROY).expect(0);
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

#[test]
fn when_a_job_is_ended_all_that_is_left_is_asked_to_go() {
    let stuck = "[[managed]]\nkind = \"Instance\"\nfails = \"busy\"\n";
    let faults = ["--rehearse-faults", "faults.toml"];
    let signalled = [&DESTROY[..], &faults].concat();
    let timed = [&signalled[..], &["--timeout", "4m"]].concat();
    for by_signal in [true, false] {
        // What a signal leaves time for is counted in seconds.
        let world = if by_signal { full_at("1") } else { full() };
        world.write("faults.toml", stuck);
        let ran = if by_signal {
            let (going, _) = world.hold(5, "after", &signalled);
            going.signal(Signal::TERM);
            world.let_go();
            going.end().expect(130)
        } else {
            world.run(&timed).expect(5)
        };
        ran.says("asked to go, and not waited for");
        let api = world.api();
        let database =
            "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/instances/db-rdsinstance";
        let there = api.get(database).expect("the database");
        assert!(there["metadata"]["deletionTimestamp"].is_string());
        let world = world.rest().wake();
        world.write("faults.toml", "");
        world.run(&signalled).expect(0);
        expect_only_what_is_kept(&world);
    }
}
