//! Signs requests, sends them, and tries again what passes by itself.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Exchange, Fault, Request, Result};

use crate::{
    refusal::{Answer, Refusal, Trouble},
    service::Service,
    session::{Session, variable},
    xml,
};

/// How often a call is tried that fails by what passes.
const TRIES: u32 = 8;
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(20);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The slowest pace to which throttling brings the calls.
const SLOWEST: Duration = Duration::from_secs(5);

/// A client of AWS's services in one region.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Session,
    http: Arc<OnceLock<reqwest::Client>>,
    pace: Arc<Mutex<Pace>>,
    region: String,
}

/// How far calls are apart: throttling doubles it, each call that goes through takes a quarter of it away. All calls of one
/// provider share it, since the account's budget is shared too.
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
struct Call<'a> {
    service: Service,
    action: &'static str,
    method: &'static str,
    /// The path, encoded, with its query.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: &'a [u8],
}

/// What came back, whatever it says.
struct Raw {
    status: u16,
    kind: Option<String>,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(session: Session, region: String) -> Self {
        Self {
            session,
            http: Arc::default(),
            pace: Arc::default(),
            region,
        }
    }

    /// Returns the same in another region.
    pub(crate) fn within(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Calls a service that takes queries, and returns its XML.
    pub(crate) async fn query(
        &self,
        cx: &Ctx,
        service: Service,
        action: &'static str,
        parameters: &[(String, String)],
    ) -> Answer<String> {
        let mut body = format!("Action={action}&Version={}", service.version());
        for (key, value) in parameters {
            body.push_str(&format!("&{}={}", encode(key), encode(value)));
        }
        let call = Call {
            service,
            action,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            body: body.as_bytes(),
        };
        let body = self.send(cx, &call).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Calls a service that takes JSON 1.1, and returns its JSON.
    pub(crate) async fn target(
        &self,
        cx: &Ctx,
        service: Service,
        action: &'static str,
        body: &Value,
    ) -> Answer<Value> {
        let body = body.to_string();
        let call = Call {
            service,
            action,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("{}.{action}", service.target())),
            ],
            body: body.as_bytes(),
        };
        read_json(&self.send(cx, &call).await?)
    }

    /// Calls EKS, and returns its JSON. `path` is encoded, and may have a query.
    pub(crate) async fn eks(
        &self,
        cx: &Ctx,
        action: &'static str,
        (method, path): (&'static str, String),
        body: Option<&Value>,
    ) -> Answer<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let headers = match body {
            Some(_) => vec![("content-type", "application/json".to_owned())],
            None => Vec::new(),
        };
        let call = Call {
            service: Service::Eks,
            action,
            method,
            path,
            headers,
            body: text.as_bytes(),
        };
        read_json(&self.send(cx, &call).await?)
    }

    /// Sends a call until it is answered for good.
    async fn send(&self, cx: &Ctx, call: &Call<'_>) -> Answer<Vec<u8>> {
        let mut wait = Duration::from_millis(500);
        for attempt in 1.. {
            let what = format!("{} in {}", call.action, self.region);
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
                    refusal.fault() == Fault::Transient
                }
                Trouble::Lost(error) => error.fault == Fault::Transient,
            };
            if !passes || attempt >= TRIES {
                return Err(trouble);
            }
            let told = Error::from(trouble.clone()).to_line();
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

    async fn try_once(&self, cx: &Ctx, call: &Call<'_>, attempt: u32) -> Answer<Vec<u8>> {
        let url = format!("{}{}", self.url(call.service).await, call.path);
        let credentials = self.session.credentials(cx).await?;
        let at = cx.clock.now();
        let signed = self.sign(call, &url, &credentials, at)?;
        let what = format!("{} in {}", call.action, self.region);
        let answer = cx
            .within(PATIENCE)
            .bound(&what, async { Ok(self.exchange(call, &url, signed).await) })
            .await;
        let answer = match answer {
            Ok(answer) => answer.map_err(|error| lost(call, &url, &error)),
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
            // The call's name stands only in the header, or behind a path.
            url: &format!("{url}#{}:{}", call.service.permission(), call.action),
            sent: call.body,
            answer: match &answer {
                Ok(raw) => Ok((raw.status, &raw.body)),
                Err(error) => Err(error.to_line()),
            },
        }));
        let raw = answer?;
        if (200..300).contains(&raw.status) {
            return Ok(raw.body);
        }
        Err(Trouble::Refused(self.refusal(call, &raw)))
    }

    /// Returns the URL of a service, without a slash at its end.
    pub(crate) async fn url(&self, service: Service) -> String {
        let named = self
            .session
            .reads_environment()
            .then(|| variable(service.endpoint_variable()))
            .flatten();
        let url = match named {
            Some(url) => url,
            None => match self.session.endpoint().await {
                Some(url) => url,
                None => service.url(&self.region),
            },
        };
        url.trim_end_matches('/').to_owned()
    }

    fn sign(
        &self,
        call: &Call<'_>,
        url: &str,
        credentials: &aws_credential_types::Credentials,
        at: Timestamp,
    ) -> Result<Vec<(String, String)>> {
        let cannot = |error: String| {
            Error::new(Fault::Failed, format!("cannot sign {}", call.action)).cause(error)
        };
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(call.service.signing_region(&self.region))
            .name(call.service.name())
            .time(SystemTime::from(at))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| cannot(error.to_string()))?
            .into();
        let headers = call.headers.iter().map(|(key, value)| (*key, &**value));
        let body = SignableBody::Bytes(call.body);
        let request = SignableRequest::new(call.method, url, headers, body)
            .map_err(|error| cannot(error.to_string()))?;
        let (instructions, _) = sign(request, &parameters)
            .map_err(|error| cannot(error.to_string()))?
            .into_parts();
        let own = call.headers.iter();
        Ok(own
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .chain(
                instructions
                    .headers()
                    .map(|(key, value)| (key.to_owned(), value.to_owned())),
            )
            .collect())
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &str,
        headers: Vec<(String, String)>,
    ) -> Result<Raw, reqwest::Error> {
        let method = match call.method {
            "GET" => reqwest::Method::GET,
            "DELETE" => reqwest::Method::DELETE,
            _ => reqwest::Method::POST,
        };
        let http = match self.http.get() {
            Some(http) => http,
            None => {
                let new = connect(url)?;
                self.http.get_or_init(|| new)
            }
        };
        let mut request = http.request(method, url).body(call.body.to_vec());
        for (key, value) in headers {
            request = request.header(key, value);
        }
        let answer = request.send().await?;
        let kind = answer
            .headers()
            .get("x-amzn-errortype")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Raw {
            status: answer.status().as_u16(),
            kind,
            body: answer.bytes().await?.to_vec(),
        })
    }

    fn refusal(&self, call: &Call<'_>, raw: &Raw) -> Refusal {
        let text = String::from_utf8_lossy(&raw.body);
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let (code, message) = match &json {
            Some(json) => {
                let code = raw.kind.clone();
                let code = code.or_else(|| json["__type"].as_str().map(str::to_owned));
                let code = code.or_else(|| json["code"].as_str().map(str::to_owned));
                let said = json["message"].as_str().or(json["Message"].as_str());
                (
                    code.unwrap_or_default(),
                    said.unwrap_or_default().to_owned(),
                )
            }
            None => xml::refusal(&text).unwrap_or_default(),
        };
        // "com.amazonaws.x#Code" and "Code:http://…" are both just Code.
        let code = code.split(':').next().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        Refusal {
            service: call.service,
            region: self.region.clone(),
            action: call.action,
            status: raw.status,
            code: code.to_owned(),
            message,
        }
    }
}

/// Returns the client of HTTP: through the proxies of the environment, with the system's certificates and those of a private CA.
fn connect(url: &str) -> Result<reqwest::Client, reqwest::Error> {
    // reqwest panics without one; it fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        reqwest::Client::builder().user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    let host = url.split("://").nth(1).unwrap_or_default();
    if host.starts_with("127.0.0.1") || host.starts_with("localhost") || host.starts_with("[::1]") {
        client = client.no_proxy();
    }
    if let Some(file) = variable("AWS_CA_BUNDLE")
        && let Ok(pem) = std::fs::read(file)
    {
        for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
            client = client.tls_certs_merge([certificate]);
        }
    }
    client.build()
}

fn lost(call: &Call<'_>, url: &str, error: &reqwest::Error) -> Error {
    use std::error::Error as _;
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let host = url.split('/').nth(2).unwrap_or(url);
    let message = format!("{}: no answer from {host}", call.action);
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
        Error::new(Fault::Transient, "an answer of AWS cannot be read")
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
        assert_eq!(pace.gap, Duration::from_millis(500));
        // The first goes at once, those beside it one after the other.
        assert_eq!(pace.take_turn(now), Duration::ZERO);
        assert_eq!(pace.take_turn(now), Duration::from_millis(500));
        assert_eq!(pace.take_turn(now), Duration::from_secs(1));
        (0..20).for_each(|_| pace.slow_down());
        assert_eq!(pace.gap, SLOWEST);
        (0..20).for_each(|_| pace.speed_up());
        assert_eq!(pace.gap, Duration::ZERO);
    }

    #[test]
    fn text_is_encoded_as_signatures_want_it() {
        assert_eq!(encode("arn:aws:eks/a b~c*"), "arn%3Aaws%3Aeks%2Fa%20b~c%2A");
    }
}
