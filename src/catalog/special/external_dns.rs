//! external-dns's values.

use serde_json::{Map, Value, json};

use super::Extras;
use crate::spec::special::ExternalDns;

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
    values.into()
}

pub(super) fn extras(options: &ExternalDns) -> Extras {
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
    Extras {
        notes,
        ..Extras::default()
    }
}
