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
