//! A test bed: a folder of its own, a simulated world of its own, and the binary with nothing else around it.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::process::{Going, Served};

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
            // What is said of no provider is about this one.
            .env("WINDLASS_PROVIDER", "kind")
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
        self.start(command).end()
    }

    /// Starts a command, which goes on until [`Going::end`].
    pub(crate) fn start(&self, command: &mut Command) -> Going<'_> {
        Going::of(self, command)
    }

    /// Serves the world in a process of its own, so that it can be controlled.
    pub(crate) fn serve(&self) -> Served {
        Served::start(&mut self.command(&["rehearse", "serve"]))
    }

    /// Serves a world whose clusters have load balancers.
    pub(crate) fn serve_with_load_balancers(&self) -> Served {
        Served::start(&mut self.command(&["rehearse", "serve", "--load-balancers"]))
    }

    /// Returns a shell command line that ends in the binary with these arguments.
    pub(crate) fn shell(&self, line: &str, args: &[&str]) -> Command {
        let own = self.command(args);
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(line)
            .arg(env!("CARGO_BIN_EXE_windlass"))
            .args(own.get_args())
            .current_dir(self.here())
            .env_clear()
            .envs(
                own.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        shell
    }

    /// Writes a file into the current directory of the commands.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.here().join(name), text).expect("a file");
    }

    /// Reads a file of the current directory of the commands.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.here().join(name)).ok()
    }

    /// Writes programs of the shell into a folder of their own, and returns that: a PATH.
    pub(crate) fn programs(&self, programs: &[(&str, &str)]) -> PathBuf {
        let folder = self.folder.path().join("programs");
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, script) in programs {
            let path = folder.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("a program");
        }
        folder
    }

    /// Returns the names of what lies in the current directory of the commands, in order.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.here())
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    pub(crate) fn normalise(&self, text: &str) -> String {
        let here = self.here();
        let real = here.canonicalize().unwrap_or_else(|_| here.clone());
        text.replace(&*real.to_string_lossy(), "HERE")
            .replace(&*here.to_string_lossy(), "HERE")
            .replace(&*self.world.to_string_lossy(), "WORLD")
            // What it is called here is not what a user types; `names.rs` looks at that.
            .replace(env!("CARGO_BIN_EXE_windlass"), "windlass")
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
