//! cert-manager's own options: issuers of Let's Encrypt.

use serde::{Deserialize, Serialize};
use windlass_provider::ProviderId;

use super::Misuse;

/// What was said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Said {
    issuer: Vec<Issuer>,
    email: Option<String>,
    solver: Option<String>,
    ingress_class: Option<String>,
    dns_region: Option<String>,
    dns_project: Option<String>,
    dns_subscription: Option<String>,
    dns_resource_group: Option<String>,
    dns_zone: Option<String>,
    dns_identity: Option<String>,
}

/// One of Let's Encrypt's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// Certificates for trying things out, which no browser trusts.
    Staging,
    /// Certificates that browsers trust; only so many a week.
    Production,
}

/// How it is proven that a name is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Solver {
    /// By an answer over http, through an ingress controller.
    Http01 {
        /// The class of the Ingresses that give it.
        ingress_class: String,
    },
    /// By a record in a zone of Route 53's.
    Route53 {
        /// The region whose endpoint is asked.
        region: String,
    },
    /// By a record in a zone of Azure's.
    AzureDns {
        /// The subscription of the zone; `None`: the cluster's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subscription: Option<String>,
        /// The resource group of the zone.
        resource_group: String,
        /// The zone.
        zone: String,
        /// The client id of the identity that may write to it; `None`: the one that the provider makes for cert-manager.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
    },
    /// By a record in a zone of Google Cloud's.
    CloudDns {
        /// The project of the zone.
        project: String,
    },
}

/// cert-manager's options, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CertManager {
    /// The issuers, without repetition.
    pub issuer: Vec<Issuer>,
    /// Whom Let's Encrypt writes to.
    pub email: String,
    /// How each has names proven.
    pub solver: Solver,
    /// Whether nobody on the internet reaches the cluster.
    pub unreachable: bool,
}

impl CertManager {
    /// Returns what was said, with defaults; `None`: no issuers are wanted.
    pub(super) fn settle(said: Said, provider: ProviderId) -> Result<Option<Self>, Misuse> {
        let mut issuer = said.issuer.clone();
        issuer.sort();
        issuer.dedup();
        if issuer.is_empty() {
            let others = [
                ("email", &said.email),
                ("solver", &said.solver),
                ("ingress-class", &said.ingress_class),
            ];
            return match others.iter().find(|(_, value)| value.is_some()) {
                Some((key, _)) => Err(Misuse::new(
                    format!("cert-manager: {key} is about an issuer, and none is wanted"),
                    "say which: --issuer staging, --issuer production, or both with a comma",
                )),
                None => Ok(None),
            };
        }
        let Some(email) = said.email.clone() else {
            return Err(Misuse::new(
                "cert-manager: an issuer needs an e-mail address, to which Let's Encrypt writes before certificates end",
                "--email platform@your-company.com, or email in [components.cert-manager]",
            ));
        };
        let solver = match said.solver.as_deref() {
            Some("dns01") => dns(&said, provider)?,
            _ => Solver::Http01 {
                ingress_class: said
                    .ingress_class
                    .clone()
                    .unwrap_or_else(|| "traefik".to_owned()),
            },
        };
        Ok(Some(Self {
            issuer,
            email,
            unreachable: provider == ProviderId::Kind && matches!(solver, Solver::Http01 { .. }),
            solver,
        }))
    }
}

fn dns(said: &Said, provider: ProviderId) -> Result<Solver, Misuse> {
    let wanted = |key: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| {
            Misuse::new(
                format!("cert-manager: DNS-01 on {provider} needs {key}"),
                format!("--{key}, or {key} in [components.cert-manager]"),
            )
        })
    };
    Ok(match provider {
        ProviderId::Aws => Solver::Route53 {
            region: wanted("dns-region", &said.dns_region)?,
        },
        ProviderId::Azure => Solver::AzureDns {
            // Who names another identity than the one that is made is told nothing of it.
            subscription: match &said.dns_identity {
                Some(_) => Some(wanted("dns-subscription", &said.dns_subscription)?),
                None => said.dns_subscription.clone(),
            },
            resource_group: wanted("dns-resource-group", &said.dns_resource_group)?,
            zone: wanted("dns-zone", &said.dns_zone)?,
            identity: said.dns_identity.clone(),
        },
        ProviderId::Google => Solver::CloudDns {
            project: wanted("dns-project", &said.dns_project)?,
        },
        ProviderId::Kind => {
            return Err(Misuse::new(
                "cert-manager: DNS-01 needs a cloud's workload identity, which a Kind cluster does not have",
                "use --solver http01 where the cluster can be reached from the internet",
            ));
        }
    })
}
