//! What a step does.

use serde::{Deserialize, Serialize};
use windlass_provider::Resource;

/// What a step does; `steps` carries it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Makes a resource of the provider, or brings it into line.
    EnsureResource {
        /// Which.
        resource: Resource,
    },
    /// Deletes a resource of the provider.
    DeleteResource {
        /// Which.
        resource: Resource,
    },
}
