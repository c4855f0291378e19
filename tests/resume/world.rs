//! A simulated world in a process of its own, and the binary run in it: to its end, or killed at an exact request.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::picture::Picture;

/// On which side of carrying it out a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// A world that is served, with a current directory and a folder for temporary files.
pub(crate) struct World {
    folder: TempDir,
    server: Child,
    endpoint: Arc<str>,
}

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// The objects that it printed, one a line.
    pub(crate) events: Vec<Value>,
    /// What it printed to standard error.
    pub(crate) err: String,
}

/// A command that was killed while a request of it was held.
pub(crate) struct Killed {
    /// What it had shown until then.
    pub(crate) ran: Ran,
    /// The objects of the clusters at that moment.
    pub(crate) objects: Value,
}

/// What became of a command that was to be killed.
pub(crate) enum Fate {
    Killed(Killed),
    /// It ended by itself first.
    Ended(Ran),
}

/// A world at rest, to begin from any number of times.
pub(crate) struct Rest(TempDir);

impl Rest {
    /// Returns one in which nothing has ever happened.
    pub(crate) fn empty() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["world", "here", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self(folder))
    }

    /// Serves a copy of it.
    pub(crate) fn wake(&self) -> Result<World> {
        let folder = tempfile::tempdir()?;
        copy(self.0.path(), folder.path())?;
        let mut server = windlass(folder.path())
            .args(["rehearse", "serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot serve a world")?;
        let stdout = server.stdout.take().context("no standard output")?;
        let mut endpoint = String::new();
        BufReader::new(stdout).read_line(&mut endpoint)?;
        let world = World {
            folder,
            server,
            endpoint: endpoint.trim().into(),
        };
        ensure!(!world.endpoint.is_empty(), "the world did not begin");
        Ok(world)
    }
}

impl World {
    /// Returns the folder in which commands run.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Returns the folder for temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Returns the folder of all this.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Result<Ran> {
        let mut child = self.spawn(args)?;
        let events = read_events(child.stdout.take().context("no standard output")?)?;
        self.reap(child, events)
    }

    /// Runs a command that must end with exit code 0.
    pub(crate) fn complete(&self, args: &[&str]) -> Result<Ran> {
        let ran = self.run(args)?;
        match ran.code {
            Some(0) => Ok(ran),
            code => bail!("{args:?} ended with {code:?}\n{}", ran.tell()),
        }
    }

    /// Runs one of the simulated machine's programs, as somebody else would.
    pub(crate) fn program(&self, args: &[&str]) -> Result<()> {
        self.print(args).map(drop)
    }

    /// Does the same, and returns what the program printed.
    fn print(&self, args: &[&str]) -> Result<String> {
        let ran = windlass(self.folder.path())
            .args(["rehearse", "program"])
            .args(args)
            .env("WINDLASS_REHEARSE_ENDPOINT", &*self.endpoint)
            .env("HOME", self.tmp())
            .stderr(Stdio::null())
            .output()?;
        ensure!(ran.status.success(), "{args:?} failed");
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// Makes an object in a cluster, as its user would.
    pub(crate) fn make(&self, cluster: &str, path: &str, object: &Value) -> Result<()> {
        let config = self.print(&["kind", "get", "kubeconfig", "--name", cluster])?;
        let config: Value = serde_saphyr::from_str(&config)?;
        let token = config["users"][0]["user"]["token"].as_str();
        let header = format!("Authorization: Bearer {}\r\n", token.context("no token")?);
        let (host, _) = split(&self.endpoint)?;
        let path = format!("clusters/{cluster}/{path}");
        let (status, answer) = send(host, "POST", &path, &header, object)?;
        ensure!(status == 201, "{path}: {status} {answer}");
        Ok(())
    }

    /// Kills a command while its `at`th mutating request is held, which is then never answered.
    pub(crate) fn kill(&self, args: &[&str], at: u64, when: When) -> Result<Killed> {
        match self.try_kill(args, at, when)? {
            Fate::Killed(killed) => Ok(killed),
            Fate::Ended(ran) => {
                bail!("{args:?} ended before its request {at}\n{}", ran.tell())
            }
        }
    }

    /// Does the same with a command that may have ended by then.
    pub(crate) fn try_kill(&self, args: &[&str], at: u64, when: When) -> Result<Fate> {
        let side = match when {
            When::Before => "before",
            When::After => "after",
        };
        self.tell("hold", json!({"at": at, "when": side}))?;
        let mut child = self.spawn(args)?;
        let stdout = child.stdout.take().context("no standard output")?;
        enum News {
            Held(Result<Value>),
            Over(Result<Vec<Value>>),
        }
        let (sender, news) = mpsc::channel();
        let of_command = sender.clone();
        thread::spawn(move || of_command.send(News::Over(read_events(stdout))));
        let endpoint = self.endpoint.clone();
        thread::spawn(move || sender.send(News::Held(ask(&endpoint, "GET", "held", &Value::Null))));
        match news.recv()? {
            News::Held(held) => ensure!(!held?["held"].is_null(), "nothing is held"),
            News::Over(events) => {
                self.tell("hold", json!({"at": null}))?;
                return Ok(Fate::Ended(self.reap(child, events?)?));
            }
        }
        let objects = self.ask("objects")?;
        child.kill()?;
        let events = loop {
            if let News::Over(events) = news.recv()? {
                break events?;
            }
        };
        let ran = self.reap(child, events)?;
        ensure!(ran.code.is_none(), "{args:?} was not killed");
        // A request of windlass itself went away with it; one of a program that it had started is still held.
        let (status, _) = exchange(&self.endpoint, "POST", "release", &json!({"answer": false}))?;
        ensure!(matches!(status, 200 | 409), "release: {status}");
        self.tell("hold", json!({"at": null}))?;
        Ok(Fate::Killed(Killed { ran, objects }))
    }

    /// Asks the world for something.
    pub(crate) fn ask(&self, what: &str) -> Result<Value> {
        ask(&self.endpoint, "GET", what, &Value::Null)
    }

    /// Takes a picture of all that there is.
    pub(crate) fn picture(&self) -> Result<Picture> {
        Picture::of(self.folder(), &self.ask("state")?, &self.ask("objects")?)
    }

    /// Returns how many mutating requests there were since the world was opened.
    pub(crate) fn count_mutations(&self) -> Result<u64> {
        let mutations = self.ask("mutations")?;
        Ok(mutations.as_array().context("no list")?.len() as u64)
    }

    /// Ends the process that serves the world, by force: its log is enough to go on from.
    pub(crate) fn rest(mut self) -> Result<Rest> {
        self.server.kill()?;
        self.server.wait()?;
        let folder = tempfile::tempdir()?;
        copy(self.folder.path(), folder.path())?;
        Ok(Rest(folder))
    }

    pub(crate) fn tell(&self, what: &str, body: Value) -> Result<()> {
        ask(&self.endpoint, "POST", what, &body).map(drop)
    }

    fn spawn(&self, args: &[&str]) -> Result<Child> {
        windlass(self.folder.path())
            .args(args)
            .args(["--rehearse", "--output", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(self.stderr())?)
            .spawn()
            .context("cannot start windlass")
    }

    fn reap(&self, mut child: Child, events: Vec<Value>) -> Result<Ran> {
        Ok(Ran {
            code: child.wait()?.code(),
            events,
            err: fs::read_to_string(self.stderr())?,
        })
    }

    fn stderr(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Ran {
    /// Returns the steps that an event of this name was about.
    pub(crate) fn steps(&self, event: &str) -> Vec<String> {
        self.events
            .iter()
            .filter(|it| it["event"] == event)
            .filter_map(|it| Some(it["step"].as_str()?.to_owned()))
            .collect()
    }

    /// Returns the id of the run.
    pub(crate) fn run(&self) -> Option<&str> {
        let mut started = self.events.iter();
        started.find(|it| it["event"] == "run-started")?["run"].as_str()
    }

    /// Returns all that was printed.
    pub(crate) fn tell(&self) -> String {
        let lines: Vec<String> = self.events.iter().map(Value::to_string).collect();
        format!("{}\n{}", lines.join("\n"), self.err)
    }
}

/// Returns the binary with nothing around it but a rehearsal in `folder`.
fn windlass(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command
        .current_dir(folder.join("here"))
        .env_clear()
        .env("PATH", "")
        .env("TMPDIR", folder.join("tmp"))
        .env("WINDLASS_REHEARSE_WORLD", folder.join("world"))
        .env("WINDLASS_PROVIDER", "kind")
        .env("WINDLASS_REHEARSE_SPEED", "max");
    command
}

fn read_events(stdout: impl Read) -> Result<Vec<Value>> {
    BufReader::new(stdout)
        .lines()
        .map(|line| {
            let line = line?;
            serde_json::from_str(&line).with_context(|| format!("no object: {line}"))
        })
        .collect()
}

fn ask(endpoint: &str, method: &str, what: &str, body: &Value) -> Result<Value> {
    let (status, text) = exchange(endpoint, method, what, body)?;
    ensure!(status == 200, "{what}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Asks under `control/`.
fn exchange(endpoint: &str, method: &str, what: &str, body: &Value) -> Result<(u16, String)> {
    let (host, path) = split(endpoint)?;
    send(host, method, &format!("{path}/control/{what}"), "", body)
}

/// Returns the host and the path of a URL.
fn split(endpoint: &str) -> Result<(&str, &str)> {
    let rest = endpoint.strip_prefix("http://").context("no http://")?;
    rest.split_once('/').context("no path")
}

/// Asks by HTTP/1.0, one connection a request.
fn send(host: &str, method: &str, path: &str, header: &str, body: &Value) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(host)?;
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{header}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split_whitespace().nth(1).context("no status")?;
    Ok((status.parse()?, body.to_owned()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
