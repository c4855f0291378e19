//! The simulated Azure before its referees: the models of Microsoft's own clients for Python, and those clients themselves.
//!
//! `WINDLASS_TEST_AZURE` names a virtual environment of Python with them (`.ci/tools` makes one). Without it each test says that it was
//! skipped.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use windlass_simulator::{Speed, World};

/// Returns the Python that has what the referees need; `None`, said loudly, where there is none.
fn python() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_AZURE") else {
        let note = "SKIPPED: nobody looked at the simulated Azure, WINDLASS_TEST_AZURE names no environment\n";
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
fn shapes_are_as_in_microsofts_models() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command
        .arg(here("tests/azure/shapes.py"))
        .arg("check")
        .arg(here("azure.shapes"));
    run(command);
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_microsofts_clients() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::open(&dir.path().join("world"), Speed::Max)
        .await
        .expect("a world");
    let mut command = Command::new(python);
    command
        .arg(here("tests/azure/lifecycle.py"))
        .env("WORLD", world.endpoint())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    tokio::task::spawn_blocking(move || run(command))
        .await
        .expect("the script was run");
    world.close().await;
}
