//! The scripts' command lines, typed.

use std::{
    path::Path,
    process::{Command, Output},
};

use crate::rows::Rows;

/// Runs windlass with nothing around it but the rehearsal's world.
fn run(folder: &Path, line: &str, provider: Option<&str>) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command
        .args(line.split(' '))
        .current_dir(folder)
        .env_clear()
        .env("PATH", "")
        .env("WINDLASS_REHEARSE_WORLD", folder.join("world"))
        .env("WINDLASS_REHEARSE_SPEED", "max");
    command.envs(provider.map(|provider| ("PROVIDER", provider)));
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("windlass runs");
    let (out, err) = (
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    );
    assert!(status.success(), "{line}\n{out}\n{err}");
    (out, err)
}

#[test]
fn a_life_of_a_cluster_in_the_words_of_the_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = Rows::load();
    let run = |line: &str| run(folder.path(), line, None);
    let (_, told) = run("create kubernetes kind --name dot --enable-ingress true --rehearse");
    assert!(
        told.starts_with("\"create kubernetes\" is called \"cluster create\" now: "),
        "{told}"
    );
    run("apply ingress --rehearse");
    run("get ingress --rehearse");
    let (variables, _) = run("print source --rehearse");
    for row in rows.variable.iter().filter(|row| row.written) {
        let name = row.name.replace("<NAME>", "DOT");
        assert!(
            variables.contains(&format!("export {name}=")),
            "{name}: {variables}"
        );
    }
    for row in &rows.file {
        let path = folder
            .path()
            .join("rehearsal")
            .join(row.name.replace("<name>", "dot"));
        assert_eq!(path.exists(), row.written, "{}", row.name);
        assert!(row.written || row.gone.is_some(), "{}", row.name);
    }
    run(
        "apply flux --git-url https://github.com/example/platform --git-ref v1 --git-ref-type tag --rehearse",
    );
    run("wait flux --rehearse");
    run("get kubeconfig kind --zone us-east1-b --rehearse");
    let (receipt, _) = run("destroy kubernetes kind --delete_project true --yes --rehearse");
    assert!(receipt.contains("nothing is left behind"), "{receipt}");
    run("delete temp_files --yes --rehearse");
    assert!(!folder.path().join("rehearsal").exists());
}

#[test]
fn variables_of_the_scripts_are_settings_still() {
    let folder = tempfile::tempdir().expect("a folder");
    for row in Rows::load().variable {
        if let Some(command) = &row.command {
            let (help, _) = run(folder.path(), &format!("{command} --help"), None);
            assert!(help.contains(&row.name), "{}: {help}", row.name);
            continue;
        }
        let Some(setting) = &row.read else {
            assert!(row.written || row.gone.is_some(), "{}", row.name);
            continue;
        };
        let (shown, _) = run(folder.path(), "config show --origin", Some("kind"));
        let line = shown.lines().find(|line| line.contains(setting.as_str()));
        let line = line.unwrap_or_else(|| panic!("{setting} is not in {shown}"));
        assert!(
            line.contains(&format!("{} in the environment", row.name)),
            "{line}"
        );
    }
}
