//! Who one is to AWS, and where: the chain of the SDK, or keys that were handed over.

use std::{env, fmt, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use tokio::sync::{Mutex, OnceCell};
use windlass_provider::{Ctx, Error, Fault, Result};

/// How long before their end credentials are fetched anew.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// How long all members of the chain together may take to say that they have nothing.
const CHAIN: Duration = Duration::from_secs(30);

/// An access key, held in memory only. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The token of a session, where it is a temporary one.
    pub token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What somebody said of who one is, and where; the rest is AWS's own environment and files.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The region.
    pub region: Option<String>,
    /// The profile of AWS's own configuration files.
    pub profile: Option<String>,
    /// Keys, in place of the chain.
    pub keys: Option<Keys>,
    /// The one URL of all services, in place of AWS's own.
    pub endpoint: Option<String>,
}

/// The settings and the credentials, looked up once when they are first needed; credentials that end are looked up again.
#[derive(Clone)]
pub(crate) struct Session {
    access: Access,
    settled: Arc<OnceCell<Settled>>,
    credentials: Arc<Mutex<Option<Credentials>>>,
}

struct Settled {
    region: Option<String>,
    endpoint: Option<String>,
    provider: Option<SharedCredentialsProvider>,
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
            settled: Arc::default(),
            credentials: Arc::default(),
        }
    }

    async fn settled(&self) -> &Settled {
        self.settled.get_or_init(|| self.settle()).await
    }

    async fn settle(&self) -> Settled {
        // In a rehearsal nothing of the user's is read.
        if let (Some(_), Some(_)) = (&self.access.keys, &self.access.endpoint) {
            return Settled {
                region: self.access.region.clone(),
                endpoint: self.access.endpoint.clone(),
                provider: None,
            };
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http());
        if let Some(profile) = &self.access.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.access.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        Settled {
            region: config.region().map(ToString::to_string),
            endpoint: self
                .access
                .endpoint
                .clone()
                .or_else(|| config.endpoint_url().map(str::to_owned)),
            provider: config.credentials_provider(),
        }
    }

    /// Returns the region that is meant where nobody names another.
    pub(crate) async fn region(&self) -> Result<String> {
        self.settled().await.region.clone().ok_or_else(|| {
            Error::new(Fault::NoAccess, "no region of AWS is set")
                .hint("name one: --region eu-west-1, AWS_REGION, region in [clusters.NAME.aws] of windlass.toml, or in your AWS profile")
        })
    }

    /// Returns the URL of all services in place of AWS's own, where there is one.
    pub(crate) async fn endpoint(&self) -> Option<String> {
        self.settled().await.endpoint.clone()
    }

    /// Returns whether the variables of the environment may name endpoints.
    pub(crate) fn reads_environment(&self) -> bool {
        self.access.endpoint.is_none()
    }

    /// Returns who one is now.
    pub(crate) async fn credentials(&self, cx: &Ctx) -> Result<Credentials> {
        if let Some(keys) = &self.access.keys {
            let Keys { id, secret, token } = keys.clone();
            return Ok(Credentials::new(id, secret, token, None, "windlass"));
        }
        let mut held = self.credentials.lock().await;
        if let Some(known) = &*held
            && known
                .expiry()
                .is_none_or(|end| end > std::time::SystemTime::now() + EARLY)
        {
            return Ok(known.clone());
        }
        let Some(provider) = &self.settled().await.provider else {
            return Err(nobody("the chain of credentials is empty"));
        };
        cx.progress.say("looking for credentials of AWS");
        let work = async {
            let found = tokio::time::timeout(CHAIN, provider.provide_credentials()).await;
            match found {
                Ok(found) => found.map_err(|error| self.explain(&error)),
                Err(_) => Err(nobody(
                    "what should have them does not answer within half a minute",
                )),
            }
        };
        let found = cx.bound("looking for credentials of AWS", work).await?;
        *held = Some(found.clone());
        Ok(found)
    }

    fn explain(&self, error: &CredentialsError) -> Error {
        let mut causes = Vec::new();
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
            let why = match &self.access.profile {
                Some(profile) => format!("profile \"{profile}\" has none"),
                None => "neither the environment nor a profile nor this machine has any".to_owned(),
            };
            return nobody(why);
        }
        let wrong = Error::new(Fault::Denied, "the credentials of AWS cannot be had");
        causes
            .into_iter()
            .fold(wrong, Error::cause)
            .hint("sign in again, as with: aws sso login; or set AWS_PROFILE to another profile")
    }
}

fn nobody(why: impl Into<String>) -> Error {
    Error::new(Fault::NoAccess, "there are no credentials of AWS here")
        .cause(why)
        .hint("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or sign in: aws sso login")
        .hint("see what is found: windlass credentials check --provider aws")
}

/// Returns what the chain asks with: through the proxies of the environment, with the system's certificates (or those of
/// SSL_CERT_FILE).
fn http() -> impl aws_smithy_runtime_api::client::http::HttpClient + 'static {
    Builder::new().build_with_connector_fn(|settings, parts| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        if let Some(parts) = parts {
            connector.set_sleep_impl(parts.sleep_impl());
        }
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    })
}

/// Returns the value of a variable of the environment, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
