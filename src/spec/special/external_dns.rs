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
    /// Whether the records are kept in memory, since there is no zone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_memory: bool,
}

impl ExternalDns {
    pub(super) fn settle(said: Self, provider: ProviderId) -> Self {
        Self {
            in_memory: said.dns_provider.is_none() && provider == ProviderId::Kind,
            ..said
        }
    }
}
