//! A simulated world in a process of its own, the binary run in it, and the API of its cluster. Every command is bounded.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a command or an answer may take, in real time: far more than any needs.
const BOUND: Duration = Duration::from_secs(300);

/// A world at rest, to begin from any number of times.
pub(crate) struct Rest(TempDir);

/// A world that is served, with a folder to run commands in.
pub(crate) struct World {
    folder: TempDir,
    server: Child,
    door: Door,
}

/// Where a world is asked.
#[derive(Clone)]
struct Door(Arc<str>);

/// A command that goes on; it is killed when this is dropped.
pub(crate) struct Going {
    child: Child,
    out: thread::JoinHandle<String>,
    err: thread::JoinHandle<String>,
    /// Told when it says nothing any more.
    ended: Option<mpsc::Receiver<()>>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    /// Standard output and standard error.
    pub(crate) text: String,
}

impl Rest {
    /// Returns one in which nothing has ever happened.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["world", "here"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Self(folder)
    }

    /// Serves a copy of it, in which time goes as fast as the work allows.
    pub(crate) fn wake(&self) -> World {
        self.wake_at("max")
    }

    /// Serves a copy of it at a speed.
    pub(crate) fn wake_at(&self, speed: &str) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        copy(self.0.path(), folder.path());
        let mut server = windlass(folder.path(), "here")
            .args(["rehearse", "serve"])
            .env("WINDLASS_REHEARSE_SPEED", speed)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a world");
        let stdout = server.stdout.take().expect("its output");
        let mut endpoint = String::new();
        BufReader::new(stdout)
            .read_line(&mut endpoint)
            .expect("its endpoint");
        World {
            folder,
            server,
            door: Door(endpoint.trim().into()),
        }
    }
}

impl World {
    /// Rehearses a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.start("here", args).end()
    }

    /// Begins to rehearse a command.
    pub(crate) fn start(&self, folder: &str, args: &[&str]) -> Going {
        fs::create_dir_all(self.folder.path().join(folder)).expect("a folder");
        Going::of(
            windlass(self.folder.path(), folder)
                .args(args)
                .arg("--rehearse"),
        )
    }

    /// Runs one of the simulated machine's programs, as somebody else would.
    pub(crate) fn program(&self, args: &[&str]) -> Ran {
        let mut command = windlass(self.folder.path(), "here");
        command
            .args(["rehearse", "program"])
            .args(args)
            .env("WINDLASS_REHEARSE_ENDPOINT", &*self.door.0)
            .env("HOME", self.folder.path());
        Going::of(&mut command).end()
    }

    /// Returns the path of a file in the folder of commands.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("here").join(name)
    }

    /// Writes a file into the folder of commands.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("a file");
    }

    /// Reads a file of JSON in the folder of commands.
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.file(name)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Asks the world for something under `control/`.
    #[track_caller]
    pub(crate) fn ask(&self, what: &str) -> Value {
        self.door.control("GET", what, &Value::Null)
    }

    /// Tells the world something under `control/`.
    #[track_caller]
    pub(crate) fn tell(&self, what: &str, body: &Value) {
        self.door.control("POST", what, body);
    }

    /// Begins to rehearse a command, and waits until its `at`th mutating request is held, `"before"` or `"after"` it is carried
    /// out; returns that, too: nothing where the command ended first.
    pub(crate) fn hold(&self, at: u64, when: &str, args: &[&str]) -> (Going, Option<String>) {
        self.tell("hold", &json!({ "at": at, "when": when }));
        let mut going = self.start("here", args);
        let (sender, news) = mpsc::channel();
        let (ended, of_end) = (
            going.ended.take().expect("nobody waits yet"),
            sender.clone(),
        );
        thread::spawn(move || {
            // Either way it has ended; who does not listen any more has what it wanted.
            let _ = ended.recv();
            let _ = of_end.send(Value::Null);
        });
        let door = self.door.clone();
        thread::spawn(move || sender.send(door.control("GET", "held", &Value::Null)));
        let held = news.recv().expect("one of the two");
        if held.is_null() {
            self.tell("hold", &json!({ "at": Value::Null }));
        }
        let request = held["held"]["request"].as_str();
        (going, request.map(str::to_owned))
    }

    /// Lets the request that is held go on; it may have gone away with who sent it.
    pub(crate) fn let_go(&self) {
        let body = json!({ "answer": true }).to_string();
        let (status, answer) =
            self.door
                .exchange("POST", &self.door.path("control/release"), "", &body);
        assert!(matches!(status, 200 | 409), "{status} {answer}");
    }

    /// Returns who made what is in the simulated clouds, as "Bucket team/data", in order: the list that knows nothing of windlass.
    pub(crate) fn clouds(&self) -> Vec<String> {
        let assets = self.ask("assets");
        let assets = assets.as_array().expect("a list").iter();
        let mut makers: Vec<String> = assets
            .map(|it| it["maker"].as_str().expect("a maker").to_owned())
            .collect();
        makers.sort();
        makers
    }

    /// Returns whether a container of the cluster is alive.
    pub(crate) fn has_cluster(&self) -> bool {
        let state = self.ask("state");
        state["containers"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    }

    /// Opens the API of the cluster.
    pub(crate) fn api(&self) -> Api<'_> {
        let config = self.program(&["kind", "get", "kubeconfig", "--name", "dot"]);
        let token = config
            .text
            .lines()
            .find_map(|line| line.trim().strip_prefix("token: "));
        let token = token.unwrap_or_else(|| panic!("no token: {config:?}"));
        Api {
            world: self,
            token: token.trim_matches('"').to_owned(),
        }
    }

    /// Ends the process that serves the world, by force: its log is enough to go on from.
    pub(crate) fn rest(mut self) -> Rest {
        self.server.kill().expect("its end");
        self.server.wait().expect("its end");
        let folder = tempfile::tempdir().expect("a folder");
        copy(self.folder.path(), folder.path());
        Rest(folder)
    }
}

impl Door {
    #[track_caller]
    fn control(&self, method: &str, what: &str, body: &Value) -> Value {
        let path = self.path(&format!("control/{what}"));
        let (status, answer) = self.exchange(method, &path, "", &body.to_string());
        assert_eq!(status, 200, "{what}: {answer}");
        serde_json::from_str(&answer).expect("JSON")
    }

    fn path(&self, rest: &str) -> String {
        let url = self.0.strip_prefix("http://").expect("a URL");
        let (_, path) = url.split_once('/').expect("a path");
        format!("{path}/{rest}")
    }

    fn exchange(&self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let mut answer = String::new();
        let mut stream = self.ask_for(method, path, header, body);
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }

    /// Sends a request by HTTP/1.0; returns where its answer comes.
    fn ask_for(&self, method: &str, path: &str, header: &str, body: &str) -> TcpStream {
        let host = self.0.strip_prefix("http://").expect("a URL");
        let (host, _) = host.split_once('/').expect("a path");
        let form = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let mut stream = TcpStream::connect(host).expect("the world");
        stream.set_read_timeout(Some(BOUND)).expect("a time limit");
        write!(
            stream,
            "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{header}Content-Type: {form}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a question");
        stream
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The API of the cluster, asked as somebody else would.
pub(crate) struct Api<'w> {
    world: &'w World,
    token: String,
}

impl Api<'_> {
    /// Makes an object. `plural` is what its kind is called in URLs.
    #[track_caller]
    pub(crate) fn create(&self, plural: &str, object: &Value) {
        let path = path(plural, object);
        let (status, answer) = self.send("POST", &path, object);
        assert_eq!(status, 201, "{path}: {answer}");
    }

    /// Changes an object by merge patch.
    #[track_caller]
    pub(crate) fn patch(&self, path: &str, patch: &Value) {
        let (status, answer) = self.send("PATCH", path, patch);
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// Reads an object; `None` where it is not there.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let (status, answer) = self.send("GET", path, &Value::Null);
        (status == 200).then(|| serde_json::from_str(&answer).expect("JSON"))
    }

    /// Deletes an object.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        let (status, answer) = self.send("DELETE", path, &json!({}));
        assert!(matches!(status, 200 | 202), "{path}: {status} {answer}");
    }

    /// Waits, by watch, until an object is there as `holds` wants it.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) {
        let (all, name) = path.rsplit_once('/').expect("a name");
        let path = format!("clusters/dot/{all}?watch=true&fieldSelector=metadata.name%3D{name}");
        let stream = self.world.door.ask_for("GET", &path, &self.header(), "");
        let mut seen = String::new();
        for line in BufReader::new(stream).lines() {
            seen = line.unwrap_or_else(|error| panic!("{path} is never so: {error}: {seen}"));
            let event = serde_json::from_str::<Value>(&seen).unwrap_or_default();
            if event["type"] != "DELETED" && holds(&event["object"]) {
                return;
            }
        }
        panic!("{path} is never so: {seen}");
    }

    fn header(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let path = format!("{}/{path}", "clusters/dot");
        self.world
            .door
            .exchange(method, &path, &self.header(), &body)
    }
}

fn path(plural: &str, object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("a version");
    let root = if version.contains('/') { "apis" } else { "api" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{version}/{plural}"),
    }
}

impl Going {
    fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let (sender, ended) = mpsc::channel();
        let out = gather(child.stdout.take().expect("its output"), Some(sender));
        let err = gather(child.stderr.take().expect("its errors"), None);
        Self {
            child,
            out,
            err,
            ended: Some(ended),
        }
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("its end");
        self.child.wait().expect("its end");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.child.id(), signal).expect("a process");
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let (sender, ended) = mpsc::channel();
        let id = self.child.id();
        let guard = thread::spawn(move || {
            if ended.recv_timeout(BOUND) == Err(mpsc::RecvTimeoutError::Timeout) {
                // What has ended meanwhile has ended.
                let _ = kill(id, Signal::KILL);
            }
        });
        let status = self.child.wait().expect("its end");
        let _ = sender.send(());
        guard.join().expect("the guard");
        let out = self.out.join().expect("its output");
        let err = self.err.join().expect("its errors");
        Ran {
            code: status.code().unwrap_or(-1),
            text: format!("{out}\n{err}"),
        }
    }
}

fn kill(id: u32, signal: Signal) -> rustix::io::Result<()> {
    let pid = i32::try_from(id).expect("a process id");
    kill_process(Pid::from_raw(pid).expect("a process id"), signal)
}

fn gather(
    mut stream: impl Read + Send + 'static,
    ended: Option<mpsc::Sender<()>>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).expect("text");
        drop(ended);
        String::from_utf8_lossy(&text).into_owned()
    })
}

impl Ran {
    /// Fails the test, with all that was printed, unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{}", self.text);
        self
    }

    /// Fails the test unless the command printed `text`.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        assert!(self.text.contains(text), "{text} is missing\n{}", self.text);
    }
}

/// Returns the binary with nothing around it but a rehearsal in `folder`.
fn windlass(folder: &Path, here: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command
        .current_dir(folder.join(here))
        .env_clear()
        .env("PATH", "")
        .env("WINDLASS_REHEARSE_WORLD", folder.join("world"))
        .env("WINDLASS_PROVIDER", "kind")
        .env("WINDLASS_REHEARSE_SPEED", "max");
    command
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            fs::create_dir_all(&to).expect("a folder");
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
