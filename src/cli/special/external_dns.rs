//! external-dns's own flags.

use clap::Args;

use super::{Said, given};
use crate::error::Result;

/// Whose records it writes, and where.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "external-dns")]
pub(super) struct ExternalDnsFlags {
    /// Who serves the zones [default: the cluster's cloud; on Kind, nobody]
    #[arg(long, value_name = "PROVIDER")]
    dns_provider: Option<String>,
    /// The domains that it may write to [default: all that it finds]
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    domain: Option<Vec<String>>,
    /// The resource group of its zones in Azure [default: the cluster's]
    #[arg(long, value_name = "GROUP")]
    zone_resource_group: Option<String>,
    /// Whose the records are [default: the cluster's name]
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// What it may do with records: create-only, upsert-only or sync [default: upsert-only]
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
}

impl ExternalDnsFlags {
    pub(super) fn said(&self) -> Result<Said> {
        Ok(given([
            ("dns-provider", self.dns_provider.clone().map(Into::into)),
            ("domain", self.domain.clone().map(Into::into)),
            (
                "zone-resource-group",
                self.zone_resource_group.clone().map(Into::into),
            ),
            ("owner", self.owner.clone().map(Into::into)),
            ("policy", self.policy.clone().map(Into::into)),
        ]))
    }
}
