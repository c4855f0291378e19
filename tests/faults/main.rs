//! What a user sees of faults: each test lets a rehearsal misbehave, and looks at how the command ends, at what it says and at
//! what is there afterwards.

mod bed;
mod components;

use bed::{Bed, Ran};

const SETUP: &[&str] = &["setup", "kind"];
const DESTROY: &[&str] = &["destroy", "kind"];

/// Sets a platform up under faults that it must bear; it is well afterwards, and goes without leaving anything.
#[track_caller]
fn bears(faults: &str) -> Ran {
    let bed = Bed::new();
    let up = bed.misbehave(SETUP, faults).expect(0);
    bed.run(&["status"]).expect(0);
    bed.run(DESTROY).expect(0);
    let list = bed
        .run(&["cluster", "list", "--all", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
    up
}

/// Sets a platform up under faults that stop it with `code`, and goes on without them.
#[track_caller]
fn stops(faults: &str, code: i32) -> Ran {
    let bed = Bed::new();
    let stopped = bed.misbehave(SETUP, faults).expect(code);
    stopped.says("go on from step");
    stopped.says("windlass setup kind --rehearse");
    bed.run(SETUP).expect(0);
    bed.run(&["status"]).expect(0);
    bed.run(DESTROY).expect(0);
    stopped
}

#[test]
fn throttling_is_waited_out() {
    bears(
        "[[request]]\nmethod = \"PATCH\"\nevery = 3\ncount = 8\nstatus = 429\nretry-after = \"2s\"\n",
    );
}

#[test]
fn errors_of_the_server_are_tried_again() {
    bears(
        "[[request]]\nnth = 4\nevery = 4\ncount = 8\nstatus = 503\n\n[[request]]\nnth = 20\ncount = 3\nstatus = 500\n",
    );
}

#[test]
fn lost_connections_are_opened_again() {
    bears(
        "[[request]]\nmethod = \"PATCH\"\nnth = 3\nevery = 5\ncount = 5\nreset = \"after\"\n\n\
         [[request]]\nnth = 7\nevery = 9\ncount = 5\nreset = \"before\"\n",
    );
}

#[test]
fn chance_is_borne_with_and_comes_from_the_seed() {
    bears(
        "seed = 11\n\n[[request]]\nprobability = 0.1\nstatus = 503\n\n[[request]]\nprobability = 0.1\nlatency = \"3s\"\n",
    );
}

#[test]
fn a_watch_that_falls_silent_is_opened_again() {
    let up = bears(
        "[[request]]\nmethod = \"WATCH\"\npath = \"**/helmreleases\"\ncount = 2\nsilent = true\n",
    );
    assert!(!up.err.contains("ran out"), "{}", up.err);
}

#[test]
fn an_api_server_that_dies_is_awaited() {
    let up = bears(
        "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/helm.toolkit.fluxcd.io/**/traefik\"\ncount = 1\ndown = \"90s\"\n",
    );
    up.says("cannot apply HelmRelease flux-system/traefik");
}

#[test]
fn a_credential_that_expires_is_renewed() {
    bears("[[request]]\nmethod = \"PATCH\"\nnth = 5\nevery = 4\ncount = 4\nstatus = 401\n");
    bears("[[request]]\nmethod = \"WATCH\"\npath = \"**/helmreleases\"\ncount = 2\nstatus = 401\n");
}

#[test]
fn a_credential_that_is_not_taken_stops_the_run_and_says_so() {
    let stopped = stops(
        "[[request]]\nmethod = \"PATCH\"\nnth = 5\nstatus = 401\n",
        6,
    );
    stopped.says("caused by: Unauthorized");
    stopped.says("hint: the API does not take this credential");
}

#[test]
fn an_error_that_lasts_ends_with_the_time_of_its_step() {
    let faults = "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/source**\"\nstatus = 500\nmessage = \"etcd is full\"\n";
    let stopped = stops(faults, 7);
    stopped.says("the time ran out");
    stopped.says("etcd is full");
}

#[test]
fn a_step_whose_time_runs_out_says_what_was_missing() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nlatency = \"2h\"\n";
    let stopped = stops(faults, 7);
    stopped.says("HelmRelease flux-system/traefik");
    stopped.says("Deployment traefik/traefik");
    stopped.says("this step may take 900 seconds");
}

#[test]
fn a_chart_that_fails_is_told_with_what_helm_said() {
    let bed = Bed::new();
    let faults = "[[chart]]\nname = \"flux-system/traefik\"\nfails = \"the chart is broken\"\n";
    let stopped = bed.misbehave(SETUP, faults).expect(3);
    stopped.says("HelmRelease flux-system/traefik failed");
    stopped.says("the chart is broken");
    stopped.says("kubectl describe -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik");
    bed.run(DESTROY).expect(0);
}

#[test]
fn a_chart_that_exhausted_its_retries_is_tried_again_by_the_next_run() {
    let bed = Bed::new();
    let faults = "[[chart]]\nname = \"flux-system/traefik\"\nfails = \"the registry is down\"\n";
    let stopped = bed.misbehave(SETUP, faults).expect(3);
    stopped.says("RetriesExceeded: Failed to install after 4 attempt(s)");
    bed.run(SETUP).expect(0);
    bed.run(&["status"]).expect(0);
    // Nothing is left to ask for: the next run finds all as it is wanted.
    bed.run(SETUP)
        .expect(0)
        .says("install Traefik 41.3.0 (already there");
}

#[test]
fn charts_that_fail_once_or_are_slow_are_awaited() {
    bears(
        "[[chart]]\nname = \"*/traefik\"\ncount = 1\nfails = \"the registry is busy\"\n\n[[chart]]\nlatency = \"90s\"\n",
    );
}

#[test]
fn an_image_that_cannot_be_pulled_is_told() {
    let bed = Bed::new();
    let faults = "[[pod]]\nimage = \"quay.io/jetstack/**\"\nfate = \"missing\"\n";
    let stopped = bed.misbehave(SETUP, faults).expect(3);
    stopped.says("ImagePullBackOff");
    stopped.says("hint: check the image's name and tag");
    bed.run(DESTROY).expect(0);
}

#[test]
fn a_pod_that_no_node_has_room_for_is_told() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"unschedulable\"\n";
    let stopped = stops(faults, 3);
    stopped.says("Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.");
}

#[test]
fn pods_that_start_slowly_are_awaited() {
    bears("[[pod]]\nname = \"traefik/*\"\nlatency = \"1m\"\n");
}

#[test]
fn a_program_that_fails_or_is_cut_off_is_run_again() {
    let failing = "[[program]]\nprogram = \"kind\"\nverb = \"create cluster\"\nexit = 1\nmessage = \"ERROR: boom\"\n";
    stops(failing, 3).says("caused by: ERROR: boom");
    stops(
        "[[program]]\nverb = \"create cluster\"\nreset = \"after\"\n",
        3,
    );
}

#[test]
fn mistakes_in_the_file_are_told_before_anything_happens() {
    let bed = Bed::new();
    let wrong = bed
        .misbehave(SETUP, "[[request]]\nmethd = \"GET\"\nlatency = \"soon\"\n")
        .expect(2);
    assert_eq!(
        wrong.err,
        "error: cannot use the faults in faults.toml\n  \
           line 2: [[request]] has no key \"methd\": did you mean method?\n  \
           line 3: latency must be a duration such as \"1m30s\" or \"500ms\"\n"
    );
    let missing = bed
        .run(&["setup", "kind", "--rehearse-faults", "none.toml"])
        .expect(2);
    missing.says("cannot read the faults in none.toml");
    missing.says("hint: name a file that is there");
    assert!(!bed.here().join("rehearsal").exists());
}
