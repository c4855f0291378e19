//! external-dns's own options.

use serde::{Deserialize, Serialize};
use windlass_provider::ProviderId;

/// Its options; what nobody said is the catalogue's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExternalDns {
    /// Who serves the zones: aws, azure, google, or another that it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_provider: Option<String>,
    /// The domains that it may write to; empty: all that it finds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain: Vec<String>,
    /// Whose the records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it may do with records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The resource group of its zones in Azure; `None`: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_resource_group: Option<String>,
    /// Who it is in Azure, where the provider made an identity for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure: Option<InAzure>,
    /// Whether the records are kept in memory, since there is no zone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_memory: bool,
}

/// Who it is in Azure, and where its zones lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InAzure {
    /// The subscription of the zones.
    pub subscription: String,
    /// Their resource group.
    pub resource_group: String,
    /// The tenant of the identity.
    pub tenant: String,
    /// Its client id.
    pub client_id: String,
}

impl ExternalDns {
    /// Returns whether the zones that it writes to are Azure's, in a cluster on Azure.
    pub(super) fn is_azure_s(&self) -> bool {
        self.dns_provider.as_deref().is_none_or(|it| it == "azure")
    }

    pub(super) fn settle(said: Self, provider: ProviderId) -> Self {
        Self {
            in_memory: said.dns_provider.is_none() && provider == ProviderId::Kind,
            ..said
        }
    }
}
