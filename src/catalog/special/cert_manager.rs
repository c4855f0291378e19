//! cert-manager's issuers.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Extras, azure_labels};
use crate::{
    catalog::template::fill,
    spec::special::{
        CertManager,
        cert_manager::{Issuer, Solver},
    },
};

/// Returns the name of an issuer, and the endpoint that it asks
/// (<https://letsencrypt.org/docs/acme-protocol-updates/>, <https://letsencrypt.org/docs/staging-environment/>).
fn endpoint(issuer: Issuer) -> (&'static str, &'static str) {
    match issuer {
        Issuer::Staging => (
            "letsencrypt-staging",
            "https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
        Issuer::Production => (
            "letsencrypt",
            "https://acme-v02.api.letsencrypt.org/directory",
        ),
    }
}

fn solver(solver: &Solver) -> Result<Value> {
    let (name, scope) = match solver {
        Solver::Http01 { ingress_class } => ("http01", json!({ "ingress-class": ingress_class })),
        Solver::Route53 { region } => ("route53", json!({ "region": region })),
        Solver::AzureDns {
            subscription,
            resource_group,
            zone,
            identity,
        } => (
            "azuredns",
            json!({
                "subscription": subscription, "resource-group": resource_group, "zone": zone, "identity": identity,
            }),
        ),
        Solver::CloudDns { project } => ("clouddns", json!({ "project": project })),
    };
    fill(&format!("components/cert-manager/{name}.yaml"), &scope)
}

pub(super) fn values(options: &CertManager) -> Value {
    match options.solver {
        Solver::AzureDns { .. } => json!({
            "podLabels": azure_labels(),
            "serviceAccount": { "labels": azure_labels() },
        }),
        _ => Value::Null,
    }
}

pub(super) fn extras(options: &CertManager) -> Result<Extras> {
    let solver = solver(&options.solver)?;
    let issuers = options.issuer.iter().map(|issuer| {
        let (name, server) = endpoint(*issuer);
        let scope = json!({
            "name": name, "server": server, "email": options.email, "solver": solver,
        });
        fill("components/cert-manager/issuer.yaml", &scope)
    });
    let issuers = issuers.collect::<Result<Vec<Value>>>()?;
    let mut notes = Vec::new();
    if options.unreachable {
        notes.push(
            "Let's Encrypt must reach the cluster from the internet at port 80 before it issues anything: a Kind cluster on \
             this machine it does not reach"
                .to_owned(),
        );
    }
    Ok(Extras {
        after: vec![issuers],
        notes,
        ..Extras::default()
    })
}
