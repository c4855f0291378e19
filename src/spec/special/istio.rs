//! Istio's own options.

use serde::{Deserialize, Serialize};

/// The options of one of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Istio {
    /// The revision of the control plane, as namespaces choose it by their label istio.io/rev.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether the mesh takes nothing but mutual TLS.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict_mtls: bool,
}
