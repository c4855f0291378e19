//! Requests to the API servers of clusters, and waits on the clock.

use super::{Answer, Dropped, LARGEST, refuse, say, stream};
use crate::{clock::Speed, faults::RequestEffect, gate::When, ground::Ground, kube, registries};
use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// Hands a request on to the API server of a cluster; `rest` is the path after `/clusters/`. A cluster whose control plane does
/// not run drops the connection.
pub(super) async fn forward(ground: &Arc<Ground>, rest: &str, request: Request<Body>) -> Answer {
    let query = request.uri().query().map(str::to_owned);
    let watches = watches(request.method(), query.as_deref().unwrap_or_default());
    match watches {
        true => ground.clock.glance(),
        false => ground.clock.touch(),
    }
    let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
    // Nobody listens where no cluster is, or not any more.
    let Some(running) = ground.running(name) else {
        return Err(Dropped);
    };
    if !*running.power.borrow() {
        return Err(Dropped);
    }
    let method = if watches {
        "WATCH"
    } else {
        request.method().as_str()
    };
    let strike = ground
        .faults
        .request(method, &format!("/{path}"), ground.clock.now());
    if !strike.latency.is_zero() {
        ground.clock.sleep(strike.latency).await;
    }
    let work = ground.clock.work();
    match &strike.effect {
        _ if !*running.power.borrow() => return Err(Dropped),
        Some(RequestEffect::Status {
            code,
            retry_after,
            message,
        }) => {
            return Ok(faulty(*code, *retry_after, message.as_deref()));
        }
        Some(RequestEffect::Reset { after: false }) => return Err(Dropped),
        Some(RequestEffect::Down(pause)) => {
            ground.strike(name, *pause);
            return Err(Dropped);
        }
        Some(RequestEffect::Reset { after: true } | RequestEffect::Silent) | None => {}
    }
    let cut = strike.effect == Some(RequestEffect::Reset { after: true });
    let silent = strike.effect == Some(RequestEffect::Silent);
    let Some(uri) = strip(path, query.as_deref()) else {
        return Ok(refuse(StatusCode::BAD_REQUEST, "the path is malformed"));
    };
    let mutates = mutates(request.method(), path, query.as_deref().unwrap_or_default());
    let (mut parts, body) = request.into_parts();
    let asked = format!("{} {}", parts.method, parts.uri);
    parts.uri = uri;
    if !mutates {
        let response = running.api.handle(Request::from_parts(parts, body)).await;
        drop(work);
        return match (cut, silent) {
            (true, _) => Err(Dropped),
            (_, true) => Ok(until_down(response.map(silence), &running.power)),
            _ => Ok(until_down(response, &running.power)),
        };
    }
    // The body is read first: only then is a client seen that goes away.
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return Ok(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large",
        ));
    };
    let mutation = ground.gate.enter(asked, ground.clock.now());
    // The control plane may have gone down while the request was held.
    if !ground.gate.pass(&mutation, When::Before).await || !*running.power.borrow() {
        return Err(Dropped);
    }
    let response = running
        .api
        .handle(Request::from_parts(parts, Body::from(body)))
        .await;
    if !ground.gate.pass(&mutation, When::After).await || cut {
        return Err(Dropped);
    }
    drop(work);
    if let Some(failure) = ground.log.failure() {
        let status = kube::Status::new(500, "InternalError", failure);
        let text = status.to_value().to_string();
        return Ok(super::whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "application/json",
            text,
        ));
    }
    Ok(response)
}

/// Answers a request to a registry or repository; `place` is what follows `https://` in its URL, without the query.
pub(super) async fn registry(
    ground: &Arc<Ground>,
    place: &str,
    request: &Request<Incoming>,
) -> Response<Body> {
    ground.clock.touch();
    let strike = ground.faults.registry(place, ground.clock.now());
    if !strike.latency.is_zero() {
        ground.clock.sleep(strike.latency).await;
    }
    let _work = ground.clock.work();
    match strike.effect {
        Some(code) => registries::refuse(code),
        None => {
            let query = request.uri().query().unwrap_or_default();
            registries::answer(ground, place, query, request.headers())
        }
    }
}

/// Ends a long answer (a watch) when the control plane goes down.
fn until_down(
    response: Response<Body>,
    power: &tokio::sync::watch::Sender<bool>,
) -> Response<Body> {
    use axum::body::HttpBody;
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let mut power = power.subscribe();
    let down = async move {
        // An error means that the cluster is gone.
        let _ = power.wait_for(|power| !power).await;
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(down))))
}

fn strip(path: &str, query: Option<&str>) -> Option<Uri> {
    match query {
        Some(query) => format!("/{path}?{query}").parse().ok(),
        None => format!("/{path}").parse().ok(),
    }
}

/// Returns a body that never says anything, and never ends.
fn silence(_: Body) -> Body {
    Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>())
}

/// Refuses as an API server does.
fn faulty(code: u16, retry_after: Option<u64>, message: Option<&str>) -> Response<Body> {
    let (reason, usual) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: a rehearsed fault"),
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        500 => (
            "InternalError",
            "Internal error occurred: a rehearsed fault",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted",
        ),
        _ => ("Unknown", "a rehearsed fault"),
    };
    let mut status = kube::Status::new(code, reason, message.unwrap_or(usual)).to_value();
    if let Some(seconds) = retry_after {
        status["details"]["retryAfterSeconds"] = json!(seconds);
    }
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = super::whole(code, "application/json", status.to_string());
    if let Some(seconds) = retry_after {
        let headers = response.headers_mut();
        headers.insert(http::header::RETRY_AFTER, http::HeaderValue::from(seconds));
    }
    response
}

fn watches(method: &Method, query: &str) -> bool {
    let asks = |pair: &str| matches!(pair, "watch" | "watch=1" | "watch=true");
    *method == Method::GET && query.split('&').any(asks)
}

/// Returns whether a request changes what is stored: reviews, tokens and dry runs do not.
fn mutates(method: &Method, path: &str, query: &str) -> bool {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
    let review = path.starts_with("apis/authorization.k8s.io/")
        || path.starts_with("apis/authentication.k8s.io/");
    let token = path.contains("/serviceaccounts/") && path.ends_with("/token");
    let dry = query.split('&').any(|pair| pair.starts_with("dryRun="));
    writes && !review && !token && !dry
}

/// Answers for the clock: `now`, `stream`, `sleep?for=SECONDS`, `reached?at=TIME`.
pub(super) async fn clock(ground: &Arc<Ground>, name: &str, query: &str) -> Response<Body> {
    let clock = &ground.clock;
    let factor = match clock.speed() {
        Speed::Factor(factor) => Some(factor),
        Speed::Max => None,
    };
    let given = query.split_once('=').map_or("", |(_, value)| value);
    match name {
        "now" => {}
        "stream" => {
            let clock = clock.clone();
            let moves = clock.moves();
            let first = true;
            let lines = futures::stream::unfold(
                (clock, moves, first),
                move |(clock, mut moves, first)| async move {
                    if !first {
                        moves.changed().await.ok()?;
                    }
                    moves.mark_unchanged();
                    let line = format!("{}\n", json!({"now": clock.now(), "factor": factor}));
                    Some((line, (clock, moves, false)))
                },
            );
            return stream(lines);
        }
        "sleep" => {
            let seconds = given
                .parse()
                .ok()
                .and_then(|it| Duration::try_from_secs_f64(it).ok());
            let Some(duration) = seconds else {
                return refuse(StatusCode::BAD_REQUEST, "for= is no number of seconds");
            };
            clock.sleep(duration).await;
        }
        "reached" => {
            let Ok(at) = given.parse::<Timestamp>() else {
                return refuse(StatusCode::BAD_REQUEST, "at= is no time");
            };
            clock.reached(at).await;
        }
        _ => return refuse(StatusCode::NOT_FOUND, &format!("the clock has no {name}")),
    }
    say(&json!({"now": clock.now(), "factor": factor}))
}
