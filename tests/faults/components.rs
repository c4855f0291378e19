//! What a user is told when a component cannot be installed: a cause, its reason, and what to do.

use crate::bed::{Bed, Ran};

/// Raises Flux, and installs Traefik under faults; it ends with `code`.
#[track_caller]
fn installs(faults: &str, more: &[&str], code: i32) -> (Bed, Ran) {
    let bed = Bed::new();
    bed.run(&["setup", "kind", "--only", "flux"]).expect(0);
    let args = [&["install", "traefik"], more].concat();
    let ran = bed.misbehave(&args, faults).expect(code);
    (bed, ran)
}

/// A cluster with Flux, and Traefik's release with which something is wrong.
const NOT_READY: &str = "dot-control-plane flux traefik(not-ready); .env kubeconfig-dot.yaml; \
    install ended with 3 at component/traefik";
const WITH_TRAEFIK: &str =
    "dot-control-plane flux traefik; .env kubeconfig-dot.yaml; install ended with 0";

#[test]
fn a_version_that_does_not_exist_is_refused_with_the_nearest() {
    let (bed, ran) = installs("", &["--version", "99.0.0"], 1);
    ran.says("there is no Traefik 99.0.0");
    ran.says("oci://ghcr.io/traefik/helm/traefik has 2 versions, and not this one");
    // Nothing was begun.
    bed.state_is("dot-control-plane flux; .env kubeconfig-dot.yaml; setup ended with 0");
    let start = "hint: 99.0.0 does not exist; the nearest is 41.3.0: ";
    bed.type_hint(&ran, start).expect(0);
    bed.state_is(WITH_TRAEFIK);

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
    let (bed, ran) = installs(silent, &["--version", "99.0.0"], 3);
    ran.says("OCIRepository flux-system/traefik failed");
    ran.says("MANIFEST_UNKNOWN");
    bed.state_is(NOT_READY);
    let start = "hint: 99.0.0 does not exist; the nearest is 41.3.0: ";
    let again = bed.type_hint(&ran, start).expect(0);
    again.says("install Traefik 41.3.0");
    bed.state_is(WITH_TRAEFIK);

    // Where they never tell, what is known is told.
    let silent = "[[registry]]\nstatus = 503\n";
    let (bed, ran) = installs(silent, &["--version", "99.0.0"], 3);
    ran.says("hint: windlass itself would take 41.3.0");
    bed.run(&["install", "traefik", "--replan"]).expect(0);
    bed.state_is(WITH_TRAEFIK);
}

#[test]
fn a_version_that_was_taken_back_is_told_with_the_nearest() {
    let gone = "[[missing]]\nchart = \"ghcr.io/traefik/**\"\nversion = \"41.3.0\"\n";
    let (bed, ran) = installs(gone, &[], 3);
    ran.says("MANIFEST_UNKNOWN");
    ran.says(
        "hint: 41.3.0 does not exist; the nearest is 39.0.0: write version = \"39.0.0\" under [components.traefik] in windlass.toml, \
         and run the same command with --replan",
    );
    bed.state_is(NOT_READY);
    // It was only away for a while.
    bed.go_on(&ran).expect(0);
    bed.state_is(WITH_TRAEFIK);
}

#[test]
fn a_chart_that_is_not_there_is_told() {
    let gone = "[[missing]]\nchart = \"ghcr.io/traefik/helm/traefik\"\n";
    let (bed, ran) = installs(gone, &[], 3);
    ran.says("NAME_UNKNOWN: repository name not known to registry");
    ran.says("hint: the registry does not have that chart, package or version");
    bed.state_is(NOT_READY);
    bed.go_on(&ran).expect(0);
    bed.state_is(WITH_TRAEFIK);

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
    let status = bed.run(&["status"]).expect(4);
    status.says("not well: traefik");
    status.says("caused by: traefik: ");
    status.says("hint: traefik: ");
    status.says("CrashLoopBackOff");
    bed.state_is(NOT_READY);
}

#[test]
fn an_image_that_is_not_there_is_told() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"missing\"\n";
    let (bed, ran) = installs(faults, &[], 3);
    ran.says("ImagePullBackOff");
    ran.says("hint: check the image's name and tag");
    bed.state_is(NOT_READY);
    bed.go_on(&ran).expect(0);
    bed.state_is(WITH_TRAEFIK);
}

#[test]
fn a_timeout_says_what_was_still_missing() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--timeout", "2m"], 7);
    ran.says("0 of 1 available");
    ran.says("windlass install traefik --resume --rehearse");
    bed.run(&["status"]).expect(4).says("not well: traefik");
    bed.go_on(&ran).expect(0);
    bed.state_is(WITH_TRAEFIK);
}

#[test]
fn a_component_that_is_not_waited_for_is_told_by_status() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--no-wait"], 0);
    ran.says("traefik was not waited for");
    let status = bed.misbehave(&["status"], faults).expect(4);
    status.says("progressing");
}
