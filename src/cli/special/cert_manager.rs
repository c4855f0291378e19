//! cert-manager's own flags.

use clap::Args;

use super::{Said, given};
use crate::error::Result;

/// Whom certificates come from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "cert-manager")]
pub(super) struct CertManagerFlags {
    /// Issuers of Let's Encrypt: staging, production or both, as ClusterIssuers letsencrypt-staging and letsencrypt
    #[arg(long, value_name = "ISSUER", value_delimiter = ',')]
    issuer: Option<Vec<String>>,
    /// Whom Let's Encrypt writes to
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// How names are proven: http01 through an ingress controller, or dns01 through the DNS of the cluster's cloud [default: http01]
    #[arg(long, value_name = "SOLVER")]
    solver: Option<String>,
    /// The class of Ingresses that prove names over http [default: traefik]
    #[arg(long, value_name = "CLASS")]
    ingress_class: Option<String>,
    /// The region that Route 53 is asked in [AWS]
    #[arg(long, value_name = "REGION")]
    dns_region: Option<String>,
    /// The project of the zone [Google Cloud]
    #[arg(long, value_name = "PROJECT")]
    dns_project: Option<String>,
    /// The subscription of the zone [Azure]
    #[arg(long, value_name = "ID")]
    dns_subscription: Option<String>,
    /// The resource group of the zone [Azure]
    #[arg(long, value_name = "GROUP")]
    dns_resource_group: Option<String>,
    /// The zone [Azure]
    #[arg(long, value_name = "DOMAIN")]
    dns_zone: Option<String>,
    /// The client id of the identity that may write to the zone [Azure]
    #[arg(long, value_name = "ID")]
    dns_identity: Option<String>,
}

impl CertManagerFlags {
    pub(super) fn said(&self) -> Result<Said> {
        Ok(given([
            ("issuer", self.issuer.clone().map(Into::into)),
            ("email", self.email.clone().map(Into::into)),
            ("solver", self.solver.clone().map(Into::into)),
            ("ingress-class", self.ingress_class.clone().map(Into::into)),
            ("dns-region", self.dns_region.clone().map(Into::into)),
            ("dns-project", self.dns_project.clone().map(Into::into)),
            (
                "dns-subscription",
                self.dns_subscription.clone().map(Into::into),
            ),
            (
                "dns-resource-group",
                self.dns_resource_group.clone().map(Into::into),
            ),
            ("dns-zone", self.dns_zone.clone().map(Into::into)),
            ("dns-identity", self.dns_identity.clone().map(Into::into)),
        ]))
    }
}
