//! Sends requests, and tries again what passes by itself.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::Value;
pub(crate) use windlass_http::{Backoff, connect, encode, pause, wait};
use windlass_http::{Pace, patiently, read_json};
use windlass_provider::{Ctx, Exchange, Request, Result};

use crate::{
    refusal::{Answer, Refusal, Trouble},
    service::Service,
    session::Session,
};

/// A client of Google Cloud's services.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Session,
    http: Arc<OnceLock<reqwest::Client>>,
    pace: Pace,
}

/// One call.
#[derive(Clone, Copy)]
struct Call<'a> {
    service: Service,
    action: &'static str,
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
}

impl Client {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            http: Arc::default(),
            pace: Pace::default(),
        }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Calls a service. `request` is its method and its encoded path, with its query.
    pub(crate) async fn call(
        &self,
        cx: &Ctx,
        (service, action): (Service, &'static str),
        (method, path): (&str, &str),
        body: Option<&Value>,
    ) -> Answer<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let call = Call {
            service,
            action,
            method,
            path,
            body: text.as_bytes(),
        };
        Ok(read_json("Google Cloud", &self.send(cx, call).await?)?)
    }

    /// Reads from a service.
    pub(crate) async fn get(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
    ) -> Answer<Value> {
        self.call(cx, call, ("GET", path), None).await
    }

    /// Reads from a service what need not be there.
    pub(crate) async fn find(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
    ) -> Answer<Option<Value>> {
        match self.get(cx, call, path).await {
            Ok(found) => Ok(Some(found)),
            Err(trouble) if trouble.is_missing() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Reads all pages of a list; `key` is under what each page has its items.
    pub(crate) async fn list(
        &self,
        cx: &Ctx,
        call: (Service, &'static str),
        path: &str,
        key: &str,
    ) -> Answer<Vec<Value>> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page = match token.is_empty() {
                true => path.to_owned(),
                false => {
                    let mark = if path.contains('?') { '&' } else { '?' };
                    format!("{path}{mark}pageToken={}", encode(&token))
                }
            };
            let mut answer = self.get(cx, call, &page).await?;
            match answer[key].take() {
                Value::Array(items) => all.extend(items),
                // Lists over all places are objects, by the place.
                Value::Object(places) => all.extend(places.into_iter().map(|(_, place)| place)),
                _ => {}
            }
            match answer["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(all),
            }
        }
    }

    /// Sends a call until it is answered for good.
    async fn send(&self, cx: &Ctx, call: Call<'_>) -> Answer<Vec<u8>> {
        let what = format!("{} {}", call.service.name(), call.action);
        let tried = |attempt| self.try_once(cx, call, attempt);
        self.pace.persist(cx, &what, Trouble::passes, tried).await
    }

    async fn try_once(&self, cx: &Ctx, call: Call<'_>, attempt: u32) -> Answer<Vec<u8>> {
        let url = format!("{}{}", self.url(call.service), call.path);
        let token = self.session.token(cx).await?;
        let at = cx.clock.now();
        let what = format!("{} {}", call.service.name(), call.action);
        let answer = patiently(cx, &what, &url, self.exchange(call, &url, &token)).await;
        cx.trace.tell(&Exchange::Request(Request {
            at,
            took: Duration::try_from(cx.clock.now().duration_since(at)).unwrap_or_default(),
            attempt,
            method: call.method,
            url: &url,
            sent: call.body,
            answer: match &answer {
                Ok((status, body)) => Ok((*status, body)),
                Err(error) => Err(error.to_line()),
            },
        }));
        let (status, body) = answer?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let refusal = Refusal::read(call.service, call.action, status, &body);
        Err(Trouble::Refused(refusal))
    }

    /// Returns the URL of a service, without a slash at its end.
    fn url(&self, service: Service) -> String {
        if let Some(endpoint) = self.session.endpoint() {
            return format!("{}/{}", endpoint.trim_end_matches('/'), service.name());
        }
        service.at()
    }

    async fn exchange(
        &self,
        call: Call<'_>,
        url: &str,
        token: &str,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let http = match self.http.get() {
            Some(http) => http,
            None => {
                let new = connect(url, None)?;
                self.http.get_or_init(|| new)
            }
        };
        let mut request = http
            .request(method, url)
            .header("authorization", format!("Bearer {token}"));
        if !call.body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(call.body.to_vec());
        } else if call.method != "GET" && call.method != "DELETE" {
            request = request.header("content-length", "0");
        }
        // Whose quota of calls is used where one's own credentials have no project.
        if let Some(project) = self.session.quota_project() {
            request = request.header("x-goog-user-project", project);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await?.to_vec()))
    }
}
