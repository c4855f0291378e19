//! The simulated Google Cloud before its referees: the official discovery documents, and Google's own client of GKE.
//!
//! `WINDLASS_TEST_GOOGLE` names a virtual environment of Python with google-api-python-client and google-cloud-container
//! (`.ci/tools` makes one). Without it each test says that it was skipped.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use windlass_simulator::{Speed, World};

/// Returns the Python that has what the referees need; `None`, said loudly, where there is none.
fn python() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_GOOGLE") else {
        let note = "SKIPPED: nobody looked at the simulated Google Cloud, WINDLASS_TEST_GOOGLE names no environment\n";
        // Written past the test harness, which would swallow it.
        std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("stderr is open");
        return None;
    };
    Some(PathBuf::from(folder).join("bin/python"))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(mut command: Command) {
    let output = command.output().expect("Python starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
}

#[test]
fn facts_are_those_of_the_official_documents() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command
        .arg(here("tests/google/facts.py"))
        .arg("check")
        .arg(here("src/google/facts.json"));
    run(command);
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_google_s_own_client() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::open(&dir.path().join("world"), Speed::Max)
        .await
        .expect("a world");
    world
        .assume_project("windlass-rehearsal")
        .await
        .expect("a project");
    let mut command = Command::new(python);
    command
        .arg(here("tests/google/lifecycle.py"))
        .env("WORLD", world.endpoint())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    tokio::task::spawn_blocking(move || run(command))
        .await
        .expect("the script was run");
    world.close().await;
}
