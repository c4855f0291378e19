//! `cluster list` and the destroys of many clusters: from an empty folder, by what the clusters' marks say alone.

use serde_json::Value;

use crate::{
    bed::{Bed, Ran},
    components::says,
};

/// Makes clusters: one that has expired by the time that it stands, one that will, and one that never does.
fn make(bed: &Bed) {
    for (name, lifetime) in [("old", "1m"), ("young", "9h"), ("ageless", "never")] {
        let ports = ["--http-port", "0", "--https-port", "0"];
        let make = ["cluster", "create", "kind", "--rehearse", "--cluster", name];
        let lives = ["--lifetime", lifetime];
        bed.run(&[&make[..], &ports, &lives].concat()).expect(0);
    }
    // Nothing of what that wrote is needed.
    std::fs::remove_dir_all(bed.here().join("rehearsal")).expect("a folder");
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn clusters_are_listed_with_age_expiry_and_owner() {
    let bed = Bed::new();
    make(&bed);
    let list = ["cluster", "list", "--rehearse", "--all-regions"];
    let table = bed.run(&list).expect(0);
    let row = |name: &str| -> Vec<&str> {
        let mut rows = table.out.lines();
        let row = rows.find(|row| row.starts_with(name)).expect("a row");
        row.split_whitespace().collect()
    };
    assert_eq!(row("old")[1..4], ["kind", "ready", "windlass"]);
    assert_eq!(row("old")[6], "ago");
    let young = row("young");
    assert!(young[5] == "in" && young[6].starts_with("8h5"), "{young:?}");
    assert_eq!(row("ageless")[5], "never");
    let rows = json(
        &bed.run(&[&list[..], &["--output", "json"]].concat())
            .expect(0),
    );
    assert_eq!(rows[1]["cluster"], "old");
    assert_eq!(rows[1]["owner"], "ours");
    assert_eq!(rows[1]["expired"], true);
    assert!(rows[1]["age_seconds"].as_i64() > Some(60), "{rows}");
    assert_eq!(rows[0]["expires"], Value::Null);
    let yaml = bed
        .run(&[&list[..], &["--output", "yaml"]].concat())
        .expect(0);
    says(&yaml, "- cluster: ageless\n  provider: kind\n");
    assert_eq!(bed.list(), [""; 0]);
}

#[test]
fn a_provider_that_does_not_answer_is_no_empty_list() {
    let bed = Bed::new();
    let none = bed.run(&["cluster", "list"]).expect(1);
    assert!(
        none.err.starts_with("error: docker is not installed\n"),
        "{}",
        none.err
    );
    assert_eq!(none.out, "");
    let path = bed.programs(&[("docker", "echo 'permission denied while trying to connect to the Docker daemon socket at unix:///x' >&2; exit 1")]);
    let denied = bed.finish(bed.command(&["cluster", "list"]).env("PATH", &path));
    assert_eq!((denied.code, &*denied.out), (6, ""), "{}", denied.err);
}
