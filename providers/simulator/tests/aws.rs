//! The simulated AWS before its referees: botocore's service models, CloudFormation's own schemas, boto3 and the stock `aws` program.
//!
//! `WINDLASS_TEST_AWS` names a virtual environment of Python with boto3, awscli and cfn-lint (`.ci/tools` makes one). Without it
//! each test says that it was skipped.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use windlass_simulator::{Speed, World};

/// Returns the Python that has what the referees need; `None`, said loudly, where there is none.
fn python() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_AWS") else {
        let note =
            "SKIPPED: nobody looked at the simulated AWS, WINDLASS_TEST_AWS names no environment\n";
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
fn shapes_are_as_in_botocores_models() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command
        .arg(here("tests/aws/shapes.py"))
        .arg("check")
        .arg(here("aws"));
    run(command);
}

#[test]
fn resource_types_are_as_in_cloudformations_schemas() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command
        .arg(here("tests/aws/resources.py"))
        .arg("check")
        .arg(here("aws/cloudformation.types"));
    run(command);
}

/// Runs a script against a new world.
async fn drive(script: &str) {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let world = World::open(&dir.path().join("world"), Speed::Max)
        .await
        .expect("a world");
    let mut command = Command::new(python);
    command
        .arg(here("tests/aws").join(script))
        .env("WORLD", world.endpoint())
        .env("SCRATCH", dir.path())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    tokio::task::spawn_blocking(move || run(command))
        .await
        .expect("the script was run");
    world.close().await;
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_boto3() {
    drive("lifecycle.py").await;
}

#[tokio::test]
async fn corners_are_as_boto3_and_the_stock_program_know_them() {
    drive("corners.py").await;
}
