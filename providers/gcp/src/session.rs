//! Who one is to Google Cloud, and in which project: application default credentials, or what was handed over.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use google_cloud_auth::credentials::{
    AccessTokenCredentials, Credentials, external_account, external_account_authorized_user,
    impersonated, mds, service_account, user_account,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use windlass_provider::{Ctx, Error, Fault, Result};

use crate::client::{connect, encode};

/// What windlass asks to be allowed: everything that one may do, and to learn one's own name.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
];
/// How long it may take to get a token.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long before its end a token is renewed, as by Google's own library.
const RENEWED: Duration = Duration::from_secs(4 * 60);

/// What somebody said of who one is, and where; the rest is Google Cloud's own environment and files.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The project.
    pub project: Option<String>,
    /// Whether the project may still have to be made.
    pub create_project: bool,
    /// The region or the zone.
    pub location: Option<String>,
    /// The service account that one acts as.
    pub impersonate: Option<String>,
    /// The file of credentials, in place of the one that is looked for.
    pub credentials: Option<PathBuf>,
    /// A simulated cloud, in place of all that is real.
    pub rehearsed: Option<Rehearsed>,
}

/// A simulated cloud. Nothing of the user's is read for it.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// The URL under which each service has a path of its name.
    pub endpoint: String,
    /// For what there are tokens there.
    pub refresh_token: String,
    /// Whose it is.
    pub principal: String,
}

/// The credentials, looked up once when they are first needed.
#[derive(Clone)]
pub(crate) struct Session {
    access: Access,
    found: Arc<OnceLock<Option<Found>>>,
    tokens: Arc<OnceCell<AccessTokenCredentials>>,
    /// A token of a simulated cloud, and when it ends.
    rehearsed: Arc<Mutex<Option<(String, Timestamp)>>>,
}

/// Credentials that were found.
#[derive(Clone)]
enum Found {
    /// A file.
    File(PathBuf, Value),
    /// The machine's own, by its metadata server.
    Machine,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.access.fmt(f)
    }
}

impl Session {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            found: Arc::default(),
            tokens: Arc::default(),
            rehearsed: Arc::default(),
        }
    }

    fn rehearsed(&self) -> Option<&Rehearsed> {
        self.access.rehearsed.as_ref()
    }

    /// Returns the URL of a simulated cloud.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.rehearsed().map(|it| it.endpoint.as_str())
    }

    fn found(&self) -> Option<&Found> {
        self.found.get_or_init(|| look(&self.access)).as_ref()
    }

    fn file(&self) -> Option<&Value> {
        match self.found()? {
            Found::File(_, content) => Some(content),
            Found::Machine => None,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.file()?[key].as_str().filter(|it| !it.is_empty())
    }

    /// Returns whether there are credentials at all, whatever they are good for.
    pub(crate) fn has_credentials(&self) -> bool {
        self.rehearsed().is_some() || self.found().is_some()
    }

    /// Returns whether the project may still have to be made.
    pub(crate) fn creates_project(&self) -> bool {
        self.access.create_project
    }

    /// Returns the project that is meant where nobody names another: that of a service account's key, or gcloud's.
    pub(crate) fn project(&self) -> Option<String> {
        if self.access.project.is_some() || self.rehearsed().is_some() {
            return self.access.project.clone();
        }
        let own = self.text("project_id").map(str::to_owned);
        own.or_else(|| configured("core", "project"))
    }

    /// Returns the region or zone that is meant where nobody names another: gcloud's.
    pub(crate) fn location(&self) -> Option<String> {
        if self.access.location.is_some() || self.rehearsed().is_some() {
            return self.access.location.clone();
        }
        configured("compute", "zone").or_else(|| configured("compute", "region"))
    }

    /// Returns the region or zone that somebody named for windlass: where alone clusters are looked for.
    pub(crate) fn named_location(&self) -> Option<&str> {
        self.access.location.as_deref()
    }

    /// Returns the project whose budget of calls counts: that of a user's credentials.
    pub(crate) fn quota_project(&self) -> Option<&str> {
        match self.rehearsed() {
            Some(_) => None,
            None => self.text("quota_project_id"),
        }
    }

    /// Returns who one is, where the credentials themselves say it.
    pub(crate) fn principal(&self) -> Option<String> {
        if let Some(rehearsed) = self.rehearsed() {
            return Some(rehearsed.principal.clone());
        }
        if let Some(account) = &self.access.impersonate {
            return Some(account.clone());
        }
        if let Some(email) = self.text("client_email") {
            return Some(email.to_owned());
        }
        if let Some(url) = self.text("service_account_impersonation_url") {
            let account = url.rsplit('/').next().unwrap_or_default();
            return account
                .strip_suffix(":generateAccessToken")
                .map(str::to_owned);
        }
        let audience = self.text("audience")?;
        Some(format!(
            "an identity of {}",
            audience.trim_start_matches("//iam.googleapis.com/")
        ))
    }

    /// Returns a token for now.
    pub(crate) async fn token(&self, cx: &Ctx) -> Result<String> {
        if let Some(rehearsed) = self.rehearsed() {
            return self.rehearsed_token(cx, rehearsed).await;
        }
        let tokens = self
            .tokens
            .get_or_try_init(|| async { self.open() })
            .await?;
        let work = async {
            let token = tokens.access_token().await;
            token.map(|token| token.token).map_err(|error| {
                let fault = match error.is_transient() {
                    true => Fault::Transient,
                    false => Fault::Denied,
                };
                let wrong = Error::new(fault, "the credentials of Google Cloud bring no token");
                causes(wrong, &error).hint("sign in again: gcloud auth application-default login")
            })
        };
        let what = "getting a token of Google Cloud";
        patiently(cx, what, work).await
    }

    /// Returns a token of a simulated cloud: it is kept as long as Google's own library would keep it.
    async fn rehearsed_token(&self, cx: &Ctx, rehearsed: &Rehearsed) -> Result<String> {
        let mut kept = self.rehearsed.lock().await;
        if let Some((token, until)) = &*kept
            && cx.clock.now() + RENEWED < *until
        {
            return Ok(token.clone());
        }
        let what = "getting a token of Google Cloud";
        let lost = |error| causes(Error::new(Fault::Transient, "no token comes"), &error);
        let url = format!("{}/oauth2/token", rehearsed.endpoint.trim_end_matches('/'));
        let http = connect(&url).map_err(lost)?;
        let work = async { refresh(&http, &url, rehearsed).await.map_err(lost) };
        let answer = patiently(cx, what, work).await?;
        let token = answer["access_token"].as_str();
        let lasts = answer["expires_in"].as_u64();
        let (Some(token), Some(lasts)) = (token, lasts) else {
            return Err(Error::new(
                Fault::Denied,
                "the credentials of the rehearsal bring no token",
            )
            .cause(answer.to_string()));
        };
        let until = cx.clock.now() + Duration::from_secs(lasts);
        *kept = Some((token.to_owned(), until));
        Ok(token.to_owned())
    }

    /// Opens the credentials.
    fn open(&self) -> Result<AccessTokenCredentials> {
        // The credentials sign with it; it fails only where there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let found = self.found().ok_or_else(nobody)?;
        let built = match &self.access.impersonate {
            Some(account) => source(found)?.map(|source| {
                impersonated::Builder::from_source_credentials(source)
                    .with_target_principal(account.clone())
                    .with_scopes(SCOPES)
                    .build_access_token_credentials()
            }),
            None => tokens(found)?,
        };
        built
            .and_then(|built| built)
            .map_err(|error| broken(found, &error))
    }
}

/// Waits for a token as long as there is patience; what comes too late for that alone passes by itself.
async fn patiently<T: Send>(
    cx: &Ctx,
    what: &str,
    work: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    let over = || {
        cx.deadline
            .is_some_and(|deadline| cx.clock.now() >= deadline)
    };
    match cx.within(PATIENCE).bound(what, work).await {
        Err(error) if error.fault == Fault::TimedOut && !over() => Err(Error::new(
            Fault::Transient,
            format!("{what}: no answer within a minute"),
        )),
        done => done,
    }
}

/// Asks a simulated cloud for a token.
async fn refresh(
    http: &reqwest::Client,
    url: &str,
    rehearsed: &Rehearsed,
) -> Result<Value, reqwest::Error> {
    let refresh_token = encode(&rehearsed.refresh_token);
    let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    let asked = http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let body = asked.send().await?.bytes().await?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

type Built<T> = Result<T, google_cloud_auth::build_errors::Error>;

/// Returns what brings tokens of these credentials.
fn tokens(found: &Found) -> Result<Built<Built<AccessTokenCredentials>>> {
    let Found::File(_, content) = found else {
        let machine = mds::Builder::default().with_scopes(SCOPES);
        return Ok(Ok(machine.build_access_token_credentials()));
    };
    let content = content.clone();
    let scopes = || service_account::AccessSpecifier::from_scopes(SCOPES);
    Ok(Ok(match kind(&content) {
        "authorized_user" => user_account::Builder::new(content).build_access_token_credentials(),
        "service_account" => service_account::Builder::new(content)
            .with_access_specifier(scopes())
            .build_access_token_credentials(),
        "external_account" => external_account::Builder::new(content)
            .with_scopes(SCOPES)
            .build_access_token_credentials(),
        "external_account_authorized_user" => {
            external_account_authorized_user::Builder::new(content).build_access_token_credentials()
        }
        "impersonated_service_account" => impersonated::Builder::new(content)
            .with_scopes(SCOPES)
            .build_access_token_credentials(),
        other => return Err(unknown(found, other)),
    }))
}

/// Returns these credentials as the ground of others.
fn source(found: &Found) -> Result<Built<Credentials>> {
    let Found::File(_, content) = found else {
        return Ok(mds::Builder::default().with_scopes(SCOPES).build());
    };
    let content = content.clone();
    let scopes = || service_account::AccessSpecifier::from_scopes(SCOPES);
    Ok(match kind(&content) {
        "authorized_user" => user_account::Builder::new(content).build(),
        "service_account" => service_account::Builder::new(content)
            .with_access_specifier(scopes())
            .build(),
        "external_account" => external_account::Builder::new(content)
            .with_scopes(SCOPES)
            .build(),
        "external_account_authorized_user" => {
            external_account_authorized_user::Builder::new(content).build()
        }
        "impersonated_service_account" => impersonated::Builder::new(content)
            .with_scopes(SCOPES)
            .build(),
        other => return Err(unknown(found, other)),
    })
}

fn kind(content: &Value) -> &str {
    content["type"].as_str().unwrap_or_default()
}

fn place(found: &Found) -> String {
    match found {
        Found::File(path, _) => path.display().to_string(),
        Found::Machine => "the machine's metadata server".to_owned(),
    }
}

fn unknown(found: &Found, kind: &str) -> Error {
    let kind = match kind.is_empty() {
        true => "no type".to_owned(),
        false => format!("the type \"{kind}\""),
    };
    Error::new(
        Fault::Invalid,
        format!(
            "the credentials in {} have {kind}, which windlass does not know",
            place(found)
        ),
    )
    .hint("make others: gcloud auth application-default login")
}

fn broken(found: &Found, error: &dyn std::error::Error) -> Error {
    let wrong = Error::new(
        Fault::Invalid,
        format!("the credentials in {} cannot be used", place(found)),
    );
    causes(wrong, error).hint("make others: gcloud auth application-default login")
}

fn causes(mut told: Error, error: &dyn std::error::Error) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        told = told.cause(error.to_string());
        next = error.source();
    }
    told
}

/// Says that there are no credentials.
pub(crate) fn nobody() -> Error {
    Error::new(Fault::NoAccess, "there are no credentials of Google Cloud here")
        .cause("neither GOOGLE_APPLICATION_CREDENTIALS nor gcloud's folder names any, and this machine is none of Google's")
        .hint("sign in: gcloud auth application-default login; or name a file: GOOGLE_APPLICATION_CREDENTIALS=FILE")
        .hint("see what is found: windlass credentials check --provider google")
}

/// Returns the value of a variable of the environment, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns gcloud's folder.
fn gcloud() -> Option<PathBuf> {
    if let Some(folder) = variable("CLOUDSDK_CONFIG") {
        return Some(folder.into());
    }
    Some(Path::new(&variable("HOME")?).join(".config/gcloud"))
}

/// Looks for credentials where Google's own programs do, the nearest first.
///
/// Source: <https://cloud.google.com/docs/authentication/application-default-credentials>
fn look(access: &Access) -> Option<Found> {
    let named = variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    let known = gcloud().map(|folder| folder.join("application_default_credentials.json"));
    let named = access.credentials.clone().or(named);
    let path = named.or(known.filter(|path| path.exists()));
    if let Some(path) = path {
        // What cannot be read has no type, and is told so.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let content = serde_json::from_str(&text).unwrap_or_default();
        return Some(Found::File(path, content));
    }
    let product = std::fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    let machine = variable("GCE_METADATA_HOST").is_some() || product.starts_with("Google");
    machine.then_some(Found::Machine)
}

/// Returns a value of gcloud's active configuration.
fn configured(section: &str, key: &str) -> Option<String> {
    let folder = gcloud()?;
    let active = variable("CLOUDSDK_ACTIVE_CONFIG_NAME");
    let active = active.or_else(|| std::fs::read_to_string(folder.join("active_config")).ok());
    let active = active.unwrap_or_else(|| "default".to_owned());
    let file = format!("configurations/config_{}", active.trim());
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    of_section(&text, section, key)
}

/// Returns the value of a key in a section of an INI file.
fn of_section(text: &str, section: &str, key: &str) -> Option<String> {
    let mut here = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            here = name.trim() == section;
        } else if here
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
            && !value.trim().is_empty()
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use windlass_provider::SystemClock;

    use super::*;

    fn session(content: &Value) -> (tempfile::TempDir, Session) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, content.to_string()).unwrap();
        let access = Access {
            credentials: Some(path),
            ..Access::default()
        };
        (folder, Session::new(access))
    }

    #[test]
    fn gcloud_s_configuration_is_read() {
        let text = "[core]\naccount = a@b\nproject = p-1\n\n[compute]\nzone =\nregion = us-east1\n";
        assert_eq!(of_section(text, "core", "project").as_deref(), Some("p-1"));
        assert_eq!(of_section(text, "compute", "zone"), None);
        assert_eq!(of_section(text, "core", "region"), None);
    }

    #[test]
    fn each_kind_of_credentials_says_whose_it_is() {
        let (_folder, key) = session(&json!({
            "type": "service_account", "client_email": "ci@p.iam.gserviceaccount.com", "project_id": "p",
        }));
        assert_eq!(
            key.principal().as_deref(),
            Some("ci@p.iam.gserviceaccount.com")
        );
        assert_eq!(key.project().as_deref(), Some("p"));
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci@p.iam.gserviceaccount.com:generateAccessToken";
        let (_folder, federated) = session(&json!({
            "type": "external_account", "service_account_impersonation_url": url,
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github",
        }));
        assert_eq!(
            federated.principal().as_deref(),
            Some("ci@p.iam.gserviceaccount.com")
        );
        let (_folder, user) = session(&json!({ "type": "authorized_user" }));
        assert_eq!(user.principal(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_used_says_what_to_type() {
        let cx = Ctx::new(Arc::new(SystemClock));
        for (content, fault) in [
            (json!({ "type": "gdch_service_account" }), Fault::Invalid),
            (json!({ "type": "authorized_user" }), Fault::Invalid),
            (json!({}), Fault::Invalid),
        ] {
            let (_folder, session) = session(&content);
            let error = session.token(&cx).await.unwrap_err();
            assert_eq!(error.fault, fault, "{error:?}");
            assert!(error.hints[0].contains("gcloud auth"), "{error:?}");
        }
    }
}
