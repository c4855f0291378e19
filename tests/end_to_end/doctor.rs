//! `doctor`: a machine that is in order, and ones that are not.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

use crate::bed::{Bed, Ran};

fn verdicts(ran: &Ran) -> BTreeMap<String, String> {
    let checks: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("JSON");
    checks
        .iter()
        .map(|check| {
            let word = |key: &str| check[key].as_str().expect("a word").to_owned();
            (word("name"), word("verdict"))
        })
        .collect()
}

#[test]
fn a_rehearsed_machine_is_in_order() {
    let bed = Bed::new();
    let args = ["doctor", "--rehearse", "--output", "json"];
    let ran = bed
        .finish(bed.command(&args).env("HOME", bed.world()))
        .expect(0);
    let verdicts = verdicts(&ran);
    for check in [
        "provider kind",
        "kind program",
        "container engine",
        "cluster name \"dot\"",
        "port 80",
        "network",
        "working directory",
        "state directory",
    ] {
        assert_eq!(
            verdicts.get(check).map(String::as_str),
            Some("passed"),
            "{check}: {}",
            ran.out
        );
    }
    // It looked, and did nothing.
    assert!(!bed.here().join("rehearsal").exists());
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
}

#[test]
fn a_bare_machine_is_told_what_it_lacks_and_how_to_get_it() {
    let bed = Bed::new();
    let manifest = ["--flux-manifest", "nowhere.yaml"];
    let ran = bed
        .run(&[&["doctor", "kind"], &manifest[..]].concat())
        .expect(4);
    for (name, verdict) in [
        ("program kind", "failed"),
        ("program docker or podman or nerdctl", "failed"),
        ("provider kind", "skipped"),
        ("network", "failed"),
        ("PATH", "warning"),
        ("working directory", "passed"),
    ] {
        let row = ran
            .out
            .lines()
            .find(|row| row.starts_with(&format!("{name}  ")));
        assert!(
            row.is_some_and(|row| row.contains(verdict)),
            "{name}:\n{}",
            ran.out
        );
    }
    for told in [
        "error: not in order: program kind, program docker or podman or nerdctl, network",
        "hint: install kind",
        "hint: install Docker Engine",
        "hint: name one that is there: --flux-manifest FILE",
    ] {
        assert!(ran.err.contains(told), "{told}:\n{}", ran.err);
    }
}

#[test]
fn an_engine_that_does_not_answer_fails_with_how_to_start_it() {
    let bed = Bed::new();
    let programs = bed.here().join("programs");
    std::fs::create_dir(&programs).expect("a folder");
    for (name, script) in [
        (
            "kind",
            "#!/bin/sh\necho kind v0.33.0 go1.27.2 linux/amd64\n",
        ),
        (
            "docker",
            "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2\nexit 1\n",
        ),
    ] {
        let path = programs.join(name);
        std::fs::write(&path, script).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    bed.write("flux.yaml", "kind: Namespace\n");
    let args = [
        "doctor",
        "kind",
        "--output",
        "json",
        "--flux-manifest",
        "flux.yaml",
    ];
    let ran = bed
        .finish(bed.command(&args).env("PATH", &programs))
        .expect(4);
    let verdicts = verdicts(&ran);
    assert_eq!(verdicts["program kind"], "passed", "{}", ran.out);
    assert_eq!(verdicts["program podman"], "skipped", "{}", ran.out);
    assert_eq!(verdicts["provider kind"], "failed", "{}", ran.out);
    assert_eq!(verdicts["network"], "passed", "{}", ran.out);
    assert!(
        ran.err.contains("not in order: provider kind"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("hint: "), "{}", ran.err);
}

#[test]
fn hints_are_part_of_the_data() {
    let bed = Bed::new();
    let args = [
        "doctor",
        "kind",
        "--output",
        "yaml",
        "--flux-manifest",
        "nowhere.yaml",
    ];
    let ran = bed.run(&args).expect(4);
    assert!(ran.out.contains("install kind"), "{}", ran.out);
}
