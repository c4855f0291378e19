//! The clock of a world that another process runs.
//!
//! Waits are requests that are answered when they are due; dropping one drops its connection. The present is kept fresh by a
//! stream. When that process ends, time goes on at the pace of the wall clock, so that nobody hangs: whoever wakes then finds the
//! world gone by asking it something else.

use anyhow::{Context, Result, bail};
use axum::body::Body;
use futures::StreamExt;
use http::{Method, Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// What the serving process says of its clock.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Reading {
    now: Timestamp,
    /// Simulated seconds per real second; `None` = time stands still between jumps.
    factor: Option<f64>,
}

/// No answer is longer, in bytes.
const LIMIT: usize = 1 << 20;

#[derive(Clone)]
pub(super) struct RemoteClock(Arc<Shared>);

struct Shared {
    endpoint: String,
    seen: watch::Sender<(Reading, Instant)>,
    reader: std::sync::OnceLock<AbortOnDropHandle<()>>,
}

impl RemoteClock {
    /// Returns the clock of the world at `endpoint`, once its first reading has come.
    pub(super) async fn connect(endpoint: &str) -> Result<Self> {
        let answer = get(endpoint, "clock/stream").await?;
        if answer.response.status() != http::StatusCode::OK {
            bail!("it answers {}", answer.response.status());
        }
        let mut lines = Lines::new(answer);
        let first = lines.next().await.context("its clock says nothing")?;
        let shared = Arc::new(Shared {
            endpoint: endpoint.to_owned(),
            seen: watch::channel((first, Instant::now())).0,
            reader: std::sync::OnceLock::new(),
        });
        let seen = shared.seen.clone();
        let reader = tokio::spawn(async move {
            while let Some(reading) = lines.next().await {
                seen.send_replace((reading, Instant::now()));
            }
            // From here on at the pace of the wall clock.
            seen.send_modify(|(reading, at)| {
                *reading = Reading {
                    now: present(*reading, *at),
                    factor: Some(1.0),
                };
                *at = Instant::now();
            });
        });
        // The cell is new: nothing else can have filled it.
        let _ = shared.reader.set(AbortOnDropHandle::new(reader));
        Ok(Self(shared))
    }

    pub(super) fn now(&self) -> Timestamp {
        let (reading, at) = *self.0.seen.borrow();
        present(reading, at)
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        let wait = format!("clock/sleep?for={}", duration.as_secs_f64());
        if self.ask(&wait).await.is_err() {
            tokio::time::sleep(duration).await;
        }
    }

    pub(super) async fn reached(&self, at: Timestamp) {
        let wait = format!("clock/reached?at={at}");
        if self.ask(&wait).await.is_err() {
            let rest = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            tokio::time::sleep(rest).await;
        }
    }

    /// Waits for an answer, and takes over the moment that it carries.
    async fn ask(&self, path: &str) -> Result<()> {
        let answer = get(&self.0.endpoint, path).await?;
        if answer.response.status() != http::StatusCode::OK {
            bail!("the clock answers {}", answer.response.status());
        }
        let reading = Lines::new(answer)
            .next()
            .await
            .context("the clock says nothing")?;
        self.0.seen.send_if_modified(|seen| {
            let newer = reading.now > seen.0.now;
            if newer {
                *seen = (reading, Instant::now());
            }
            newer
        });
        Ok(())
    }
}

fn present(reading: Reading, at: Instant) -> Timestamp {
    let passed = reading
        .factor
        .map(|factor| at.elapsed().as_secs_f64() * factor);
    let passed = passed.and_then(|passed| SignedDuration::try_from_secs_f64(passed).ok());
    passed
        .and_then(|passed| reading.now.checked_add(passed).ok())
        .unwrap_or(reading.now)
}

/// An answer with the connection that it comes over.
struct Answer {
    response: Response<Body>,
    _connection: AbortOnDropHandle<()>,
}

/// Posts a text to the world at `endpoint`, and returns its answer.
pub(super) async fn post(endpoint: &str, path: &str, text: &str) -> Result<Value> {
    let answer = send(endpoint, Method::POST, path, Body::from(text.to_owned())).await?;
    let status = answer.response.status();
    if status != http::StatusCode::OK {
        bail!("it answers {status}");
    }
    let body = axum::body::to_bytes(answer.response.into_body(), LIMIT).await?;
    Ok(serde_json::from_slice(&body)?)
}

async fn get(endpoint: &str, path: &str) -> Result<Answer> {
    send(endpoint, Method::GET, path, Body::empty()).await
}

/// Asks over a connection of its own, which ends when the future or the answer is dropped.
async fn send(endpoint: &str, method: Method, path: &str, body: Body) -> Result<Answer> {
    let uri: http::Uri = format!("{endpoint}/{path}")
        .parse()
        .context("the URL is malformed")?;
    if uri.scheme_str() != Some("http") {
        bail!("the URL does not begin with http://");
    }
    let host = uri.host().context("the URL names no host")?.to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host.as_str(), port))
        .await
        .with_context(|| format!("cannot connect to {host}:{port}"))?;
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        // Its end is seen by whoever waits for the answer.
        let _ = connection.await;
    }));
    let request = Request::builder()
        .method(method)
        .uri(uri.path_and_query().map_or("/", |it| it.as_str()))
        .header(http::header::HOST, format!("{host}:{port}"))
        .body(body)?;
    let response = sender.send_request(request).await?.map(Body::new);
    Ok(Answer {
        response,
        _connection: connection,
    })
}

/// The readings of an answer, one a line.
struct Lines {
    body: axum::body::BodyDataStream,
    rest: Vec<u8>,
    _connection: AbortOnDropHandle<()>,
}

impl Lines {
    fn new(answer: Answer) -> Self {
        Self {
            body: answer.response.into_body().into_data_stream(),
            rest: Vec::new(),
            _connection: answer._connection,
        }
    }

    async fn next(&mut self) -> Option<Reading> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).ok();
            }
            self.rest.extend_from_slice(&self.body.next().await?.ok()?);
        }
    }
}
