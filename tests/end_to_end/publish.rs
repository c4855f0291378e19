//! `crossplane publish`: through programs on PATH, which here write down how they were called.

use std::path::Path;

use crate::{
    bed::{Bed, Ran},
    components::says,
};

const KCL: &str = r#"echo "kcl $*" >> calls; echo "kind: Composition""#;
const CROSSPLANE: &str = r#"echo "crossplane $*" >> calls
case "$2" in
build) for word in "$@"; do case "$word" in --package-file=*) echo built > "${word#*=}" ;; esac; done ;;
push) for word in "$@"; do case "$word" in --package-files=*) read -r text < "${word#*=}"; echo "$text" >> calls ;; esac; done
  if [ -n "$DOCKER_CONFIG" ]; then read -r text < "$DOCKER_CONFIG/config.json"; echo "$text" >> calls; fi ;;
esac"#;
const MANIFEST: &str =
    "kind: Configuration\nspec:\n  package: xpkg.upbound.io/acme/dot-sql:v1.0.0 # pinned\n";

/// Makes a package to publish.
fn package(bed: &Bed) {
    for folder in ["kcl", "package"] {
        std::fs::create_dir(bed.here().join(folder)).expect("a folder");
    }
    bed.write("kcl/compositions.k", "");
    bed.write("package/crossplane.yaml", "kind: Configuration\n");
    bed.write("config.yaml", MANIFEST);
}

fn publish(bed: &Bed, programs: &Path, more: &[&str], variables: &[(&str, &str)]) -> Ran {
    let args = [&["crossplane", "publish", "sql"], more].concat();
    let mut command = bed.command(&args);
    command.env("PATH", programs);
    command.envs(variables.iter().copied());
    bed.finish(&mut command)
}

#[test]
fn a_package_is_made_built_and_pushed_and_its_manifest_names_it() {
    let bed = Bed::new();
    package(&bed);
    let programs = bed.programs(&[("kcl", KCL), ("crossplane", CROSSPLANE)]);
    let more = [
        "--version",
        "v1.1.0",
        "--username",
        "robot",
        "--sources",
        "[compositions]",
    ];
    let variables = [("UP_ACCOUNT", "acme"), ("UP_TOKEN", "the-token-of-a-robot")];
    let dry = publish(
        &bed,
        &programs,
        &[&more[..], &["--dry-run"]].concat(),
        &variables,
    )
    .expect(0);
    insta::assert_snapshot!(dry.out, @r"
    kcl run kcl/compositions.k > package/compositions.yaml
    crossplane xpkg build --package-root=package --package-file=sql.xpkg
    crossplane xpkg push --package-files=sql.xpkg xpkg.upbound.io/acme/dot-sql:v1.1.0
    # spec.package in config.yaml becomes xpkg.upbound.io/acme/dot-sql:v1.1.0
    ");
    assert_eq!(bed.text("calls"), None);

    let ran = publish(&bed, &programs, &more, &variables).expect(0);
    insta::assert_snapshot!(ran.out, @r"
    published xpkg.upbound.io/acme/dot-sql:v1.1.0
    config.yaml names it now: kubectl apply --filename config.yaml
    ");
    assert!(!ran.err.contains("the-token"), "{}", ran.err);
    let calls = bed.text("calls").expect("calls");
    let lines: Vec<&str> = calls.lines().collect();
    assert_eq!(lines[0], "kcl run kcl/compositions.k");
    assert!(lines[1].starts_with("crossplane xpkg build --package-root=package --package-file=/"));
    assert!(lines[2].ends_with("/sql.xpkg xpkg.upbound.io/acme/dot-sql:v1.1.0"));
    assert_eq!(lines[3], "built");
    // "robot:the-token-of-a-robot".
    assert_eq!(
        lines[4],
        r#"{"auths":{"xpkg.upbound.io":{"auth":"cm9ib3Q6dGhlLXRva2VuLW9mLWEtcm9ib3Q="}}}"#
    );
    let made = bed.text("package/compositions.yaml");
    assert_eq!(made.as_deref(), Some("kind: Composition\n"));
    assert_eq!(
        bed.text("config.yaml"),
        Some(MANIFEST.replace("v1.0.0", "v1.1.0"))
    );
    assert_eq!(bed.list(), ["calls", "config.yaml", "kcl", "package"]);
}

#[test]
fn a_program_that_fails_is_told_with_its_last_words_and_nothing_is_named() {
    let bed = Bed::new();
    package(&bed);
    let failing = "[ \"$2\" = build ] || { echo 'crossplane: error: UNAUTHORIZED' >&2; exit 1; }";
    let programs = bed.programs(&[("crossplane", failing)]);
    let more = [
        "--sources",
        "",
        "--version",
        "v1.1.0",
        "--repository",
        "ghcr.io/acme/sql",
    ];
    let ran = publish(&bed, &programs, &more, &[]).expect(3);
    says(&ran, "caused by: crossplane: error: UNAUTHORIZED");
    says(&ran, "docker login ghcr.io");
    assert_eq!(bed.text("config.yaml").as_deref(), Some(MANIFEST));
}

#[test]
fn what_is_missing_is_told_before_anything_is_run() {
    let bed = Bed::new();
    let none = bed.programs(&[]);
    let all = ["--version", "v1.1.0", "--account", "acme"];
    let no_package = publish(&bed, &none, &all, &[]).expect(2);
    says(
        &no_package,
        "package is no package: it has no crossplane.yaml",
    );
    package(&bed);
    let no_programs = publish(&bed, &none, &all, &[]).expect(1);
    says(
        &no_programs,
        "not installed, or not on PATH: kcl, crossplane",
    );
    // A rehearsal touches no registry, and needs no programs.
    let rehearsed = publish(&bed, &none, &[&all[..], &["--rehearse"]].concat(), &[]).expect(0);
    says(&rehearsed, "nothing is run; this would be:");
    says(&rehearsed, "crossplane xpkg push --package-files=sql.xpkg");
    for (more, said) in [
        (&[][..], "no version is given"),
        (
            &["--version", "v1"],
            "it is not said where the package goes",
        ),
        (
            &["--version", "v 1", "--account", "acme"],
            "the version is letters, digits",
        ),
        (
            &["--version", "v1", "--repository", "acme/sql"],
            "begin with the registry's host",
        ),
        (
            &[
                "--version",
                "v1",
                "--account",
                "acme",
                "--username",
                "robot",
            ],
            "and no token",
        ),
        (
            &["--version", "v1", "--account", "acme", "--sources", "none"],
            "there is no kcl/none.k",
        ),
        (
            &[
                "--version",
                "v1",
                "--account",
                "acme",
                "--update",
                "package/crossplane.yaml",
            ],
            "cannot set spec.package",
        ),
    ] {
        says(&publish(&bed, &none, more, &[]).expect(2), said);
    }
}
