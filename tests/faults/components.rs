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

#[test]
fn a_version_that_does_not_exist_is_told_with_one_that_does() {
    let (bed, ran) = installs("", &["--version", "99.0.0"], 3);
    ran.says("OCIRepository flux-system/traefik failed");
    ran.says("MANIFEST_UNKNOWN");
    ran.says("hint: windlass itself would take 41.3.0");
    // The right one, asked for anew, repairs it.
    bed.run(&["install", "traefik", "--replan"]).expect(0);
    bed.run(&["status"]).expect(0);
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
}

#[test]
fn an_image_that_is_not_there_is_told() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"missing\"\n";
    let (_, ran) = installs(faults, &[], 3);
    ran.says("ImagePullBackOff");
    ran.says("hint: check the image's name and tag");
}

#[test]
fn a_timeout_says_what_was_still_missing() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--timeout", "2m"], 7);
    ran.says("0 of 1 available");
    ran.says("windlass install traefik --resume --rehearse");
    bed.run(&["status"]).expect(4).says("not well: traefik");
}

#[test]
fn what_helm_meets_in_the_cluster_is_told_with_a_hint() {
    let bed = Bed::new();
    bed.run(&["setup", "kind", "--only", "flux"]).expect(0);
    for (said, hint) in [
        (
            "failed calling webhook \\\"webhook.cert-manager.io\\\": connection refused",
            "hint: an admission webhook does not answer",
        ),
        (
            "pods \\\"traefik\\\" is forbidden: exceeded quota: team",
            "hint: a ResourceQuota of the namespace is used up",
        ),
        (
            "no matches for kind \\\"Certificate\\\" in version \\\"cert-manager.io/v1\\\"",
            "hint: a CRD is missing",
        ),
    ] {
        let faults = format!("[[chart]]\nname = \"flux-system/traefik\"\nfails = \"{said}\"\n");
        let ran = bed.misbehave(&["install", "traefik"], &faults).expect(3);
        bed.run(&["uninstall", "traefik"]).expect(0);
        ran.says("HelmRelease flux-system/traefik failed");
        ran.says(&said.replace("\\\"", "\""));
        ran.says(hint);
    }
}

#[test]
fn a_component_that_is_not_waited_for_is_told_by_status() {
    let faults = "[[pod]]\nname = \"traefik/*\"\nfate = \"never\"\n";
    let (bed, ran) = installs(faults, &["--no-wait"], 0);
    ran.says("traefik was not waited for");
    let status = bed.misbehave(&["status"], faults).expect(4);
    status.says("progressing");
}
