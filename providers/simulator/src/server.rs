//! The HTTP/1.1 server of a world, on loopback, with TLS and without on one port: it finds out what a request is for and hands it on.
//!
//! - `/clusters/NAME/…`: the API server of a cluster
//! - `/aws/…`: the services of a simulated AWS account
//! - `/azure/…`: the resource manager of a simulated subscription of Azure, and its login
//! - `/google/…`: the services of a simulated Google Cloud
//! - `/manifests/…`: stand-ins for files that are fetched from the internet
//! - `/registries/HOST/…`: stand-ins for `https://HOST/…`, which tells what versions there are
//! - `/world/TOKEN/clock/…`, `/world/TOKEN/control/…`, `/world/TOKEN/programs`: for windlass itself and for tests

mod control;
mod requests;

use crate::{aws, azure, google, ground::Ground, manifests, programs, tls::HANDSHAKE};
use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};

/// The largest request body that is read.
pub(crate) const LARGEST: usize = 16 << 20;

/// The connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(crate) struct Dropped;

/// Marks a request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secure;

type Answer = Result<Response<Body>, Dropped>;

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, ground: Arc<Ground>, token: String) {
    let token: Arc<str> = token.into();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept concerns one client, or passes (too many open files).
                let Ok((stream, _)) = accepted else {
                    tokio::task::yield_now().await;
                    continue;
                };
                // Only a matter of speed.
                let _ = stream.set_nodelay(true);
                let (ground, token) = (ground.clone(), token.clone());
                connections.spawn(async move {
                    let mut first = [0];
                    // A broken connection concerns its client alone.
                    match stream.peek(&mut first).await {
                        Ok(_) if first[0] == HANDSHAKE => {
                            if let Ok(stream) = ground.identity.acceptor.accept(stream).await {
                                converse(stream, ground, token, true).await;
                            }
                        }
                        Ok(_) => converse(stream, ground, token, false).await,
                        Err(_) => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    ground: Arc<Ground>,
    token: Arc<str>,
    secure: bool,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (ground, token) = (ground.clone(), token.clone());
        if secure {
            request.extensions_mut().insert(Secure);
        }
        async move { answer(&ground, &token, request).await }
    });
    // A broken connection concerns its client alone.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(ground: &Arc<Ground>, token: &str, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/clusters/") {
        return requests::forward(ground, rest, request.map(Body::new)).await;
    }
    if path == "/aws" || path.starts_with("/aws/") {
        return aws::answer(ground, request).await;
    }
    if path == "/azure" || path.starts_with("/azure/") {
        return azure::answer(ground, request).await;
    }
    if path.starts_with("/google/") {
        return google::answer(ground, request).await;
    }
    if let Some(name) = path.strip_prefix("/manifests/") {
        ground.clock.touch();
        return Ok(match manifests::find(name) {
            Some(text) => whole(StatusCode::OK, "application/yaml", text),
            None => refuse(
                StatusCode::NOT_FOUND,
                &format!("there is no manifest {name}"),
            ),
        });
    }
    if let Some(place) = path.strip_prefix("/registries/") {
        return Ok(requests::registry(ground, place, &request).await);
    }
    let inner = path
        .strip_prefix("/world/")
        .and_then(|rest| rest.split_once('/'));
    match inner {
        Some((given, inner)) if given == token => within(ground, inner, request).await,
        Some(_) => Ok(refuse(
            StatusCode::UNAUTHORIZED,
            "the token is not this world's",
        )),
        None => Ok(refuse(
            StatusCode::NOT_FOUND,
            &format!("nothing is served at {path}"),
        )),
    }
}

async fn within(ground: &Arc<Ground>, path: &str, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), LARGEST).await else {
        return Ok(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large",
        ));
    };
    let query = parts.uri.query().unwrap_or_default();
    if let Some(name) = path.strip_prefix("clock/") {
        return Ok(requests::clock(ground, name, query).await);
    }
    if let Some(name) = path.strip_prefix("control/") {
        return Ok(control::answer(ground, &parts.method, name, &body).await);
    }
    if path == "programs" {
        ground.clock.touch();
        return Ok(match serde_json::from_slice(&body) {
            Ok(call) => programs::serve(ground.clone(), call),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        });
    }
    Ok(refuse(
        StatusCode::NOT_FOUND,
        &format!("nothing is served at {path}"),
    ))
}

/// Returns a whole answer.
fn whole(status: StatusCode, kind: &str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    if let Ok(kind) = header::HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// Returns a JSON answer, ended by a line feed.
fn say(value: &Value) -> Response<Body> {
    whole(StatusCode::OK, "application/json", format!("{value}\n"))
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    whole(
        status,
        "application/json",
        format!("{}\n", json!({"error": message})),
    )
}

/// Returns an answer that streams lines as they come.
pub(crate) fn stream<S>(lines: S) -> Response<Body>
where
    S: futures::Stream<Item = String> + Send + 'static,
{
    let lines = lines.map(|line| Ok::<_, std::convert::Infallible>(Bytes::from(line)));
    let mut response = Response::new(Body::from_stream(lines));
    let kind = header::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
