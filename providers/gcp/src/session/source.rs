//! What tokens come from. Google's own library brings those of users, of federated identities and of machines; of keys, and of service
//! accounts that one acts as, windlass asks for them itself.
//!
//! The library signs the tokens of a key itself: Google's APIs take those, and clusters' own APIs, which windlass gives them to as well,
//! take only what Google issued.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use google_cloud_auth::{
    credentials::{
        AccessTokenCredentials, external_account, external_account_authorized_user, mds,
        service_account, user_account,
    },
    signer::Signer,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{
    Rehearsed,
    found::{Found, kind},
};
use crate::client::{connect, encode};

/// What windlass asks to be allowed: everything that one may do, and to learn one's own name.
pub(super) const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
];
/// How long it may take to get a token.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long before its end a token is renewed, as by Google's own library.
const RENEWED: Duration = Duration::from_secs(4 * 60);
/// How long a token is asked for.
const LASTS: Duration = Duration::from_secs(60 * 60);
/// How much earlier than now a statement is dated, for clocks that are behind.
const BEHIND: Duration = Duration::from_secs(10);
const WHAT: &str = "getting a token of Google Cloud";
const KEYS: &str = "https://oauth2.googleapis.com/token";

/// What tokens come from, and what to type where none comes.
pub(super) struct Source {
    grant: Grant,
    hints: Vec<String>,
    /// A token that windlass asked for, and when it ends.
    kept: Mutex<Option<(String, Timestamp)>>,
}

enum Grant {
    /// Google's own library.
    Library(AccessTokenCredentials),
    /// A simulated cloud.
    Rehearsed { url: String, refresh_token: String },
    /// The key of a service account.
    Key {
        url: String,
        email: String,
        id: String,
        signer: Signer,
    },
    /// A service account that another identity acts as.
    Acting {
        source: Box<Source>,
        url: String,
        delegates: Vec<String>,
    },
}

impl Source {
    fn new(grant: Grant, hints: Vec<String>) -> Self {
        Self {
            grant,
            hints,
            kept: Mutex::default(),
        }
    }

    /// Returns what a simulated cloud gives tokens for.
    pub(super) fn rehearsed(rehearsed: &Rehearsed) -> Self {
        let grant = Grant::Rehearsed {
            url: format!("{}/oauth2/token", rehearsed.endpoint.trim_end_matches('/')),
            refresh_token: rehearsed.refresh_token.clone(),
        };
        Self::new(grant, Vec::new())
    }

    /// Returns what brings tokens of credentials that were found.
    pub(super) fn open(found: &Found, metadata: Option<&str>) -> Result<Self> {
        // The credentials sign with it; it fails only where there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Found::File(path, content) = found else {
            let mut machine = mds::Builder::default().with_scopes(SCOPES);
            if let Some(url) = metadata {
                machine = machine.with_endpoint(url);
            }
            let grant = machine.build_access_token_credentials();
            let grant = Grant::Library(grant.map_err(|error| broken(found, &error))?);
            return Ok(Self::new(grant, hints(&Value::Null)));
        };
        let library = match kind(content) {
            "service_account" => return key(found, content),
            "impersonated_service_account" => {
                let inner = content["source_credentials"].clone();
                let source = Self::open(&Found::File(path.clone(), inner), metadata)?;
                let url = content["service_account_impersonation_url"].as_str();
                let url = url.ok_or_else(|| lacks(found, "service_account_impersonation_url"))?;
                let delegates = content["delegates"].as_array().into_iter().flatten();
                let delegates = delegates.filter_map(|it| it.as_str().map(str::to_owned));
                return Ok(source.acting_at(url, delegates.collect()));
            }
            "authorized_user" => {
                user_account::Builder::new(content.clone()).build_access_token_credentials()
            }
            "external_account" => external_account::Builder::new(content.clone())
                .with_scopes(SCOPES)
                .build_access_token_credentials(),
            "external_account_authorized_user" => {
                external_account_authorized_user::Builder::new(content.clone())
                    .build_access_token_credentials()
            }
            other => return Err(unknown(found, other)),
        };
        let grant = Grant::Library(library.map_err(|error| broken(found, &error))?);
        Ok(Self::new(grant, hints(content)))
    }

    /// Returns the same as a service account. `iam` is the URL of what allows it.
    pub(super) fn acting_as(self, account: &str, iam: &str) -> Self {
        let account = encode(account);
        let url = format!("{iam}/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        self.acting_at(&url, Vec::new())
    }

    fn acting_at(self, url: &str, delegates: Vec<String>) -> Self {
        let account = acted(url).unwrap_or_else(|| "the service account".to_owned());
        let hints = vec![
            format!(
                "whoever acts as {account} needs roles/iam.serviceAccountTokenCreator on it: gcloud iam service-accounts \
                 add-iam-policy-binding {account} --member user:YOU --role roles/iam.serviceAccountTokenCreator"
            ),
            "or act as yourself: leave out impersonate".to_owned(),
        ];
        let grant = Grant::Acting {
            source: Box::new(self),
            url: url.to_owned(),
            delegates,
        };
        Self::new(grant, hints)
    }

    /// Returns a token for now.
    pub(super) async fn token(&self, cx: &Ctx) -> Result<String> {
        if let Grant::Library(tokens) = &self.grant {
            let work = async { self.ask_library(tokens).await };
            return patiently(cx, work).await;
        }
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && cx.clock.now() + RENEWED < *until
        {
            return Ok(token.clone());
        }
        let (token, until) = Box::pin(self.ask(cx)).await?;
        *kept = Some((token.clone(), until));
        Ok(token)
    }

    async fn ask_library(&self, tokens: &AccessTokenCredentials) -> Result<String> {
        let token = tokens.access_token().await;
        token.map(|token| token.token).map_err(|error| {
            let fault = match error.is_transient() {
                true => Fault::Transient,
                false => Fault::Denied,
            };
            let wrong = causes(nothing(fault), &error);
            self.hints.iter().cloned().fold(wrong, Error::hint)
        })
    }

    /// Asks for a token; returns it with its end.
    async fn ask(&self, cx: &Ctx) -> Result<(String, Timestamp)> {
        let now = cx.clock.now();
        let form = "application/x-www-form-urlencoded";
        let sent = match &self.grant {
            Grant::Library(_) => unreachable!("the library keeps its tokens itself"),
            Grant::Rehearsed { url, refresh_token } => {
                let refresh_token = encode(refresh_token);
                let body = format!("grant_type=refresh_token&refresh_token={refresh_token}");
                patiently(cx, send(url, (form, body), None)).await
            }
            // https://developers.google.com/identity/protocols/oauth2/service-account#httprest
            Grant::Key {
                url,
                email,
                id,
                signer,
            } => {
                let told = statement(now, url, (email, id));
                let signed = signer.sign(told.as_bytes()).await;
                let proof = signed.map_err(|error| causes(nothing(Fault::Invalid), &error));
                let proof = URL_SAFE_NO_PAD.encode(proof.map_err(|it| self.hinted(it))?);
                let kind = encode("urn:ietf:params:oauth:grant-type:jwt-bearer");
                let body = format!("grant_type={kind}&assertion={told}.{proof}");
                patiently(cx, send(url, (form, body), None)).await
            }
            // https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
            Grant::Acting {
                source,
                url,
                delegates,
            } => {
                let token = source.token(cx).await?;
                let mut body =
                    json!({ "scope": SCOPES, "lifetime": format!("{}s", LASTS.as_secs()) });
                if !delegates.is_empty() {
                    body["delegates"] = json!(delegates);
                }
                let body = ("application/json", body.to_string());
                patiently(cx, send(url, body, Some(&token))).await
            }
        };
        let answer = sent.map_err(|it| self.hinted(it))?;
        read(&answer, now).ok_or_else(|| self.hinted(nothing(Fault::Denied).cause(said(&answer))))
    }

    fn hinted(&self, error: Error) -> Error {
        match error.fault {
            Fault::Denied | Fault::Invalid => self.hints.iter().cloned().fold(error, Error::hint),
            _ => error,
        }
    }
}

/// Returns what a key is to sign, of an account's address and the id of its key.
fn statement(now: Timestamp, url: &str, (email, id): (&str, &str)) -> String {
    let from = (now - BEHIND).as_second();
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": id });
    let claims = json!({
        "iss": email,
        "scope": SCOPES.join(" "),
        "aud": url,
        "iat": from,
        "exp": from + LASTS.as_secs() as i64,
    });
    let [header, claims] =
        [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string().as_bytes()));
    format!("{header}.{claims}")
}

/// Returns what brings tokens of a key.
fn key(found: &Found, content: &Value) -> Result<Source> {
    let text = |key: &str| content[key].as_str().filter(|it| !it.is_empty());
    let email = text("client_email").ok_or_else(|| lacks(found, "client_email"))?;
    let signer = service_account::Builder::new(content.clone()).build_signer();
    let grant = Grant::Key {
        url: text("token_uri").unwrap_or(KEYS).to_owned(),
        email: email.to_owned(),
        id: text("private_key_id").unwrap_or_default().to_owned(),
        signer: signer.map_err(|error| broken(found, &error))?,
    };
    Ok(Source::new(grant, hints(content)))
}

/// Returns the account in the URL by which one acts as it.
pub(super) fn acted(url: &str) -> Option<String> {
    let last = url.rsplit('/').next()?;
    let account = last.strip_suffix(":generateAccessToken")?;
    Some(account.replace("%40", "@"))
}

/// Returns what to do where credentials bring no token.
fn hints(content: &Value) -> Vec<String> {
    let text = |key: &str| content[key].as_str().unwrap_or_default();
    match kind(content) {
        "service_account" => vec![
            format!(
                "see whether its key still is: gcloud iam service-accounts keys list --iam-account {}",
                text("client_email")
            ),
            "see whether this machine's clock is right: what a key signs holds for an hour"
                .to_owned(),
        ],
        "external_account" => {
            let provider = text("audience").trim_start_matches("//iam.googleapis.com/");
            let account = acted(text("service_account_impersonation_url"));
            let taken = format!(
                "see whether {provider} takes the token that credential_source brings, and whether that is fresh"
            );
            let acts = account.map(|account| {
                format!(
                    "see whether it may act as {account}: it needs roles/iam.workloadIdentityUser on it"
                )
            });
            std::iter::once(taken).chain(acts).collect()
        }
        "" => vec![
            "see whether the machine has a service account, with the scope cloud-platform"
                .to_owned(),
            "or name a file: GOOGLE_APPLICATION_CREDENTIALS=FILE".to_owned(),
        ],
        _ => vec!["sign in again: gcloud auth application-default login".to_owned()],
    }
}

/// Waits for a token as long as there is patience; what comes too late for that alone passes by itself.
async fn patiently<T: Send>(cx: &Ctx, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let over = || {
        cx.deadline
            .is_some_and(|deadline| cx.clock.now() >= deadline)
    };
    match cx.within(PATIENCE).bound(WHAT, work).await {
        Err(error) if error.fault == Fault::TimedOut && !over() => Err(Error::new(
            Fault::Transient,
            format!("{WHAT}: no answer within a minute"),
        )),
        done => done,
    }
}

/// Posts what asks for a token, and returns the answer.
async fn send(url: &str, (kind, body): (&str, String), token: Option<&str>) -> Result<Value> {
    let lost = |error| {
        let host = url.split('/').nth(2).unwrap_or(url);
        let wrong = Error::new(Fault::Transient, format!("no token comes from {host}"));
        causes(wrong, &error)
    };
    let http = connect(url, None).map_err(lost)?;
    let mut asked = http.post(url).header("content-type", kind).body(body);
    if let Some(token) = token {
        asked = asked.header("authorization", format!("Bearer {token}"));
    }
    let answer = asked.send().await.map_err(lost)?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(lost)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match status {
        200..300 => Ok(body),
        429 | 500.. => Err(nothing(Fault::Transient).cause(format!("{status}: {}", said(&body)))),
        _ => Err(nothing(Fault::Denied).cause(format!("{status}: {}", said(&body)))),
    }
}

/// Reads a token, and when it ends.
fn read(answer: &Value, now: Timestamp) -> Option<(String, Timestamp)> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| answer[*key].as_str());
    let token = text(["access_token", "accessToken"])?;
    let until = match answer["expires_in"].as_u64() {
        Some(lasts) => now + Duration::from_secs(lasts),
        None => answer["expireTime"].as_str()?.parse().ok()?,
    };
    Some((token.to_owned(), until))
}

/// Returns what a refusal says, in the words of OAuth or of Google's APIs.
fn said(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (code, why) = match &answer["error"] {
        Value::Object(error) => (text(&error["status"]), text(&error["message"])),
        code => (text(code), text(&answer["error_description"])),
    };
    match (code.is_empty(), why.is_empty()) {
        (true, true) => "nothing is said of why".to_owned(),
        (false, true) => code,
        (true, false) => why,
        (false, false) => format!("{code}: {why}"),
    }
}

fn nothing(fault: Fault) -> Error {
    Error::new(fault, "the credentials of Google Cloud bring no token")
}

const OTHERS: &str = "make others: gcloud auth application-default login";

fn unknown(found: &Found, kind: &str) -> Error {
    let kind = match kind.is_empty() {
        true => "no type".to_owned(),
        false => format!("the type \"{kind}\""),
    };
    let place = found.place();
    Error::new(
        Fault::Invalid,
        format!("the credentials in {place} have {kind}, which windlass does not know"),
    )
    .hint(OTHERS)
}

fn lacks(found: &Found, key: &str) -> Error {
    let place = found.place();
    Error::new(
        Fault::Invalid,
        format!("the credentials in {place} have no {key}"),
    )
    .hint(OTHERS)
}

fn broken(found: &Found, error: &dyn std::error::Error) -> Error {
    let place = found.place();
    let wrong = Error::new(
        Fault::Invalid,
        format!("the credentials in {place} cannot be used"),
    );
    causes(wrong, error).hint(OTHERS)
}

/// Adds what an error says, and what is behind it. Of an answer that the library quotes only the words count.
fn causes(mut told: Error, error: &dyn std::error::Error) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let quoted = text.split_once(", body=<").and_then(|(before, rest)| {
            let body: Value = serde_json::from_str(rest.strip_suffix('>')?).ok()?;
            Some(format!("{before}: {}", said(&body)))
        });
        told = told.cause(quoted.unwrap_or(text));
        next = error.source();
    }
    told
}
