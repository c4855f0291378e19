//! How the clouds are asked: connections, patience, pace, and what is tried again. What a refusal means, and how a call is signed,
//! each cloud says itself.

mod pace;
mod wait;

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Fault, Result};

pub use pace::{Pace, Passes};
pub use wait::{Backoff, is_over, pause, wait};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a client of HTTP for a URL: through the proxies of the environment, unless it is on this machine; with the system's
/// certificates, and those of `authorities`, a bundle in PEM.
///
/// # Errors
/// TLS cannot be set up, or the bundle cannot be read.
pub fn connect(
    url: &str,
    authorities: Option<&[u8]>,
) -> std::result::Result<reqwest::Client, reqwest::Error> {
    // reqwest panics without one; it fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        reqwest::Client::builder().user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    let host = url.split("://").nth(1).unwrap_or_default();
    if ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|local| host.starts_with(local))
    {
        client = client.no_proxy();
    }
    if let Some(pem) = authorities {
        let bundle = reqwest::Certificate::from_pem_bundle(pem)?;
        client = client.tls_certs_merge(bundle);
    }
    client.build()
}

/// Waits for the answer of `exchange` with the patience that one call has; `what` is what is done: "DescribeVpcs in eu-west-1".
///
/// # Errors
/// [`Fault::Transient`] where none came: the call was lost, or took too long. Those of the context's own deadline.
pub async fn patiently<T>(
    cx: &Ctx,
    what: &str,
    url: &str,
    exchange: impl Future<Output = std::result::Result<T, reqwest::Error>> + Send,
) -> Result<T> {
    let answer = cx
        .within(PATIENCE)
        .bound(what, async { Ok(exchange.await) })
        .await;
    match answer {
        Ok(answer) => answer.map_err(|error| lost(what, url, &error)),
        // Its own patience, and not the run's, was at its end.
        Err(error) if error.fault == Fault::TimedOut && !is_over(cx) => Err(Error::new(
            Fault::Transient,
            format!("{what}: no answer within a minute"),
        )),
        Err(error) => Err(error),
    }
}

/// Says that no answer came, and why.
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

/// Reads a body that is JSON; an empty one is an empty object. `whose` it is: "AWS".
///
/// # Errors
/// [`Fault::Transient`]: it was cut off on its way.
pub fn read_json(whose: &str, body: &[u8]) -> Result<Value> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|error| {
        Error::new(
            Fault::Transient,
            format!("an answer of {whose} cannot be read"),
        )
        .cause(error.to_string())
    })
}

/// Returns text as it stands in a query or in one step of a path.
#[must_use]
pub fn encode(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_as_signatures_want_it() {
        assert_eq!(encode("arn:aws:eks/a b~c*"), "arn%3Aaws%3Aeks%2Fa%20b~c%2A");
    }

    #[test]
    fn an_answer_that_was_cut_off_is_asked_for_again() {
        assert_eq!(read_json("AWS", b"").unwrap(), json!({}));
        let error = read_json("AWS", b"{\"a\":").unwrap_err();
        assert_eq!(error.fault, Fault::Transient);
        assert_eq!(error.message, "an answer of AWS cannot be read");
    }
}
