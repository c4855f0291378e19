//! Processes that go on while a test looks at them: commands, and a world that is served and controlled.
//!
//! Nothing here sleeps: a test waits for a line, for an answer of the world or for an end, and fails where none comes.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::bed::{Bed, Ran};

/// How long a test waits for what must come. Only a test that fails waits so long.
const LIMIT: Duration = Duration::from_secs(60);

/// A command that goes on; it is killed when this is dropped.
pub(crate) struct Going<'b> {
    bed: &'b Bed,
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    seen: String,
}

impl<'b> Going<'b> {
    pub(crate) fn of(bed: &'b Bed, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let out = lines(child.stdout.take().expect("its output"));
        let err = lines(child.stderr.take().expect("its errors"));
        Self {
            bed,
            child,
            out,
            err,
            seen: String::new(),
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("a process");
    }

    /// Waits until it says a line with `part` on standard error.
    #[track_caller]
    pub(crate) fn says(&mut self, part: &str) {
        loop {
            match self.err.recv_timeout(LIMIT) {
                Ok(line) => {
                    self.seen.push_str(&line);
                    if line.contains(part) {
                        return;
                    }
                }
                Err(_) => panic!("it never said \"{part}\":\n{}", self.seen),
            }
        }
    }

    /// Waits until it prints a line with `part` on standard output.
    #[track_caller]
    pub(crate) fn prints(&mut self, part: &str) {
        let mut seen = String::new();
        while !seen.contains(part) {
            match self.out.recv_timeout(LIMIT) {
                Ok(line) => seen.push_str(&line),
                Err(_) => panic!("it never printed \"{part}\":\n{seen}"),
            }
        }
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let mut err = std::mem::take(&mut self.seen);
        err.push_str(&rest(&self.err));
        let out = rest(&self.out);
        let status = self.child.wait().expect("its end");
        Ran {
            code: status.code().unwrap_or(-1),
            out: self.bed.normalise(&out),
            err: self.bed.normalise(&err),
        }
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A world that a process of its own serves; that is killed when this is dropped.
pub(crate) struct Served {
    child: Child,
    endpoint: String,
}

impl Served {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program that starts");
        let mut endpoint = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut endpoint)
            .expect("its endpoint");
        Self {
            child,
            endpoint: endpoint.trim().to_owned(),
        }
    }

    /// Returns the URL of the world.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks for something under `control/`.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str) -> Value {
        self.control("GET", name, &Value::Null)
    }

    /// Lets so much time pass, such as "660" seconds.
    #[track_caller]
    pub(crate) fn pass(&self, seconds: u32) {
        let path = self.endpoint.strip_prefix("http://").expect("a URL");
        let (_, path) = path.split_once('/').expect("a path");
        let wait = format!("{path}/clock/sleep?for={seconds}");
        self.exchange("GET", &wait, "", &Value::Null);
    }

    /// Tells something under `control/`.
    #[track_caller]
    pub(crate) fn tell(&self, name: &str, body: &Value) -> Value {
        self.control("POST", name, body)
    }

    /// Holds the `at`th mutating request from now on, before it is carried out or `"after"`.
    pub(crate) fn hold(&self, at: u64, when: &str) {
        self.tell("hold", &json!({"at": at, "when": when}));
    }

    /// Waits until that request has come, and returns what it is.
    #[track_caller]
    pub(crate) fn held(&self) -> String {
        let held = self.ask("held");
        let request = held["held"]["request"].as_str();
        request
            .unwrap_or_else(|| panic!("nothing is held: {held}"))
            .to_owned()
    }

    /// Lets it go on.
    pub(crate) fn release(&self) {
        self.tell("release", &json!({"answer": true}));
    }

    /// Returns the names of the containers that are alive.
    pub(crate) fn containers(&self) -> Vec<String> {
        let state = self.ask("state");
        let containers = state["containers"].as_array().expect("containers");
        let name = |it: &Value| it["name"].as_str().expect("a name").to_owned();
        containers.iter().map(name).collect()
    }

    /// Returns the objects of a cluster as "Kind namespace/name", but for events, which go on being told.
    pub(crate) fn objects(&self, cluster: &str) -> Vec<String> {
        let state = self.ask("state");
        let clusters = state["clusters"].as_array().expect("clusters");
        let cluster = clusters.iter().find(|it| it["name"] == cluster);
        let objects = cluster.expect("the cluster")["objects"].as_array();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        objects
            .expect("objects")
            .iter()
            .filter(|it| it["kind"] != "Event")
            .map(|it| {
                format!(
                    "{} {}/{}",
                    text(&it["kind"]),
                    text(&it["namespace"]),
                    text(&it["name"])
                )
            })
            .collect()
    }

    /// Runs a program of the simulated machine, as somebody else would, and returns whether it worked.
    pub(crate) fn program(&self, bed: &Bed, program: &str, args: &[&str]) -> Ran {
        let mut command = bed.command(&[&["rehearse", "program", program][..], args].concat());
        command.env("WINDLASS_REHEARSE_ENDPOINT", &self.endpoint);
        command.env("KUBECONFIG", others(bed));
        bed.finish(&mut command)
    }

    /// Makes a namespace in a cluster, as somebody else would.
    pub(crate) fn make_namespace(&self, bed: &Bed, cluster: &str, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.ask_cluster(bed, cluster, "POST", "api/v1/namespaces", &body);
    }

    /// Lets [`Self::ask_cluster`] ask a cluster that windlass made, too.
    pub(crate) fn open_cluster(&self, bed: &Bed, cluster: &str) {
        let config = self.program(bed, "kind", &["get", "kubeconfig", "--name", cluster]);
        std::fs::write(others(bed), config.expect(0).out).expect("a kubeconfig");
    }

    /// Asks the API of a cluster that somebody else made.
    pub(crate) fn ask_cluster(
        &self,
        bed: &Bed,
        cluster: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) {
        let text = std::fs::read_to_string(others(bed)).expect("a kubeconfig");
        let config: Value = serde_saphyr::from_str(&text).expect("YAML");
        let token = config["users"][0]["user"]["token"].as_str();
        let header = format!("Authorization: Bearer {}\r\n", token.expect("a token"));
        self.exchange(method, &format!("clusters/{cluster}/{path}"), &header, body);
    }

    /// Asks Google Cloud for something as the owner of its projects: a service, and its own path.
    #[track_caller]
    pub(crate) fn ask_google(&self, method: &str, path: &str) -> Value {
        let keeps = json!({ "grant_type": "refresh_token", "refresh_token": "1//rehearsal" });
        let token = self.exchange("POST", "google/oauth2/token", "", &keeps);
        let token = token["access_token"].as_str().expect("a token");
        let header = format!("Authorization: Bearer {token}\r\n");
        self.exchange(method, &format!("google/{path}"), &header, &Value::Null)
    }

    #[track_caller]
    fn control(&self, method: &str, name: &str, body: &Value) -> Value {
        let path = self.endpoint.strip_prefix("http://").expect("a URL");
        let (_, path) = path.split_once('/').expect("a path");
        self.exchange(method, &format!("{path}/control/{name}"), "", body)
    }

    /// Asks the API of a cluster with a token, and returns the status of the answer.
    pub(crate) fn try_token(&self, cluster: &str, token: &str, method: &str, path: &str) -> u16 {
        let header = format!("Authorization: Bearer {token}\r\n");
        let path = format!("clusters/{cluster}/{path}");
        self.send(method, &path, &header, &json!({})).0
    }

    #[track_caller]
    fn exchange(&self, method: &str, path: &str, header: &str, body: &Value) -> Value {
        let (status, answer) = self.send(method, path, header, body);
        assert!(
            matches!(status, 200 | 201),
            "{method} {path}: {status} {answer}"
        );
        serde_json::from_str(&answer).expect("JSON")
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, header: &str, body: &Value) -> (u16, String) {
        self.send_text(method, path, header, &body.to_string())
    }

    /// Asks the simulated Azure as its own user does: of the subscription, `path`; returns the status and the answer.
    #[track_caller]
    pub(crate) fn azure(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let id = |end: &str| format!("00000000-0000-4000-8000-{end:0>12}");
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret=rehearsal&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            id("c11e47")
        );
        let login = format!("azure/login/{}/oauth2/v2.0/token", id("7e4a47"));
        let (_, told) = self.send_text("POST", &login, "", &form);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let token = told["access_token"].as_str().expect("a token");
        let header = format!("Authorization: Bearer {token}\r\n");
        let path = format!("azure/subscriptions/{}/{path}", id("a25e"));
        self.send(method, &path, &header, body)
    }

    #[track_caller]
    fn send_text(&self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let host = self.endpoint.strip_prefix("http://").expect("a URL");
        let (host, _) = host.split_once('/').expect("a path");
        let form = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let mut stream = TcpStream::connect(host).expect("the world");
        stream.set_read_timeout(Some(LIMIT)).expect("a time limit");
        write!(
            stream,
            "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{header}Content-Type: {form}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a question");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A named pipe, by which a program of a test says that it has begun.
pub(crate) struct Pipe(PathBuf);

impl Pipe {
    /// Makes one, outside of the current directory of the commands.
    pub(crate) fn make(bed: &Bed, name: &str) -> Self {
        let path = bed.here().with_file_name(name);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        Self(path)
    }

    /// Waits until somebody writes a line.
    #[track_caller]
    pub(crate) fn wait(&self) {
        let path = self.0.clone();
        let (sender, receiver) = channel();
        // Opening it waits for a writer.
        std::thread::spawn(move || sender.send(File::open(path).map(lines)));
        let lines = receiver.recv_timeout(LIMIT).expect("a writer");
        let line = lines.expect("the pipe").recv_timeout(LIMIT);
        assert!(line.is_ok(), "nobody wrote a line");
    }
}

impl std::fmt::Display for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Returns the kubeconfig of somebody else.
fn others(bed: &Bed) -> PathBuf {
    bed.here().with_file_name("others-kubeconfig")
}

fn stop(child: &mut Child) {
    // Where it has ended already, there is nothing to stop.
    drop(child.kill());
    drop(child.wait());
}

/// Reads lines in a thread of its own, so that the program never waits for a reader.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).into_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Returns all lines to the end of the stream.
#[track_caller]
fn rest(lines: &Receiver<String>) -> String {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(LIMIT) {
            Ok(line) => text.push_str(&line),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                panic!("it goes on and on:\n{text}")
            }
        }
    }
}
