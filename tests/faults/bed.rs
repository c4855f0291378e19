//! A folder and a simulated world of their own, and the binary with nothing else around it. Every command is bounded.
//! [`Bed::state_is`] tells what is there afterwards: in the world, and in the folder.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
};
use windlass_simulator::{FaultFile, Speed, World};

use crate::picture::Picture;

/// How long a command may take, in real time: far more than any needs.
const BOUND: Duration = Duration::from_secs(120);

/// What the user wrote, which no command changes.
const OWN: &str = "# mine\n[platform]\nnamespaces = [\"a-team\"]\n";

/// A platform as an undisturbed setup raises it.
static RAISED: LazyLock<Picture> = LazyLock::new(|| {
    let bed = Bed::new();
    bed.run(crate::SETUP).expect(0);
    bed.picture()
});

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
        for name in ["here", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(folder.path().join("here/windlass.toml"), OWN).expect("a file");
        Self { folder }
    }

    /// Returns the current directory of the commands.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Rehearses a command under faults.
    pub(crate) fn misbehave(&self, args: &[&str], faults: &str) -> Ran {
        fs::write(self.faults(), faults).expect("a file");
        self.end(&[args, &["--rehearse-faults", "../faults.toml"]].concat())
    }

    /// Returns the file of the faults of the last command.
    fn faults(&self) -> PathBuf {
        self.folder.path().join("faults.toml")
    }

    /// Rehearses a command to its end, without faults.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        // There may have been none before.
        let _ = fs::remove_file(self.faults());
        self.end(args)
    }

    fn end(&self, args: &[&str]) -> Ran {
        let rehearse = (!args.contains(&"--rehearse")).then_some("--rehearse");
        let output = runtime().block_on(async {
            let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_windlass"))
                .args(args)
                .args(rehearse)
                .current_dir(self.here())
                .env_clear()
                .env("PATH", "")
                .env("TMPDIR", self.folder.path().join("tmp"))
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

    /// Types what a run that was stopped says to type: the command behind "go on from step".
    #[track_caller]
    pub(crate) fn go_on(&self, stopped: &Ran) -> Ran {
        let hint = stopped.hint("hint: go on from step ");
        let (_, command) = hint.split_once(": ").expect("a command");
        self.run(&words(command))
    }

    /// Types the command that follows `start` in the hint that begins so.
    #[track_caller]
    pub(crate) fn type_hint(&self, ran: &Ran, start: &str) -> Ran {
        self.run(&words(ran.hint(start)))
    }

    /// Fails the test unless there is what an undisturbed setup makes, in the world and in the folder, and nothing else.
    #[track_caller]
    pub(crate) fn is_raised(&self) {
        if let Some(differs) = RAISED.compare(&self.picture()) {
            panic!("it ends elsewhere than an undisturbed run:\n  {differs}");
        }
    }

    /// Fails the test unless this is what there is: the containers and what of the platform is ready, the files of windlass, and
    /// the last run. What holds everywhere is looked at, too: the user's own file, who may read the others, and the lock.
    #[track_caller]
    pub(crate) fn state_is(&self, wanted: &str) {
        let (state, objects) = self.world();
        let world = tell_world(&state, &objects);
        let told = [world, self.tell_files(), self.tell_run()];
        let told: Vec<String> = told.into_iter().filter(|it| !it.is_empty()).collect();
        let told = match told.is_empty() {
            true => "nothing".to_owned(),
            false => told.join("; "),
        };
        assert_eq!(told, wanted);
        if wanted == "nothing" {
            let picture = Picture::of(self.folder.path(), &state, &objects).expect("a picture");
            assert_eq!(picture.names(), ["file windlass.toml"]);
        }
    }

    fn picture(&self) -> Picture {
        let (state, objects) = self.world();
        Picture::of(self.folder.path(), &state, &objects).expect("a picture")
    }

    /// Returns what is alive in the world, and the objects of its clusters.
    fn world(&self) -> (Value, Value) {
        let folder = self.folder.path().join("world");
        runtime().block_on(async {
            // As slow as life, so that nothing happens while it is looked at.
            let speed = Speed::Factor(1.0);
            let world = World::open(&folder, speed).await.expect("the world");
            // What was stuck would go on at once.
            if let Ok(faults) = fs::read_to_string(self.faults())
                && let Ok(faults) = FaultFile::parse(&faults)
            {
                world.inject(&faults).await.expect("faults");
            }
            let endpoint = world.endpoint();
            let told = (ask(endpoint, "state").await, ask(endpoint, "objects").await);
            world.close().await;
            told
        })
    }

    /// Names the files of the cluster, which nobody else may read.
    fn tell_files(&self) -> String {
        let here = self.here();
        let own = fs::read_to_string(here.join("windlass.toml")).expect("the user's file");
        assert_eq!(own, OWN);
        let list = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).into_iter().flatten();
            let names = entries.map(|it| it.expect("an entry").file_name());
            let mut names: Vec<String> = names.map(|it| it.to_string_lossy().into()).collect();
            names.sort();
            names
        };
        assert!(list(&self.folder.path().join("tmp")).is_empty());
        let beside = list(&here);
        let strange = |it: &&String| !["windlass.toml", "rehearsal"].contains(&it.as_str());
        assert_eq!(beside.iter().find(strange), None);
        let folder = here.join("rehearsal");
        let mut names = list(&folder);
        names.retain(|name| name != ".windlass");
        for name in &names {
            let mode = fs::metadata(folder.join(name)).expect("a file");
            assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
        }
        names.join(" ")
    }

    /// Tells how the last run of the cluster ended, and which steps failed it; no process holds its lock.
    fn tell_run(&self) -> String {
        let folder = self.here().join("rehearsal/.windlass/dot");
        if let Ok(lock) = File::open(folder.join("lock")) {
            lock.try_lock().expect("a lock that nobody holds");
        }
        let entries = fs::read_dir(folder.join("runs")).into_iter().flatten();
        let Some(path) = entries.map(|it| it.expect("an entry").path()).max() else {
            return String::new();
        };
        let text = fs::read_to_string(path).expect("a journal");
        let records = text.lines().map(serde_json::from_str);
        let records: Vec<Value> = records.collect::<Result<_, _>>().expect("records");
        let command = records[0]["command"].as_str().expect("a command");
        let last = records.last().expect("records");
        assert_eq!(last["record"], "ended", "the journal says how it ended");
        let attempt = &last["attempt"];
        let failed = |it: &&Value| it["record"] == "failed" && it["attempt"] == *attempt;
        let failed = records.iter().filter(failed);
        let mut steps: Vec<&str> = failed.filter_map(|it| it["step"].as_str()).collect();
        steps.sort_unstable();
        steps.dedup();
        match (&last["exit"], steps.is_empty()) {
            (Value::Number(exit), true) => format!("{command} ended with {exit}"),
            (exit, _) => format!("{command} ended with {exit} at {}", steps.join(" ")),
        }
    }
}

/// Asks a world for something under `control/`, by HTTP/1.0.
async fn ask(endpoint: &str, what: &str) -> Value {
    let rest = endpoint.strip_prefix("http://").expect("a URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).await.expect("a connection");
    let request = format!("GET /{path}/control/{what} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Returns the arguments of a command line of windlass.
#[track_caller]
fn words(command: &str) -> Vec<&str> {
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some(env!("CARGO_BIN_EXE_windlass")));
    words.collect()
}

/// Names the containers that run, and what of the platform is ready in the cluster.
fn tell_world(state: &Value, objects: &Value) -> String {
    let containers = state["containers"].as_array().expect("a list");
    let name = |it: &Value| it["name"].as_str().expect("a name").to_owned();
    let mut told: Vec<String> = containers.iter().map(name).collect();
    let objects = objects["dot"].as_array().into_iter().flatten();
    let objects: Vec<&Value> = objects.collect();
    let ready = |it: &&&Value| {
        let conditions = it["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| {
            (it["type"] == "Ready" || it["type"] == "Available") && it["status"] == "True"
        })
    };
    let controllers =
        |it: &&&Value| it["kind"] == "Deployment" && it["metadata"]["namespace"] == "flux-system";
    let controllers: Vec<&Value> = objects.iter().filter(controllers).copied().collect();
    let up = controllers.iter().filter(ready).count();
    match controllers.len() {
        0 => {}
        all if all == up => told.push("flux".to_owned()),
        all => told.push(format!("flux({up}/{all})")),
    }
    let releases = objects.iter().filter(|it| it["kind"] == "HelmRelease");
    let mut releases: Vec<String> = releases
        .map(|it| {
            let name = it["metadata"]["name"].as_str().expect("a name");
            match (ready(&it), &it["metadata"]["deletionTimestamp"]) {
                (_, Value::String(_)) => format!("{name}(going)"),
                (true, _) => name.to_owned(),
                (false, _) => format!("{name}(not-ready)"),
            }
        })
        .collect();
    releases.sort();
    told.extend(releases);
    told.join(" ")
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

    /// Returns what follows `start` in the line of standard error that begins so.
    #[track_caller]
    fn hint(&self, start: &str) -> &str {
        let mut lines = self.err.lines().map(str::trim_start);
        let hint = lines.find_map(|line| line.strip_prefix(start));
        hint.unwrap_or_else(|| panic!("{start} is missing\n{}", self.err))
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
