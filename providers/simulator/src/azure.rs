//! A simulated subscription of Azure under one base URL, `/azure`: the resource manager, and `/azure/login` for tokens.
//!
//! Bodies of requests are checked against a table of shapes, things live in the world's log, and an engine moves them with the world's
//! clock: what takes long is answered at once, and told about under links, as the resource manager does it
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>). It reads Azure's documentation and
//! nothing of windlass.

mod account;
mod addresses;
mod check;
mod clusters;
mod engine;
mod extensions;
mod groups;
mod identities;
mod login;
mod nodes;
mod offers;
mod operations;
mod pools;
mod roles;
mod route;
#[cfg(test)]
mod tests;
mod vaults;

pub(crate) use account::{REGION, inventory, lives};
pub(crate) use clusters::{authenticator, disk_id, is_on, is_there};
pub(crate) use engine::{run, unstick};

use crate::{
    faults::CloudEffect,
    gate::When,
    ground::Ground,
    server::{Dropped, LARGEST, Secure},
};
use account::Cx;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// The one subscription there is, its tenant, and the principal that owns it.
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-4000-8000-00000000a25e";
const TENANT: &str = "00000000-0000-4000-8000-0000007e4a47";
const CLIENT: &str = "00000000-0000-4000-8000-000000c11e47";
const SECRET: &str = "rehearsal";
/// What the principal is to the directory, and a group that it is in.
const PRINCIPAL: &str = "00000000-0000-4000-8000-0000000b3ec7";
const GROUP: &str = "00000000-0000-4000-8000-0000009409b0";

/// A request, read whole.
struct Heard {
    method: String,
    /// The steps of the path after "/azure", decoded.
    steps: Vec<String>,
    query: Vec<(String, String)>,
    authorization: String,
    body: Vec<u8>,
    /// The URL under which everything is, as the client sees it.
    base: String,
}

impl Heard {
    fn asked(&self, key: &str) -> Option<&str> {
        let mut all = self.query.iter();
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    fn path(&self) -> String {
        format!("/{}", self.steps.join("/"))
    }
}

/// A refusal.
#[derive(Clone, Debug)]
struct Fault {
    status: u16,
    code: String,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl Fault {
    fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            headers: Vec::new(),
        }
    }

    fn body(&self) -> Value {
        json!({"error": {"code": self.code, "message": self.message}})
    }
}

/// An answer.
#[derive(Clone, Debug)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Outcome = Result<Reply, Fault>;

/// Answers one request for a path under `/azure`.
pub(crate) async fn answer(
    ground: &Arc<Ground>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    ground.clock.touch();
    let id = uuid(&ground.mint("request"));
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), LARGEST).await else {
        let fault = Fault::new(413, "RequestEntityTooLarge", "the body is too large");
        return Ok(write(fault.status, &[], &fault.body(), &id));
    };
    let header = |name: &str| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let scheme = match parts.extensions.get::<Secure>() {
        Some(_) => "https",
        None => "http",
    };
    let host = header("host").unwrap_or_default();
    let path = parts.uri.path().strip_prefix("/azure").unwrap_or_default();
    let heard = Heard {
        method: parts.method.to_string(),
        steps: path
            .split('/')
            .filter(|step| !step.is_empty())
            .map(decode)
            .collect(),
        query: pairs(parts.uri.query().unwrap_or_default()),
        authorization: header("authorization").unwrap_or_default(),
        body: body.to_vec(),
        base: format!("{scheme}://{host}/azure"),
    };
    match serve(ground, &heard).await {
        Ok(reply) => Ok(write(reply.status, &reply.headers, &reply.body, &id)),
        Err(Refusal::Fault(fault)) => Ok(write(fault.status, &fault.headers, &fault.body(), &id)),
        Err(Refusal::Dropped) => Err(Dropped),
    }
}

enum Refusal {
    Fault(Fault),
    Dropped,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn serve(ground: &Arc<Ground>, heard: &Heard) -> Result<Reply, Refusal> {
    let target = route::find(heard)?;
    let now = ground.clock.now();
    let strike = ground.faults.cloud(
        "azure",
        target.service(),
        &target.action(),
        &target.name(),
        now,
    );
    if !strike.latency.is_zero() {
        ground.clock.sleep(strike.latency).await;
    }
    let work = ground.clock.work();
    let cut = match &strike.effect {
        Some(CloudEffect::Status {
            status,
            code,
            message,
        }) => {
            let (code, message) = (code.as_deref(), message.as_deref());
            return Err(struck(&target, *status, code, message).into());
        }
        Some(CloudEffect::Reset { after: false }) => return Err(Refusal::Dropped),
        Some(CloudEffect::Reset { after: true }) => true,
        _ => false,
    };
    let act = || {
        let _turn = ground.azure.enter();
        let cx = Cx {
            ground,
            now: ground.clock.now(),
            base: &heard.base,
        };
        let outcome = route::act(&cx, heard, &target);
        if target.mutates() {
            ground.azure.stir();
        }
        outcome
    };
    let outcome = match target.mutates() {
        false => act(),
        true => {
            let asked = format!("{} {}", target.action(), target.name());
            let mutation = ground.gate.enter(asked, ground.clock.now());
            if !ground.gate.pass(&mutation, When::Before).await {
                return Err(Refusal::Dropped);
            }
            let outcome = act();
            if !ground.gate.pass(&mutation, When::After).await {
                return Err(Refusal::Dropped);
            }
            outcome
        }
    };
    drop(work);
    if cut {
        return Err(Refusal::Dropped);
    }
    if let Some(failure) = ground.log.failure() {
        return Err(Fault::new(500, "InternalServerError", failure).into());
    }
    Ok(outcome?)
}

/// Returns the refusal that a fault asks for, in Azure's words.
fn struck(
    target: &route::Target,
    status: Option<u16>,
    code: Option<&str>,
    message: Option<&str>,
) -> Fault {
    let status = status.unwrap_or(match code {
        Some("AuthorizationFailed" | "LinkedAuthorizationFailed") => 403,
        Some("TooManyRequests" | "SubscriptionRequestsThrottled") => 429,
        _ => 400,
    });
    let usual = match status {
        401 => "InvalidAuthenticationToken",
        403 => "AuthorizationFailed",
        404 => "ResourceNotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServerTimeout",
        500.. => "InternalServerError",
        _ => "BadRequest",
    };
    let code = code.unwrap_or(usual);
    let message = match message {
        Some(message) => message.to_owned(),
        None if code == "AuthorizationFailed" => format!(
            "The client '{CLIENT}' with object id '{PRINCIPAL}' does not have authorization to perform action '{}' over scope '{}' or the \
             scope is invalid. If access was recently granted, please refresh your credentials.",
            target.action(),
            target.path(),
        ),
        None if status == 429 => {
            "The request is being throttled as the limit has been reached for operation type."
                .to_owned()
        }
        None => "a rehearsed fault".to_owned(),
    };
    let mut fault = Fault::new(status, code, message);
    if status == 429 {
        fault.headers.push(("retry-after", "5".to_owned()));
    }
    fault
}

fn write(
    status: u16,
    headers: &[(&'static str, String)],
    body: &Value,
    id: &str,
) -> Response<Body> {
    let text = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let own = [
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("x-ms-request-id", id.to_owned()),
        ("x-ms-correlation-request-id", id.to_owned()),
    ];
    for (name, value) in own.iter().chain(headers) {
        if let Ok(value) = HeaderValue::from_str(value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Returns what stands encoded in a path or a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) => (decode(key), decode(value)),
            None => (decode(pair), String::new()),
        })
        .collect()
}

/// Returns hexadecimal digits in the form of a GUID.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}
