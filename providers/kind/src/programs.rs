//! Which programs are run, and how to get those that are missing.

use std::ffi::OsString;

use crate::engine::Engine;

/// The programs `kind` and a container engine: the installed ones, or their stand-ins in a rehearsal.
#[derive(Clone, Debug)]
pub struct Programs {
    source: Source,
    /// Whether they run on this machine, so that its ports and its disk count.
    pub(crate) here: bool,
    /// The engine that is used unless the cluster's settings name another.
    pub(crate) engine: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Looked for on PATH each time, so that one installed meanwhile is found.
    Path {
        path: OsString,
        env: Vec<(OsString, OsString)>,
    },
    Given {
        kind: Program,
        docker: Program,
    },
}

/// The environment variable by which users tell kind, and windlass, which engine to use.
pub(crate) const ENGINE_VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";

impl Programs {
    /// Returns those that are installed on this machine, on the PATH of this process.
    #[must_use]
    pub fn installed() -> Self {
        let engine = std::env::var(ENGINE_VARIABLE).ok();
        Self {
            source: Source::Path {
                path: std::env::var_os("PATH").unwrap_or_default(),
                env: Vec::new(),
            },
            here: true,
            engine: engine.filter(|name| !name.is_empty()),
        }
    }

    /// Returns those on another PATH, run with that PATH and with more variables. They count as another machine's: the
    /// ports and the disk of this one are not looked at.
    #[must_use]
    pub fn on_path(path: impl Into<OsString>, env: Vec<(OsString, OsString)>) -> Self {
        Self {
            source: Source::Path {
                path: path.into(),
                env,
            },
            here: false,
            engine: None,
        }
    }

    /// Returns stand-ins: the beginnings of the command lines for `kind` and for `docker` (each at least a program's
    /// path), run with more variables. The ports and the disk of this machine are not looked at.
    #[must_use]
    pub fn rehearsed(
        kind: Vec<OsString>,
        docker: Vec<OsString>,
        env: Vec<(OsString, OsString)>,
    ) -> Self {
        let program = |name: &str, argv: Vec<OsString>| Program {
            name: name.to_owned(),
            argv: if argv.is_empty() {
                vec![name.into()]
            } else {
                argv
            },
            env: env.clone(),
        };
        Self {
            source: Source::Given {
                kind: program("kind", kind),
                docker: program("docker", docker),
            },
            here: false,
            engine: Some("docker".to_owned()),
        }
    }

    /// Whether programs have a while to answer and are then given up. A rehearsal's clock runs ahead of its programs, so
    /// that such a while would mean nothing.
    pub(crate) fn patient(&self) -> bool {
        matches!(self.source, Source::Path { .. })
    }

    /// Returns kind; `None` where it is not installed.
    pub(crate) fn kind(&self) -> Option<Program> {
        match &self.source {
            Source::Path { .. } => self.find("kind"),
            Source::Given { kind, .. } => Some(kind.clone()),
        }
    }

    /// Returns the program of an engine; `None` where it is not installed.
    pub(crate) fn engine(&self, engine: Engine) -> Option<Program> {
        match &self.source {
            Source::Path { .. } => self.find(engine.as_str()),
            Source::Given { docker, .. } => (engine == Engine::Docker).then(|| docker.clone()),
        }
    }

    fn find(&self, name: &str) -> Option<Program> {
        let Source::Path { path, env } = &self.source else {
            return None;
        };
        // PATH may hold relative folders; they are taken from the current one, as a shell does.
        let here = std::env::current_dir().unwrap_or_default();
        let found = which::which_in(name, Some(path), here).ok()?;
        let mut env = env.clone();
        env.push(("PATH".into(), path.clone()));
        Some(Program {
            name: name.to_owned(),
            argv: vec![found.into_os_string()],
            env,
        })
    }
}

/// A program that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What users call it.
    pub(crate) name: String,
    /// The program and the arguments that always come first.
    pub(crate) argv: Vec<OsString>,
    /// Variables beyond those of this process.
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Program {
    /// Returns it with one more variable.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Returns the command line as a user would type it.
    pub(crate) fn line(&self, args: &[String]) -> String {
        let words = std::iter::once(&self.name).chain(args);
        words.map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns how to get a program that this room needs (`kind`, `docker`, `podman`, `nerdctl`), one way a line; empty for
/// any other.
#[must_use]
pub fn advise(program: &str) -> Vec<String> {
    let devbox = "or type `devbox shell` in a folder with windlass's devbox.json, which brings kind and a docker client";
    let mac = cfg!(target_os = "macos");
    let first = match program {
        "kind" if mac => "install kind: brew install kind",
        "kind" => {
            "install kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation (Debian, Arch, Fedora and Nix have a package)"
        }
        "docker" if mac => "install Docker Desktop, OrbStack or colima: brew install --cask docker",
        "docker" => {
            "install Docker Engine: https://docs.docker.com/engine/install/ (or podman, or nerdctl)"
        }
        "podman" if mac => {
            "install podman: brew install podman && podman machine init && podman machine start"
        }
        "podman" => "install podman: https://podman.io/docs/installation#installing-on-linux",
        "nerdctl" => {
            return vec![
                "install nerdctl with containerd: https://github.com/containerd/nerdctl#install"
                    .to_owned(),
            ];
        }
        _ => return Vec::new(),
    };
    let mut ways = vec![first.to_owned()];
    if program == "kind" {
        ways.push(devbox.to_owned());
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let kind = Program {
            name: "kind".into(),
            argv: vec!["/opt/kind".into()],
            env: Vec::new(),
        };
        let args = ["create", "cluster", "--name", "it's", ""].map(str::to_owned);
        assert_eq!(kind.line(&args), r"kind create cluster --name 'it'\''s' ''");
    }

    #[test]
    fn a_rehearsal_has_docker_alone() {
        let programs = Programs::rehearsed(vec!["k".into()], vec!["d".into()], Vec::new());
        assert!(programs.kind().is_some() && programs.engine(Engine::Docker).is_some());
        assert!(programs.engine(Engine::Podman).is_none());
    }
}
