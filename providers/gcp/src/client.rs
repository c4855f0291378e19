//! Sends requests, and tries again what passes by itself.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Exchange, Fault, Request, Result};

use crate::{
    refusal::{Answer, Refusal, Trouble},
    service::Service,
    session::Session,
};

/// How often a call is tried that fails by what passes.
const TRIES: u32 = 8;
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(20);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The slowest pace to which throttling brings the calls.
const SLOWEST: Duration = Duration::from_secs(5);

/// A client of Google Cloud's services.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Session,
    http: Arc<OnceLock<reqwest::Client>>,
    pace: Arc<Mutex<Pace>>,
}

/// How far calls are apart: throttling doubles it, each call that goes through takes a quarter of it away. All calls of one
/// provider share it, since the project's budget is shared too.
#[derive(Debug, Default)]
struct Pace {
    gap: Duration,
    next: Option<Timestamp>,
}

impl Pace {
    fn slow_down(&mut self) {
        self.gap = (self.gap * 2).clamp(Duration::from_millis(250), SLOWEST);
    }

    fn speed_up(&mut self) {
        self.gap = match self.gap * 3 / 4 {
            gap if gap < Duration::from_millis(100) => Duration::ZERO,
            gap => gap,
        };
    }

    /// Returns how long the next call has to wait, and takes its place.
    fn take_turn(&mut self, now: Timestamp) -> Duration {
        if self.gap.is_zero() {
            self.next = None;
            return Duration::ZERO;
        }
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.gap);
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}

/// One call.
#[derive(Clone, Copy)]
struct Call<'a> {
    service: Service,
    action: &'static str,
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
}

impl Client {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            http: Arc::default(),
            pace: Arc::default(),
        }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Calls a service. `request` is its method and its encoded path, with its query.
    pub(crate) async fn call(
        &self,
        cx: &Ctx,
        (service, action): (Service, &'static str),
        (method, path): (&str, &str),
        body: Option<&Value>,
    ) -> Answer<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let call = Call {
            service,
            action,
            method,
            path,
            body: text.as_bytes(),
        };
        read_json(&self.send(cx, call).await?)
    }

    /// Reads from a service.
    pub(crate) async fn get(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
    ) -> Answer<Value> {
        self.call(cx, call, ("GET", path), None).await
    }

    /// Reads from a service what need not be there.
    pub(crate) async fn find(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
    ) -> Answer<Option<Value>> {
        match self.get(cx, call, path).await {
            Ok(found) => Ok(Some(found)),
            Err(trouble) if trouble.is_missing() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Reads all pages of a list; `key` is under what each page has its items.
    pub(crate) async fn list(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
        key: &str,
    ) -> Answer<Vec<Value>> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page = match token.is_empty() {
                true => path.to_owned(),
                false => {
                    let mark = if path.contains('?') { '&' } else { '?' };
                    format!("{path}{mark}pageToken={}", encode(&token))
                }
            };
            let mut answer = self.get(cx, call, &page).await?;
            match answer[key].take() {
                Value::Array(items) => all.extend(items),
                // Lists over all places are objects, by the place.
                Value::Object(places) => all.extend(places.into_iter().map(|(_, place)| place)),
                _ => {}
            }
            match answer["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(all),
            }
        }
    }

    /// Sends a call until it is answered for good.
    async fn send(&self, cx: &Ctx, call: Call<'_>) -> Answer<Vec<u8>> {
        let mut wait = Duration::from_millis(500);
        for attempt in 1.. {
            let what = format!("{} {}", call.service.name(), call.action);
            let turn = self.pace(|pace| pace.take_turn(cx.clock.now()));
            if !turn.is_zero() {
                pause(cx, &what, turn).await?;
            }
            let trouble = match self.try_once(cx, call, attempt).await {
                Ok(body) => {
                    self.pace(Pace::speed_up);
                    return Ok(body);
                }
                Err(trouble) => trouble,
            };
            let passes = match &trouble {
                Trouble::Refused(refusal) => {
                    if refusal.is_throttling() {
                        self.pace(Pace::slow_down);
                    }
                    // Who read what was changed since has to read it again.
                    refusal.fault() == Fault::Transient && refusal.code != "ABORTED"
                }
                Trouble::Lost(error) => error.fault == Fault::Transient,
            };
            if !passes || attempt >= TRIES {
                return Err(trouble);
            }
            let told = Error::from(trouble).to_line();
            cx.progress.say(format!("trying again: {told}"));
            pause(cx, &what, jitter(wait, cx.clock.now())).await?;
            wait = (wait * 2).min(LONGEST);
        }
        unreachable!("the last try returns")
    }

    fn pace<T>(&self, work: impl FnOnce(&mut Pace) -> T) -> T {
        // Nothing panics while it is held.
        let mut pace = self
            .pace
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        work(&mut pace)
    }

    async fn try_once(&self, cx: &Ctx, call: Call<'_>, attempt: u32) -> Answer<Vec<u8>> {
        let url = format!("{}{}", self.url(call.service), call.path);
        let token = self.session.token(cx).await?;
        let at = cx.clock.now();
        let what = format!("{} {}", call.service.name(), call.action);
        let answer = cx
            .within(PATIENCE)
            .bound(&what, async { Ok(self.exchange(call, &url, &token).await) })
            .await;
        let answer = match answer {
            Ok(answer) => answer.map_err(|error| lost(&what, &url, &error)),
            // Its own patience, and not the run's, was at its end.
            Err(error) if error.fault == Fault::TimedOut && !is_over(cx) => Err(Error::new(
                Fault::Transient,
                format!("{what}: no answer within a minute"),
            )),
            Err(error) => Err(error),
        };
        cx.trace.tell(&Exchange::Request(Request {
            at,
            took: Duration::try_from(cx.clock.now().duration_since(at)).unwrap_or_default(),
            attempt,
            method: call.method,
            url: &url,
            sent: call.body,
            answer: match &answer {
                Ok((status, body)) => Ok((*status, body)),
                Err(error) => Err(error.to_line()),
            },
        }));
        let (status, body) = answer?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let refusal = Refusal::read(call.service, call.action, status, &body);
        Err(Trouble::Refused(refusal))
    }

    /// Returns the URL of a service, without a slash at its end.
    fn url(&self, service: Service) -> String {
        if let Some(endpoint) = self.session.endpoint() {
            return format!("{}/{}", endpoint.trim_end_matches('/'), service.name());
        }
        service.at()
    }

    async fn exchange(
        &self,
        call: Call<'_>,
        url: &str,
        token: &str,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let http = match self.http.get() {
            Some(http) => http,
            None => {
                let new = connect(url)?;
                self.http.get_or_init(|| new)
            }
        };
        let mut request = http
            .request(method, url)
            .header("authorization", format!("Bearer {token}"));
        if !call.body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(call.body.to_vec());
        } else if call.method != "GET" && call.method != "DELETE" {
            request = request.header("content-length", "0");
        }
        // Whose quota of calls is used where one's own credentials have no project.
        if let Some(project) = self.session.quota_project() {
            request = request.header("x-goog-user-project", project);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await?.to_vec()))
    }
}

/// Returns the client of HTTP: through the proxies of the environment, with the system's certificates.
pub(crate) fn connect(url: &str) -> Result<reqwest::Client, reqwest::Error> {
    // reqwest panics without one; it fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        reqwest::Client::builder().user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    let host = url.split("://").nth(1).unwrap_or_default();
    if host.starts_with("127.0.0.1") || host.starts_with("localhost") || host.starts_with("[::1]") {
        client = client.no_proxy();
    }
    client.build()
}

fn lost(what: &str, url: &str, error: &reqwest::Error) -> Error {
    use std::error::Error as _;
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let host = url.split('/').nth(2).unwrap_or(url);
    let message = format!("{what}: no answer from {host}");
    let error = causes
        .into_iter()
        .fold(Error::new(Fault::Transient, message), Error::cause);
    error.hint("behind a proxy, set HTTPS_PROXY; for a private CA, set SSL_CERT_FILE")
}

fn read_json(body: &[u8]) -> Answer<Value> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|error| {
        // An answer that was cut off on its way.
        Error::new(Fault::Transient, "an answer of Google Cloud cannot be read")
            .cause(error.to_string())
            .into()
    })
}

/// Returns text as it stands in a query or in one step of a path.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Waits, unless the deadline passes or the run is cancelled.
pub(crate) async fn pause(cx: &Ctx, what: &str, duration: Duration) -> Result<()> {
    if is_over(cx) {
        return Err(Error::timed_out(what));
    }
    let pause = async {
        cx.clock.sleep(duration).await;
        Ok(())
    };
    cx.bound(what, pause).await?;
    match is_over(cx) {
        true => Err(Error::timed_out(what)),
        false => Ok(()),
    }
}

fn is_over(cx: &Ctx) -> bool {
    cx.deadline
        .is_some_and(|deadline| cx.clock.now() >= deadline)
}

/// Returns between a half and all of a wait, by the clock's smallest digits: callers that failed together come back apart.
fn jitter(wait: Duration, now: Timestamp) -> Duration {
    let digits = now.subsec_nanosecond().unsigned_abs() / 1_000 % 1_000;
    wait / 2 + wait / 2 * digits / 1_000
}

/// Says what is waited for, and waits.
pub(crate) async fn wait(cx: &Ctx, what: &str, duration: Duration) -> Result<()> {
    cx.progress.say(what);
    pause(cx, what, duration).await
}

/// Waits between looks that grow from two seconds to fifteen.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(Duration::from_secs(2))
    }

    pub(crate) async fn wait(&mut self, cx: &Ctx, what: &str) -> Result<()> {
        wait(cx, what, self.0).await?;
        self.0 = (self.0 * 3 / 2).min(Duration::from_secs(15));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_slows_all_calls_down_and_wears_off() {
        let mut pace = Pace::default();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(pace.take_turn(now), Duration::ZERO);
        pace.slow_down();
        pace.slow_down();
        assert_eq!(pace.take_turn(now), Duration::ZERO);
        assert_eq!(pace.take_turn(now), Duration::from_millis(500));
        (0..20).for_each(|_| pace.slow_down());
        assert_eq!(pace.gap, SLOWEST);
        (0..20).for_each(|_| pace.speed_up());
        assert_eq!(pace.gap, Duration::ZERO);
    }
}
