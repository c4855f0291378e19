//! Signs requests, sends them, and tries again what passes by itself.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use jiff::Timestamp;
use serde_json::Value;
use windlass_http::{Pace, connect, patiently, read_json};
pub(crate) use windlass_http::{encode, pause};
use windlass_provider::{Ctx, Error, Exchange, Fault, Request, Result};

use crate::{
    refusal::{Answer, Refusal, Trouble},
    service::Service,
    session::{Session, variable},
    xml,
};

/// A client of AWS's services in one region.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    session: Session,
    http: Arc<OnceLock<reqwest::Client>>,
    pace: Pace,
    region: String,
}

/// One call.
struct Call<'a> {
    service: Service,
    action: &'static str,
    method: &'static str,
    /// The path, encoded, with its query.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: &'a [u8],
}

/// What came back, whatever it says.
struct Raw {
    status: u16,
    kind: Option<String>,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(session: Session, region: String) -> Self {
        Self {
            session,
            http: Arc::default(),
            pace: Pace::default(),
            region,
        }
    }

    /// Returns the same in another region.
    pub(crate) fn within(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Calls a service that takes queries, and returns its XML.
    pub(crate) async fn query(
        &self,
        cx: &Ctx,
        service: Service,
        action: &'static str,
        parameters: &[(String, String)],
    ) -> Answer<String> {
        let mut body = format!("Action={action}&Version={}", service.version());
        for (key, value) in parameters {
            body.push_str(&format!("&{}={}", encode(key), encode(value)));
        }
        let call = Call {
            service,
            action,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            body: body.as_bytes(),
        };
        let body = self.send(cx, &call).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Calls a service that takes JSON 1.1, and returns its JSON.
    pub(crate) async fn target(
        &self,
        cx: &Ctx,
        service: Service,
        action: &'static str,
        body: &Value,
    ) -> Answer<Value> {
        let body = body.to_string();
        let call = Call {
            service,
            action,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("{}.{action}", service.target())),
            ],
            body: body.as_bytes(),
        };
        Ok(read_json("AWS", &self.send(cx, &call).await?)?)
    }

    /// Calls EKS, and returns its JSON. `path` is encoded, and may have a query.
    pub(crate) async fn eks(
        &self,
        cx: &Ctx,
        action: &'static str,
        (method, path): (&'static str, String),
        body: Option<&Value>,
    ) -> Answer<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let headers = match body {
            Some(_) => vec![("content-type", "application/json".to_owned())],
            None => Vec::new(),
        };
        let call = Call {
            service: Service::Eks,
            action,
            method,
            path,
            headers,
            body: text.as_bytes(),
        };
        Ok(read_json("AWS", &self.send(cx, &call).await?)?)
    }

    /// Sends a call until it is answered for good.
    async fn send(&self, cx: &Ctx, call: &Call<'_>) -> Answer<Vec<u8>> {
        let what = format!("{} in {}", call.action, self.region);
        let tried = |attempt| self.try_once(cx, call, attempt);
        self.pace.persist(cx, &what, Trouble::passes, tried).await
    }

    async fn try_once(&self, cx: &Ctx, call: &Call<'_>, attempt: u32) -> Answer<Vec<u8>> {
        let url = format!("{}{}", self.url(call.service).await, call.path);
        let credentials = self.session.credentials(cx).await?;
        let at = cx.clock.now();
        let signed = self.sign(call, &url, &credentials, at)?;
        let what = format!("{} in {}", call.action, self.region);
        let answer = patiently(cx, &what, &url, self.exchange(call, &url, signed)).await;
        cx.trace.tell(&Exchange::Request(Request {
            at,
            took: Duration::try_from(cx.clock.now().duration_since(at)).unwrap_or_default(),
            attempt,
            method: call.method,
            // The call's name stands only in the header, or behind a path.
            url: &format!("{url}#{}:{}", call.service.permission(), call.action),
            sent: call.body,
            answer: match &answer {
                Ok(raw) => Ok((raw.status, &raw.body)),
                Err(error) => Err(error.to_line()),
            },
        }));
        let raw = answer?;
        if (200..300).contains(&raw.status) {
            return Ok(raw.body);
        }
        Err(Trouble::Refused(self.refusal(call, &raw)))
    }

    /// Returns the URL of a service, without a slash at its end.
    pub(crate) async fn url(&self, service: Service) -> String {
        let named = self
            .session
            .reads_environment()
            .then(|| variable(service.endpoint_variable()))
            .flatten();
        let url = match named {
            Some(url) => url,
            None => match self.session.endpoint().await {
                Some(url) => url,
                None => service.url(&self.region),
            },
        };
        url.trim_end_matches('/').to_owned()
    }

    fn sign(
        &self,
        call: &Call<'_>,
        url: &str,
        credentials: &aws_credential_types::Credentials,
        at: Timestamp,
    ) -> Result<Vec<(String, String)>> {
        let cannot = |error: String| {
            Error::new(Fault::Failed, format!("cannot sign {}", call.action)).cause(error)
        };
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(call.service.signing_region(&self.region))
            .name(call.service.name())
            .time(SystemTime::from(at))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| cannot(error.to_string()))?
            .into();
        let headers = call.headers.iter().map(|(key, value)| (*key, &**value));
        let body = SignableBody::Bytes(call.body);
        let request = SignableRequest::new(call.method, url, headers, body)
            .map_err(|error| cannot(error.to_string()))?;
        let (instructions, _) = sign(request, &parameters)
            .map_err(|error| cannot(error.to_string()))?
            .into_parts();
        let own = call.headers.iter();
        Ok(own
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .chain(
                instructions
                    .headers()
                    .map(|(key, value)| (key.to_owned(), value.to_owned())),
            )
            .collect())
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &str,
        headers: Vec<(String, String)>,
    ) -> Result<Raw, reqwest::Error> {
        let method = match call.method {
            "GET" => reqwest::Method::GET,
            "DELETE" => reqwest::Method::DELETE,
            _ => reqwest::Method::POST,
        };
        let http = match self.http.get() {
            Some(http) => http,
            None => {
                let own = variable("AWS_CA_BUNDLE").and_then(|file| std::fs::read(file).ok());
                let new = connect(url, own.as_deref())?;
                self.http.get_or_init(|| new)
            }
        };
        let mut request = http.request(method, url).body(call.body.to_vec());
        for (key, value) in headers {
            request = request.header(key, value);
        }
        let answer = request.send().await?;
        let kind = answer
            .headers()
            .get("x-amzn-errortype")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Raw {
            status: answer.status().as_u16(),
            kind,
            body: answer.bytes().await?.to_vec(),
        })
    }

    fn refusal(&self, call: &Call<'_>, raw: &Raw) -> Refusal {
        let text = String::from_utf8_lossy(&raw.body);
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let (code, message) = match &json {
            Some(json) => {
                let code = raw.kind.clone();
                let code = code.or_else(|| json["__type"].as_str().map(str::to_owned));
                let code = code.or_else(|| json["code"].as_str().map(str::to_owned));
                let said = json["message"].as_str().or(json["Message"].as_str());
                (
                    code.unwrap_or_default(),
                    said.unwrap_or_default().to_owned(),
                )
            }
            None => xml::refusal(&text).unwrap_or_default(),
        };
        // "com.amazonaws.x#Code" and "Code:http://…" are both just Code.
        let code = code.split(':').next().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        Refusal {
            service: call.service,
            region: self.region.clone(),
            action: call.action,
            status: raw.status,
            code: code.to_owned(),
            message,
        }
    }
}
