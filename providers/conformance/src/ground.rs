//! A simulated world in this process, as every bed has one: its clock, its gate and what it is told.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use windlass_provider::{Clock, Ctx, Exchange, Trace};
use windlass_simulator::{FaultFile, Speed, World, WorldClock};

use crate::Sent;

/// A world in a folder of its own.
pub struct Ground {
    world: World,
    folder: TempDir,
}

/// Calls that were made.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// Returns how many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.lock().expect("no listener panics").len() as u64
    }

    /// Returns the places, from 1, of all.
    #[must_use]
    pub fn all(&self) -> Vec<u64> {
        (1..=self.count()).collect()
    }

    /// Returns the places, from 1, of those that are worth failing one by one in a quick look: of a call that is made again and again while something is
    /// awaited, the first and the last.
    #[must_use]
    pub fn telling(&self) -> Vec<u64> {
        let calls = self.0.lock().expect("no listener panics");
        let same = |one: usize, other: usize| calls.get(one) == calls.get(other);
        let is_amid = |at: &usize| *at > 0 && same(*at - 1, *at) && same(*at, *at + 1);
        let telling = (0..calls.len()).filter(|at| !is_amid(at));
        telling.map(|at| at as u64 + 1).collect()
    }

    /// Returns the places, from 1, of those that change something, or may: all but those that say themselves that they only read.
    #[must_use]
    pub fn changing(&self) -> Vec<u64> {
        let reads = |call: &String| {
            // AWS says what a call does behind the mark: "POST https://…#ec2:DescribeVpcs".
            let action = call.rsplit_once('#').map(|(_, action)| action);
            let action = action.and_then(|action| action.rsplit(':').next());
            action.map_or(call.starts_with("GET "), |action| {
                ["Describe", "Get", "List", "Simulate"]
                    .iter()
                    .any(|verb| action.starts_with(verb))
            })
        };
        let calls = self.0.lock().expect("no listener panics");
        let places = (1..).zip(calls.iter());
        let changing = places.filter(|(_, call)| !reads(call));
        changing.map(|(place, _)| place).collect()
    }
}

impl Ground {
    /// Opens a world in which there is nothing, and in which time passes only when everybody waits.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::open(&folder.path().join("world"), Speed::Max)
            .await
            .expect("a world");
        Self { world, folder }
    }

    /// Returns the URL at which programs find the world.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.world.endpoint()
    }

    /// Returns a folder for what programs write.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Returns a context on the world's clock.
    #[must_use]
    pub fn cx(&self) -> Ctx {
        self.cx_ahead_by(SignedDuration::ZERO)
    }

    /// Returns the context of a machine whose clock is ahead of all others; behind, where `skew` is negative.
    #[must_use]
    pub fn cx_ahead_by(&self, skew: SignedDuration) -> Ctx {
        let clock = self.world.clock().ahead_by(skew);
        Ctx {
            scratch: self.folder.path().to_owned(),
            ..Ctx::new(Arc::new(WorldTime(clock)))
        }
    }

    /// Lets time pass until `at`.
    pub async fn pass(&self, at: Timestamp) {
        let left = Duration::try_from(at.duration_since(self.now()));
        self.world.clock().sleep(left.unwrap_or_default()).await;
    }

    /// Returns such a context, and the calls that were made with it so far.
    #[must_use]
    pub fn noting(&self) -> (Ctx, Calls) {
        let calls = Calls::default();
        let noted = Arc::clone(&calls.0);
        let trace = Trace::new(move |exchange| {
            let call = match exchange {
                Exchange::Request(request) => format!("{} {}", request.method, request.url),
                Exchange::Program(program) => program.argv.join(" "),
                // What a watch brings is no call.
                Exchange::Message { .. } => return,
            };
            noted.lock().expect("no listener panics").push(call);
        });
        (Ctx { trace, ..self.cx() }, calls)
    }

    /// Returns such a context, and what was sent with it so far.
    #[must_use]
    pub fn recording(&self) -> (Ctx, Sent) {
        let sent = Sent::default();
        let trace = sent.trace();
        (Ctx { trace, ..self.cx() }, sent)
    }

    /// Returns the time in the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world.clock().now()
    }

    /// Puts a file of faults in force, in place of the one before.
    pub async fn inject(&self, faults: &str) {
        let faults = FaultFile::parse(faults).expect("a file of faults");
        self.world.inject(&faults).await.expect("the world");
    }

    /// Holds the `nth` change from now on, before it is carried out or after; 0: none any more.
    pub async fn hold(&self, nth: u64, after: bool) {
        let at = (nth > 0).then_some(nth);
        let when = if after { "after" } else { "before" };
        self.tell("hold", json!({"at": at, "when": when})).await;
    }

    /// Waits until that change has come.
    pub async fn held(&self) {
        let held = self.ask("held").await;
        assert!(!held["held"].is_null(), "nothing is held");
    }

    /// Ends the connection of the change that is held, where somebody still waits for it.
    pub async fn cut(&self) {
        let body = json!({"answer": false});
        let (status, answer) = self
            .exchange("POST", "release", &body)
            .await
            .expect("the world");
        assert!(matches!(status, 200 | 409), "release: {status} {answer}");
        self.hold(0, false).await;
    }

    /// Asks the world for something, as its control has it: "state".
    pub async fn ask(&self, what: &str) -> Value {
        let asked = self.exchange("GET", what, &Value::Null).await;
        let (status, answer) = asked.expect("the world");
        assert_eq!(status, 200, "{what}: {answer}");
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Tells the world something.
    pub async fn tell(&self, what: &str, body: Value) {
        let told = self.exchange("POST", what, &body).await;
        let (status, answer) = told.expect("the world");
        assert_eq!(status, 200, "{what}: {answer}");
    }

    /// Asks under `control/` by HTTP/1.0, one connection a request.
    async fn exchange(&self, method: &str, what: &str, body: &Value) -> Result<(u16, String)> {
        let rest = self.endpoint().strip_prefix("http://").context("a URL")?;
        let (host, path) = rest.split_once('/').context("a path")?;
        let mut stream = TcpStream::connect(host).await?;
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "{method} /{path}/control/{what} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer")?;
        let status = head.split_whitespace().nth(1).context("a status")?;
        ensure!(head.starts_with("HTTP/1."), "no HTTP: {head}");
        Ok((status.parse()?, body.to_owned()))
    }
}

/// The world's clock, as providers see a clock.
struct WorldTime(WorldClock);

impl fmt::Debug for WorldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorldTime({})", self.0.now())
    }
}

#[async_trait]
impl Clock for WorldTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    async fn reached(&self, at: Timestamp) {
        self.0.reached(at).await;
    }
}
