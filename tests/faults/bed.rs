//! A folder and a simulated world of their own, and the binary with nothing else around it. Every command is bounded.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;

/// How long a command may take, in real time: far more than any needs.
const BOUND: Duration = Duration::from_secs(120);

/// A folder to run in and a world to rehearse in.
pub(crate) struct Bed {
    folder: TempDir,
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("here")).expect("a folder");
        Self { folder }
    }

    /// Returns the current directory of the commands.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Rehearses a command under faults.
    pub(crate) fn misbehave(&self, args: &[&str], faults: &str) -> Ran {
        std::fs::write(self.here().join("faults.toml"), faults).expect("a file");
        self.run(&[args, &["--rehearse-faults", "faults.toml"]].concat())
    }

    /// Rehearses a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let output = runtime.block_on(async {
            let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_windlass"))
                .args(args)
                .arg("--rehearse")
                .current_dir(self.here())
                .env_clear()
                .env("PATH", "")
                .env("WINDLASS_REHEARSE_WORLD", self.folder.path().join("world"))
                .env("WINDLASS_REHEARSE_SPEED", "max")
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output();
            tokio::time::timeout(BOUND, output).await
        });
        let output = output
            .expect("a command that ends")
            .expect("a program that starts");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Fails the test, with all that was printed, unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let Self { out, err, .. } = &self;
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{out}\n--- stderr\n{err}"
        );
        self
    }

    /// Fails the test unless the command printed `text`.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let Self { out, err, .. } = self;
        assert!(
            out.contains(text) || err.contains(text),
            "{text} is missing\n--- stdout\n{out}\n--- stderr\n{err}"
        );
    }
}
