//! All components at once: side by side, and the second time nothing changes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{bed::Bed, components::list, process::Served};

/// All can be on together where one ingress controller alone listens on the ports of the node.
pub(crate) const ALL_ON: &str = "[components.contour]\n\
    values = { envoy = { useHostPort = { http = false, https = false } } }\n\
    [components.nginx]\n\
    values = { controller = { hostPort = { enabled = false } } }\n";

/// What components can be told besides.
const OPTIONS: &str = "[components.cert-manager]\n\
    issuer = [\"staging\", \"production\"]\n\
    email = \"ops@windlass-users.io\"\n\
    [components.crossplane]\n\
    cloud = \"aws\"\n\
    policies = true\n\
    [components.external-dns]\n\
    domain = [\"apps.example.org\"]\n\
    [components.istio]\n\
    strict-mtls = true\n";

/// Returns the names of all components.
fn names(bed: &Bed) -> Vec<String> {
    let rows = list(bed).into_iter();
    rows.map(|row| row["component"].as_str().expect("a name").to_owned())
        .collect()
}

/// Returns the version of each object, but for what the cluster writes by itself.
pub(crate) fn versions(world: &Served) -> BTreeMap<String, String> {
    let all = world.ask("objects");
    let objects = all["dot"].as_array().expect("objects");
    objects
        .iter()
        .filter(|object| object["kind"] != "Event" && object["kind"] != "Lease")
        .map(|object| {
            let metadata = &object["metadata"];
            let name = format!(
                "{} {} {}/{}",
                object["apiVersion"], object["kind"], metadata["namespace"], metadata["name"]
            );
            (name, metadata["resourceVersion"].to_string())
        })
        .collect()
}

#[test]
fn installing_everything_twice_changes_nothing_the_second_time() {
    let bed = Bed::new();
    bed.write("windlass.toml", [ALL_ON, OPTIONS].concat());
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let all = names(&bed);
    let mut install = vec!["install"];
    install.extend(all.iter().map(String::as_str));
    install.push("--rehearse");
    bed.run(&install).expect(0);
    let first = versions(&world);
    assert!(first.len() > 100, "only {} objects", first.len());

    let again = bed.run(&install).expect(0);
    assert!(
        !again.out.contains("made") && !again.out.contains("updated"),
        "{}",
        again.out
    );
    assert_eq!(versions(&world), first);
    let setup = ["setup", "kind", "--rehearse", "--only", &all.join(",")];
    bed.run(&setup).expect(0);
    let after = versions(&world);
    let second = bed.run(&setup).expect(0);
    assert!(!second.out.contains("updated"), "{}", second.out);
    assert_eq!(versions(&world), after);
    // Setup makes the namespaces of teams, and touches nothing of what install had made.
    let changed: Vec<_> = first
        .iter()
        .filter(|(name, version)| after.get(*name) != Some(version))
        .filter(|(name, _)| !name.contains("windlass-system"))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn a_setup_with_everything_takes_as_long_as_its_longest_chain() {
    let bed = Bed::new();
    bed.write("windlass.toml", [ALL_ON, OPTIONS].concat());
    let all = names(&bed).join(",");
    let setup = ["setup", "kind", "--rehearse", "--only", &all, "-o", "json"];
    let plan = bed.run(&[&setup[..], &["--dry-run"]].concat()).expect(0);
    let plan: Value = serde_json::from_str(&plan.out).expect("JSON");
    // Not in leaps, which the machine's load would lengthen or shorten.
    let speed = ["--rehearse-speed", "30"];
    let ran = bed.run(&[&setup[..], &speed].concat()).expect(0);
    let events: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let durations: BTreeMap<&str, f64> = events
        .iter()
        .filter(|event| event["event"] == "step-finished")
        .map(|event| {
            let step = event["step"].as_str().expect("a step");
            (step, event["seconds"].as_f64().expect("seconds"))
        })
        .collect();
    let mut ends: BTreeMap<&str, f64> = BTreeMap::new();
    for step in plan["steps"].as_array().expect("steps") {
        let needs = step["needs"].as_array().expect("needs").iter();
        let begin = needs
            .map(|need| ends[need.as_str().expect("an id")])
            .fold(0.0, f64::max);
        let id = step["id"].as_str().expect("an id");
        ends.insert(id, begin + durations[id]);
    }
    let longest = ends.into_values().fold(0.0, f64::max);
    let took = events.last().expect("a report")["seconds"]
        .as_f64()
        .expect("seconds");
    assert!(
        took <= longest * 1.05,
        "{took} s, and the longest chain takes {longest} s"
    );
    let one_by_one: f64 = durations.values().sum();
    assert!(took < one_by_one, "{took} s of {one_by_one} s");
}
