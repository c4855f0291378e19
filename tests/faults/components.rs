//! What a user is told when a component cannot be installed: a cause, its reason, and what to do; and what is there afterwards.

use crate::bed::{Bed, Ran};

const FLUX: &[&str] = &["setup", "kind", "--only", "flux"];
const INSTALL: &[&str] = &["install", "traefik"];

/// A cluster with Flux, and with a release that is not ready.
const NOT_READY: &str = "dot-control-plane flux traefik(not-ready); .env kubeconfig-dot.yaml";
const INSTALLED: &str =
    "dot-control-plane flux traefik; .env kubeconfig-dot.yaml; install ended with 0";

/// Raises Flux, and installs Traefik under faults; it ends with `code`.
#[track_caller]
fn tries(faults: &str, more: &[&str], code: i32) -> (Bed, Ran) {
    let bed = Bed::new();
    bed.run(FLUX).expect(0);
    let ran = bed
        .misbehave(&[INSTALL, more].concat(), faults)
        .expect(code);
    (bed, ran)
}

/// Does the same, and leaves a release that is not ready.
#[track_caller]
fn installs(faults: &str, more: &[&str], code: i32) -> (Bed, Ran) {
    let (bed, ran) = tries(faults, more, code);
    let run = match code {
        0 => "install ended with 0".to_owned(),
        _ => format!("install ended with {code} at component/traefik"),
    };
    bed.state_is(&format!("{NOT_READY}; {run}"));
    (bed, ran)
}

/// A cluster with Flux, and Traefik's release without its chart.
const WITHOUT_CHART: &str = "dot-control-plane flux traefik(not-ready); .env kubeconfig-dot.yaml; \
    install ended with 3 at component/traefik";

/// Fails the test unless there is what an undisturbed install makes; and lets it down without a rest.
#[track_caller]
fn is_installed(bed: &Bed) {
    bed.state_is(INSTALLED);
    bed.ends_like(&[FLUX, INSTALL]);
    bed.run(&["status"]).expect(0);
    bed.run(&["destroy", "kind"]).expect(0);
    bed.state_is("nothing");
}

#[test]
fn a_version_that_does_not_exist_is_refused_with_the_nearest() {
    let (bed, ran) = tries("", &["--version", "99.0.0"], 1);
    ran.says("there is no Traefik 99.0.0");
    ran.says("oci://ghcr.io/traefik/helm/traefik has 2 versions, and not this one");
    // Nothing was begun.
    bed.state_is("dot-control-plane flux; .env kubeconfig-dot.yaml; setup ended with 0");
    let start = "hint: 99.0.0 does not exist; the nearest is 41.3.0: ";
    bed.type_hint(&ran, start).expect(0);
    bed.state_is(INSTALLED);

    // A repository's index, and the releases of a project.
    for (component, wanted, told) in [
        ("external-dns", "1.21.0", "there is no ExternalDNS 1.21.0"),
        ("gateway-api", "1.5.2", "there is no Gateway API 1.5.2"),
    ] {
        let ran = bed
            .run(&["install", component, "--version", wanted])
            .expect(1);
        ran.says(told);
        ran.says(&format!("hint: {wanted} does not exist; the nearest is 1."));
    }
    // An index is read as Flux reads it: a "v" means nothing.
    let aso = ["install", "aso", "--version", "2.21.0"];
    bed.run(&aso).expect(0);
}

#[test]
fn where_nobody_tells_the_versions_the_install_finds_out() {
    let silent = "[[registry]]\nurl = \"ghcr.io/**\"\ncount = 1\nstatus = 503\n";
    let (bed, ran) = tries(silent, &["--version", "99.0.0"], 3);
    ran.says("OCIRepository flux-system/traefik failed");
    ran.says("MANIFEST_UNKNOWN");
    bed.state_is(WITHOUT_CHART);
    let start = "hint: 99.0.0 does not exist; the nearest is 41.3.0: ";
    let again = bed.type_hint(&ran, start).expect(0);
    again.says("install Traefik 41.3.0");
    bed.state_is(INSTALLED);

    // Where they never tell, what is known is told.
    let silent = "[[registry]]\nstatus = 503\n";
    let (bed, ran) = tries(silent, &["--version", "99.0.0"], 3);
    ran.says("hint: windlass itself would take 41.3.0");
    bed.run(&["install", "traefik", "--replan"]).expect(0);
    bed.state_is(INSTALLED);
}

#[test]
fn a_version_that_was_taken_back_is_told_with_the_nearest() {
    let gone = "[[missing]]\nchart = \"ghcr.io/traefik/**\"\nversion = \"41.3.0\"\n";
    let (bed, ran) = tries(gone, &[], 3);
    ran.says("MANIFEST_UNKNOWN");
    ran.says(
        "hint: 41.3.0 does not exist; the nearest is 39.0.0: write version = \"39.0.0\" under [components.traefik] in windlass.toml, \
         and run the same command with --replan",
    );
    bed.state_is(WITHOUT_CHART);
    // It was only away for a while.
    bed.go_on(&ran).expect(0);
    bed.state_is(INSTALLED);
}

#[test]
fn a_chart_that_is_not_there_is_told() {
    let gone = "[[missing]]\nchart = \"ghcr.io/traefik/helm/traefik\"\n";
    let (bed, ran) = tries(gone, &[], 3);
    ran.says("NAME_UNKNOWN: repository name not known to registry");
    ran.says("hint: the registry does not have that chart, package or version");
    bed.state_is(WITHOUT_CHART);
    bed.go_on(&ran).expect(0);
    bed.state_is(INSTALLED);

    let gone = "[[missing]]\nchart = \"kubernetes-sigs.github.io/external-dns/external-dns\"\n";
    let ran = bed.misbehave(&["install", "external-dns"], gone).expect(3);
    ran.says("HelmChart flux-system/flux-system-external-dns failed");
    ran.says("no chart name found");
    ran.says("hint: the registry does not have that chart, package or version");
    bed.go_on(&ran).expect(0);
}

#[test]
fn a_crash_loop_is_told_with_the_last_words() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"crash\"\n";
    // Slower: a clock that leaps may leap past the time for explaining.
    let (bed, ran) = installs(faults, &["--rehearse-speed", "10"], 3);
    ran.says("CrashLoopBackOff");
    ran.says("log: ");
    ran.says("kubectl logs -n traefik pod/traefik-");
    let status = bed.misbehave(&["status"], faults).expect(4);
    status.says("not well: traefik");
    status.says("caused by: traefik: ");
    status.says("hint: traefik: ");
    status.says("CrashLoopBackOff");
    bed.go_on(&ran).expect(0);
    is_installed(&bed);
}

#[test]
fn an_image_that_is_not_there_is_told() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"missing\"\n";
    let (bed, ran) = installs(faults, &[], 3);
    ran.says("ImagePullBackOff");
    ran.says("event: Failed: Failed to pull image");
    ran.says("hint: check the image's name and tag");
    bed.go_on(&ran).expect(0);
    is_installed(&bed);
}

#[test]
fn a_timeout_says_what_was_still_missing() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--timeout", "2m"], 7);
    ran.says("0 of 1 available");
    ran.says("windlass install traefik --resume --rehearse");
    let status = bed.misbehave(&["status"], faults).expect(4);
    status.says("not well: traefik");
    bed.go_on(&ran).expect(0);
    is_installed(&bed);
}

#[test]
fn a_component_that_is_not_waited_for_is_told_by_status() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--no-wait"], 0);
    ran.says("traefik was not waited for");
    let status = bed.misbehave(&["status"], faults).expect(4);
    status.says("progressing");
    // The same command, without that, waits.
    bed.run(INSTALL).expect(0);
    is_installed(&bed);
}

#[test]
fn flux_that_is_not_waited_for_is_told_by_status() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind"]).expect(0);
    let faults = "[[pod]]\nname = \"flux-system/*\"\nfate = \"never\"\n";
    let ran = bed.misbehave(&["install", "flux", "--no-wait"], faults);
    ran.expect(0).says("flux was not waited for");
    bed.misbehave(&["status"], faults)
        .expect(4)
        .says("not well: flux");
    // The same command, without that, waits.
    bed.run(&["install", "flux"]).expect(0);
    bed.run(&["status"]).expect(0);
}

#[test]
fn a_component_that_stays_unready_can_be_taken_out_again() {
    let faults = "[[chart]]\nname = \"flux-system/traefik\"\nfails = \"the chart is broken\"\n";
    let (bed, _) = installs(faults, &[], 3);
    bed.run(&["uninstall", "traefik"]).expect(0);
    bed.state_is("dot-control-plane flux; .env kubeconfig-dot.yaml; uninstall ended with 0");
    bed.run(INSTALL).expect(0);
    is_installed(&bed);
}
