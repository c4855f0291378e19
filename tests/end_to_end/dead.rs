//! A cluster whose API is dead: destroy goes on by its marks and the provider, and says what could not be proven.

use rustix::process::Signal;
use serde_json::Value;

use crate::{bed::Bed, components::says, drains::raise, process::Served};

const DESTROY: &[&str] = &["destroy", "kind", "--rehearse", "--receipt", "receipt.json"];

/// Destroys the cluster, and checks that its receipt owns up to the load balancer that the world still has.
#[track_caller]
fn goes_on(bed: &Bed, world: &Served) {
    let before = world.ask("assets");
    assert_eq!(before.as_array().map(Vec::len), Some(1));
    let ran = bed.run(DESTROY).expect(5);
    says(&ran, "whether objects in cluster dot hold cloud resources");
    assert!(!ran.out.contains("nothing is left behind"), "{}", ran.out);
    // It is said before anything is deleted, too.
    let warned = ran.err.find("warning: nobody can tell whether objects");
    assert!(
        warned.is_some() && warned < ran.err.find("] begin "),
        "{}",
        ran.err
    );
    let receipt = bed.text("receipt.json").expect("a receipt");
    let receipt: Value = serde_json::from_str(&receipt).expect("JSON");
    assert_eq!(receipt["unproven"].as_array().map(Vec::len), Some(1));
    assert_eq!(receipt["removed"][0]["what"], "kind cluster dot");
    assert_eq!(world.containers(), [""; 0]);
    assert_eq!(world.ask("assets"), before);
}

#[test]
fn a_cluster_that_is_stopped_goes_and_what_it_may_hold_is_not_proven() {
    let bed = Bed::new();
    let world = raise(&bed);
    world
        .program(&bed, "docker", &["stop", "dot-control-plane"])
        .expect(0);
    goes_on(&bed, &world);
    // Once more: nothing is there to be looked at, and nothing is proven thereby, until somebody has seen to it.
    let again = bed.run(DESTROY).expect(5);
    says(
        &again,
        "whether objects in cluster dot hold cloud resources",
    );
    says(&again, "forget it: windlass clean --rehearse");
    bed.run(&["clean", "--yes", "--rehearse"]).expect(0);
    let none = bed.run(DESTROY).expect(0);
    says(&none, "there was nothing of cluster dot");
}

#[test]
fn a_cluster_without_its_control_plane_goes_and_what_it_held_is_not_proven() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        "[clusters.dot]\nnodes = { min = 2, max = 2 }\n",
    );
    let world = raise(&bed);
    world
        .program(&bed, "docker", &["rm", "-f", "dot-control-plane"])
        .expect(0);
    assert_eq!(world.containers(), ["dot-worker"]);
    goes_on(&bed, &world);
}

#[test]
fn what_a_killed_destroy_had_drained_is_proven_to_whoever_has_its_journal() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        "[clusters.dot]\nnodes = { min = 2, max = 2 }\n",
    );
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    // Killed when all is drained, and before the cluster goes; of that, the control-plane goes first.
    world.hold(1, "before");
    let going = bed.start(&mut bed.command(&["destroy", "kind", "--rehearse"]));
    let held = world.held();
    assert!(held.starts_with("kind delete cluster"), "{held}");
    going.signal(Signal::KILL);
    going.end();
    world.tell("release", &serde_json::json!({"answer": false}));
    world
        .program(&bed, "docker", &["rm", "-f", "dot-control-plane"])
        .expect(0);
    let here = bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
    says(&here, "nothing is left behind");
    assert_eq!(world.containers(), [""; 0]);
}
