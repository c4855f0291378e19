//! GET requests to the internet: through the environment's proxy, bounded in size, and told to the trace.

use anyhow::Context as _;
use http::{HeaderMap, StatusCode};
use windlass_provider::{Ctx, Exchange, Request};

/// No answer is larger: Flux's manifest has half a megabyte, the largest index of a repository a few.
const LIMIT: usize = 32 * 1024 * 1024;

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Returns the body of an answer that is a success.
    pub(super) fn body(self, url: &str) -> anyhow::Result<Vec<u8>> {
        anyhow::ensure!(self.status.is_success(), "{url} answered {}", self.status);
        Ok(self.body)
    }
}

/// Asks for a URL once, as the bearer of a token where there is one. `hidden`: the answer is a credential, which no trace has.
pub(super) async fn get(
    cx: &Ctx,
    client: &reqwest::Client,
    url: &str,
    (token, hidden): (Option<&str>, bool),
) -> anyhow::Result<Answer> {
    let began = cx.clock.now();
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let work = async {
        let mut answer = request.send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            anyhow::ensure!(body.len() <= LIMIT, "it is larger than 32 MiB");
        }
        Ok(Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body,
        })
    };
    let ended = work.await;
    let told = match &ended {
        Ok(answer) if hidden => Ok((answer.status.as_u16(), &[][..])),
        Ok(answer) => Ok((answer.status.as_u16(), &answer.body[..])),
        Err(error) => Err(format!("{error:#}")),
    };
    trace(cx, "GET", url, began, told);
    ended
}

/// Returns a client for a URL: through the environment's proxy, unless it is on this machine.
pub(super) fn connect(url: &str) -> anyhow::Result<reqwest::Client> {
    // reqwest panics without one; it fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client =
        reqwest::Client::builder().user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) {
        client = client.no_proxy();
    } else if url.starts_with("https://") {
        // Nor may a redirection lead elsewhere.
        client = client.https_only(true);
    }
    client.build().context("cannot set up TLS")
}

/// Tells the trace of a request without a body.
pub(super) fn trace(
    cx: &Ctx,
    method: &str,
    url: &str,
    began: jiff::Timestamp,
    answer: std::result::Result<(u16, &[u8]), String>,
) {
    let took = cx.clock.now().duration_since(began);
    cx.trace.tell(&Exchange::Request(Request {
        at: began,
        took: took.try_into().unwrap_or_default(),
        attempt: 1,
        method,
        url,
        sent: &[],
        answer,
    }));
}

/// Returns whether a URL is on this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    reqwest::Url::parse(url)
        .is_ok_and(|url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")))
}
