//! The keys that only one component's table has, besides those that each has: `[components.crossplane] cloud = "aws"`. A flag of
//! the same name is held to the same rule.

mod aso;
mod cert_manager;
mod crossplane;
mod external_dns;
mod istio;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Setting, names,
    reader::{Table, Wanted},
    words::{self, Ruled},
};

/// A key of one component's own.
pub struct Key {
    /// Its name, in the file and as a flag.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
}

/// What a key takes.
#[derive(Clone, Copy)]
pub enum Takes {
    /// True or false.
    Boolean,
    /// A string, by this rule.
    Text(fn(&str) -> Ruled<String>),
    /// Strings, each by this rule.
    List(fn(&str) -> Ruled<String>),
    /// The name of a variable of the environment, which holds a secret.
    Variable,
}

/// Returns the keys that only this component has.
#[must_use]
pub fn keys(component: &str) -> &'static [Key] {
    match component {
        "aso" => aso::KEYS,
        "cert-manager" => cert_manager::KEYS,
        "crossplane" => crossplane::KEYS,
        "external-dns" => external_dns::KEYS,
        "istio" | "istiod" => istio::KEYS,
        "istio-base" | "istio-cni" | "istio-gateway" | "ztunnel" => istio::PART,
        _ => &[],
    }
}

/// Holds a value that a flag has to the rule of the key of the same name.
///
/// # Errors
/// It breaks that, with what is allowed.
pub fn hold(component: &str, name: &str, value: &Value) -> Ruled<Value> {
    let key = keys(component).iter().find(|key| key.name == name);
    let takes = key.map(|key| key.takes);
    let text = |rule: fn(&str) -> Ruled<String>, value: &Value| {
        let text = value.as_str().ok_or("a string is wanted")?;
        rule(text).map(Value::from)
    };
    match (takes, value) {
        (Some(Takes::Boolean), Value::Bool(_)) => Ok(value.clone()),
        (Some(Takes::Text(rule)), value) => text(rule, value),
        (Some(Takes::Variable), value) => text(words::variable, value),
        (Some(Takes::List(rule)), Value::Array(items)) => {
            items.iter().map(|item| text(rule, item)).collect()
        }
        _ => Err(format!("{component} takes no such {name}")),
    }
}

/// Returns the variables of the environment that a component's own options name as holding secrets.
pub fn variables<'a>(
    component: &str,
    options: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    keys(component)
        .iter()
        .filter(|key| matches!(key.takes, Takes::Variable))
        .filter_map(|key| options.get(key.name)?.as_str())
}

/// Reads the keys that only this component has.
pub(super) fn read(table: &mut Table<'_>, component: &str) -> BTreeMap<String, Setting<Value>> {
    let mut options = BTreeMap::new();
    for key in keys(component) {
        if let Some(option) = read_one(table, key) {
            options.insert(key.name.to_owned(), option);
        }
    }
    options
}

fn read_one(table: &mut Table<'_>, key: &Key) -> Option<Setting<Value>> {
    let wrap = |setting: Setting<String>| Setting {
        value: setting.value.into(),
        origin: setting.origin,
    };
    match key.takes {
        Takes::Boolean => table.boolean(key.name).map(|setting| Setting {
            value: setting.value.into(),
            origin: setting.origin,
        }),
        Takes::Text(rule) => table.text(key.name, rule).map(wrap),
        Takes::Variable => table.text(key.name, words::variable).map(wrap),
        Takes::List(rule) => {
            let reader = table.reader;
            table.list(key.name).map(|items| Setting {
                value: items
                    .value
                    .iter()
                    .filter_map(|node| reader.scalar(node, Wanted::Text, rule))
                    .map(|item| item.value)
                    .collect(),
                origin: items.origin,
            })
        }
    }
}

/// An id of Azure's: of a subscription, a tenant or an application.
fn uuid(text: &str) -> Ruled<String> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match lengths == [8, 4, 4, 4, 12] && digits {
        true => Ok(text.to_lowercase()),
        false => Err(format!(
            "\"{}\" is not an id of Azure's: write one such as 01234567-89ab-cdef-0123-456789abcdef",
            text.escape_debug()
        )),
    }
}

/// The name of a resource group
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>).
fn resource_group(text: &str) -> Ruled<String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte));
    match plain && (1..=90).contains(&text.len()) && !text.ends_with('.') {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not the name of a resource group: allowed are 1 to 90 letters, digits, hyphens, underscores, dots and \
             parentheses",
            text.escape_debug()
        )),
    }
}

/// A domain: labels with dots between them.
fn domain(text: &str) -> Ruled<String> {
    let labels: Vec<&str> = text.split('.').collect();
    let is_domain = text.len() <= 253
        && labels.len() > 1
        && labels.iter().all(|label| names::label(label).is_ok());
    match is_domain {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a domain: write one such as apps.example.org",
            text.escape_debug()
        )),
    }
}
