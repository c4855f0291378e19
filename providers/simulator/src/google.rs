//! A simulated Google Cloud: one base URL, `/google/SERVICE`, for each service, as gcloud's overrides of endpoints have it.
//!
//! Requests are checked against facts of the official discovery documents ([`facts`]), things live in the world's log as those of the
//! simulated AWS do, and the same engine moves them with the world's clock. It reads Google's documentation and nothing of windlass.

mod account;
mod clusters;
mod compute;
mod controllers;
mod facts;
mod iam;
mod nodes;
mod operations;
mod policies;
mod pools;
mod projects;
mod token;
mod usage;
mod versions;
mod workloads;

pub(crate) use account::{inventory, is_there};
pub(crate) use controllers::{acquired, released};
pub(crate) use operations::advance;
pub(crate) use policies::enforce;
pub(crate) use projects::assume;
pub(crate) use token::authenticator;

use crate::{
    faults::CloudEffect,
    gate::When,
    ground::Ground,
    server::{Dropped, LARGEST},
};
use account::Cx;
use axum::body::Body;
use facts::{Call, Matched};
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the credentials of the owner of all projects keep, for which there are tokens, and who that is.
const OWNER: (&str, &str) = ("1//rehearsal", "rehearsal@example.com");

/// A refusal.
#[derive(Clone, Debug)]
struct Fault {
    status: u16,
    /// The canonical code: "NOT_FOUND".
    code: String,
    message: String,
    /// The reason: "SERVICE_DISABLED", or compute's older "notFound".
    reason: String,
}

impl Fault {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            reason: String::new(),
        }
    }

    fn because(self, reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            ..self
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", message).because("notFound")
    }

    fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    fn busy(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// Returns the answer, in the form that the service has.
    fn answer(&self, service: &str) -> Response<Body> {
        let mut error = json!({"code": self.status, "message": self.message});
        if service == "compute" {
            error["errors"] =
                json!([{"message": self.message, "domain": "global", "reason": self.reason}]);
        } else {
            error["status"] = json!(self.code);
            if !self.reason.is_empty() && self.reason != "notFound" {
                error["details"] = json!([{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason, "domain": "googleapis.com",
                    "metadata": {"service": format!("{service}.googleapis.com")},
                }]);
            }
        }
        whole(self.status, &json!({"error": error}))
    }
}

type Outcome = Result<Value, Fault>;

fn whole(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{body}\n")));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = header::HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers one request for a path under `/google`.
pub(crate) async fn answer(
    ground: &Arc<Ground>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    ground.clock.touch();
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), LARGEST).await else {
        return Ok(Fault::new(413, "INVALID_ARGUMENT", "the body is too large").answer(""));
    };
    let path = parts
        .uri
        .path()
        .strip_prefix("/google/")
        .unwrap_or_default();
    let (service, path) = path.split_once('/').unwrap_or((path, ""));
    let query = parts.uri.query().unwrap_or_default();
    if (service, path, parts.method.as_str()) == ("oauth2", "token", "POST") {
        return Ok(token::answer(ground, &body));
    }
    let asks_who = (service, path) == ("openidconnect", "v1/userinfo");
    let found = facts::find(service, parts.method.as_str(), path);
    if found.is_none() && !asks_who {
        let message = format!(
            "the simulated Google Cloud has no {} {path} of {service}",
            parts.method
        );
        return Ok(Fault::missing(message).answer(service));
    }
    let bearer = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.strip_prefix("Bearer "));
    // A program of the machine's own keeps a token by the machine's clock, which the world's runs ahead of.
    let now = ground.clock.now().min(jiff::Timestamp::now());
    if !bearer.is_some_and(|it| token::holds(it, now)) {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
                       authentication credential.";
        let fault =
            Fault::new(401, "UNAUTHENTICATED", message).because("ACCESS_TOKEN_TYPE_UNSUPPORTED");
        return Ok(fault.answer(service));
    }
    let Some(matched) = found else {
        return Ok(token::userinfo());
    };
    let matched = Matched {
        query: facts::pairs(query),
        ..matched
    };
    match serve(ground, &matched, query, &body).await {
        Ok(value) => Ok(whole(200, &value)),
        Err(Refusal::Fault(fault)) => Ok(fault.answer(service)),
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

async fn serve(
    ground: &Arc<Ground>,
    matched: &Matched,
    query: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    let call = matched.call;
    let (query, body) = facts::read(call, query, body)?;
    let name = name_of(matched, &body);
    let strike = ground.faults.cloud(
        "google",
        &call.service,
        &call.call,
        &name,
        ground.clock.now(),
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
            return Err(struck(call, *status, code.as_deref(), message.as_deref()).into());
        }
        Some(CloudEffect::Reset { after: false }) => return Err(Refusal::Dropped),
        Some(CloudEffect::Reset { after: true }) => true,
        _ => false,
    };
    let act = || {
        let _turn = ground.aws.enter();
        let cx = Cx {
            ground,
            now: ground.clock.now(),
        };
        let outcome = dispatch(&cx, matched, &query, &body);
        if call.mutates() {
            ground.aws.stir();
        }
        outcome
    };
    let outcome = match call.mutates() {
        false => act(),
        true => {
            let asked = format!("{} {} {name}", call.service, call.call);
            let mutation = ground
                .gate
                .enter(asked.trim_end().to_owned(), ground.clock.now());
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
        return Err(Fault::new(500, "INTERNAL", failure).into());
    }
    Ok(outcome?)
}

/// The parameters of a query.
type Query = std::collections::BTreeMap<String, String>;

fn dispatch(cx: &Cx<'_>, matched: &Matched, query: &Query, body: &Value) -> Outcome {
    let at: Vec<&str> = matched.at.iter().map(String::as_str).collect();
    match matched.call.service.as_str() {
        "container" => {
            cx.enabled(at[0], "container")?;
            match matched.call.call.as_str() {
                call if call.starts_with("operations.") => operations::act(cx, call, &at),
                call if call.starts_with("clusters.nodePools.") => pools::act(cx, call, &at, body),
                "getServerConfig" => versions::config(&at),
                call => clusters::act(cx, call, &at, body),
            }
        }
        "compute" => compute::act(cx, &matched.call.call, &at, query, body),
        "iam" => iam::act(cx, &matched.call.call, &at, body),
        "cloudresourcemanager" => projects::act(cx, &matched.call.call, &at, query, body),
        "serviceusage" => usage::act(cx, &matched.call.call, &at, &matched.query, body),
        "cloudbilling" => projects::billing(cx, &matched.call.call, &at, body),
        other => Err(Fault::missing(format!("there is no service {other}"))),
    }
}

/// Returns the refusal that a fault asks for.
fn struck(call: &Call, status: Option<u16>, code: Option<&str>, message: Option<&str>) -> Fault {
    const CODES: [(u16, &str); 10] = [
        (400, "INVALID_ARGUMENT"),
        (400, "FAILED_PRECONDITION"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (409, "ALREADY_EXISTS"),
        (409, "ABORTED"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
    ];
    let by_code = |code: &str| CODES.iter().find(|it| it.1 == code).map(|it| it.0);
    let by_status = |status: u16| CODES.iter().find(|it| it.0 == status).map(|it| it.1);
    let status = status.or_else(|| by_code(code?)).unwrap_or(400);
    let code = code.or_else(|| by_status(status)).unwrap_or("UNKNOWN");
    let permission = format!("{}.{}", call.service, call.call);
    let message = match (message, code) {
        (Some(message), _) => message.to_owned(),
        (None, "PERMISSION_DENIED") => {
            format!("Permission '{permission}' denied on resource (or it may not exist).")
        }
        (None, "RESOURCE_EXHAUSTED") => {
            format!(
                "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service '{}.googleapis.com'.",
                call.service
            )
        }
        (None, _) => "a rehearsed fault".to_owned(),
    };
    let reason = match code {
        "PERMISSION_DENIED" if call.service == "compute" => "forbidden",
        "PERMISSION_DENIED" => "IAM_PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED" if call.service == "compute" => "rateLimitExceeded",
        "RESOURCE_EXHAUSTED" => "RATE_LIMIT_EXCEEDED",
        _ => "",
    };
    Fault::new(status, code, message).because(reason)
}

/// Returns what a request is about, as faults name it.
fn name_of(matched: &Matched, body: &Value) -> String {
    let at = &matched.at;
    let made = ["cluster", "nodePool"]
        .iter()
        .find_map(|key| body[*key]["name"].as_str())
        .or_else(|| body["accountId"].as_str());
    match (matched.call.service.as_str(), &at[..]) {
        ("container", [_, _, cluster, pool]) => format!("{cluster}/{pool}"),
        ("container", [_, _, cluster]) => match made {
            Some(pool) => format!("{cluster}/{pool}"),
            None => cluster.clone(),
        },
        (_, [.., last]) => made.unwrap_or(last).to_owned(),
        (_, []) => body["projectId"].as_str().unwrap_or_default().to_owned(),
    }
}

/// Returns the time as Google writes it.
fn time(at: jiff::Timestamp) -> String {
    at.to_string()
}

/// Returns one page of a list, under `key`, with the token of the next.
fn page(items: Vec<Value>, key: &str, query: &Query, size: &str) -> Outcome {
    let from: usize = match query.get("pageToken").map(String::as_str) {
        None | Some("") => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|it| it.parse().ok())
            .filter(|from| *from <= items.len())
            .ok_or_else(|| Fault::invalid("Invalid page token"))?,
    };
    let most: usize = query
        .get(size)
        .and_then(|it| it.parse().ok())
        .filter(|it| *it > 0)
        .unwrap_or(usize::MAX);
    let more = items.len() - from > most;
    let items: Vec<Value> = items.into_iter().skip(from).take(most).collect();
    let mut answer = json!({});
    // What is empty is left out.
    if !items.is_empty() {
        answer[key] = json!(items);
    }
    if more {
        answer["nextPageToken"] = json!(format!("page-{}", from + most));
    }
    Ok(answer)
}
