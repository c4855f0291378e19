//! external-dns's own keys.

use super::{Key, Takes};
use crate::settings::{
    names,
    words::{Ruled, one_of},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "dns-provider",
        takes: Takes::Text(names::label),
    },
    Key {
        name: "domain",
        takes: Takes::List(super::domain),
    },
    Key {
        name: "zone-resource-group",
        takes: Takes::Text(super::resource_group),
    },
    Key {
        name: "owner",
        takes: Takes::Text(names::label),
    },
    Key {
        name: "policy",
        takes: Takes::Text(policy),
    },
];

/// What it may do with records: <https://kubernetes-sigs.github.io/external-dns/latest/docs/flags/>.
fn policy(text: &str) -> Ruled<String> {
    let known = ["create-only", "upsert-only", "sync"].map(|name| (name, name));
    one_of(text, "a policy", &known).map(str::to_owned)
}
