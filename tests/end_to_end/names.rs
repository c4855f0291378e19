//! What is to be typed next can be typed: by the name by which this binary can be called, and with the flags that it needs.

use std::process::Command;

use crate::bed::Bed;

/// Returns the last line that a shell, in which the binary is called as `line` says, prints for a mistake.
fn hint(bed: &Bed, line: &str, variables: &[(&str, &str)]) -> String {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", line])
        .current_dir(bed.here())
        .env_clear()
        .env("WINDLASS_REHEARSE_WORLD", bed.world())
        .envs(variables.iter().copied());
    let output = shell.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().last().expect("a line").trim().to_owned()
}

#[test]
fn hints_name_the_binary_as_it_was_called() {
    let bed = Bed::new();
    let own = env!("CARGO_BIN_EXE_windlass");
    let tools = bed.here().join("my tools");
    std::fs::create_dir(&tools).expect("a folder");
    std::os::unix::fs::symlink(own, tools.join("windlass")).expect("a link");
    let path = tools.display().to_string();

    assert_eq!(
        hint(&bed, "windlass env", &[("PATH", &path)]),
        "hint: write them: windlass kubeconfig --cluster dot"
    );
    assert_eq!(
        hint(&bed, "'./my tools/windlass' env", &[("PATH", "")]),
        "hint: write them: './my tools/windlass' kubeconfig --cluster dot"
    );
    let here = bed.here().canonicalize().expect("a folder");
    let cargo = [
        ("PATH", ""),
        ("CARGO", "/usr/bin/cargo"),
        ("CARGO_PKG_NAME", "windlass"),
        ("CARGO_MANIFEST_DIR", &*here.to_string_lossy()),
    ];
    assert_eq!(
        hint(&bed, &format!("{own} env"), &cargo),
        "hint: write them: cargo run -- kubeconfig --cluster dot"
    );
}

#[test]
fn hints_lead_to_the_same_world_and_the_same_settings() {
    let bed = Bed::new();
    bed.write("other.toml", "[environments.staging]\n");
    let mut command = bed.command(&[
        "env",
        "--rehearse",
        "--rehearse-world",
        "my world",
        "--config",
        "other.toml",
        "--environment",
        "staging",
    ]);
    let ran = bed
        .finish(command.env_remove("WINDLASS_REHEARSE_WORLD"))
        .expect(1);
    assert!(
        ran.err.ends_with(
            "hint: write them: windlass kubeconfig --cluster dot --rehearse --rehearse-world 'my world' \
             --config other.toml --environment staging\n"
        ),
        "{}",
        ran.err
    );
}
