//! What a user sees of faults: each test lets a rehearsal misbehave, and looks at how the command ends, at what it says and at
//! what is there afterwards.

mod bed;
mod components;
#[path = "../resume/picture.rs"]
mod picture;

use bed::{Bed, Ran};

/// What a setup installs besides meets faults as these do, side by side.
const SETUP: &[&str] = &["setup", "kind", "--only", "cert-manager,traefik"];
const DESTROY: &[&str] = &["destroy", "kind"];

/// A cluster with Flux and with releases whose charts could not be had.
const WITHOUT_CHARTS: &str = "dot-control-plane flux cert-manager(not-ready) traefik(not-ready)";

/// The inventory's namespace: nothing else is sent meanwhile.
const INVENTORY: &str = "path = \"/api/v1/namespaces/windlass-system\"";

/// The files of a cluster.
const FILES: &str = ".env kubeconfig-dot.yaml";

/// Sets a platform up under faults that it must bear: it ends where an undisturbed setup ends, and goes without leaving anything.
#[track_caller]
fn bears(faults: &str) -> Ran {
    let bed = Bed::new();
    let up = bed.misbehave(SETUP, faults).expect(0);
    bed.state_is(&format!(
        "dot-control-plane flux cert-manager traefik; {FILES}; setup ended with 0"
    ));
    bed.is_raised();
    bed.run(DESTROY).expect(0);
    bed.state_is("nothing");
    up
}

/// Sets a platform up under faults that stop it with `code` and leave the `world` and the journal so. What it says to type goes on
/// without them, and ends where an undisturbed setup ends.
#[track_caller]
fn stops(faults: &str, code: i32, world: &str, at: &str) -> Ran {
    let bed = Bed::new();
    let stopped = bed.misbehave(SETUP, faults).expect(code);
    let run = format!("setup ended with {code} at {at}");
    bed.state_is(&format!("{world}; {FILES}; {run}"));
    bed.go_on(&stopped).expect(0);
    bed.is_raised();
    bed.run(DESTROY).expect(0);
    bed.state_is("nothing");
    stopped
}

#[test]
fn throttling_is_waited_out() {
    bears(
        "[[request]]\nmethod = \"PATCH\"\nevery = 3\ncount = 8\nstatus = 429\nretry-after = \"2s\"\n",
    );
}

#[test]
fn the_server_says_how_long_it_wants_to_be_left_alone() {
    let faults = format!(
        "[[request]]\nmethod = \"PATCH\"\n{INVENTORY}\ncount = 1\nstatus = 429\nretry-after = \"20s\"\n"
    );
    let up = bears(&faults);
    let took = up.took("open the inventory");
    // Without that word, the next try comes within a second.
    assert!((20.0..25.0).contains(&took), "{took}");
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
fn watches_that_never_say_anything_are_made_up_for_by_lists() {
    let silent = "[[request]]\nmethod = \"WATCH\"\nsilent = true\n";
    bears(silent);
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    bed.misbehave(DESTROY, silent).expect(0);
    bed.state_is("nothing");
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
    let faults = format!("[[request]]\nmethod = \"PATCH\"\n{INVENTORY}\nstatus = 401\n");
    let stopped = stops(&faults, 6, "dot-control-plane", "kube/inventory");
    stopped.says("caused by: Unauthorized");
    stopped.says("hint: the API does not take this credential");
}

#[test]
fn an_error_that_lasts_ends_with_the_time_of_its_step() {
    let faults = "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/source**\"\nstatus = 500\nmessage = \"etcd is full\"\n";
    let stopped = stops(
        faults,
        7,
        WITHOUT_CHARTS,
        "component/cert-manager component/traefik",
    );
    stopped.says("the time ran out");
    stopped.says("etcd is full");
}

#[test]
fn a_step_whose_time_runs_out_says_what_was_missing() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nlatency = \"2h\"\n";
    let stopped = stops(
        faults,
        7,
        "dot-control-plane flux cert-manager traefik(not-ready)",
        "component/traefik",
    );
    stopped.says("HelmRelease flux-system/traefik");
    stopped.says("Deployment traefik/traefik");
    stopped.says("this step may take 900 seconds");
}

#[test]
fn a_chart_that_fails_is_told_with_what_helm_said() {
    let faults = "[[chart]]\nname = \"flux-system/traefik\"\nfails = \"the chart is broken\"\n";
    let stopped = stops(
        faults,
        3,
        "dot-control-plane flux cert-manager traefik(not-ready)",
        "component/traefik",
    );
    stopped.says("HelmRelease flux-system/traefik failed");
    stopped.says("the chart is broken");
    stopped.says("kubectl describe -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik");
}

#[test]
fn a_chart_that_exhausted_its_retries_is_tried_again_by_the_next_run() {
    let bed = Bed::new();
    let faults = "[[chart]]\nname = \"flux-system/traefik\"\nfails = \"the registry is down\"\n";
    let stopped = bed.misbehave(SETUP, faults).expect(3);
    stopped.says("RetriesExceeded: Failed to install after 4 attempt(s)");
    bed.state_is(&format!(
        "dot-control-plane flux cert-manager traefik(not-ready); {FILES}; setup ended with 3 at component/traefik"
    ));
    bed.go_on(&stopped).expect(0);
    bed.run(&["status"]).expect(0);
    // Nothing is left to ask for: the next run finds all as it is wanted.
    bed.run(SETUP)
        .expect(0)
        .says("install Traefik 41.3.0 (already there");
    bed.is_raised();
    bed.run(DESTROY).expect(0);
    bed.state_is("nothing");
}

#[test]
fn charts_that_fail_once_or_are_slow_are_awaited() {
    bears(
        "[[chart]]\nname = \"*/traefik\"\ncount = 1\nfails = \"the registry is busy\"\n\n[[chart]]\nlatency = \"90s\"\n",
    );
}

#[test]
fn an_image_that_cannot_be_pulled_is_told() {
    let faults = "[[pod]]\nimage = \"quay.io/jetstack/**\"\nfate = \"missing\"\n";
    let stopped = stops(
        faults,
        3,
        "dot-control-plane flux cert-manager(not-ready) traefik",
        "component/cert-manager",
    );
    stopped.says("ImagePullBackOff");
    stopped.says("hint: check the image's name and tag");
}

#[test]
fn a_pod_that_no_node_has_room_for_is_told() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"unschedulable\"\n";
    let stopped = stops(
        faults,
        3,
        "dot-control-plane flux cert-manager traefik(not-ready)",
        "component/traefik",
    );
    stopped.says("Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.");
}

#[test]
fn pods_that_start_slowly_are_awaited() {
    bears("[[pod]]\nname = \"traefik/*\"\nlatency = \"1m\"\n");
}

#[test]
fn a_program_that_fails_or_is_cut_off_is_run_again() {
    let bed = Bed::new();
    let failing = "[[program]]\nprogram = \"kind\"\nverb = \"create cluster\"\nexit = 1\nmessage = \"ERROR: boom\"\n";
    let stopped = bed.misbehave(SETUP, failing).expect(3);
    stopped.says("caused by: ERROR: boom");
    bed.state_is("setup ended with 3 at resource/cluster");
    bed.go_on(&stopped).expect(0);
    bed.is_raised();

    let bed = Bed::new();
    let cut = "[[program]]\nverb = \"create cluster\"\nreset = \"after\"\n";
    let stopped = bed.misbehave(SETUP, cut).expect(3);
    bed.state_is("dot-control-plane; setup ended with 3 at resource/cluster");
    bed.go_on(&stopped).expect(0);
    bed.is_raised();
}

#[test]
fn a_program_that_is_slow_is_awaited() {
    let up = bears("[[program]]\nverb = \"create cluster\"\nlatency = \"5m\"\n");
    assert!(up.took("create kind cluster dot") > 300.0, "{}", up.err);
}

#[test]
fn an_engine_that_does_not_answer_is_told_before_anything_happens() {
    let bed = Bed::new();
    let message = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock";
    let faults = format!("[[program]]\nprogram = \"docker\"\nexit = 1\nmessage = \"{message}\"\n");
    let refused = bed.misbehave(SETUP, &faults).expect(1);
    refused.says(message);
    refused.says("hint: ");
    bed.state_is("nothing");
    bed.run(SETUP).expect(0);
    bed.is_raised();
}

#[test]
fn containers_that_cannot_be_removed_are_left_and_told() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    let program = |name: &str, verb: &str| {
        format!(
            "[[program]]\nprogram = \"{name}\"\nverb = \"{verb}\"\nexit = 1\nmessage = \"permission denied\"\n\n"
        )
    };
    // Where kind cannot, the engine is asked.
    let faults = program("kind", "delete cluster") + &program("docker", "rm");
    let left = bed.misbehave(DESTROY, &faults).expect(5);
    left.says("left behind\n  kind cluster dot\n");
    left.says("caused by: permission denied");
    bed.state_is(&format!(
        "dot-control-plane flux cert-manager traefik; {FILES}; destroy ended with 3 at resource/cluster"
    ));
    bed.go_on(&left).expect(0);
    bed.state_is("nothing");
}

#[test]
fn the_same_seed_strikes_the_same() {
    for (seed, code) in [(1, 0), (1, 0), (2, 3), (2, 3)] {
        let bed = Bed::new();
        let faults = format!(
            "seed = {seed}\n[[program]]\nverb = \"create cluster\"\nprobability = 0.5\nexit = 1\n"
        );
        let create = ["cluster", "create", "kind"];
        bed.misbehave(&create, &faults).expect(code);
        bed.state_is(match code {
            0 => "dot-control-plane; .env kubeconfig-dot.yaml; cluster create ended with 0",
            _ => "cluster create ended with 3 at resource/cluster",
        });
    }
}

#[test]
fn faults_of_a_time_are_over_after_it() {
    let window = "[[request]]\nfrom = \"50s\"\nuntil = \"70s\"\nstatus = 503\n";
    bears(window);
    let later = "[[request]]\nfrom = \"10h\"\nstatus = 403\n";
    bears(later);
}

#[test]
fn throttling_without_end_ends_with_the_time_of_its_step() {
    let faults = "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/source**\"\nstatus = 429\nretry-after = \"20s\"\n";
    let stopped = stops(
        faults,
        7,
        WITHOUT_CHARTS,
        "component/cert-manager component/traefik",
    );
    stopped.says("the time ran out");
    stopped.says("too many requests");
}

#[test]
fn connections_that_are_always_lost_end_with_the_time_of_the_step() {
    let faults = "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/source**\"\nreset = \"before\"\n";
    let stopped = stops(
        faults,
        7,
        WITHOUT_CHARTS,
        "component/cert-manager component/traefik",
    );
    stopped.says("the time ran out");
}

#[test]
fn what_is_denied_stops_the_run_at_once() {
    let faults = format!(
        "[[request]]\nmethod = \"PATCH\"\n{INVENTORY}\nstatus = 403\nmessage = \"not yours\"\n"
    );
    let stopped = stops(&faults, 6, "dot-control-plane", "kube/inventory");
    stopped.says("caused by: not yours");
}

#[test]
fn an_api_server_that_stays_dead_ends_with_the_time_of_the_step() {
    let faults =
        format!("[[request]]\nmethod = \"PATCH\"\n{INVENTORY}\ncount = 1\ndown = \"9h\"\n");
    let stopped = stops(&faults, 7, "dot-control-plane", "kube/inventory");
    stopped.says("cannot apply Namespace windlass-system");
    stopped.says("the time ran out");
}

#[test]
fn answers_that_are_slow_are_awaited() {
    bears("[[request]]\nmethod = \"PATCH\"\nnth = 10\nevery = 10\nlatency = \"20s\"\n");
}

#[test]
fn a_finalizer_that_stays_holds_an_uninstall_up_and_is_named() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    let faults = "[[finalizer]]\nkind = \"HelmRelease\"\nname = \"flux-system/traefik\"\n";
    let stopped = bed.misbehave(&["uninstall", "traefik"], faults).expect(7);
    stopped.says("HelmRelease flux-system/traefik: held by finalizers.fluxcd.io");
    stopped.says("is kept by Deployment flux-system/helm-controller, which runs");
    stopped.says("hint: see what that controller says: kubectl logs -n flux-system deployment.apps/helm-controller");
    stopped.says("hint: or give up what the finalizers guard, which then stays: kubectl patch -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik ");
    bed.state_is(
        "dot-control-plane flux cert-manager traefik(going); .env kubeconfig-dot.yaml; uninstall ended with 7 at component/traefik",
    );
    bed.go_on(&stopped).expect(0);
    bed.state_is(
        "dot-control-plane flux cert-manager; .env kubeconfig-dot.yaml; uninstall ended with 0",
    );
    bed.run(DESTROY).expect(0);
    bed.state_is("nothing");
}

#[test]
fn a_package_that_cannot_be_fetched_is_told_and_fetched_by_the_next_run() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind"]).expect(0);
    let faults = "[[package]]\nfails = \"the registry is down\"\n";
    let install = ["install", "crossplane", "--cloud", "aws"];
    let stopped = bed.misbehave(&install, faults).expect(7);
    stopped.says("the registry is down");
    bed.state_is(
        "dot-control-plane flux crossplane; .env kubeconfig-dot.yaml; install ended with 7 at component/crossplane",
    );
    bed.go_on(&stopped).expect(0);
    bed.state_is(
        "dot-control-plane flux crossplane; .env kubeconfig-dot.yaml; install ended with 0",
    );
    bed.run(DESTROY).expect(0);
    bed.state_is("nothing");
}

#[test]
fn a_package_that_takes_its_time_is_awaited() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind"]).expect(0);
    let faults = "[[package]]\nlatency = \"2m\"\n";
    let install: &[&str] = &["install", "crossplane", "--cloud", "aws"];
    let made = bed.misbehave(install, faults).expect(0);
    assert!(made.took("install Crossplane") > 120.0, "{}", made.err);
    bed.state_is(
        "dot-control-plane flux crossplane; .env kubeconfig-dot.yaml; install ended with 0",
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
        "error: cannot use the faults in ../faults.toml\n  \
           line 2: [[request]] has no key \"methd\": did you mean method?\n  \
           line 3: latency must be a duration such as \"1m30s\" or \"500ms\"\n"
    );
    let missing = bed
        .run(&["setup", "kind", "--rehearse-faults", "none.toml"])
        .expect(2);
    missing.says("cannot read the faults in none.toml");
    missing.says("hint: name a file that is there");
    bed.state_is("nothing");
}
