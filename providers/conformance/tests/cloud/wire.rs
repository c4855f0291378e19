//! The wire: calls that are tried again where what fails passes by itself, and told to whoever traces.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use windlass_provider::{Ctx, Error, Exchange, Fault, Request, Result};

use crate::provider::{Cloud, Flaw};

/// How often a call is tried.
const TRIES: u32 = 6;
const POLL: Duration = Duration::from_secs(25);

/// What an answer brought: nothing where there is no such thing.
pub(crate) type Answer = Option<Value>;

impl Cloud {
    /// Asks, as often as it takes; absence is no error, and neither is what is there already.
    pub(crate) async fn ask(
        &self,
        cx: &Ctx,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer> {
        let what = format!("{method} {path}");
        for attempt in 1.. {
            let (at, sent) = (cx.clock.now(), body.to_string());
            let answer = exchange(&self.address, method, path, at, &sent).await;
            let text = answer.as_ref().map(|(code, body)| (*code, body.as_bytes()));
            cx.trace.tell(&Exchange::Request(Request {
                at,
                took: Duration::ZERO,
                attempt,
                method,
                url: path,
                sent: sent.as_bytes(),
                answer: text.map_err(ToString::to_string),
            }));
            let passes = match answer {
                Ok((200..=299, body)) => {
                    return Ok(Some(serde_json::from_str(&body).unwrap_or_default()));
                }
                Ok((404, _)) => return Ok(None),
                Ok((409, body)) if method == "POST" => {
                    return Ok(Some(json!(body)));
                }
                Ok((403, body)) if !self.is(Flaw::Hopes) => {
                    return Err(Error::new(Fault::Denied, what).cause(body));
                }
                Ok((400, body)) => return Err(Error::new(Fault::Invalid, what).cause(body)),
                Ok((409, body)) => return Err(Error::new(Fault::Conflict, what).cause(body)),
                Ok((code, body)) => format!("{code} {body}"),
                Err(error) if self.is(Flaw::Despairs) => {
                    return Err(Error::new(Fault::Invalid, what).cause(error.to_string()));
                }
                Err(error) => error.to_string(),
            };
            if attempt >= TRIES || self.is(Flaw::GivesUp) {
                return Err(Error::new(Fault::Transient, what).cause(passes));
            }
            cx.clock.sleep(Duration::from_secs(2 << attempt)).await;
        }
        unreachable!("it ends")
    }

    pub(crate) async fn get(&self, cx: &Ctx, path: &str) -> Result<Answer> {
        self.ask(cx, "GET", path, &Value::Null).await
    }

    pub(crate) async fn list(&self, cx: &Ctx, path: &str) -> Result<Vec<Value>> {
        let all = self.get(cx, path).await?;
        Ok(all
            .and_then(|it| it.as_array().cloned())
            .unwrap_or_default())
    }

    /// Waits until something is as `done` wants it.
    pub(crate) async fn until(
        &self,
        cx: &Ctx,
        path: &str,
        done: impl Fn(&Answer) -> bool,
    ) -> Result<()> {
        loop {
            let seen = self.get(cx, path).await?;
            if done(&seen) {
                return Ok(());
            }
            if let Some(seen) = &seen {
                self.look_at_the_clock(cx, seen)?;
                if seen["state"] == "failed" {
                    return Err(broken(path));
                }
            }
            cx.clock.sleep(POLL).await;
        }
    }

    fn look_at_the_clock(&self, cx: &Ctx, seen: &Value) -> Result<()> {
        let created = seen["created"].as_str().and_then(|at| at.parse().ok());
        let late =
            created.is_some_and(|at: Timestamp| cx.clock.now() > at + SignedDuration::from_mins(4));
        match late && seen["state"] == "making" && self.is(Flaw::Clockless) {
            true => Err(Error::timed_out("waiting for it")),
            false => Ok(()),
        }
    }
}

pub(crate) fn broken(path: &str) -> Error {
    Error::new(Fault::Failed, format!("{path} broke down"))
        .hint("delete it, and make it again: windlass destroy")
}

/// Sends one request over a connection of its own.
async fn exchange(
    address: &str,
    method: &str,
    path: &str,
    at: Timestamp,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let (date, length) = (at.as_second(), body.len());
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {address}\r\nX-Date: {date}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let lost = || std::io::Error::other("the connection was lost");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(lost)?;
    let code = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Ok((code.ok_or_else(lost)?, body.to_owned()))
}
