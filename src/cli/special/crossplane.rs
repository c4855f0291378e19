//! Crossplane's own flags.

use clap::Args;

use super::{Said, given};
use crate::error::Result;

/// What Crossplane is to bring along.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Crossplane")]
pub(super) struct CrossplaneFlags {
    /// The cloud that it makes things in: aws, azure, google or none [default: the cluster's own; on Kind, none]
    #[arg(long, value_name = "CLOUD")]
    cloud: Option<String>,
    /// The providers of the cloud's databases [default: with a cloud]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    db_provider: Option<bool>,
}

impl CrossplaneFlags {
    pub(super) fn said(&self) -> Result<Said> {
        Ok(given([
            ("cloud", self.cloud.clone().map(Into::into)),
            ("db-provider", self.db_provider.map(Into::into)),
        ]))
    }
}
