//! A simulated API behind a network that the test can disturb, and a clock that the test moves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{Barrier, watch};
use windlass_provider::{Auth, Clock, Ctx, Error, Kubeconfig, Progress};
use windlass_simulator::kube::{ApiServer, Key, Now, Record, Settings, Sink};

use crate::kube::{Cluster, ObjectRef};

/// The base path of the API, as rehearsals have one.
const BASE: &str = "/clusters/dot";

/// A clock that stands still but for sleeps, which are over at once and have passed.
#[derive(Debug)]
pub(super) struct TestClock(watch::Sender<Timestamp>);

impl TestClock {
    pub(super) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }

    async fn reached(&self, at: Timestamp) {
        let _ = self.0.subscribe().wait_for(|now| *now >= at).await;
    }
}

/// The API's clock, and how far it is ahead of the test's.
struct ServerTime(Arc<TestClock>, SignedDuration);

impl Now for ServerTime {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn record(&self, _: &Record) {}
}

/// What the network does to requests whose "METHOD path?query" contains a text.
pub(super) struct Disturbance {
    pub(super) on: &'static str,
    pub(super) times: usize,
    pub(super) answer: Answer,
}

#[derive(Clone)]
pub(super) enum Answer {
    /// The server's answer is replaced.
    Instead(StatusCode, &'static [(&'static str, &'static str)], String),
    /// The request waits until so many are under way.
    Together(Arc<Barrier>),
}

/// How watches are cut.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cut {
    /// The server ends them in good order.
    End,
    /// The connection breaks.
    Break,
}

struct Net {
    api: Arc<ApiServer>,
    seen: Mutex<Vec<String>>,
    disturbances: Mutex<Vec<Disturbance>>,
    cut: watch::Sender<(usize, Cut)>,
}

pub(super) struct Fixture {
    pub(super) cluster: Cluster,
    pub(super) api: Arc<ApiServer>,
    pub(super) clock: Arc<TestClock>,
    pub(super) cx: Ctx,
    net: Arc<Net>,
    said: watch::Receiver<Vec<String>>,
    address: std::net::SocketAddr,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::ahead(0).await
    }

    /// Returns one whose API's clock is so many minutes ahead.
    pub(super) async fn ahead(minutes: i64) -> Self {
        let start: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        let clock = Arc::new(TestClock(watch::Sender::new(start)));
        let api = ApiServer::new(Settings {
            git_version: "v1.36.1".into(),
            now: Arc::new(ServerTime(
                clock.clone(),
                SignedDuration::from_mins(minutes),
            )),
            sink: Arc::new(Nowhere),
            token: Some("right".into()),
        });
        let net = Arc::new(Net {
            api: api.clone(),
            seen: Mutex::default(),
            disturbances: Mutex::default(),
            cut: watch::Sender::new((0, Cut::End)),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(net.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (say, said) = watch::channel(Vec::new());
        let mut cx = Ctx::new(clock.clone());
        cx.progress = Progress::new(move |message| {
            say.send_modify(|said: &mut Vec<String>| said.push(message.to_owned()));
        });
        let fixture = Self {
            cluster: Cluster::connect(&access(address, "right")).unwrap(),
            api,
            clock,
            cx,
            net,
            said,
            address,
        };
        fixture.create(
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } }),
        );
        fixture
    }

    pub(super) fn connect(&self, token: &str) -> Cluster {
        Cluster::connect(&access(self.address, token)).unwrap()
    }

    pub(super) fn disturb(&self, on: &'static str, times: usize, answer: Answer) {
        self.net
            .disturbances
            .lock()
            .unwrap()
            .push(Disturbance { on, times, answer });
    }

    /// Cuts all watches that are open.
    pub(super) fn cut(&self, how: Cut) {
        self.net.cut.send_modify(|(count, cut)| {
            *count += 1;
            *cut = how;
        });
    }

    /// Returns the requests that contained `text`, as "METHOD path?query".
    pub(super) fn requests(&self, text: &str) -> Vec<String> {
        let seen = self.net.seen.lock().unwrap();
        seen.iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect()
    }

    /// Waits until progress has said something that contains `text`.
    pub(super) async fn until_said(&self, text: &str) {
        let mut said = self.said.clone();
        let there = |said: &Vec<String>| said.iter().any(|line| line.contains(text));
        said.wait_for(there).await.unwrap();
    }

    pub(super) fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    pub(super) fn create(&self, object: Value) -> Value {
        match self.api.create(object) {
            Ok(object) => (*object).clone(),
            Err(status) => panic!("{status:?}"),
        }
    }

    pub(super) fn read(&self, name: &ObjectRef) -> Option<Value> {
        self.api.get(&key(name)).map(|object| (*object).clone())
    }

    /// Patches an object, or its status where the patch has one.
    pub(super) fn patch(&self, name: &ObjectRef, patch: Value) {
        let part = patch.get("status").is_some().then_some("status");
        if let Err(status) = self.api.merge_patch(&key(name), "test", part, patch) {
            panic!("{status:?}");
        }
    }

    /// Makes a Deployment of one replica that its controller has seen.
    pub(super) fn deployment(&self, name: &str) -> ObjectRef {
        self.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "a" },
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
                },
            },
        }));
        let name = ObjectRef::namespaced("apps/v1", "Deployment", "a", name);
        self.deployment_status(&name, 0);
        name
    }

    pub(super) fn deployment_status(&self, name: &ObjectRef, available: u64) {
        self.patch(
            name,
            json!({ "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available } }),
        );
    }

    /// Makes a pod of a Deployment, with the status of its one container.
    pub(super) fn pod(&self, name: &str, app: &str, set: &str, container: Value) -> ObjectRef {
        self.create(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": "a", "labels": { "app": app },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": uid(self, set) }],
            },
            "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
        }));
        let name = ObjectRef::namespaced("v1", "Pod", "a", name);
        let mut container = container;
        container["name"] = json!("web");
        for (field, value) in [
            ("image", json!("web:1")),
            ("imageID", json!("")),
            ("ready", json!(false)),
        ] {
            container[field] = value;
        }
        if container["restartCount"].is_null() {
            container["restartCount"] = json!(0);
        }
        self.patch(
            &name,
            json!({ "status": { "phase": "Pending", "containerStatuses": [container] } }),
        );
        name
    }

    /// Makes the ReplicaSet of a revision of a Deployment.
    pub(super) fn replica_set(&self, name: &str, app: &str, revision: &str) {
        self.create(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": { "name": name, "namespace": "a", "annotations": { "deployment.kubernetes.io/revision": revision } },
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": { "app": app } },
                "template": {
                    "metadata": { "labels": { "app": app } },
                    "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
                },
            },
        }));
    }

    pub(super) fn event(&self, about: &ObjectRef, reason: &str, message: &str) {
        self.create(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": format!("{}.{}", about.name, reason.to_lowercase()), "namespace": "a" },
            "involvedObject": { "apiVersion": about.api_version, "kind": about.kind, "namespace": "a", "name": about.name },
            "type": "Warning", "reason": reason, "message": message, "lastTimestamp": "2026-01-02T03:00:00Z",
        }));
    }
}

fn uid(fixture: &Fixture, set: &str) -> Value {
    let set = fixture.read(&ObjectRef::namespaced("apps/v1", "ReplicaSet", "a", set));
    set.map_or(json!("gone"), |set| set["metadata"]["uid"].clone())
}

pub(super) fn key(name: &ObjectRef) -> Key {
    Key {
        group: name.group().to_owned(),
        kind: name.kind.clone(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

/// Returns an error as the user is told it.
pub(super) fn told(error: &Error) -> String {
    let mut told = format!("{:?}: {}", error.fault, error.message);
    for cause in &error.causes {
        told.push_str(&format!("\n  caused by: {cause}"));
    }
    for hint in &error.hints {
        told.push_str(&format!("\n  hint: {hint}"));
    }
    told
}

fn access(address: std::net::SocketAddr, token: &str) -> Kubeconfig {
    Kubeconfig {
        server: format!("http://{address}{BASE}"),
        certificate_authority: None,
        tls_server_name: None,
        auth: Auth::Token(token.into()),
    }
}

async fn answer(State(net): State<Arc<Net>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let Some(path) = path.strip_prefix(BASE) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    parts.uri = path.parse().unwrap();
    let line = format!("{} {path}", parts.method);
    net.seen.lock().unwrap().push(line.clone());
    let is_watch = line.contains("watch=true");
    // Taken before the answer begins, so that no cut is missed.
    let mut cut = net.cut.subscribe();
    match net.disturbance(&line) {
        Some(Answer::Instead(status, headers, body)) => {
            let mut response = (status, body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            return response;
        }
        Some(Answer::Together(barrier)) => {
            barrier.wait().await;
        }
        None => {}
    }
    let response = net.api.handle(Request::from_parts(parts, body)).await;
    if !is_watch {
        return response;
    }
    let (parts, body) = response.into_parts();
    let how = Arc::new(Mutex::new(Cut::End));
    let heard = how.clone();
    let until_cut = Box::pin(async move {
        let _ = cut.changed().await;
        *heard.lock().unwrap() = cut.borrow().1;
    });
    let broken = stream::once(async move {
        let broken = *how.lock().unwrap() == Cut::Break;
        broken.then(|| Err(axum::Error::new("the connection broke")))
    });
    let body = body
        .into_data_stream()
        .take_until(until_cut)
        .chain(broken.filter_map(|end| async { end }));
    Response::from_parts(parts, Body::from_stream(body))
}

impl Net {
    fn disturbance(&self, line: &str) -> Option<Answer> {
        let mut all = self.disturbances.lock().unwrap();
        let found = all
            .iter_mut()
            .find(|it| it.times > 0 && line.contains(it.on))?;
        found.times -= 1;
        Some(found.answer.clone())
    }
}
