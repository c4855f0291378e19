//! Replays what a real kube-apiserver answered against the simulated one.
//!
//! The recording is `../shared/apiserver/contract.jsonl` beside the workspace, or the file in `WINDLASS_CONTRACT`. Without it, the
//! suite says that it was skipped; in CI it fails. Steps that differ are listed in `contract/unlike.txt` with the reason: a step
//! that differs and is not listed fails, and so does a listed one that is alike.
//!
//! Where `KUBEBUILDER_ASSETS` names a folder with etcd and kube-apiserver, the same steps are sent to those, too.

mod common;
#[path = "contract/compare.rs"]
mod compare;
#[path = "contract/real.rs"]
mod real;
#[path = "contract/replay.rs"]
mod replay;
#[path = "contract/setup.rs"]
mod setup;

use real::Real;
use replay::Server;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// In how many of a hundred answers a real server must agree with the recording.
const LEAST: usize = 90;

/// Scenarios that need kube-controller-manager's garbage collector and namespace controller, which the assets do not have.
const CONTROLLED: [&str; 2] = ["namespace", "propagation"];

type Scenarios<'a> = Vec<(&'a str, Vec<&'a Value>)>;

/// Returns the recorded steps; `None`, said loudly, where the recording is missing.
fn recording() -> Option<Vec<Value>> {
    let default =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/apiserver/contract.jsonl");
    let path = std::env::var_os("WINDLASS_CONTRACT").map_or(default, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            path.display()
        );
        skip(&format!(
            "the contract was not replayed, {} is missing",
            path.display()
        ));
        return None;
    };
    let steps = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("the contract is JSON lines"));
    Some(steps.collect())
}

fn skip(why: &str) {
    note(&format!("SKIPPED: {why}"));
}

fn note(text: &str) {
    let note = format!("{text}\n");
    // Written past the test harness, which would swallow it.
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("stderr is open");
}

fn scenarios(steps: &[Value]) -> Scenarios<'_> {
    let mut scenarios: Scenarios<'_> = Vec::new();
    for step in steps {
        let name = step["scenario"].as_str().expect("a step has a scenario");
        match scenarios.iter_mut().find(|(known, _)| *known == name) {
            Some((_, steps)) => steps.push(step),
            None => scenarios.push((name, vec![step])),
        }
    }
    scenarios
}

#[tokio::test(start_paused = true)]
async fn answers_as_a_real_apiserver_does() {
    let Some(steps) = recording() else { return };
    let mut differences: BTreeMap<String, String> = BTreeMap::new();
    for (name, steps) in scenarios(&steps) {
        differences.extend(replay::scenario(&Server::Simulated, name, &steps).await);
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

/// The recording itself is held against a real server: what it answers otherwise is a mark of the recording's build, of its version,
/// or of a mistake in this suite.
#[tokio::test]
async fn a_real_apiserver_answers_as_recorded() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") else {
        skip("no real kube-apiserver was asked, KUBEBUILDER_ASSETS names none");
        return;
    };
    let Some(steps) = recording() else { return };
    let real = Real::start(assets.as_ref(), replay::TOKEN).await;
    let server = Server::Real(Arc::new(real));
    let (mut sent, mut differences) = (0, BTreeMap::new());
    for (name, steps) in scenarios(&steps) {
        if !CONTROLLED.contains(&name) {
            sent += steps.len();
            differences.extend(replay::scenario(&server, name, &steps).await);
        }
    }
    let mut told = String::new();
    for (step, difference) in &differences {
        told.push_str(&format!("\n{step}\n{difference}"));
    }
    let alike = sent - differences.len();
    skip(&format!(
        "{} of {} recorded answers need controllers",
        steps.len() - sent,
        steps.len()
    ));
    note(&format!(
        "ALIKE: a real kube-apiserver gave {alike} of {sent} answers"
    ));
    assert!(
        alike * 100 >= sent * LEAST,
        "{alike} of {sent} answers are alike, less than {LEAST} %:\n{told}"
    );
}
