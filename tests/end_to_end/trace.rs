//! `--trace`: the requests as they went over the wire, and the programs that were run.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bed::Bed;

fn lines(bed: &Bed, name: &str) -> Vec<Value> {
    let text = bed.text(name).expect("a trace");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn requests_and_programs_are_traced_one_a_line() {
    let bed = Bed::new();
    bed.write(
        "faults.toml",
        "[[request]]\nmethod = \"PATCH\"\npath = \"**/namespaces/a-team\"\ncount = 1\nstatus = 503\n",
    );
    let flags = [
        "--rehearse",
        "--rehearse-faults",
        "faults.toml",
        "--trace",
        "t.ndjson",
    ];
    bed.run(&[&["setup", "kind"][..], &flags].concat())
        .expect(0);
    let mode = std::fs::metadata(bed.here().join("t.ndjson"))
        .expect("a trace")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let traced = lines(&bed, "t.ndjson");
    assert_eq!(traced[0]["trace"], 1);
    assert_eq!(traced[0]["argv"][1], "setup");
    let create = traced
        .iter()
        .find(|line| line["argv"][1] == "create" && line["argv"][2] == "cluster")
        .expect("kind's run");
    assert_eq!(
        (&create["argv"][0], &create["exit"]),
        (&"kind".into(), &0.into())
    );
    assert!(
        create["ms"].is_u64() && create["at"].is_string(),
        "{create}"
    );

    let team: Vec<&Value> = traced
        .iter()
        .filter(|line| line["method"] == "PATCH")
        .filter(|line| {
            line["url"]
                .as_str()
                .is_some_and(|url| url.contains("/namespaces/a-team?"))
        })
        .collect();
    let tries: Vec<(u64, u64)> = team
        .iter()
        .map(|line| {
            (
                line["status"].as_u64().unwrap_or(0),
                line["attempt"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    assert_eq!(tries, [(503, 1), (201, 2)], "{team:#?}");
    assert_eq!(team[1]["sent"]["kind"], "Namespace");
    assert_eq!(team[1]["got"]["metadata"]["name"], "a-team");
    assert!(team[1]["bytes"].as_u64() > Some(100), "{}", team[1]);
    // A watch, with what it said; and the manifest that was fetched.
    let url = |line: &Value| line["url"].as_str().unwrap_or_default().to_owned();
    assert!(
        traced
            .iter()
            .any(|line| line["got"]["type"] == "MODIFIED" && url(line).contains("watch=true"))
    );
    assert!(
        traced
            .iter()
            .any(|line| line["method"] == "GET" && url(line).ends_with("install.yaml"))
    );

    // The next run is traced behind it.
    bed.run(&["status", "--rehearse", "--trace", "t.ndjson"])
        .expect(0);
    let both = lines(&bed, "t.ndjson");
    assert_eq!(both[..traced.len()], traced);
    assert_eq!(both[traced.len()]["argv"][1], "status");
}

#[test]
fn a_trace_that_cannot_be_written_is_told_before_anything_happens() {
    let bed = Bed::new();
    bed.write("windlass.toml", "# mine\n");
    for (file, code, told) in [
        (
            "none/t.ndjson",
            1,
            "error: cannot write the trace to none/t.ndjson\n  caused by: No such file or directory (os error 2)\n  hint: check the path: a folder in it does not exist\n",
        ),
        (
            ".",
            2,
            "error: --trace .: is a folder\n  hint: name a file: --trace FILE\n",
        ),
        (
            "windlass.toml",
            1,
            "error: windlass.toml is there and is no trace\n  hint: name another file: --trace FILE\n",
        ),
    ] {
        let ran = bed
            .run(&["setup", "kind", "--rehearse", "--trace", file])
            .expect(code);
        assert_eq!(ran.err, told);
    }
    assert_eq!(bed.list(), ["windlass.toml"]);
    assert_eq!(bed.text("windlass.toml").as_deref(), Some("# mine\n"));
    assert!(!bed.world().exists());
}
