//! How bytes come and go: connections, links, answers that are JSON, and what is said where none came.

use serde_json::{Value, json};
use windlass_provider::{Error, Fault};

use super::Call;
use crate::refusal::Answer;

/// Returns whether a link leads to where `base` does.
pub(super) fn is_within(link: &str, base: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        Some((scheme.to_lowercase(), host.to_lowercase()))
    };
    origin(link).is_some() && origin(link) == origin(base)
}

/// Returns the client of HTTP: through the proxies of the environment, with the system's certificates and those of a private CA.
pub(super) fn connect(url: &str) -> Result<reqwest::Client, reqwest::Error> {
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

pub(super) fn lost(call: &Call<'_>, url: &str, error: &reqwest::Error) -> Error {
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

pub(super) fn read_json(body: &[u8]) -> Answer<Value> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|error| {
        // An answer that was cut off on its way.
        Error::new(Fault::Transient, "an answer of Azure cannot be read")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_azure_only() {
        let base = "https://management.azure.com";
        assert!(is_within(
            "https://Management.azure.com/subscriptions/x?y",
            base
        ));
        for other in [
            "http://management.azure.com/x",
            "https://management.azure.com.example.org/x",
            "https://example.org/management.azure.com",
            "management.azure.com",
        ] {
            assert!(!is_within(other, base), "{other}");
        }
    }
}
