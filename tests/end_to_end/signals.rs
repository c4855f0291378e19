//! A setup that is interrupted, killed or out of time, and how it goes on.

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    bed::Bed,
    process::{Going, Pipe, Served},
};

const SETUP: &[&str] = &["setup", "kind", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "kind", "--rehearse"];
const AGAIN: &str = "windlass setup kind --rehearse";

/// Returns how many containers and clusters were ever alive.
fn lives(world: &Served) -> usize {
    world.ask("history").as_array().map_or(0, Vec::len)
}

/// Runs a setup to its first request to the cluster, which is held.
fn start<'b>(bed: &'b Bed, world: &Served) -> Going<'b> {
    // Those before it make the cluster: kind itself and its five stages.
    world.hold(7, "before");
    let going = bed.start(&mut bed.command(SETUP));
    let held = world.held();
    assert!(held.contains("/namespaces/windlass-system"), "{held}");
    going
}

/// Runs setup again and down, and checks that it all was one cluster and that nothing is left.
fn go_on(bed: &Bed, world: &Served, clusters: usize) {
    let again = bed.run(SETUP).expect(0);
    assert!(again.out.contains("done in"), "{}", again.out);
    // A cluster is one container and one cluster.
    assert_eq!(lives(world), 2 * clusters, "{}", world.ask("history"));
    bed.run(&["status", "--rehearse"]).expect(0);
    bed.run(DESTROY).expect(0);
    assert!(world.containers().is_empty());
}

#[test]
fn an_interrupted_setup_lets_its_steps_end_and_says_how_to_go_on() {
    for signal in [Signal::INT, Signal::TERM] {
        let bed = Bed::new();
        let world = bed.serve();
        let mut going = start(&bed, &world);
        going.signal(signal);
        going.says("interrupted: ");
        world.release();
        let ran = going.end().expect(130);
        let hint = format!(": {AGAIN}\n");
        assert!(ran.err.ends_with(&hint), "{}", ran.err);
        assert!(
            ran.err.contains("hint: go on from step") && ran.err.contains("of 10: "),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("was interrupted"), "{}", ran.err);
        assert!(ran.out.contains(AGAIN), "{}", ran.out);
        // What was running was let end: nothing is begun that is not done.
        let began = ran.err.matches("] begin ").count();
        assert_eq!(ran.err.matches("] done ").count(), began, "{}", ran.err);

        let again = bed.run(SETUP).expect(0);
        assert!(
            again.err.contains("resumed") || again.err.contains("] skip"),
            "{}",
            again.err
        );
        go_on(&bed, &world, 1);
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let bed = Bed::new();
    let world = bed.serve();
    let mut going = start(&bed, &world);
    going.signal(Signal::INT);
    going.says("interrupt again to stop");
    going.signal(Signal::INT);
    // The request is held still: nothing else could end it.
    let ran = going.end().expect(130);
    assert!(ran.err.ends_with(&format!(": {AGAIN}\n")), "{}", ran.err);
    assert!(world.ask("held")["held"].is_null());
    go_on(&bed, &world, 1);
}

#[test]
fn an_interruption_before_any_change_says_that_nothing_was_changed() {
    let bed = Bed::new();
    // Programs that say that they have begun, and then wait for ever.
    let (began, never) = (Pipe::make(&bed, "began"), Pipe::make(&bed, "never"));
    let script = format!("echo here >'{began}'; read -r _ <'{never}'");
    let programs = bed.programs(&[("kind", &script), ("docker", &script)]);
    let going = bed.start(bed.command(&["setup", "kind"]).env("PATH", programs));
    began.wait();
    going.signal(Signal::INT);
    let ran = going.end().expect(130);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
    assert!(bed.list().is_empty(), "{:?}", bed.list());
}

#[test]
fn out_of_time_is_told_and_gone_on_from() {
    let bed = Bed::new();
    let world = bed.serve();
    // The cluster takes longer than that, on the world's clock.
    let ran = bed.run(&[SETUP, &["--timeout", "20s"]].concat()).expect(7);
    assert!(ran.err.contains("ran out of time"), "{}", ran.err);
    assert!(ran.err.ends_with(&format!(": {AGAIN}\n")), "{}", ran.err);
    let again = bed.run(SETUP).expect(0);
    assert!(again.out.contains("done in"), "{}", again.out);
    assert_eq!(world.containers(), ["dot-control-plane"]);
    bed.run(DESTROY).expect(0);
    assert!(world.containers().is_empty());
}

#[test]
fn a_killed_setup_waits_for_the_program_that_it_left_behind() {
    let bed = Bed::new();
    let world = bed.serve();
    world.hold(1, "before");
    let killed = bed.start(&mut bed.command(SETUP));
    assert!(world.held().contains("kind create cluster"));
    killed.signal(Signal::KILL);
    assert_eq!(killed.end().code, -1);
    // The program is alive still, and so is its request.
    assert!(!world.ask("held")["held"].is_null());
    let mut again = bed.start(&mut bed.command(SETUP));
    again.says("waiting for a program that an earlier run started to end");
    assert_eq!(world.ask("mutations").as_array().map(Vec::len), Some(1));
    world.release();
    let ran = again.end().expect(0);
    assert!(ran.out.contains("done in"), "{}", ran.out);
    go_on(&bed, &world, 1);
}

#[test]
fn a_setup_that_is_asked_for_something_else_says_what_differs() {
    for (flag, nodes) in [("--resume", 1), ("--replan", 2)] {
        let bed = Bed::new();
        let world = bed.serve();
        bed.write("windlass.toml", "[platform]\nnamespaces = [\"one\"]\n");
        let mut going = start(&bed, &world);
        going.signal(Signal::INT);
        going.says("interrupted: ");
        world.release();
        going.end().expect(130);

        bed.write(
            "windlass.toml",
            "[platform]\nnamespaces = [\"one\", \"two\"]\n",
        );
        let before = world.ask("mutations");
        let asked = bed.run(SETUP).expect(1);
        for part in [
            "an unfinished setup of cluster dot was asked for something else",
            "one",
            "two",
            "--resume",
            "--replan",
        ] {
            assert!(asked.err.contains(part), "{part}:\n{}", asked.err);
        }
        assert_eq!(world.ask("mutations"), before, "something was changed");

        bed.run(&[SETUP, &[flag]].concat()).expect(0);
        let namespaces: Vec<String> = world
            .objects("dot")
            .into_iter()
            .filter(|object| ["Namespace /one", "Namespace /two"].contains(&object.as_str()))
            .collect();
        assert_eq!(namespaces.len(), nodes, "{flag}: {namespaces:?}");
        // From now on it converges without a flag.
        bed.run(SETUP).expect(0);
        assert!(world.objects("dot").contains(&"Namespace /two".to_owned()));
    }
}

#[test]
fn an_interrupted_destroy_goes_on() {
    let bed = Bed::new();
    let world = bed.serve();
    // How many requests the drain sends before, a whole destroy tells.
    bed.run(SETUP).expect(0);
    let before = world.ask("mutations");
    bed.run(DESTROY).expect(0);
    let all = world.ask("mutations");
    let count = |mutations: &Value| mutations.as_array().map_or(0, Vec::len);
    let at = all.as_array().expect("mutations")[count(&before)..]
        .iter()
        .position(|it| it.to_string().contains("kind delete cluster"))
        .expect("a deletion");
    bed.run(SETUP).expect(0);
    world.hold(at as u64 + 1, "after");
    let mut going = bed.start(&mut bed.command(DESTROY));
    assert!(world.held().contains("kind delete cluster"));
    going.signal(Signal::TERM);
    going.says("interrupted: ");
    world.release();
    let ran = going.end().expect(130);
    assert!(
        ran.err.ends_with(": windlass destroy kind --rehearse\n"),
        "{}",
        ran.err
    );
    bed.run(DESTROY).expect(0);
    assert!(world.containers().is_empty());
    assert!(bed.text("rehearsal/.env").is_none());
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(
        serde_json::from_str::<Value>(&list.out).expect("JSON"),
        serde_json::json!([])
    );
}
