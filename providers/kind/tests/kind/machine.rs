//! A machine of fakes: a PATH with nothing on it but them, and a clock that stands still unless somebody waits.

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::watch;
use windlass_kind::{Kind, Programs};
use windlass_provider::{
    Clock, ClusterSpec, Ctx, KindOptions, Known, NodeSize, Nodes, Progress, Provider, ProviderId,
    Resource,
};

/// A clock on which a wait passes at once and a deadline only when somebody says so.
#[derive(Debug)]
pub(crate) struct TestClock(watch::Sender<Timestamp>);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        let start = Timestamp::from_second(1_763_920_000).unwrap();
        Arc::new(Self(watch::Sender::new(start)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }

    async fn reached(&self, at: Timestamp) {
        let mut changes = self.0.subscribe();
        changes.wait_for(|now| *now >= at).await.unwrap();
    }
}

/// What the fakes are made of, besides the shell.
const TOOLS: &[&str] = &[
    "awk", "cat", "cksum", "cut", "grep", "head", "mkdir", "mkfifo", "paste", "rm", "sed", "tr",
];

/// A machine with the fake docker, and with the real or the fake kind.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

impl Machine {
    /// Returns a machine with no programs on it but the tools.
    pub(crate) fn bare() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: TestClock::new(),
            said: Arc::default(),
        };
        for folder in ["bin", "docker/containers", "kind", "home"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        for tool in TOOLS {
            machine.install(tool, &which::which(tool).unwrap());
        }
        machine
    }

    /// Returns a machine with the fake docker and the fake kind.
    pub(crate) fn fake() -> Self {
        let machine = Self::bare();
        machine.install("docker", &fakes().join("docker"));
        machine.install("kind", &fakes().join("kind"));
        machine
    }

    /// Returns a machine with the fake docker and the real kind; `None`, said loudly, where that is not installed.
    pub(crate) fn real() -> Option<Self> {
        let kind = match std::env::var_os("WINDLASS_TEST_KIND") {
            Some(path) => {
                let path = PathBuf::from(path);
                assert!(
                    path.is_file(),
                    "WINDLASS_TEST_KIND names no program: {}",
                    path.display()
                );
                Some(path)
            }
            None => which::which("kind").ok(),
        };
        let Some(kind) = kind else {
            // Written past the test harness, which would swallow it.
            let message = "SKIPPED: the real kind is not installed; see .ci/debian (or set WINDLASS_TEST_KIND)\n";
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            return None;
        };
        let machine = Self::bare();
        machine.install("docker", &fakes().join("docker"));
        machine.install("kind", &kind);
        Some(machine)
    }

    /// Puts a program on the PATH.
    pub(crate) fn install(&self, name: &str, program: &Path) {
        symlink(program, self.path("bin").join(name)).unwrap();
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.folder.path().join(inner)
    }

    /// Writes one of the fakes' files.
    pub(crate) fn put(&self, inner: &str, text: &str) {
        fs::write(self.path(inner), text).unwrap();
    }

    fn env(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        vec![
            ("FAKE_DOCKER".into(), self.path("docker").into()),
            ("FAKE_KIND".into(), self.path("kind").into()),
            ("HOME".into(), self.path("home").into()),
        ]
    }

    pub(crate) fn kind(&self) -> Kind {
        Kind::new(Programs::on_path(self.path("bin"), self.env()))
    }

    /// Returns a context that keeps what is said, and calls `listener` with it.
    pub(crate) fn listening(&self, listener: impl Fn(&str) + Send + Sync + 'static) -> Ctx {
        let said = Arc::clone(&self.said);
        Ctx {
            progress: Progress::new(move |message| {
                said.lock().unwrap().push(message.to_owned());
                listener(message);
            }),
            ..Ctx::new(self.clock.clone())
        }
    }

    pub(crate) fn cx(&self) -> Ctx {
        self.listening(|_| {})
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Runs one of the machine's programs as its user would.
    pub(crate) fn type_in(&self, program: &str, args: &[&str]) -> String {
        let ran = Command::new(self.path("bin").join(program))
            .args(args)
            .envs(self.env())
            .env("PATH", self.path("bin"))
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{program} {args:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Returns the resource that this machine's Kind needs for `spec`.
    pub(crate) async fn plan(&self, spec: &ClusterSpec) -> Resource {
        let facts = self.kind().facts(&self.cx(), spec).await.unwrap();
        let mut resources = self.kind().resources(spec, &facts).unwrap();
        assert_eq!(resources.len(), 1);
        resources.remove(0)
    }
}

fn fakes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fakes")
}

/// Returns a cluster of one node, with ports.
pub(crate) fn spec(name: &str) -> ClusterSpec {
    ClusterSpec {
        name: name.parse().unwrap(),
        provider: ProviderId::Kind,
        kubernetes_version: None,
        nodes: Nodes {
            min: 1,
            max: 1,
            size: NodeSize::Small,
        },
        node_pools: Vec::new(),
        lifetime: None,
        aws: Default::default(),
        azure: Default::default(),
        google: Default::default(),
        kind: KindOptions {
            http_port: 80,
            https_port: 443,
            ..KindOptions::default()
        },
    }
}

/// No resource of Kind's needs another.
pub(crate) fn nothing() -> Known {
    Known::new()
}
