//! Clocks differ: that of the machine that made a cluster, of the one that looks at it, and of the cluster itself.

use serde_json::Value;

use crate::{
    bed::Bed,
    components::says,
    fleet::{EXPIRED, names},
};

const AHEAD: &str = "clock-skew = \"5m\"\n";
const BEHIND: &str = "clock-skew = \"-5m\"\n";

/// Runs a command whose machine has such a clock.
fn run(bed: &Bed, skew: &str, args: &[&str]) -> crate::bed::Ran {
    bed.write("clock.toml", skew);
    bed.run(&[args, &["--rehearse-faults", "clock.toml"]].concat())
}

#[test]
fn no_reaper_takes_a_cluster_before_its_time() {
    let bed = Bed::new();
    let make = "cluster create kind --rehearse --lifetime 10m";
    let make: Vec<&str> = make.split(' ').collect();
    run(&bed, BEHIND, &make).expect(0);
    // By the clocks of both, its lifetime has been over for a while, and not by any other.
    bed.serve().pass(4 * 60);
    let early = run(&bed, AHEAD, EXPIRED).expect(0);
    says(
        &early,
        "cluster dot on kind is left alone for now: its lifetime has been over for less than 10 minutes",
    );
    assert_eq!(names(&bed), ["dot"]);
    bed.serve().pass(7 * 60);
    run(&bed, AHEAD, EXPIRED).expect(0);
    assert_eq!(names(&bed), [""; 0]);
}

#[test]
fn a_cluster_that_seems_to_be_made_in_the_future_has_no_age() {
    let bed = Bed::new();
    let make = ["cluster", "create", "kind", "--rehearse"];
    run(&bed, AHEAD, &make).expect(0);
    let list = ["cluster", "list", "--rehearse", "--output", "json"];
    let list = run(&bed, BEHIND, &list).expect(0);
    let rows: Value = serde_json::from_str(&list.out).expect("JSON");
    assert_eq!(rows[0]["age_seconds"], 0, "{rows}");
}

#[test]
fn a_token_lasts_as_long_as_it_lasts_by_whichever_clock() {
    let bed = Bed::new();
    let make = ["cluster", "create", "kind", "--rehearse"];
    bed.run(&make).expect(0);
    let account =
        "kubeconfig --rehearse --service-account ci --role view --for 1h --destination ci.yaml";
    let account: Vec<&str> = account.split(' ').collect();
    for skew in [AHEAD, BEHIND] {
        let ran = run(&bed, skew, &account).expect(0);
        says(&ran, ", in 1h\n");
    }
}
