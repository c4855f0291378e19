//! Azure Service Operator's own keys.

use super::{Key, Takes};
use crate::settings::{
    names,
    words::{self, Ruled, format_duration},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "subscription",
        takes: Takes::Text(super::uuid),
    },
    Key {
        name: "tenant",
        takes: Takes::Text(super::uuid),
    },
    Key {
        name: "client-id",
        takes: Takes::Text(super::uuid),
    },
    Key {
        name: "client-secret",
        takes: Takes::Variable,
    },
    Key {
        name: "credentials-in",
        takes: Takes::List(names::label),
    },
    Key {
        name: "crd-pattern",
        takes: Takes::List(crd_pattern),
    },
    Key {
        name: "sync-period",
        takes: Takes::Text(sync_period),
    },
];

/// Kinds of one of Azure's groups: `storage.azure.com/*`
/// (<https://azure.github.io/azure-service-operator/guide/crd-management/>).
fn crd_pattern(text: &str) -> Ruled<String> {
    let (group, kind) = text.split_once('/').unwrap_or((text, ""));
    if group.contains('*') {
        return Err(format!(
            "\"{}\" would install hundreds of CRDs, which take gigabytes of the API server's memory: name groups, such as \
             storage.azure.com/*",
            text.escape_debug()
        ));
    }
    let is_group =
        group.ends_with(".azure.com") && group.split('.').all(|label| names::label(label).is_ok());
    let is_kind = !kind.is_empty()
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'*');
    match is_group && is_kind {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a group of Azure's kinds: write one such as storage.azure.com/*",
            text.escape_debug()
        )),
    }
}

/// How often what is in Azure is compared again, as Go writes durations.
fn sync_period(text: &str) -> Ruled<String> {
    words::interval(text).map(format_duration)
}
