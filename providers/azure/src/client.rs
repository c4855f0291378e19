//! Asks the resource manager, tries again what passes by itself, and follows long-running operations to their end.

mod wire;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
pub(crate) use windlass_http::encode;
use windlass_http::{Pace, connect, patiently, pause, read_json};
use windlass_provider::{Ctx, Error, Exchange, Fault, Request, Result};

use self::wire::is_within;
use crate::{
    pace::{POLL, wait},
    refusal::{Answer, Refusal, Trouble},
    session::{Session, Token},
};

/// A client of one subscription.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Session,
    http: Arc<OnceLock<reqwest::Client>>,
    pace: Pace,
    subscription: Arc<OnceCell<String>>,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Put,
    Patch,
    Post,
    Delete,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// One call: what it is to do in words, its method, its path with the query, and its body.
pub(crate) struct Call<'a> {
    pub(crate) action: String,
    pub(crate) method: Method,
    /// From the root, or a whole URL of Azure's own.
    pub(crate) path: String,
    pub(crate) body: Option<&'a Value>,
}

/// What came back, whatever it says.
struct Raw {
    status: u16,
    body: Vec<u8>,
    /// Where the operation tells how it stands.
    operation: Option<String>,
    /// Where the operation's result will be.
    location: Option<String>,
    retry_after: Option<u64>,
}

/// A body to be sent, and how.
struct Sent<'a> {
    token: Option<&'a Token>,
    kind: &'static str,
    text: String,
}

/// What a call answered, and the operation that goes on behind it, if one does.
pub(crate) struct Begun {
    pub(crate) body: Value,
    action: String,
    operation: Option<String>,
    location: Option<String>,
    wait: Duration,
}

impl Client {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            http: Arc::default(),
            pace: Pace::default(),
            subscription: Arc::default(),
        }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the subscription that is meant: the one that is named, or the only one that one may see.
    pub(crate) async fn subscription(&self, cx: &Ctx) -> Answer<String> {
        if let Some(named) = self.session.subscription() {
            return Ok(named);
        }
        let found = self.subscription.get_or_try_init(|| async {
            let all = self.subscriptions(cx).await?;
            match &all[..] {
                [(only, _)] => Ok(only.clone()),
                [] => Err(Trouble::Lost(
                    Error::new(Fault::NoAccess, "you may see no subscription of Azure's")
                        .hint("have somebody give you a role in one, or name another tenant: AZURE_TENANT_ID"),
                )),
                several => {
                    let named = several.iter().map(|(id, name)| format!("{id} ({name})"));
                    let named: Vec<String> = named.collect();
                    Err(Trouble::Lost(
                        Error::new(
                            Fault::NoAccess,
                            format!("which subscription of Azure's? there are {}", named.join(", ")),
                        )
                        .hint("name one: --azure-subscription ID, AZURE_SUBSCRIPTION_ID, or subscription in [clusters.NAME.azure] of windlass.toml"),
                    ))
                }
            }
        });
        found.await.cloned()
    }

    /// Returns the subscriptions that one may see: their ids and their names.
    pub(crate) async fn subscriptions(&self, cx: &Ctx) -> Answer<Vec<(String, String)>> {
        let path = "/subscriptions?api-version=2022-12-01".to_owned();
        let all = self.list(cx, "list the subscriptions", path).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let enabled = all.iter().filter(|it| it["state"] != "Disabled");
        Ok(enabled
            .map(|it| (text(&it["subscriptionId"]), text(&it["displayName"])))
            .collect())
    }

    /// Reads something; `None` where it is not there.
    pub(crate) async fn get(&self, cx: &Ctx, what: &str, path: String) -> Answer<Option<Value>> {
        let call = Call {
            action: format!("look at {what}"),
            method: Method::Get,
            path,
            body: None,
        };
        match self.send(cx, &call).await {
            Ok(raw) => Ok(Some(read_json("Azure", &raw.body)?)),
            Err(trouble) if trouble.is_missing() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Reads a list, page by page.
    pub(crate) async fn list(&self, cx: &Ctx, action: &str, path: String) -> Answer<Vec<Value>> {
        let mut all = Vec::new();
        let mut next = Some(path);
        while let Some(path) = next {
            let call = Call {
                action: action.to_owned(),
                method: Method::Get,
                path,
                body: None,
            };
            let raw = match self.send(cx, &call).await {
                Ok(raw) => raw,
                Err(trouble) if trouble.is_unregistered() => break,
                Err(trouble) => return Err(trouble),
            };
            let mut page = read_json("Azure", &raw.body)?;
            if let Value::Array(items) = page["value"].take() {
                all.extend(items);
            }
            next = page["nextLink"]
                .as_str()
                .filter(|link| !link.is_empty())
                .map(str::to_owned);
        }
        Ok(all)
    }

    /// Begins a change.
    pub(crate) async fn begin(&self, cx: &Ctx, call: &Call<'_>) -> Answer<Begun> {
        let raw = self.send(cx, call).await?;
        let body = match raw.body.is_empty() {
            true => json!({}),
            false => read_json("Azure", &raw.body)?,
        };
        Ok(Begun {
            body,
            action: call.action.clone(),
            operation: raw.operation,
            // 200 and 204 are the end, whatever else is said; 201 has a location where it has no operation.
            location: raw
                .location
                .filter(|_| raw.status == 202 || raw.status == 201),
            wait: raw.retry_after.map_or(POLL, Duration::from_secs),
        })
    }

    /// Waits until what was begun has ended. What it made or changed is to be read again afterwards.
    ///
    /// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>
    pub(crate) async fn finish(&self, cx: &Ctx, begun: Begun) -> Answer<()> {
        let Begun {
            action,
            operation,
            location,
            mut wait,
            ..
        } = begun;
        let Some(url) = operation.as_ref().or(location.as_ref()).cloned() else {
            return Ok(());
        };
        let call = Call {
            action: action.clone(),
            method: Method::Get,
            path: url,
            body: None,
        };
        loop {
            cx.progress.say(format!("waiting: {action}"));
            pause(cx, &action, wait).await?;
            let raw = match self.send(cx, &call).await {
                Ok(raw) => raw,
                // It is forgotten after a while: what it was about tells how it ended.
                Err(trouble) if trouble.is_missing() => return Ok(()),
                Err(trouble) => return Err(trouble),
            };
            wait = raw.retry_after.map_or(POLL, Duration::from_secs);
            if operation.is_none() {
                match raw.status {
                    202 => continue,
                    _ => return Ok(()),
                }
            }
            let body = read_json("Azure", &raw.body)?;
            match body["status"].as_str().unwrap_or_default() {
                "Succeeded" => return Ok(()),
                "Failed" | "Canceled" | "Cancelled" => {
                    return Err(Trouble::Refused(Refusal::read(&action, 0, &body)));
                }
                _ => {}
            }
        }
    }

    /// Begins a change and waits until it has ended.
    pub(crate) async fn carry_out(&self, cx: &Ctx, call: &Call<'_>) -> Answer<()> {
        let begun = self.begin(cx, call).await?;
        self.finish(cx, begun).await
    }

    /// Asks for something to go, or says that it `cannot`. That it is gone, or that something else is being done to it, is no failure:
    /// whoever asks looks again.
    pub(crate) async fn ask_to_go(&self, cx: &Ctx, call: &Call<'_>, cannot: &str) -> Result<()> {
        match self.carry_out(cx, call).await {
            Ok(()) => Ok(()),
            Err(trouble) if trouble.is_missing() => Ok(()),
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting: {}", call.action), POLL).await
            }
            Err(trouble) => Err(Error::from(trouble).context(cannot)),
        }
    }

    /// Returns a token for a scope.
    pub(crate) async fn token(&self, cx: &Ctx, scope: &str) -> Answer<Token> {
        if let Some(known) = self.session.known(cx, scope).await {
            return Ok(known);
        }
        let token = match self.session.login() {
            None => self.session.fetch(cx, scope).await?,
            Some((url, keys)) => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", &keys.client),
                    ("client_secret", &keys.secret),
                    ("scope", scope),
                ];
                let form = form.map(|(key, value)| format!("{key}={}", encode(value)));
                self.sign_in(cx, url, form.join("&")).await?
            }
        };
        self.session.keep(scope, &token).await;
        Ok(token)
    }

    async fn sign_in(&self, cx: &Ctx, url: String, form: String) -> Answer<Token> {
        let call = Call {
            action: "sign in to Azure".to_owned(),
            method: Method::Post,
            path: url.clone(),
            body: None,
        };
        let sent = Sent {
            token: None,
            kind: "application/x-www-form-urlencoded",
            text: form,
        };
        let answer = self.persist(cx, &call, &url, &sent).await?;
        let answer = read_json("Azure", &answer.body)?;
        let lasts = answer["expires_in"].as_i64();
        let lasts = lasts.or_else(|| answer["expires_in"].as_str()?.parse().ok());
        Ok(Token {
            text: answer["access_token"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            expires: cx.clock.now() + jiff::SignedDuration::from_secs(lasts.unwrap_or(3600)),
        })
    }

    /// Sends a call until it is answered for good.
    async fn send(&self, cx: &Ctx, call: &Call<'_>) -> Answer<Raw> {
        let base = self.session.arm();
        let url = match call.path.starts_with('/') {
            true => format!("{base}{}", call.path),
            // A link out of an answer is followed as it is, but the token goes to nobody else.
            false if is_within(&call.path, &base) => call.path.clone(),
            false => {
                let error = Error::new(
                    Fault::Failed,
                    format!("{}: Azure's answer leads elsewhere", call.action),
                );
                return Err(error.cause(call.path.clone()).into());
            }
        };
        let token = self.token(cx, &self.session.scope()).await?;
        let sent = Sent {
            token: Some(&token),
            kind: "application/json",
            text: call.body.map(Value::to_string).unwrap_or_default(),
        };
        self.persist(cx, call, &url, &sent).await
    }

    async fn persist(&self, cx: &Ctx, call: &Call<'_>, url: &str, sent: &Sent<'_>) -> Answer<Raw> {
        let tried = |attempt| self.try_once(cx, call, url, sent, attempt);
        let action = call.action.as_str();
        self.pace.persist(cx, action, Trouble::passes, tried).await
    }

    async fn try_once(
        &self,
        cx: &Ctx,
        call: &Call<'_>,
        url: &str,
        sent: &Sent<'_>,
        attempt: u32,
    ) -> Answer<Raw> {
        let at = cx.clock.now();
        let what = &call.action;
        let answer = patiently(cx, what, url, self.exchange(call, url, sent)).await;
        // What signs in, and what it brings, is nobody's business.
        let secret = sent.token.is_none();
        cx.trace.tell(&Exchange::Request(Request {
            at,
            took: Duration::try_from(cx.clock.now().duration_since(at)).unwrap_or_default(),
            attempt,
            method: call.method.as_str(),
            url,
            sent: if secret { b"" } else { sent.text.as_bytes() },
            answer: match &answer {
                Ok(raw) if secret => Ok((raw.status, b"")),
                Ok(raw) => Ok((raw.status, &raw.body)),
                Err(error) => Err(error.to_line()),
            },
        }));
        let raw = answer?;
        if (200..300).contains(&raw.status) {
            return Ok(raw);
        }
        let body = serde_json::from_slice(&raw.body).unwrap_or_default();
        let mut refusal = Refusal::read(what, raw.status, &body);
        refusal.retry_after = raw.retry_after;
        Err(Trouble::Refused(refusal))
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &str,
        sent: &Sent<'_>,
    ) -> Result<Raw, reqwest::Error> {
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let http = match self.http.get() {
            Some(http) => http,
            None => {
                let new = connect(url, None)?;
                self.http.get_or_init(|| new)
            }
        };
        let mut request = http.request(method, url);
        if let Some(token) = sent.token {
            request = request.header("authorization", format!("Bearer {}", token.text));
        }
        if !sent.text.is_empty() {
            request = request.header("content-type", sent.kind);
        }
        // Without a length some of Azure's front doors refuse a POST.
        if call.method != Method::Get {
            request = request.body(sent.text.clone());
        }
        let answer = request.send().await?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Raw {
            status: answer.status().as_u16(),
            operation: header("azure-asyncoperation"),
            location: header("location"),
            retry_after: header("retry-after").and_then(|it| it.parse().ok()),
            body: answer.bytes().await?.to_vec(),
        })
    }
}
