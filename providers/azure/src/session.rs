//! Who one is to Azure: the ways of `azure_identity` in turn, or a key that was handed over.

use std::{collections::BTreeMap, env, fmt, fs, path::Path, sync::Arc, time::Duration};

use azure_core::credentials::TokenCredential;
use azure_identity::{
    ClientAssertionCredential, ClientSecretCredential, DeveloperToolsCredential,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential,
};
use jiff::Timestamp;
use tokio::sync::{Mutex, OnceCell};
use windlass_provider::{Ctx, Error, Fault, Result};

use crate::certificate::Certificate;

/// How long before its end a token is fetched anew.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// What is written on the chassis of each virtual machine of Azure's, and where Linux tells of it.
///
/// Source: <https://github.com/canonical/cloud-init> (`DataSourceAzure`)
const AZURE_S: &str = "7783-7084-3265-9085-8269-3286-77";
const CHASSIS: &str = "/sys/class/dmi/id/chassis_asset_tag";
/// How long one way to sign in may take to say that it has nothing.
const WAY: Duration = Duration::from_secs(20);

/// The secret of an application, held in memory only. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The tenant.
    pub tenant: String,
    /// The client id.
    pub client: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What somebody said of who one is, and where; the rest is Azure's own environment.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The subscription.
    pub subscription: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The location of what is made.
    pub location: Option<String>,
    /// The existing resource group that a cluster is in, where one is named.
    pub resource_group: Option<String>,
    /// A key, in place of the ways to sign in.
    pub keys: Option<Keys>,
    /// Variables in place of those of the environment, such as stand in `.env` only.
    pub variables: BTreeMap<String, String>,
    /// The one URL of Azure, in place of its own; tokens come from `login` under it.
    pub endpoint: Option<String>,
}

/// A way to sign in, with its name.
type Way = (&'static str, Arc<dyn TokenCredential>);

/// A token, and until when it holds.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires: Timestamp,
}

/// The tokens, by what they are for; those that end are fetched anew.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) access: Arc<Access>,
    ways: Arc<OnceCell<Vec<Way>>>,
    /// The way that brought a token first: it is used ever after.
    chosen: Arc<OnceCell<usize>>,
    tokens: Arc<Mutex<BTreeMap<String, Token>>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.access.fmt(f)
    }
}

impl Session {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access: Arc::new(access),
            ways: Arc::default(),
            chosen: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// Returns a variable, unless it is empty: one that was handed over, or that of the environment. In a rehearsal the user's
    /// environment is not read.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let given = self.access.variables.get(name).cloned();
        given
            .or_else(|| match self.access.endpoint {
                Some(_) => None,
                None => env::var(name).ok(),
            })
            .filter(|value| !value.is_empty())
    }

    /// Returns the tenant that somebody named.
    pub(crate) fn tenant(&self) -> Option<String> {
        let named = self.access.tenant.clone();
        named.or_else(|| self.variable("AZURE_TENANT_ID"))
    }

    /// Returns the subscription that somebody named.
    pub(crate) fn subscription(&self) -> Option<String> {
        let named = self.access.subscription.clone();
        named.or_else(|| self.variable("AZURE_SUBSCRIPTION_ID"))
    }

    /// Returns the URL of Azure's resource manager, without a slash at its end.
    pub(crate) fn arm(&self) -> String {
        let url = self.access.endpoint.clone();
        let url = url.or_else(|| self.variable("AZURE_RESOURCE_MANAGER_ENDPOINT"));
        let url = url.unwrap_or_else(|| "https://management.azure.com".to_owned());
        url.trim_end_matches('/').to_owned()
    }

    /// Returns for what a token of the resource manager is asked for.
    pub(crate) fn scope(&self) -> String {
        let audience = match self.variable("AZURE_RESOURCE_MANAGER_ENDPOINT") {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => "https://management.azure.com".to_owned(),
        };
        format!("{audience}/.default")
    }

    /// Returns the key that was handed over, with where its tokens come from.
    pub(crate) fn login(&self) -> Option<(String, &Keys)> {
        let keys = self.access.keys.as_ref()?;
        let host = match &self.access.endpoint {
            Some(endpoint) => format!("{}/login", endpoint.trim_end_matches('/')),
            None => self
                .variable("AZURE_AUTHORITY_HOST")
                .unwrap_or_else(|| "https://login.microsoftonline.com".to_owned()),
        };
        let host = host.trim_end_matches('/');
        Some((format!("{host}/{}/oauth2/v2.0/token", keys.tenant), keys))
    }

    /// Returns a token that is known and holds for a while.
    pub(crate) async fn known(&self, cx: &Ctx, scope: &str) -> Option<Token> {
        let tokens = self.tokens.lock().await;
        let known = tokens.get(scope)?;
        (known.expires > cx.clock.now() + EARLY).then(|| known.clone())
    }

    /// Keeps a token.
    pub(crate) async fn keep(&self, scope: &str, token: &Token) {
        self.tokens
            .lock()
            .await
            .insert(scope.to_owned(), token.clone());
    }

    /// Fetches a token by the ways of this machine.
    pub(crate) async fn fetch(&self, cx: &Ctx, scope: &str) -> Result<Token> {
        let ways = self.ways.get_or_try_init(|| async { self.ways() }).await?;
        let what = "looking for credentials of Azure";
        cx.progress.say(what);
        cx.bound(what, self.try_ways(ways, scope)).await
    }

    async fn try_ways(&self, ways: &[Way], scope: &str) -> Result<Token> {
        let mut failures = Vec::new();
        for (at, (name, way)) in ways.iter().enumerate() {
            if self.chosen.get().is_some_and(|chosen| *chosen != at) {
                continue;
            }
            match tokio::time::timeout(WAY, way.get_token(&[scope], None)).await {
                Ok(Ok(token)) => {
                    // Another call may have chosen the same.
                    let _ = self.chosen.set(at);
                    let expires = token.expires_on.unix_timestamp();
                    return Ok(Token {
                        text: token.token.secret().to_owned(),
                        expires: Timestamp::from_second(expires).unwrap_or(Timestamp::MAX),
                    });
                }
                // What it says is about each of the programs, one a line.
                Ok(Err(_)) if *name == TOOLS => {
                    failures.push((*name, "not there, or nobody is signed in".to_owned()));
                }
                Ok(Err(error)) => {
                    let said = error.to_string();
                    failures.push((*name, said.lines().next().unwrap_or_default().to_owned()));
                }
                Err(_) => failures.push((*name, "no answer within 20 seconds".to_owned())),
            }
        }
        Err(self.explain(&failures))
    }

    /// Says why nobody is signed in. What was set and does not work is no absence.
    fn explain(&self, failures: &[(&'static str, String)]) -> Error {
        let set = failures
            .iter()
            .find(|(name, _)| self.chosen.get().is_some() || !FALLBACKS.contains(name));
        let error = match set {
            Some((name, said)) => Error::new(
                Fault::Denied,
                format!("signing in to Azure by {name} does not work"),
            )
            .cause(said.clone()),
            None => failures.iter().fold(
                Error::new(Fault::NoAccess, "there are no credentials of Azure here"),
                |error, (name, said)| error.cause(format!("{name}: {said}")),
            ),
        };
        error
            .hint("sign in: az login; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE")
            .hint("see what is found: windlass credentials check --provider azure")
    }

    /// Returns whether this machine may have an identity of Azure's: elsewhere nobody would answer, and after a while only.
    fn may_be_managed(&self) -> bool {
        // What the official clients read: https://learn.microsoft.com/dotnet/azure/sdk/authentication/credential-chains
        let wanted = self.variable("AZURE_TOKEN_CREDENTIALS");
        let wanted = wanted.is_some_and(|it| it.eq_ignore_ascii_case("ManagedIdentityCredential"));
        let service = ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"];
        wanted
            || service.iter().any(|name| self.variable(name).is_some())
            || fs::read_to_string(CHASSIS).is_ok_and(|tag| tag.trim() == AZURE_S)
    }

    /// Returns the ways to sign in that this machine may have, in turn: what is set on purpose comes before what may happen to be there.
    fn ways(&self) -> Result<Vec<Way>> {
        let cannot = |name: &'static str| {
            move |error: azure_core::Error| {
                Error::new(
                    Fault::Denied,
                    format!("signing in to Azure by {name} does not work"),
                )
                .cause(error.to_string())
                .hint("set AZURE_TENANT_ID and AZURE_CLIENT_ID as well, or leave out the rest")
            }
        };
        let mut ways: Vec<Way> = Vec::new();
        let (tenant, client) = (self.tenant(), self.variable("AZURE_CLIENT_ID"));
        if let (Some(tenant), Some(client)) = (&tenant, &client) {
            if let Some(secret) = self.variable("AZURE_CLIENT_SECRET") {
                let way = ClientSecretCredential::new(tenant, client.clone(), secret.into(), None);
                ways.push((SECRET, way.map_err(cannot(SECRET))?));
            }
            if let Some(path) = self.variable("AZURE_CLIENT_CERTIFICATE_PATH") {
                let authority = self.variable("AZURE_AUTHORITY_HOST");
                let certificate = Certificate::read(Path::new(&path), tenant, client, authority)?;
                let way = ClientAssertionCredential::new(
                    tenant.clone(),
                    client.clone(),
                    certificate,
                    None,
                );
                ways.push((CERTIFICATE, way.map_err(cannot(CERTIFICATE))?));
            }
            if let Some(path) = self.variable("AZURE_FEDERATED_TOKEN_FILE") {
                let readable = fs::metadata(&path).is_ok();
                if readable {
                    let options = azure_identity::WorkloadIdentityCredentialOptions {
                        client_id: Some(client.clone()),
                        tenant_id: Some(tenant.clone()),
                        token_file_path: Some(path.into()),
                        ..Default::default()
                    };
                    let way = WorkloadIdentityCredential::new(Some(options));
                    ways.push((FEDERATED, way.map_err(cannot(FEDERATED))?));
                }
            }
        }
        let tools = DeveloperToolsCredential::new(None);
        ways.extend(tools.ok().map(|it| (TOOLS, it as Arc<dyn TokenCredential>)));
        if self.may_be_managed() {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client.map(UserAssignedId::ClientId),
                ..Default::default()
            };
            let managed = ManagedIdentityCredential::new(Some(options));
            ways.extend(
                managed
                    .ok()
                    .map(|it| (MANAGED, it as Arc<dyn TokenCredential>)),
            );
        }
        Ok(ways)
    }
}

const SECRET: &str = "a client secret";
const CERTIFICATE: &str = "a certificate";
const FEDERATED: &str = "a federated token";
const TOOLS: &str = "az or azd";
const MANAGED: &str = "a managed identity";
/// The ways that may happen to be there; the others somebody set.
const FALLBACKS: [&str; 2] = [TOOLS, MANAGED];
