//! What only one component can be told, typed and with its defaults. A file a component that has any.

pub mod aso;
pub mod cert_manager;
pub mod crossplane;
pub mod external_dns;
pub mod istio;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use windlass_provider::{Outputs, ProviderId};

pub use aso::Aso;
pub use cert_manager::CertManager;
pub use crossplane::Crossplane;
pub use external_dns::ExternalDns;
pub use istio::Istio;

use super::ComponentSpec;
use crate::{error::Error, settings};

/// The options of one component. Never a secret: plans are journalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Special {
    /// Azure Service Operator's.
    Aso(Aso),
    /// cert-manager's.
    CertManager(CertManager),
    /// Crossplane's.
    Crossplane(Crossplane),
    /// external-dns's.
    ExternalDns(ExternalDns),
    /// Those of a part of Istio, by its name.
    Istio(String, Istio),
}

/// Why options mean nothing together, and what to type instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misuse {
    /// What means nothing.
    pub message: String,
    /// What to type instead.
    pub hint: String,
}

impl Misuse {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::usage(misuse.message).hint(misuse.hint)
    }
}

impl Special {
    /// Returns the options of the component called `name`, with defaults for what nobody said; `None`: it has none of its own.
    ///
    /// # Errors
    /// They mean nothing together, or not on this provider.
    pub fn settle(
        name: &str,
        said: Option<&ComponentSpec>,
        provider: ProviderId,
    ) -> Result<Option<Self>, Misuse> {
        let options = said.map(|said| &said.options);
        Ok(match name {
            "aso" => Some(Self::Aso(Aso::settle(typed(options)?, provider)?)),
            "cert-manager" => {
                CertManager::settle(typed(options)?, provider)?.map(Self::CertManager)
            }
            "external-dns" => {
                let said = typed(options)?;
                Some(Self::ExternalDns(ExternalDns::settle(said, provider)))
            }
            "istio-base" | "istiod" | "istio-gateway" | "istio-cni" | "ztunnel" => {
                let said: Istio = typed(options)?;
                (said != Istio::default()).then(|| Self::Istio(name.to_owned(), said))
            }
            "crossplane" => Some(Self::Crossplane(Crossplane::settle(
                &typed(options)?,
                provider,
            )?)),
            _ => None,
        })
    }

    /// Returns the variables of the environment that hold secrets which the options name.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::Aso(options) => {
                let identity = options.identity.as_ref();
                identity.and_then(|it| it.client_secret.as_deref())
            }
            Self::Crossplane(options) => options.credentials.as_deref(),
            Self::CertManager(_) | Self::ExternalDns(_) | Self::Istio(..) => None,
        };
        named.into_iter()
    }

    /// Returns whether they are of something that can be somebody in Azure, and nobody said who.
    #[must_use]
    pub fn lacks_identity(&self) -> bool {
        match self {
            Self::Aso(options) => options.identity.is_none(),
            Self::Crossplane(options) => {
                options.cloud == crossplane::Cloud::Azure && options.identity.is_none()
            }
            Self::CertManager(options) => matches!(
                options.solver,
                cert_manager::Solver::AzureDns { identity: None, .. }
            ),
            Self::ExternalDns(options) => options.is_azure_s() && options.azure.is_none(),
            Self::Istio(..) => false,
        }
    }

    /// Refuses what can do nothing in Azure without an identity, and has none; `values` are the chart's, which may say how it signs in.
    ///
    /// # Errors
    /// It lacks one, with how it gets one.
    pub fn check_identity(&self, values: &Value) -> Result<(), Misuse> {
        let (name, flag) = match self {
            Self::CertManager(_) => ("cert-manager", "--dns-identity CLIENT-ID"),
            Self::ExternalDns(_) => (
                "external-dns",
                "values that mount an azure.json (extraVolumes)",
            ),
            // They run without one, and say so.
            Self::Aso(_) | Self::Crossplane(_) | Self::Istio(..) => return Ok(()),
        };
        let own = ["extraVolumes", "secretConfiguration"];
        let signs_in = own.iter().any(|key| !values[key].is_null());
        if !self.lacks_identity() || signs_in {
            return Ok(());
        }
        Err(Misuse::new(
            format!("{name} has no identity in Azure, and could not write a record"),
            format!(
                "write controllers = [\"{name}\"] into [clusters.NAME.azure] of windlass.toml, and run windlass setup azure; or give it {flag}"
            ),
        ))
    }

    /// Takes over who it is in Azure, as the provider tells of the identity that it made.
    pub fn identify(&mut self, outputs: &Outputs) {
        let told = |key: &str| outputs.get(key).cloned().unwrap_or_default();
        match self {
            Self::Aso(options) => {
                options.identity = Some(aso::Identity {
                    subscription: told("subscription"),
                    tenant: told("tenant"),
                    client_id: told("client-id"),
                    client_secret: None,
                    credentials_in: Vec::new(),
                });
            }
            Self::Crossplane(options) => {
                options.identity = Some(told("client-id"));
                options.tenant_id = Some(told("tenant"));
                options.subscription_id = Some(told("subscription"));
            }
            Self::CertManager(options) => {
                if let cert_manager::Solver::AzureDns {
                    subscription,
                    identity,
                    ..
                } = &mut options.solver
                {
                    *identity = Some(told("client-id"));
                    subscription.get_or_insert_with(|| told("subscription"));
                }
            }
            Self::ExternalDns(options) => {
                let id = told("id");
                let mut steps = id.split('/');
                steps.find(|step| step.eq_ignore_ascii_case("resourceGroups"));
                let own = steps.next().unwrap_or_default().to_owned();
                options.azure = Some(external_dns::InAzure {
                    subscription: told("subscription"),
                    resource_group: options.zone_resource_group.clone().unwrap_or(own),
                    tenant: told("tenant"),
                    client_id: told("client-id"),
                });
            }
            Self::Istio(..) => {}
        }
    }

    /// Returns the options, flat: key → value as it is written.
    #[must_use]
    pub fn list(&self) -> Map<String, Value> {
        let inner = match self {
            Self::Aso(options) => serde_json::to_value(options),
            Self::CertManager(options) => serde_json::to_value(options),
            Self::Crossplane(options) => serde_json::to_value(options),
            Self::ExternalDns(options) => serde_json::to_value(options),
            Self::Istio(_, options) => serde_json::to_value(options),
        };
        match inner {
            Ok(Value::Object(options)) => options,
            _ => Map::new(),
        }
    }
}

/// Returns those of a set's options that one of its parts knows.
#[must_use]
pub fn known_to(part: &str, options: &Map<String, Value>) -> Map<String, Value> {
    let keys = settings::special::keys(part);
    let known = options
        .iter()
        .filter(|(name, _)| keys.iter().any(|key| key.name == name.as_str()));
    known
        .map(|(name, option)| (name.clone(), option.clone()))
        .collect()
}

/// Returns what was said as a type; settings have held it to that already.
fn typed<T: DeserializeOwned>(options: Option<&Map<String, Value>>) -> Result<T, Misuse> {
    let options = options.cloned().unwrap_or_default();
    serde_json::from_value(options.into()).map_err(|error| {
        Misuse::new(
            error.to_string(),
            "windlass config schema describes what is allowed",
        )
    })
}

/// Writes an option as a user would.
pub(super) fn write(option: &Value) -> String {
    match option {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(write).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
