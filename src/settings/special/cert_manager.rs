//! cert-manager's own keys.

use super::{Key, Takes};
use crate::settings::{
    names,
    words::{Ruled, one_of},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "issuer",
        takes: Takes::List(issuer),
    },
    Key {
        name: "email",
        takes: Takes::Text(email),
    },
    Key {
        name: "solver",
        takes: Takes::Text(solver),
    },
    Key {
        name: "ingress-class",
        takes: Takes::Text(names::label),
    },
    Key {
        name: "dns-region",
        takes: Takes::Text(names::label),
    },
    Key {
        name: "dns-project",
        takes: Takes::Text(names::label),
    },
    Key {
        name: "dns-subscription",
        takes: Takes::Text(super::uuid),
    },
    Key {
        name: "dns-resource-group",
        takes: Takes::Text(super::resource_group),
    },
    Key {
        name: "dns-zone",
        takes: Takes::Text(super::domain),
    },
    Key {
        name: "dns-identity",
        takes: Takes::Text(super::uuid),
    },
];

/// One of Let's Encrypt's two endpoints.
fn issuer(text: &str) -> Ruled<String> {
    let known = ["staging", "production"].map(|name| (name, name));
    one_of(text, "an issuer", &known).map(str::to_owned)
}

/// How an issuer has it proven that a name is ours.
fn solver(text: &str) -> Ruled<String> {
    let known = ["http01", "dns01"].map(|name| (name, name));
    one_of(text, "a solver", &known).map(str::to_owned)
}

/// An address as far as it can be told from its looks: Let's Encrypt checks no more, and refuses those of example domains.
fn email(text: &str) -> Ruled<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let (user, host) = text.rsplit_once('@').unwrap_or(("", ""));
    let labels: Vec<&str> = host.split('.').collect();
    let is_host = labels.len() > 1
        && labels
            .iter()
            .all(|label| names::label(&label.to_lowercase()).is_ok());
    if !plain || user.is_empty() || user.contains(['@', '"', '<', '>', ',']) || !is_host {
        return Err(format!(
            "\"{}\" is not an e-mail address: write one such as platform@your-company.com",
            text.escape_debug()
        ));
    }
    let host = host.to_lowercase();
    let reserved = ["example.com", "example.org", "example.net"];
    if reserved.contains(&host.as_str()) || host.ends_with(".local") || host.ends_with(".test") {
        return Err(format!(
            "Let's Encrypt takes no address at {host}: write one that is read by somebody"
        ));
    }
    Ok(text.to_owned())
}
