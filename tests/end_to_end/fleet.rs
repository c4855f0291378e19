//! `cluster list` and the destroys of many clusters: from an empty folder, by what the clusters' marks say alone.

use rustix::process::Signal;
use serde_json::{Value, json as value};

use crate::{
    bed::{Bed, Ran},
    components::says,
    real,
};

pub(crate) const EXPIRED: &[&str] = &["destroy", "--expired", "--rehearse"];
const ALL: &[&str] = &["destroy", "--all", "--rehearse"];

/// Makes clusters: one that has expired long since, one that will, and one that never does.
pub(crate) fn make(bed: &Bed) {
    for (name, lifetime) in [("old", "1m"), ("young", "9h"), ("ageless", "never")] {
        let ports = ["--http-port", "0", "--https-port", "0"];
        let make = ["cluster", "create", "kind", "--rehearse", "--cluster", name];
        let lives = ["--lifetime", lifetime];
        bed.run(&[&make[..], &ports, &lives].concat()).expect(0);
    }
    bed.serve().pass(11 * 60);
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
    assert!(young[5] == "in" && young[6].starts_with("8h4"), "{young:?}");
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
    for told in [
        "azure is not asked: there are no credentials of Azure here",
        "\nkind is not asked: docker is not installed\n",
    ] {
        assert!(none.err.contains(told), "{}", none.err);
    }
    assert_eq!(none.out, "");
    let path = bed.programs(&[("docker", "echo 'permission denied while trying to connect to the Docker daemon socket at unix:///x' >&2; exit 1")]);
    let denied = bed.finish(bed.command(&["cluster", "list"]).env("PATH", &path));
    assert_eq!((denied.code, &*denied.out), (6, ""), "{}", denied.err);
}

/// Returns the names of the clusters that there are, windlass's and others'.
pub(crate) fn names(bed: &Bed) -> Vec<String> {
    let list = ["cluster", "list", "--all", "--rehearse", "--output", "json"];
    let rows = json(&bed.run(&list).expect(0));
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row["cluster"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_reaper_takes_what_has_expired_and_nothing_else() {
    let bed = Bed::new();
    make(&bed);
    let dry = bed.run(&[EXPIRED, &["--dry-run"]].concat()).expect(0);
    assert!(
        dry.out.contains("\nold") && !dry.out.contains("young"),
        "{}",
        dry.out
    );
    assert_eq!(names(&bed), ["ageless", "old", "young"]);

    let no_folder = bed
        .run(&[EXPIRED, &["--receipt", "receipts"]].concat())
        .expect(2);
    says(&no_folder, "mkdir receipts");
    std::fs::create_dir(bed.here().join("receipts")).expect("a folder");
    let gone = bed
        .run(&[EXPIRED, &["--receipt", "receipts"]].concat())
        .expect(0);
    says(&gone, "receipt: destroy of cluster old on kind: done");
    says(&gone, "1 cluster let down: old on kind");
    let receipt = bed.text("receipts/kind-old.json").expect("a receipt");
    let receipt: Value = serde_json::from_str(&receipt).expect("JSON");
    assert_eq!(
        (&receipt["exit"], &receipt["left"]),
        (&value!(0), &value!([]))
    );
    assert_eq!(names(&bed), ["ageless", "young"]);
    assert_eq!(bed.list(), ["receipts"]);

    let none = bed.run(EXPIRED).expect(0);
    says(&none, "there are no clusters whose lifetime is over");
    let two = ["--cluster", "young"];
    says(
        &bed.run(&[EXPIRED, &two].concat()).expect(2),
        "leave one of them out",
    );
}

#[test]
fn all_go_but_those_of_others_and_one_that_fails_stops_no_other() {
    let bed = Bed::new();
    make(&bed);
    let world = bed.serve();
    let others = ["create", "cluster", "--name", "theirs"];
    world.program(&bed, "kind", &others).expect(0);
    let fails = |program: &str, verb: &str| {
        format!(
            "[[program]]\nprogram = \"{program}\"\nverb = \"{verb}\"\ncount = 1\nexit = 1\nmessage = \"boom\"\n"
        )
    };
    bed.write(
        "faults.toml",
        fails("kind", "delete cluster") + &fails("docker", "rm"),
    );
    let some = bed
        .run(
            &[
                ALL,
                &["--rehearse-faults", "faults.toml", "--output", "json"],
            ]
            .concat(),
        )
        .expect(5);
    says(
        &some,
        "error: 1 of 3 clusters not wholly let down: ageless on kind\n",
    );
    says(&some, "hint: go on: windlass destroy --all --rehearse\n");
    let receipts: Vec<Value> = some
        .out
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["event"] == "report")
        .collect();
    let told: Vec<_> = receipts
        .iter()
        .map(|it| (&it["cluster"], &it["exit"]))
        .collect();
    let told = value!(told);
    assert_eq!(told, value!([["ageless", 5], ["old", 0], ["young", 0]]));
    assert_eq!(names(&bed), ["ageless", "theirs"]);
    bed.run(&[ALL, &["kind"]].concat()).expect(0);
    assert_eq!(names(&bed), ["theirs"]);
    assert_eq!(world.containers(), ["theirs-control-plane"]);
}

#[test]
fn a_job_that_is_ended_begins_no_other_cluster_and_says_which_stay() {
    let bed = Bed::new();
    make(&bed);
    let world = bed.serve();
    world.hold(1, "before");
    let mut going = bed.start(&mut bed.command(ALL));
    let held = world.held();
    assert!(
        held.starts_with("kind delete cluster --name ageless"),
        "{held}"
    );
    going.signal(Signal::TERM);
    going.says("interrupted: ");
    world.release();
    let ran = going.end().expect(130);
    says(
        &ran,
        "3 of 3 clusters not wholly let down: ageless on kind, old on kind, young on kind",
    );
    assert_eq!(names(&bed), ["old", "young"]);
}

#[test]
fn a_cluster_whose_tags_cannot_be_read_is_not_reaped_in_silence() {
    let bed = Bed::new();
    let world = bed.serve();
    let mark = "/windlass/windlass-cluster=odd/windlass-created=1/windlass-expires=soon";
    let config = value!({
        "kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{ "role": "control-plane", "extraMounts": [{ "hostPath": "/lib/modules", "containerPath": mark, "readOnly": true }] }],
    });
    bed.write("kind.json", config.to_string());
    let odd = [
        "create",
        "cluster",
        "--name",
        "odd",
        "--config",
        "kind.json",
    ];
    world.program(&bed, "kind", &odd).expect(0);
    let left = bed.run(EXPIRED).expect(0);
    says(
        &left,
        "cluster odd on kind is left alone: when it expires cannot be told (tag windlass-expires has the value \"soon\"",
    );
    says(&left, "windlass destroy kind --cluster odd --rehearse");
    bed.run(ALL).expect(0);
    assert_eq!(names(&bed), [""; 0]);
}

#[test]
fn without_a_terminal_many_clusters_need_a_yes() {
    let bed = Bed::new();
    make(&bed);
    let world = bed.serve();
    let asked = bed
        .finish(&mut real::command(&bed, &world, &["destroy", "--all"]))
        .expect(2);
    says(&asked, "--yes");
    assert_eq!(world.containers().len(), 3);
    let yes = ["destroy", "--all", "--yes"];
    let gone = bed.finish(&mut real::command(&bed, &world, &yes)).expect(0);
    says(&gone, "3 clusters let down");
    assert_eq!(world.containers(), [""; 0]);
}
