//! The completion scripts under `completions/` are what the binary prints. `WINDLASS_UPDATE=1 cargo test --test completions`
//! writes them anew.

use std::{fs, path::Path, process::Command};

#[test]
fn completion_scripts_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, file) in [
        ("bash", "windlass.bash"),
        ("elvish", "windlass.elv"),
        ("fish", "windlass.fish"),
        ("nushell", "windlass.nu"),
        ("powershell", "_windlass.ps1"),
        ("zsh", "_windlass"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
            .args(["completions", shell])
            .env_clear()
            .output()
            .expect("a program that starts");
        assert!(output.status.success(), "{shell}");
        let path = folder.join(file);
        if std::env::var_os("WINDLASS_UPDATE").is_some() {
            fs::write(&path, &output.stdout).expect("a script that can be written");
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(
            committed == output.stdout,
            "completions/{file} is stale: WINDLASS_UPDATE=1 cargo test --test completions"
        );
    }
}

/// Returns what the script of a shell is answered for a line whose last word is being typed, in `folder`.
fn ask(folder: &Path, shell: &str, line: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .arg("--")
        .args(line)
        .current_dir(folder)
        .env_clear()
        .env("WINDLASS_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string())
        .env("_CLAP_IFS", "\n")
        .output()
        .expect("a program that starts");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).expect("text");
    // fish and zsh are told what each is for, behind a tab or a colon.
    text.lines()
        .map(|line| {
            line.split(['\t', ':'])
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[test]
fn shells_are_told_live_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let empty: [String; 0] = [];
    assert_eq!(
        ask(here, "bash", &["windlass", "status", "--cluster", ""]),
        empty
    );
    fs::write(
        here.join("windlass.toml"),
        "[clusters.dev]\n[clusters.prod]\n[environments.staging]\n",
    )
    .expect("a file");
    fs::create_dir_all(here.join(".windlass/dot/runs")).expect("a folder");
    fs::create_dir_all(here.join("rehearsal/.windlass/try")).expect("a folder");
    for shell in ["bash", "elvish", "fish", "zsh"] {
        let clusters = ask(here, shell, &["windlass", "status", "--cluster", ""]);
        assert_eq!(clusters, ["dev", "dot", "prod", "try"], "{shell}");
        assert_eq!(
            ask(here, shell, &["windlass", "destroy", "--cluster", "p"]),
            ["prod"]
        );
        assert_eq!(
            ask(here, shell, &["windlass", "setup", "--environment", ""]),
            ["staging"]
        );
        assert_eq!(
            ask(here, shell, &["windlass", "setup", "--without", "tr"]),
            ["traefik"]
        );
        assert_eq!(ask(here, shell, &["windlass", "setup", "k"]), ["kind"]);
        assert!(ask(here, shell, &["windlass", "st"]).contains(&"status".to_owned()));
    }
    // What cannot be read has no values, and is not told.
    fs::write(here.join("windlass.toml"), "[clusters\n").expect("a file");
    let clusters = ask(here, "bash", &["windlass", "status", "--cluster", ""]);
    assert_eq!(clusters, ["dot", "try"]);
    assert_eq!(ask(here, "no-such-shell", &["windlass", ""]), empty);
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skip() {
    eprintln!("SKIPPED: there is no bash on PATH");
}

#[test]
fn the_script_of_bash_completes_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("windlass.toml"), "[clusters.dev]\n").expect("a file");
    let own = Path::new(env!("CARGO_BIN_EXE_windlass"));
    let line = r#"
        source <(windlass completions bash)
        COMP_WORDS=(windlass status --cluster ""); COMP_CWORD=3; COMP_TYPE=9
        _clap_complete_windlass windlass "" --cluster
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let bash = Command::new("bash")
        .args(["-c", line])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", own.parent().expect("a folder"))
        .output();
    // Looked for on the PATH of the test.
    let Ok(output) = bash else {
        skip();
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "dev\n",
        "{output:?}"
    );
}
