//! The connection to one cluster's API: every request passes here, bounded in number, retried and classified.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use http::{HeaderMap, StatusCode};
use hyper_util::client::proxy::matcher::Matcher;
use jiff::Timestamp;
use kube::{Client, Config, client::Body};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use windlass_provider::{Auth, Ctx, Error, Exchange, Fault, Kubeconfig, Result};

use super::{
    discovery::Kinds,
    fault::{self, Failure},
    link::{Current, Link},
};

/// How many requests are under way at once; watches are not counted.
const SIDE_BY_SIDE: usize = 16;
/// How often a request is tried before its transient fault is handed to the caller, who may wait longer.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest that a server's `Retry-After` is obeyed before the caller is told instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a connection may be silent, in real seconds: it is about sockets, not about the run. The API server ends its own
/// requests after 60 s; a watch that was cut resumes where it was.
const SILENCE: Duration = Duration::from_secs(75);

/// One cluster's API. Clones share connections, the bound on requests and what is known of its kinds.
#[derive(Clone)]
pub struct Cluster {
    pub(super) link: Arc<Link>,
    slots: Arc<Semaphore>,
    pub(super) kinds: Arc<Kinds>,
    server: Arc<str>,
}

/// What a request brought.
pub(super) struct Answer {
    /// 201 where an apply made the object.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Cluster {
    /// Returns a client for the API that `access` names. Sends nothing yet; needs a tokio runtime.
    ///
    /// Proxies are taken from the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), never for loopback.
    ///
    /// # Errors
    /// [`Fault::Invalid`] where the URL, a certificate or a key cannot be read, or where the URL is plain http to another machine.
    pub fn connect(access: &Kubeconfig) -> Result<Self> {
        Ok(Self::over(client(access)?, &access.server))
    }

    pub(super) fn over(client: Client, server: &str) -> Self {
        Self {
            link: Arc::new(Link::new(client, None)),
            slots: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            kinds: Arc::default(),
            server: server.into(),
        }
    }

    /// Returns the same cluster, which asks `renew` for a fresh credential when the API no longer takes the one that it has:
    /// once for a request, for a credential may have run out in the middle of a long run. Connections are opened anew.
    #[must_use]
    pub fn renewed_by<F>(self, renew: impl Fn(Ctx) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Kubeconfig>> + Send + 'static,
    {
        let renew = Box::new(move |cx| renew(cx).boxed());
        Self {
            link: Arc::new(Link::new(self.link.current().client, Some(renew))),
            ..self
        }
    }

    /// Returns the server's URL, for messages.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Asks whether the API is ready to serve (`/readyz`) and returns its version, as in "v1.36.1".
    ///
    /// # Errors
    /// Transient while it is not up yet.
    pub async fn reachable(&self, cx: &Ctx) -> Result<String> {
        let doing = format!("reach the Kubernetes API at {}", self.server);
        self.send(cx, &doing, get_request("/readyz")?).await?;
        let version = self.read(cx, &doing, get_request("/version")?).await?;
        match version["gitVersion"].as_str() {
            Some(version) => Ok(version.to_owned()),
            None => Err(Error::new(Fault::Failed, format!("cannot {doing}"))
                .cause("what answered at /version is not a Kubernetes API: it has no gitVersion")),
        }
    }

    /// Sends a request and reads the JSON that it brings. `doing` completes "cannot …".
    pub(super) async fn read(
        &self,
        cx: &Ctx,
        doing: &str,
        request: http::Request<Vec<u8>>,
    ) -> Result<Value, Failure> {
        let answer = self.send(cx, doing, request).await?;
        Ok(parse(doing, &answer.body)?)
    }

    /// Sends a request until it is answered, refused for good, or has failed too often; within the context's deadline.
    ///
    /// Only requests that may be sent twice come here: reads, server-side apply, deletes.
    pub(super) async fn send(
        &self,
        cx: &Ctx,
        doing: &str,
        request: http::Request<Vec<u8>>,
    ) -> Result<Answer, Failure> {
        let attempts = async {
            let mut pause = FIRST_PAUSE;
            let mut attempt = 1;
            let mut renewed = false;
            loop {
                let current = self.link.current();
                let tried = self.attempt(cx, doing, &current, &request, attempt);
                let (failure, asked) = match tried.await {
                    Ok(answer) => return Ok(Ok(answer)),
                    Err(failure) => failure,
                };
                if failure.is_unauthorized() && !renewed {
                    renewed = self.link.renew(cx, &current).await;
                    if renewed {
                        attempt += 1;
                        continue;
                    }
                }
                let wait = asked.unwrap_or(pause);
                // A kind that is not served does not come within moments.
                let passes = failure.error.fault == Fault::Transient && !failure.is_unserved();
                if !passes || attempt >= ATTEMPTS || wait > LONGEST_PAUSE {
                    return Ok(Err(failure));
                }
                cx.clock.sleep(wait).await;
                pause *= 2;
                attempt += 1;
            }
        };
        cx.bound(doing, attempts).await?
    }

    async fn attempt(
        &self,
        cx: &Ctx,
        doing: &str,
        current: &Current,
        request: &http::Request<Vec<u8>>,
        number: u32,
    ) -> Result<Answer, (Failure, Option<Duration>)> {
        let _slot = self.slots.acquire().await;
        let traced = self.trace(cx, request, number);
        let sent = traced.at;
        let (parts, body) = match exchange(&current.client, request.clone()).await {
            Ok(answer) => answer,
            Err(error) => {
                traced.end(Err(fault::chain(&error).join(": ")));
                let failure = Failure::of(doing, error);
                self.note(cx, &failure);
                return Err((failure, None));
            }
        };
        self.link.note_answer();
        traced.end(Ok((parts.status.as_u16(), &body)));
        if parts.status.is_success() {
            // Not what stands before it, such as a proxy, whose clock is one more.
            self.link.note_time(&parts.headers, sent, cx.clock.now());
            return Ok(Answer {
                status: parts.status,
                body,
            });
        }
        let status = fault::status(parts.status, &body);
        let asked = retry_after(&parts.headers).or_else(|| {
            let seconds = status.details.as_ref()?.retry_after_seconds;
            (seconds > 0).then(|| Duration::from_secs(seconds.into()))
        });
        Err((Failure::refused(doing, status), asked))
    }

    /// Opens a watch; its events come as the lines of the answer. Not counted among the requests side by side.
    pub(super) async fn open(
        &self,
        cx: &Ctx,
        doing: &str,
        request: http::Request<Vec<u8>>,
    ) -> Result<
        impl futures::Stream<Item = Result<kube::core::WatchEvent<Value>, kube::Error>> + Send + use<>,
        Failure,
    > {
        let traced = self.trace(cx, &request, 1);
        let url = traced.url.clone();
        let client = self.link.current().client;
        match client.request_events::<Value>(request.clone()).await {
            Ok(events) => {
                traced.end(Ok((200, &[])));
                self.link.note_answer();
                let (trace, clock) = (cx.trace.clone(), cx.clock.clone());
                Ok(events.inspect(move |event| {
                    if let (true, Ok(event)) = (trace.is_on(), event) {
                        trace.tell(&Exchange::Message {
                            url: &url,
                            at: clock.now(),
                            body: &serde_json::to_vec(event).unwrap_or_default(),
                        });
                    }
                }))
            }
            Err(error) => {
                traced.end(match &error {
                    kube::Error::Api(status) => Ok((status.code, status.message.as_bytes())),
                    error => Err(fault::chain(error).join(": ")),
                });
                let failure = Failure::of(doing, error);
                self.note(cx, &failure);
                Err(failure)
            }
        }
    }

    fn trace<'a>(
        &self,
        cx: &'a Ctx,
        request: &'a http::Request<Vec<u8>>,
        attempt: u32,
    ) -> Traced<'a> {
        let server = self.server.trim_end_matches('/');
        Traced {
            cx,
            attempt,
            method: request.method().as_str(),
            url: format!("{server}{}", request.uri()),
            sent: request.body(),
            at: cx.clock.now(),
            under_way: true,
        }
    }
}

async fn exchange(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<(http::response::Parts, Vec<u8>), kube::Error> {
    let response = client.send(request.map(Body::from)).await?;
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect_bytes().await?.to_vec()))
}

/// A request that is under way, of which the trace is told when it has ended, or was given up.
struct Traced<'a> {
    cx: &'a Ctx,
    attempt: u32,
    method: &'a str,
    url: String,
    sent: &'a [u8],
    at: Timestamp,
    under_way: bool,
}

impl Traced<'_> {
    fn end(mut self, answer: Result<(u16, &[u8]), String>) {
        self.tell(answer);
        self.under_way = false;
    }

    fn tell(&self, answer: Result<(u16, &[u8]), String>) {
        let took = self.cx.clock.now().duration_since(self.at);
        self.cx
            .trace
            .tell(&Exchange::Request(windlass_provider::Request {
                at: self.at,
                took: took.try_into().unwrap_or_default(),
                attempt: self.attempt,
                method: self.method,
                url: &self.url,
                sent: self.sent,
                answer,
            }));
    }
}

impl Drop for Traced<'_> {
    fn drop(&mut self) {
        if self.under_way {
            self.tell(Err("given up before it was answered".to_owned()));
        }
    }
}

/// Returns a client with the credential of `access`.
pub(super) fn client(access: &Kubeconfig) -> Result<Client> {
    let cannot = |why: String| {
        Error::new(
            Fault::Invalid,
            format!("cannot connect to {}", access.server),
        )
        .cause(why)
    };
    let url: http::Uri = access
        .server
        .parse()
        .map_err(|error| cannot(format!("the server's URL is not valid: {error}")))?;
    let loopback = is_loopback(&url);
    match url.scheme_str() {
        Some("https") => {}
        Some("http") if loopback => {}
        Some("http") => {
            return Err(cannot(
                "plain http to another machine would show the credential to the network".into(),
            ));
        }
        _ => return Err(cannot("the URL must begin with https://".into())),
    }
    let mut config = Config::new(url.clone());
    config.root_cert = match &access.certificate_authority {
        Some(pem) => Some(
            CertificateDer::pem_slice_iter(pem.as_bytes())
                .map(|certificate| certificate.map(|der| der.to_vec()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| {
                    cannot(format!("its certificate authority is not PEM: {error}"))
                })?,
        ),
        // Saves reading the system's roots, which may not even be there, where no TLS is spoken.
        None if url.scheme_str() == Some("http") => Some(Vec::new()),
        None => None,
    };
    config.tls_server_name.clone_from(&access.tls_server_name);
    config.auth_info = serde_json::from_value(match &access.auth {
        Auth::Token(token) => json!({ "token": token }),
        Auth::Certificate { certificate, key } => json!({
            "client-certificate-data": base64(certificate),
            "client-key-data": base64(key),
        }),
    })
    .map_err(|error| cannot(format!("its credential cannot be used: {error}")))?;
    build(config, &access.server)
}

/// Returns the client of a configuration, with windlass's own timeouts and the proxy of the environment.
pub(super) fn build(mut config: Config, server: &str) -> Result<Client> {
    let cannot =
        |why: String| Error::new(Fault::Invalid, format!("cannot connect to {server}")).cause(why);
    let url = config.cluster_url.clone();
    if is_loopback(&url) {
        config.proxy_url = None;
    } else if config.proxy_url.is_none() {
        config.proxy_url = proxy(&url, |name| std::env::var(name).ok()).map_err(cannot)?;
    }
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(|error| {
        cannot(fault::chain(&error).join(": "))
            .hint("check the kubeconfig's certificate and key: windlass kubeconfig")
    })
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Reads a JSON body.
pub(super) fn parse(doing: &str, body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(Fault::Failed, format!("cannot {doing}"))
            .cause(format!("the answer is not JSON: {error}"))
            .hint("check that the kubeconfig's server is a Kubernetes API, and not a proxy's login page")
    })
}

/// Returns a GET request for a path.
pub(super) fn get_request(path: &str) -> Result<http::Request<Vec<u8>>> {
    http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| built(path, &error))
}

/// Returns the error of a request that could not even be built.
pub(super) fn built(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(Fault::Invalid, format!("cannot ask for {what}")).cause(error.to_string())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

pub(super) fn base64(text: &str) -> String {
    use ::base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}

fn is_loopback(url: &http::Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Returns the proxy that the environment, read through `variable`, names for an https `url`.
///
/// kube holds NO_PROXY against the proxy's own address (its `file_loader.rs`), so the decision is made here, by the
/// matcher that reqwest uses too; kube gets the URL as it was written, with the user in it.
fn proxy(
    url: &http::Uri,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<http::Uri>, String> {
    let first = |names: &[&'static str]| {
        names
            .iter()
            .find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
    };
    let Some((name, mut proxy)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    else {
        return Ok(None);
    };
    if !proxy.contains("://") {
        proxy.insert_str(0, "http://");
    }
    let exempt = first(&["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, value)| value);
    let matcher = Matcher::builder().https(&*proxy).no(exempt).build();
    // The value may hold a password: only the variable is named.
    let parsed = proxy
        .parse()
        .map_err(|error| format!("the proxy that {name} names is not a URL: {error}"))?;
    Ok(matcher.intercept(url).map(|_| parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_proxy_and_who_needs_none() {
        let find = |server: &str, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            proxy(&server.parse().unwrap(), variable).map(|found| found.map(|it| it.to_string()))
        };
        let cloud = "https://abc.eks.amazonaws.com";
        let https = ("HTTPS_PROXY", "http://me:secret@proxy:3128");
        assert_eq!(find(cloud, &[]), Ok(None));
        assert_eq!(
            find(cloud, &[https]).unwrap().as_deref(),
            Some("http://me:secret@proxy:3128/")
        );
        assert_eq!(
            find(cloud, &[("all_proxy", "proxy:3128")])
                .unwrap()
                .as_deref(),
            Some("http://proxy:3128/")
        );
        for exempt in ["*", ".amazonaws.com", "localhost, eks.amazonaws.com"] {
            assert_eq!(
                find(cloud, &[https, ("NO_PROXY", exempt)]),
                Ok(None),
                "{exempt}"
            );
        }
        assert_eq!(
            find("https://10.1.2.3", &[https, ("no_proxy", "10.0.0.0/8")]),
            Ok(None)
        );
        // The name of the proxy itself in NO_PROXY says nothing of the cluster.
        assert!(
            find(cloud, &[https, ("NO_PROXY", "proxy")])
                .unwrap()
                .is_some()
        );
        let error = find(cloud, &[("HTTPS_PROXY", "http://me:secret@ bad")]).unwrap_err();
        assert!(
            error.contains("HTTPS_PROXY") && !error.contains("secret"),
            "{error}"
        );
    }
}
