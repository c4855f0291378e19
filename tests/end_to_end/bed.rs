//! A test bed: a folder of its own, a simulated world of its own, and the binary with nothing else around it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A folder to run in and a world to rehearse in.
pub(crate) struct Bed {
    folder: TempDir,
    world: PathBuf,
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    /// Standard output, normalised.
    pub(crate) out: String,
    /// Standard error, normalised.
    pub(crate) err: String,
}

impl Bed {
    /// Returns a new one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = folder.path().join("world");
        std::fs::create_dir(folder.path().join("here")).expect("a folder");
        Self { folder, world }
    }

    /// Returns the current directory of the commands.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Returns the folder of the simulated world.
    pub(crate) fn world(&self) -> &Path {
        &self.world
    }

    /// Returns the command with nothing around it: no HOME, no PATH, no variables but those of the rehearsal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .args(args)
            .current_dir(self.here())
            .env_clear()
            .env("PATH", "")
            .env("WINDLASS_REHEARSE_WORLD", &self.world)
            .env("WINDLASS_REHEARSE_SPEED", "max");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.finish(&mut self.command(args))
    }

    /// Runs a command that was changed to its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        let output = command
            .stdin(std::process::Stdio::null())
            .output()
            .expect("a program that starts");
        self.read(output)
    }

    /// Reads what a command printed.
    pub(crate) fn read(&self, output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: self.normalise(&String::from_utf8_lossy(&output.stdout)),
            err: self.normalise(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Writes a file into the current directory of the commands.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.here().join(name), text).expect("a file");
    }

    /// Reads a file of the current directory of the commands.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.here().join(name)).ok()
    }

    fn normalise(&self, text: &str) -> String {
        let here = self.here();
        let real = here.canonicalize().unwrap_or_else(|_| here.clone());
        text.replace(&*real.to_string_lossy(), "HERE")
            .replace(&*here.to_string_lossy(), "HERE")
            .replace(&*self.world.to_string_lossy(), "WORLD")
            .replace(env!("CARGO_BIN_EXE_windlass"), "WINDLASS")
    }
}

impl Ran {
    /// Fails the test, with all that was printed, unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.out, self.err
        );
        self
    }
}
