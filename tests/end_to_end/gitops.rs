//! `gitops sync`.

use serde_json::json;

use crate::bed::Bed;

const URL: &str = "https://example.org/platform.git";

#[test]
fn a_cluster_is_kept_in_line_with_a_repository_and_flux_comes_along() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let sync = ["gitops", "sync", "--rehearse", "--url", URL, "--tag", "v1"];
    let ran = bed.run(&sync).expect(0);
    assert!(
        ran.err
            .contains("what is in https://example.org/platform.git is not looked at"),
        "{}",
        ran.err
    );
    for made in ["GitRepository flux-system/windlass", "everything in"] {
        assert!(ran.out.contains(made), "{}", ran.out);
    }
    // The second time nothing changes.
    let again = bed.run(&sync).expect(0);
    assert!(again.err.contains("Flux 2.9.4 is there"), "{}", again.err);
    assert!(!again.out.contains("\nmade"), "{}", again.out);
    // What is asked now holds.
    let other = bed.run(&[
        "gitops",
        "sync",
        "--rehearse",
        "--url",
        URL,
        "--path",
        "apps",
    ]);
    assert!(other.expect(0).out.contains("updated\n"));
    bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
}

#[test]
fn a_sync_without_a_repository_or_with_a_wrong_one_is_refused() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let nothing = bed.run(&["gitops", "sync", "--rehearse"]).expect(2);
    assert!(nothing.err.contains("which repository?"), "{}", nothing.err);
    assert!(
        nothing.err.contains("windlass gitops sync --url"),
        "{}",
        nothing.err
    );
    let wrong = [
        "gitops",
        "sync",
        "--rehearse",
        "--url",
        "https://me:pass@example.org/x",
    ];
    let wrong = bed.run(&wrong).expect(2);
    assert!(
        wrong.err.contains("--url: it holds credentials"),
        "{}",
        wrong.err
    );
    let two = [
        "gitops", "sync", "--url", URL, "--tag", "v1", "--branch", "main",
    ];
    bed.run(&two).expect(2);
}

#[test]
fn a_sync_that_cannot_be_is_explained_and_gone_on_with() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let served = bed.serve();
    let files = json!({"kubernetes/a.yaml": ""});
    served.tell("git", &json!({"url": URL, "files": files}));
    let ran = bed
        .run(&[
            "gitops",
            "sync",
            "--rehearse",
            "--url",
            URL,
            "--branch",
            "next",
        ])
        .expect(3);
    assert!(
        ran.err
            .contains("couldn't find remote ref \"refs/heads/next\""),
        "{}",
        ran.err
    );
    let again = format!("windlass gitops sync --url {URL} --branch next --rehearse");
    assert!(ran.err.contains(&again), "{}", ran.err);
    bed.run(&["gitops", "sync", "--rehearse", "--url", URL, "--replan"])
        .expect(0);
}
