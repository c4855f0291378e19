//! Azure Service Operator's identity.

use anyhow::Result;
use serde_json::{Map, Value, json};
use windlass_provider::ProviderId;

use super::{Extras, Home};
use crate::{
    catalog::template::fill,
    spec::special::{Aso, aso::Identity},
};

/// The operator's pods want this Secret to be there, be it empty, and read it when they start
/// (<https://azure.github.io/azure-service-operator/guide/aso-controller-settings-options/>).
const SETTINGS: &str = "aso-controller-settings";
/// What a namespace's own credential is called
/// (<https://azure.github.io/azure-service-operator/guide/authentication/credential-scope/>).
const CREDENTIAL: &str = "aso-credential";

pub(super) fn values(options: &Aso) -> Value {
    let mut values = Map::new();
    if !options.crd_pattern.is_empty() {
        values.insert(
            "crdPattern".to_owned(),
            options.crd_pattern.join(";").into(),
        );
    }
    // Another annotation starts its pods anew, which then read what is new in the Secret.
    let all = options
        .identity
        .as_ref()
        .filter(|it| it.credentials_in.is_empty());
    let read = all
        .map(|it| format!("{}/{}/{}", it.tenant, it.subscription, it.client_id))
        .into_iter()
        .chain(options.sync_period.clone());
    let read: Vec<String> = read.collect();
    if !read.is_empty() {
        let annotations = json!({ "windlass.dev/settings": read.join(" ") });
        values.insert("podAnnotations".to_owned(), annotations);
    }
    values.into()
}

fn secret(name: &str, namespace: &str, data: Map<String, Value>) -> Result<Value> {
    fill(
        "components/aso/secret.yaml",
        &json!({ "name": name, "namespace": namespace, "data": data }),
    )
}

/// Returns what a Secret says of an identity.
fn credential(identity: &Identity, secret: &dyn Fn(&str) -> String) -> Map<String, Value> {
    let mut data = Map::from_iter([
        (
            "AZURE_SUBSCRIPTION_ID".to_owned(),
            identity.subscription.clone().into(),
        ),
        ("AZURE_TENANT_ID".to_owned(), identity.tenant.clone().into()),
        (
            "AZURE_CLIENT_ID".to_owned(),
            identity.client_id.clone().into(),
        ),
    ]);
    let global = identity.credentials_in.is_empty();
    match &identity.client_secret {
        Some(variable) => data.insert("AZURE_CLIENT_SECRET".to_owned(), secret(variable).into()),
        None if global => data.insert("USE_WORKLOAD_IDENTITY_AUTH".to_owned(), "true".into()),
        None => data.insert("AUTH_MODE".to_owned(), "workloadidentity".into()),
    };
    data
}

pub(super) fn extras(
    options: &Aso,
    home: Home<'_>,
    value: &dyn Fn(&str) -> String,
) -> Result<Extras> {
    let mut settings = Map::new();
    let mut before = Vec::new();
    let mut notes = Vec::new();
    match &options.identity {
        Some(identity) => {
            let credential = credential(identity, value);
            match identity.credentials_in.as_slice() {
                [] => settings.extend(credential),
                namespaces => {
                    for namespace in namespaces {
                        before.push(secret(CREDENTIAL, namespace, credential.clone())?);
                    }
                }
            }
        }
        None if home.provider == ProviderId::Azure => notes.push(
            "it has no identity in Azure, and makes nothing until it has one: write controllers = [\"aso\"] into [clusters.NAME.azure] \
             of windlass.toml, and run windlass setup azure again"
                .to_owned(),
        ),
        None => notes.push(
            "it has no identity in Azure, and makes nothing until it has one: create a service principal whose role covers only what \
             it is to make (Contributor on one resource group, say; never Owner), and give it by windlass upgrade aso \
             --subscription ID --tenant ID --client-id ID --client-secret AZURE_CLIENT_SECRET"
                .to_owned(),
        ),
    }
    if let Some(period) = &options.sync_period {
        settings.insert("AZURE_SYNC_PERIOD".to_owned(), period.clone().into());
    }
    before.insert(0, secret(SETTINGS, home.namespace, settings)?);
    Ok(Extras {
        before,
        notes,
        ..Extras::default()
    })
}
