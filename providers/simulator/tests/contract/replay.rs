//! Sends the requests of a scenario and keeps what placeholders stand for.

use crate::{common, compare, real::Real, setup};
use axum::body::Body;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use windlass_simulator::kube::ApiServer;

pub(crate) const TOKEN: &str = "contract-admin";

/// What answers.
#[derive(Clone)]
pub(crate) enum Server {
    /// A simulated API server, a new one for each scenario.
    Simulated,
    /// A real one for all.
    Real(Arc<Real>),
}

enum Live {
    Simulated(Arc<ApiServer>),
    Real(Arc<Real>),
}

/// An answer as the contract records it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// One server with what is known of its placeholders.
pub(crate) struct Replay {
    server: Live,
    pub(crate) known: BTreeMap<String, String>,
}

impl Replay {
    fn new(server: &Server) -> Self {
        let server = match server {
            Server::Simulated => Live::Simulated(common::server(Some(TOKEN), None)),
            Server::Real(real) => Live::Real(real.clone()),
        };
        Self {
            server,
            known: BTreeMap::new(),
        }
    }

    /// Sends a request; headers come on top of those of the admin.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path.replace(' ', "%20"));
        let given = |name: &str| {
            headers
                .iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        if !given("authorization") {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        if !given("user-agent") {
            request = request.header("user-agent", "contract/1.0");
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = match &self.server {
            Live::Simulated(server) => server.handle(request).await,
            Live::Real(real) => real.send(request).await.expect("an answer"),
        };
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .expect("a body")
            .to_vec();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// Sends a JSON request of the set-up, which must succeed, and returns the answer.
    pub(crate) async fn must(
        &self,
        method: &str,
        path: &str,
        manager: &str,
        body: &Value,
    ) -> Value {
        let media = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let headers = [("user-agent", manager), ("content-type", media)];
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.send(method, path, &headers, text).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status < 300, "set-up {method} {path} failed: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Replaces the placeholders in something that is sent.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(found) = compare::placeholder().find(rest) {
            filled.push_str(&rest[..found.start()]);
            filled.push_str(&self.value_of(found.as_str()));
            rest = &rest[found.end()..];
        }
        filled + rest
    }

    fn value_of(&self, name: &str) -> String {
        if let Some(value) = self.known.get(name) {
            return value.clone();
        }
        let number = |name: &str| {
            name.rsplit('-')
                .next()
                .and_then(|number| number.parse::<u32>().ok())
                .unwrap_or(0)
        };
        match name.split('-').next() {
            Some("TIME") => "2026-05-28T20:26:40.000000Z".to_owned(),
            Some("UID") => format!("00000000-0000-4000-8000-{:012}", number(name)),
            Some("RV") => {
                let later = self
                    .known
                    .keys()
                    .filter(|other| other.starts_with("RV-"))
                    .all(|other| number(other) < number(name));
                if later && number(name) > 1 {
                    "1000000".to_owned()
                } else {
                    "1".to_owned()
                }
            }
            _ => name.to_owned(),
        }
    }
}

/// Replays a scenario and returns what differs, by step.
pub(crate) async fn scenario(
    server: &Server,
    name: &str,
    steps: &[&Value],
) -> BTreeMap<String, String> {
    let mut replay = Replay::new(server);
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("c-{name}") } });
    replay
        .must("POST", "/api/v1/namespaces", "contract/1.0", &namespace)
        .await;
    if matches!(server, Server::Real(_)) {
        setup::stand_in(&replay, &format!("c-{name}")).await;
    }
    let mut differences = BTreeMap::new();
    for step in steps {
        let title = step["step"].as_str().expect("a step has a name");
        setup::before(&mut replay, name, title).await;
        if matches!(server, Server::Simulated) && setup::rests_on_rules(name, title) {
            differences.insert(
                format!("{name}: {title}"),
                "    not sent: what a rule refused would stay and be in the way\n".to_owned(),
            );
            continue;
        }
        let tried = match server {
            Server::Real(_) => settle(&mut replay, step).await,
            Server::Simulated => run(&mut replay, step).await,
        };
        if let Err(difference) = tried {
            differences.insert(format!("{name}: {title}"), difference);
        }
    }
    differences
}

/// Sends what only looks at something again for a while: a real server does some work after it has answered.
async fn settle(replay: &mut Replay, step: &Value) -> Result<(), String> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(250);
    let gone = step["method"] == "GET" && step["status"] == 404;
    let known = replay.known.clone();
    for _ in 0..TRIES {
        let tried = run(replay, step).await;
        if tried.is_ok() || !gone {
            return tried;
        }
        replay.known.clone_from(&known);
        tokio::time::sleep(PAUSE).await;
    }
    run(replay, step).await
}

async fn run(replay: &mut Replay, step: &Value) -> Result<(), String> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in step["request_headers"].as_object().into_iter().flatten() {
        headers.push((
            name.clone(),
            replay.fill(value.as_str().unwrap_or_default()),
        ));
    }
    for (name, field) in [
        ("content-type", "request_content_type"),
        ("accept", "accept"),
    ] {
        if !text(field).is_empty() {
            headers.push((name.to_owned(), text(field).to_owned()));
        }
    }
    let body = match &step["request_body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let path = text("path")
        .strip_prefix(text("method"))
        .unwrap_or(text("path"))
        .trim();
    let path = replay.fill(path);
    let body = compare::expand(&replay.fill(&body));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = replay.send(text("method"), &path, &headers, body).await;
    let real = matches!(replay.server, Live::Real(_));
    compare::answers(&mut replay.known, step, &answer, real)
}
