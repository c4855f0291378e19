//! Who one is to Google Cloud, and in which project: application default credentials, or what was handed over.

mod found;
mod source;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use tokio::sync::OnceCell;
use windlass_provider::{Ctx, Error, Fault, Result};

pub(crate) use found::variable;

use crate::service::Service;
use found::{Found, configured, look};
use source::Source;

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
    source: Arc<OnceCell<Source>>,
    /// The URL of the machine's metadata server; `None`: where Google's machines have it, or what `GCE_METADATA_HOST` names.
    metadata: Option<String>,
    /// The URL of what lets one act as a service account.
    iam: String,
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
            source: Arc::default(),
            metadata: None,
            iam: Service::Credentials.at(),
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
            return source::acted(url);
        }
        let audience = self.text("audience")?;
        Some(format!(
            "an identity of {}",
            audience.trim_start_matches("//iam.googleapis.com/")
        ))
    }

    /// Returns a token for now.
    pub(crate) async fn token(&self, cx: &Ctx) -> Result<String> {
        let source = self.source.get_or_try_init(|| async { self.open() });
        source.await?.token(cx).await
    }

    /// Opens the credentials.
    fn open(&self) -> Result<Source> {
        if let Some(rehearsed) = self.rehearsed() {
            return Ok(Source::rehearsed(rehearsed));
        }
        let found = self.found().ok_or_else(nobody)?;
        let own = Source::open(found, self.metadata.as_deref())?;
        Ok(match &self.access.impersonate {
            Some(account) => own.acting_as(account, &self.iam),
            None => own,
        })
    }
}

/// Says that there are no credentials.
pub(crate) fn nobody() -> Error {
    Error::new(Fault::NoAccess, "there are no credentials of Google Cloud here")
        .cause("neither GOOGLE_APPLICATION_CREDENTIALS nor gcloud's folder names any, and this machine is none of Google's")
        .hint("sign in: gcloud auth application-default login; or name a file: GOOGLE_APPLICATION_CREDENTIALS=FILE")
        .hint("see what is found: windlass credentials check --provider google")
}
