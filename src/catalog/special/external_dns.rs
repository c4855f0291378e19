//! external-dns's values.

use serde_json::{Map, Value, json};

use anyhow::Result;

use super::{Extras, Home, azure_labels};
use crate::{
    catalog::template::fill,
    spec::special::{ExternalDns, external_dns::InAzure},
};

/// The object that tells it where its zones in Azure lie.
const AZURE: &str = "external-dns-azure";

pub(super) fn values(options: &ExternalDns) -> Value {
    let mut values = Map::new();
    if let Some(provider) = &options.dns_provider {
        values.insert("provider".to_owned(), json!({ "name": provider }));
        // Those of the catalogue are for the provider that it chose.
        values.insert("extraArgs".to_owned(), json!([]));
    }
    if !options.domain.is_empty() {
        values.insert("domainFilters".to_owned(), json!(options.domain));
    }
    for (key, value) in [("txtOwnerId", &options.owner), ("policy", &options.policy)] {
        values.extend(value.iter().map(|value| (key.to_owned(), json!(value))));
    }
    if let Some(azure) = &options.azure {
        values.extend(in_azure(azure));
    }
    values.into()
}

/// Returns the values with which it signs in as a managed identity
/// (<https://kubernetes-sigs.github.io/external-dns/latest/docs/tutorials/azure/>).
fn in_azure(azure: &InAzure) -> Map<String, Value> {
    let InAzure {
        subscription,
        resource_group,
        tenant,
        client_id,
    } = azure;
    let values = json!({
        "podLabels": azure_labels(),
        "serviceAccount": {
            "labels": azure_labels(),
            "annotations": { "azure.workload.identity/client-id": client_id },
        },
        // Another starts its pod anew, which then reads what is new.
        "podAnnotations": { "windlass.dev/settings": format!("{tenant}/{subscription}/{resource_group}") },
        "extraVolumes": [{ "name": "azure", "configMap": { "name": AZURE } }],
        "extraVolumeMounts": [{ "name": "azure", "mountPath": "/etc/kubernetes", "readOnly": true }],
    });
    values.as_object().cloned().unwrap_or_default()
}

pub(super) fn extras(options: &ExternalDns, home: Home<'_>) -> Result<Extras> {
    let mut notes = Vec::new();
    if options.in_memory {
        notes.push(
            "a Kind cluster has no DNS of its own: records are kept in external-dns's memory, until you choose who serves your \
             zones: windlass upgrade external-dns --dns-provider PROVIDER --domain DOMAIN"
                .to_owned(),
        );
    }
    if options.policy.as_deref() == Some("sync") {
        notes.push(
            "it deletes records of its owner that nothing in the cluster asks for any more"
                .to_owned(),
        );
    }
    let config = options.azure.as_ref().map(|azure| {
        // No secret is in it: who may use the identity, the federation of its tokens says.
        let config = json!({
            "tenantId": azure.tenant,
            "subscriptionId": azure.subscription,
            "resourceGroup": azure.resource_group,
            "useWorkloadIdentityExtension": true,
        });
        let scope =
            json!({ "name": AZURE, "namespace": home.namespace, "config": config.to_string() });
        fill("components/external-dns/azure.yaml", &scope)
    });
    Ok(Extras {
        before: config.transpose()?.into_iter().collect(),
        notes,
        ..Extras::default()
    })
}
