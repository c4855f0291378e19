//! What the referees of the simulated clouds share: a Python that has them, and scripts that it runs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use windlass_simulator::{Speed, World};

/// Who judges, and where that is found.
pub(crate) struct Referee {
    /// The variable that names a virtual environment of Python with what is needed (`.ci/tools` makes one).
    pub(crate) variable: &'static str,
    /// Whom it looks at: "AWS".
    pub(crate) whom: &'static str,
    /// The folder of its scripts.
    pub(crate) scripts: &'static str,
}

impl Referee {
    /// Returns its Python; `None`, said loudly, where there is none.
    fn python(&self) -> Option<PathBuf> {
        let Self { variable, whom, .. } = self;
        let Some(folder) = std::env::var_os(variable) else {
            let note = format!(
                "SKIPPED: nobody looked at the simulated {whom}, {variable} names no environment\n"
            );
            // Written past the test harness, which would swallow it.
            std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes())
                .expect("stderr is open");
            return None;
        };
        Some(PathBuf::from(folder).join("bin/python"))
    }

    /// Has a script compare a file of the simulator with what it was made from.
    pub(crate) fn check(&self, script: &str, file: &str) {
        let Some(python) = self.python() else { return };
        let mut command = Command::new(python);
        command
            .arg(here(self.scripts).join(script))
            .arg("check")
            .arg(here(file));
        run(command);
    }

    /// Has a script drive a world, in which there is a project where one is named.
    pub(crate) async fn drive(&self, script: &str, project: Option<&str>) {
        let Some(python) = self.python() else { return };
        let dir = tempfile::tempdir().expect("a folder");
        let world = World::open(&dir.path().join("world"), Speed::Max)
            .await
            .expect("a world");
        if let Some(project) = project {
            world.assume_project(project).await.expect("a project");
        }
        let mut command = Command::new(python);
        command
            .arg(here(self.scripts).join(script))
            .env("WORLD", world.endpoint())
            .env("SCRATCH", dir.path())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        tokio::task::spawn_blocking(move || run(command))
            .await
            .expect("the script was run");
        world.close().await;
    }
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
