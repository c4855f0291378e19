//! Replays what a real kube-apiserver answered against the simulated one.
//!
//! The recording is `../shared/apiserver/contract.jsonl` beside the workspace, or the file in `WINDLASS_CONTRACT`. Without it, the
//! suite says that it was skipped; in CI it fails. Steps that differ are listed in `contract/unlike.txt` with the reason: a step
//! that differs and is not listed fails, and so does a listed one that is alike.

mod common;
#[path = "contract/compare.rs"]
mod compare;
#[path = "contract/replay.rs"]
mod replay;
#[path = "contract/setup.rs"]
mod setup;

use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

#[tokio::test(start_paused = true)]
async fn answers_as_a_real_apiserver_does() {
    let default =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/apiserver/contract.jsonl");
    let path = std::env::var_os("WINDLASS_CONTRACT").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            path.display()
        );
        let note = format!(
            "SKIPPED: the contract was not replayed, {} is missing\n",
            path.display()
        );
        std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("stderr is open");
        return;
    };
    let steps: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("the contract is JSON lines"))
        .collect();
    let mut scenarios: Vec<(&str, Vec<&Value>)> = Vec::new();
    for step in &steps {
        let name = step["scenario"].as_str().expect("a step has a scenario");
        match scenarios.iter_mut().find(|(known, _)| *known == name) {
            Some((_, steps)) => steps.push(step),
            None => scenarios.push((name, vec![step])),
        }
    }
    let mut differences: BTreeMap<String, String> = BTreeMap::new();
    for (name, steps) in scenarios {
        differences.extend(replay::scenario(name, &steps).await);
    }
    let listed: BTreeMap<&str, &str> = include_str!("contract/unlike.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(" :: ")
                .expect("a line is: scenario: step :: reason")
        })
        .collect();
    let mut faults = String::new();
    for (step, difference) in differences
        .iter()
        .filter(|(step, _)| !listed.contains_key(step.as_str()))
    {
        faults.push_str(&format!("\n{step}\n{difference}\n"));
    }
    for step in listed
        .keys()
        .filter(|step| !differences.contains_key(**step))
    {
        faults.push_str(&format!(
            "\n{step}\n    is listed as unlike and is alike now\n"
        ));
    }
    let alike = steps.len() - differences.len();
    assert!(
        faults.is_empty(),
        "{alike} of {} answers are alike; not as listed:\n{faults}",
        steps.len()
    );
}
