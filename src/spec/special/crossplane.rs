//! Crossplane's own options.

use serde::{Deserialize, Serialize};
use windlass_provider::ProviderId;

use super::Misuse;

/// A cloud in which Crossplane makes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// No cloud.
    None,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Google,
}

/// What was said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Said {
    cloud: Option<Cloud>,
    db_provider: Option<bool>,
}

/// Crossplane's options, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Crossplane {
    /// The cloud.
    pub cloud: Cloud,
    /// Whether the providers of its databases are installed.
    pub db_provider: bool,
}

impl Crossplane {
    /// Returns what was said, with defaults: the cluster's own cloud, with the providers of its databases.
    pub(super) fn settle(said: &Said, provider: ProviderId) -> Result<Self, Misuse> {
        let cloud = said.cloud.unwrap_or(match provider {
            ProviderId::Aws => Cloud::Aws,
            ProviderId::Azure => Cloud::Azure,
            ProviderId::Google => Cloud::Google,
            ProviderId::Kind => Cloud::None,
        });
        let any = cloud != Cloud::None;
        if !any && said.db_provider == Some(true) {
            return Err(Misuse::new(
                "crossplane: db-provider is there for a cloud, and none is meant",
                "say which: --cloud aws, azure or google",
            ));
        }
        Ok(Self {
            cloud,
            db_provider: said.db_provider.unwrap_or(any),
        })
    }
}
