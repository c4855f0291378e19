//! A world for tests, with what they ask of it by the same HTTP that everybody uses.

use crate::{
    Speed, World,
    programs::{self, Output},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

/// See the room.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    /// Opens a new world at full speed.
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = World::open(&dir.path().join("world"), Speed::Max)
            .await
            .unwrap();
        Self { world, dir }
    }

    /// Closes the world and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.world.close().await;
        let dir = self.dir;
        let world = World::open(&dir.path().join("world"), Speed::Max)
            .await
            .unwrap();
        Self { world, dir }
    }

    /// Returns the path of a kubeconfig that programs write to.
    pub(crate) fn kubeconfig(&self) -> std::path::PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// Runs a program as the stand-in does.
    pub(crate) async fn run(&self, program: &str, args: &[&str]) -> Output {
        let kubeconfig = self.kubeconfig().display().to_string();
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let env = [("KUBECONFIG".to_owned(), kubeconfig)].into();
        programs::call(self.world.endpoint(), program, args, env).await
    }

    /// Runs a program that must succeed, and returns what it printed to standard output.
    pub(crate) async fn ok(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args).await;
        assert_eq!(output.status, 0, "{program} {args:?}: {}", output.err);
        output.out
    }

    /// Runs a program that must fail, and returns what it printed to standard error.
    pub(crate) async fn fails(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args).await;
        assert_ne!(output.status, 0, "{program} {args:?}: {}", output.out);
        output.err
    }

    /// Writes a file, and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Asks for something under `control/`.
    pub(crate) async fn get(&self, name: &str) -> Value {
        ask(self.world.endpoint(), "GET", name, Value::Null).await.1
    }

    /// Tells something under `control/`.
    pub(crate) async fn post(&self, name: &str, body: Value) -> (u16, Value) {
        ask(self.world.endpoint(), "POST", name, body).await
    }

    /// Makes the cluster "dot", of one node.
    pub(crate) async fn dot(&self) {
        self.ok("kind", &["create", "cluster", "--name", "dot"])
            .await;
    }
}

/// Asks a world for something under `control/`.
pub(crate) async fn ask(endpoint: &str, method: &str, name: &str, body: Value) -> (u16, Value) {
    let (endpoint, method, name) = (endpoint.to_owned(), method.to_owned(), name.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let rest = endpoint.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let body = body.to_string();
        let head = format!(
            "{method} /{path}/control/{name} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = asked.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(json!(body)))
}

/// Returns the document in a YAML file.
pub(crate) fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
