//! What a component's own options make of it: values for its chart, and objects besides. A file a component that has any; what
//! they make is under `templates/components/<name>/`.

mod aso;
mod cert_manager;
mod crossplane;
mod external_dns;
mod istio;

use anyhow::Result;
use serde_json::{Value, json};
use windlass_provider::ProviderId;

use crate::spec::special::Special;

/// Where a component lives.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Where it runs.
    pub provider: ProviderId,
    /// The component's namespace.
    pub namespace: &'a str,
}

/// Objects of a component that its chart does not make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// Those that are there before the chart.
    pub before: Vec<Value>,
    /// Those that come after it is Ready, in rounds: each round is Ready before the next, which may need its CRDs.
    pub after: Vec<Vec<Value>>,
    /// What the user ought to be told.
    pub notes: Vec<String>,
}

impl Extras {
    /// Returns all objects, in the order in which they are applied.
    pub fn objects(&self) -> impl Iterator<Item = &Value> {
        self.before.iter().chain(self.after.iter().flatten())
    }
}

/// Returns the values that options give to the component's chart.
#[must_use]
pub fn special_values(special: &Special) -> Value {
    match special {
        Special::Aso(options) => aso::values(options),
        // Its options make objects only.
        Special::Crossplane(_) => Value::Null,
        Special::CertManager(options) => cert_manager::values(options),
        Special::ExternalDns(options) => external_dns::values(options),
        Special::Istio(part, options) => istio::values(part, options),
    }
}

/// Returns the objects that options make besides the chart. `secret` returns the value of a variable that they name.
///
/// # Errors
/// Where a template is wrong: our mistake.
pub fn extras(
    special: &Special,
    home: Home<'_>,
    secret: &dyn Fn(&str) -> String,
) -> Result<Extras> {
    match special {
        Special::Aso(options) => aso::extras(options, home, secret),
        Special::CertManager(options) => cert_manager::extras(options),
        Special::Crossplane(options) => crossplane::extras(options, home, secret),
        Special::ExternalDns(options) => external_dns::extras(options, home),
        Special::Istio(_, options) => istio::extras(options, home),
    }
}

/// Returns the labels by which Azure gives a pod the token of its service account
/// (<https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>).
fn azure_labels() -> Value {
    json!({ "azure.workload.identity/use": "true" })
}

/// Tells whether a component made an object by itself, without having been asked for it: nobody has to be asked whether it may
/// go.
#[must_use]
pub fn is_self_made(component: &str, object: &Value) -> bool {
    match component {
        "crossplane" => crossplane::is_self_made(object),
        _ => false,
    }
}
