//! Crossplane's own keys.

use super::{Key, Takes};
use crate::settings::words::{Ruled, one_of};

pub(super) const KEYS: &[Key] = &[
    key("cloud", Takes::Text(cloud)),
    key("db-provider", Takes::Boolean),
    key("app-config", Takes::Boolean),
    key("db-config", Takes::Boolean),
    key("policies", Takes::Boolean),
    key("cluster-admin", Takes::Boolean),
    key("activate", Takes::List(pattern)),
    key("identity", Takes::Text(identity)),
    key("tenant-id", Takes::Text(super::uuid)),
    key("subscription-id", Takes::Text(super::uuid)),
    key("project-id", Takes::Text(project)),
    key("credentials", Takes::Variable),
];

const fn key(name: &'static str, takes: Takes) -> Key {
    Key { name, takes }
}

/// A cloud that Crossplane is to make things in; `gcp` is Google Cloud too.
fn cloud(text: &str) -> Ruled<String> {
    if text == "gcp" {
        return Ok("google".to_owned());
    }
    let known = ["aws", "azure", "google", "none"].map(|name| (name, name));
    one_of(text, "a cloud of Crossplane's", &known).map(str::to_owned)
}

fn refuse<T>(text: &str, what: &str) -> Ruled<T> {
    Err(format!("\"{}\" is not {what}", text.escape_debug()))
}

/// What an activation policy takes: `<plural>.<group>`, or `*.<group>`
/// (<https://docs.crossplane.io/latest/managed-resources/managed-resource-activation-policies/>).
fn pattern(text: &str) -> Ruled<String> {
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let label = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    match rest.contains('.') && rest.split('.').all(label) {
        true => Ok(text.to_owned()),
        false => refuse(
            text,
            "a kind of managed resources: write one such as buckets.s3.aws.m.upbound.io or *.s3.aws.m.upbound.io",
        ),
    }
}

/// What a cloud calls an identity: an ARN, a client id, or the e-mail address of a service account.
fn identity(text: &str) -> Ruled<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/_.@+=,-".contains(&byte);
    match (1..=2048).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => refuse(
            text,
            "an identity: write a role's ARN, a client id, or the e-mail address of a service account",
        ),
    }
}

/// A project's id in Google Cloud (<https://cloud.google.com/resource-manager/docs/creating-managing-projects>).
fn project(text: &str) -> Ruled<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    match begins && (6..=30).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => refuse(
            text,
            "a project's id: allowed are 6 to 30 lower-case letters, digits and hyphens, beginning with a letter",
        ),
    }
}
