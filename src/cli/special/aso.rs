//! Azure Service Operator's own flags.

use clap::Args;

use super::{Said, given};
use crate::error::Result;

/// Who it is in Azure, and what it watches.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Azure Service Operator")]
pub(super) struct AsoFlags {
    /// The subscription that it works in
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    /// The tenant of its identity
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// The client id of its identity: a managed identity on AKS, a service principal elsewhere
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The variable of the environment that holds the service principal's secret
    #[arg(long, value_name = "VARIABLE")]
    client_secret: Option<String>,
    /// The namespaces that the identity is for, one credential each [default: one for all]
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    credentials_in: Option<Vec<String>>,
    /// The groups of kinds to install, such as storage.azure.com/*
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    crd_pattern: Option<Vec<String>>,
    /// How often what is in Azure is compared again [default: never]
    #[arg(long, value_name = "DURATION")]
    sync_period: Option<String>,
}

impl AsoFlags {
    pub(super) fn said(&self) -> Result<Said> {
        Ok(given([
            ("subscription", self.subscription.clone().map(Into::into)),
            ("tenant", self.tenant.clone().map(Into::into)),
            ("client-id", self.client_id.clone().map(Into::into)),
            ("client-secret", self.client_secret.clone().map(Into::into)),
            (
                "credentials-in",
                self.credentials_in.clone().map(Into::into),
            ),
            ("crd-pattern", self.crd_pattern.clone().map(Into::into)),
            ("sync-period", self.sync_period.clone().map(Into::into)),
        ]))
    }
}
