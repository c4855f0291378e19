//! A cloud over HTTP: networks, clusters with pools of nodes, and load balancers that their controllers make. What it makes takes time,
//! on the world's clock; it refuses what is out of order, and whatever the test tells it to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use windlass_conformance::Trouble;
use windlass_provider::Clock;

/// How long making and deleting something takes.
const WORK: SignedDuration = SignedDuration::from_mins(2);
/// How long a token is taken.
const TOKEN: SignedDuration = SignedDuration::from_mins(15);
/// By how much a caller's clock may be off.
const SKEW: i64 = 5 * 60;

/// Tags, or labels.
pub(crate) type Tags = BTreeMap<String, String>;

/// Something that there is. Its place is "region/networks/name" or "region/clusters/name/pools/name".
#[derive(Clone)]
struct Thing {
    body: Value,
    /// When its making or its change is done.
    ready: Timestamp,
    /// When it is gone, where it is on its way out.
    gone: Option<Timestamp>,
    broken: bool,
}

#[derive(Default)]
struct State {
    things: BTreeMap<String, Thing>,
    trouble: Option<(Trouble, u64)>,
    calls: u64,
    changes: u64,
    /// The change that is to be held, and whether after it was carried out.
    armed: Option<(u64, bool)>,
    tokens: BTreeMap<String, Timestamp>,
}

/// Where a change is held.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Open,
    Holding,
    Cut,
}

/// The cloud.
pub(crate) struct Sky {
    state: Mutex<State>,
    gate: watch::Sender<Gate>,
    clock: Arc<dyn Clock>,
    address: Mutex<String>,
}

/// A request.
struct Asked {
    method: String,
    path: String,
    /// When it was sent, by the clock of whoever did.
    date: i64,
    token: Option<String>,
    body: Value,
}

type Answer = (u16, Value);

impl Sky {
    /// Opens one with nothing in it, on loopback.
    pub(crate) async fn open(clock: Arc<dyn Clock>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let sky = Arc::new(Self {
            state: Mutex::default(),
            gate: watch::Sender::new(Gate::Open),
            clock,
            address: Mutex::new(address),
        });
        let serving = sky.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let sky = serving.clone();
                tokio::spawn(async move { sky.converse(stream).await });
            }
        });
        sky
    }

    /// Returns "host:port".
    pub(crate) fn address(&self) -> String {
        self.address.lock().expect("no panic").clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().expect("no panic");
        let now = self.clock.now();
        state
            .things
            .retain(|_, it| it.gone.is_none_or(|at| at > now));
        state
    }

    /// Returns all that there is: its place, and its tags or those of its cluster.
    pub(crate) fn list(&self) -> Vec<(String, Tags)> {
        let state = self.state();
        let tags = |place: &String| {
            let cluster = place.split("/pools/").next().unwrap_or_default();
            let tagged = &state.things[if state.things.contains_key(cluster) {
                cluster
            } else {
                place
            }];
            serde_json::from_value(tagged.body["tags"].clone()).unwrap_or_default()
        };
        let places = state.things.keys();
        places.map(|place| (place.clone(), tags(place))).collect()
    }

    /// Puts something there, as another client or a controller would.
    pub(crate) fn put(&self, place: &str, body: Value) {
        let ready = self.clock.now();
        self.state().things.insert(
            place.to_owned(),
            Thing {
                body,
                ready,
                gone: None,
                broken: false,
            },
        );
    }

    /// Breaks something.
    pub(crate) fn break_down(&self, place: &str) {
        let mut state = self.state();
        state.things.get_mut(place).expect("it is there").broken = true;
    }

    /// Lets calls fail from the `nth` from now on, or none any more.
    pub(crate) fn trouble(&self, trouble: Option<(Trouble, u64)>) {
        let mut state = self.state();
        state.calls = 0;
        state.trouble = trouble;
    }

    /// Holds the `nth` change from now on; 0: none.
    pub(crate) fn hold(&self, nth: u64, after: bool) {
        let mut state = self.state();
        state.changes = 0;
        state.armed = (nth > 0).then_some((nth, after));
        self.gate.send_replace(Gate::Open);
    }

    /// Waits until it is held.
    pub(crate) async fn held(&self) {
        let mut gate = self.gate.subscribe();
        gate.wait_for(|it| *it == Gate::Holding)
            .await
            .expect("a cloud");
    }

    /// Ends its connection.
    pub(crate) fn cut(&self) {
        self.gate.send_replace(Gate::Cut);
        self.state().armed = None;
    }

    /// Answers one request; a connection has no other.
    async fn converse(self: Arc<Self>, mut stream: TcpStream) {
        let Some(asked) = read(&mut stream).await else {
            return;
        };
        let Some((status, body)) = self.answer(&asked).await else {
            return;
        };
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let head = format!(
            "HTTP/1.1 {status} so\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // Who went away does not listen.
        let _ = stream.write_all((head + &body).as_bytes()).await;
    }

    /// Returns the answer; `None`: the connection is lost.
    async fn answer(&self, asked: &Asked) -> Option<Answer> {
        let mut lost = false;
        if !asked.path.starts_with("api/") {
            let mut state = self.state();
            state.calls += 1;
            if let Some((trouble, nth)) = state.trouble {
                let this = state.calls == nth;
                match trouble {
                    Trouble::LostBefore if this => return None,
                    Trouble::LostAfter => lost = this,
                    Trouble::Throttled if this => return Some((429, json!("slow down"))),
                    Trouble::Unwell if this => return Some((503, json!("not well"))),
                    Trouble::Crowded
                        if state.calls >= nth && (state.calls - nth).is_multiple_of(2) =>
                    {
                        return Some((429, json!("slow down")));
                    }
                    Trouble::Denied if state.calls >= nth => {
                        return Some((403, json!("you may not do this")));
                    }
                    _ => {}
                }
            }
            if (asked.date - self.clock.now().as_second()).abs() > SKEW {
                return Some((400, json!("the signature is of another time")));
            }
        }
        let changes = asked.method != "GET" && !asked.path.ends_with("/token");
        if !changes {
            let answer = self.carry_out(asked);
            return (!lost).then_some(answer);
        }
        let nth = {
            let mut state = self.state();
            state.changes += 1;
            state.changes
        };
        if !self.pass(nth, false).await {
            return None;
        }
        let answer = self.carry_out(asked);
        (self.pass(nth, true).await && !lost).then_some(answer)
    }

    /// Holds a change where it is the one; returns whether it may go on.
    async fn pass(&self, nth: u64, after: bool) -> bool {
        if self.state().armed != Some((nth, after)) {
            return true;
        }
        self.gate.send_replace(Gate::Holding);
        let mut gate = self.gate.subscribe();
        let then = gate.wait_for(|it| *it != Gate::Holding).await;
        *then.expect("a cloud") == Gate::Open
    }

    fn carry_out(&self, asked: &Asked) -> Answer {
        let now = self.clock.now();
        let mut state = self.state();
        let path = asked.path.as_str();
        if let Some(api) = path.strip_prefix("api/") {
            let cluster = api.trim_end_matches("/version");
            let token = asked.token.as_ref();
            let known = token.and_then(|token| state.tokens.get(&format!("{cluster} {token}")));
            return match known {
                Some(until) if *until > now => {
                    let version = json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.1", "gitCommit": "",
                        "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" });
                    (200, version)
                }
                _ => {
                    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                        "message": "Unauthorized", "reason": "Unauthorized", "code": 401 });
                    (401, status)
                }
            };
        }
        match (asked.method.as_str(), path) {
            ("GET", "identity") => (
                200,
                json!({ "account": "someone", "regions": ["here", "there"] }),
            ),
            ("POST", _) if path.ends_with("/token") => {
                let cluster = path.trim_end_matches("/token");
                if !state.things.contains_key(cluster) {
                    return (404, json!("no such cluster"));
                }
                let until = now + TOKEN;
                let token = format!("t{}", state.tokens.len());
                state.tokens.insert(format!("{cluster} {token}"), until);
                (200, json!({ "token": token, "expires": until }))
            }
            ("GET", _) => match state.things.get(path) {
                Some(thing) => (200, thing.show(now)),
                // A list, where it is no thing's place.
                None if path.split('/').count().is_multiple_of(2) => {
                    let of = |place: &&String| {
                        let rest = place.strip_prefix(&format!("{path}/"));
                        rest.is_some_and(|name| !name.contains('/'))
                    };
                    let shown = state.things.keys().filter(of);
                    let shown: Vec<Value> = shown.map(|it| state.things[it].show(now)).collect();
                    (200, json!(shown))
                }
                None => (404, json!("there is none")),
            },
            ("POST", _) => state.create(path, &asked.body, now),
            ("PATCH", _) => match state.things.get_mut(path) {
                Some(thing) if thing.ready > now => (409, json!("it is being made")),
                Some(thing) => {
                    for (field, value) in asked.body.as_object().into_iter().flatten() {
                        thing.body[field] = value.clone();
                    }
                    thing.ready = now + WORK;
                    (200, thing.show(now))
                }
                None => (404, json!("there is none")),
            },
            ("DELETE", _) => state.delete(path, now),
            _ => (405, Value::Null),
        }
    }
}

impl State {
    fn create(&mut self, path: &str, body: &Value, now: Timestamp) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        let place = format!("{path}/{name}");
        let plain = |text: &str| {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
            text.len() <= 63 && text.chars().all(fits)
        };
        let tags: Tags = serde_json::from_value(body["tags"].clone()).unwrap_or_default();
        if !plain(name) || name.is_empty() || name.len() > 40 {
            return (400, json!(format!("the name {name} is not allowed")));
        }
        if !tags.iter().all(|(key, value)| plain(key) && plain(value)) {
            return (400, json!("these labels are not allowed"));
        }
        if self.things.contains_key(&place) {
            return (409, json!("there is one of that name"));
        }
        let whole = path
            .split_once("/pools")
            .map(|(cluster, _)| cluster.to_owned());
        let network = body["network"].as_str().map(str::to_owned);
        for needed in whole.into_iter().chain(network) {
            match self.things.get(&needed) {
                Some(thing) if thing.ready <= now && thing.gone.is_none() => {}
                _ => return (400, json!(format!("{needed} is not ready"))),
            }
        }
        let mut body = body.clone();
        body["created"] = json!(now);
        let thing = Thing {
            body,
            ready: now + WORK,
            gone: None,
            broken: false,
        };
        let shown = thing.show(now);
        self.things.insert(place, thing);
        (201, shown)
    }

    fn delete(&mut self, path: &str, now: Timestamp) -> Answer {
        let needs = |it: &Thing| it.body["network"] == path;
        let inside = |place: &str| place.starts_with(&format!("{path}/"));
        if self
            .things
            .iter()
            .any(|(place, it)| needs(it) || inside(place))
        {
            return (409, json!("DependencyViolation: something needs it"));
        }
        match self.things.get_mut(path) {
            Some(thing) => {
                thing.gone.get_or_insert(now + WORK);
                (202, Value::Null)
            }
            None => (404, json!("there is none")),
        }
    }
}

impl Thing {
    fn show(&self, now: Timestamp) -> Value {
        let mut shown = self.body.clone();
        shown["state"] = json!(match () {
            () if self.gone.is_some() => "deleting",
            () if self.broken => "failed",
            () if self.ready > now => "making",
            () => "ready",
        });
        shown
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let head = text.windows(4).position(|it| it == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&text[..end]).into_owned();
            let field = |name: &str| {
                head.lines().find_map(|line| {
                    let (key, value) = line.split_once(": ")?;
                    key.eq_ignore_ascii_case(name).then(|| value.to_owned())
                })
            };
            let length = field("content-length").map_or(0, |it| it.parse().expect("a number"));
            let body = &text[end + 4..];
            if body.len() >= length {
                let mut words = head.split(' ');
                return Some(Asked {
                    method: words.next()?.to_owned(),
                    path: words.next()?.trim_matches('/').to_owned(),
                    date: field("x-date").map_or(0, |it| it.parse().expect("a number")),
                    token: field("authorization").map(|it| it.replace("Bearer ", "")),
                    body: serde_json::from_slice(body).unwrap_or_default(),
                });
            }
        }
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => text.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}
