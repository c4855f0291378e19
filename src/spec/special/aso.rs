//! Azure Service Operator's own options: its identity, and what it watches.

use serde::{Deserialize, Serialize};
use windlass_provider::ProviderId;

use super::Misuse;

/// What was said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Said {
    subscription: Option<String>,
    tenant: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    credentials_in: Vec<String>,
    crd_pattern: Vec<String>,
    sync_period: Option<String>,
}

/// Who it is in Azure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// The subscription that it works in.
    pub subscription: String,
    /// The tenant of the identity.
    pub tenant: String,
    /// The client id of a managed identity or of a service principal.
    pub client_id: String,
    /// The variable of the environment that holds the service principal's secret; `None`: workload identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The namespaces whose resources it holds for; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials_in: Vec<String>,
}

/// Its options, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Aso {
    /// `None`: it is not configured, and makes nothing.
    #[serde(flatten)]
    pub identity: Option<Identity>,
    /// Groups of kinds, in place of the catalogue's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crd_pattern: Vec<String>,
    /// How often what is in Azure is compared again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_period: Option<String>,
}

impl Aso {
    /// Returns what was said, with defaults: without an identity.
    pub(super) fn settle(said: Said, provider: ProviderId) -> Result<Self, Misuse> {
        let ids = [
            ("subscription", &said.subscription),
            ("tenant", &said.tenant),
            ("client-id", &said.client_id),
        ];
        let any = ids.iter().any(|(_, id)| id.is_some())
            || said.client_secret.is_some()
            || !said.credentials_in.is_empty();
        if let Some((key, _)) = ids.iter().find(|(_, id)| any && id.is_none()) {
            return Err(Misuse::new(
                format!("aso: an identity needs its {key}, too"),
                format!("--{key}, or {key} in [components.aso]"),
            ));
        }
        if any && said.client_secret.is_none() && provider != ProviderId::Azure {
            return Err(Misuse::new(
                format!(
                    "aso: a cluster on {provider} has no workload identity of Azure's: it needs a service principal's secret"
                ),
                "name the variable that holds it: --client-secret AZURE_CLIENT_SECRET",
            ));
        }
        let identity = said.subscription.zip(said.tenant).zip(said.client_id);
        Ok(Self {
            identity: identity.map(|((subscription, tenant), client_id)| Identity {
                subscription,
                tenant,
                client_id,
                client_secret: said.client_secret,
                credentials_in: said.credentials_in,
            }),
            crd_pattern: said.crd_pattern,
            sync_period: said.sync_period,
        })
    }
}
