//! Istio's own flags.

use clap::Args;

use super::{Said, given};
use crate::error::Result;

/// How the mesh is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Istio")]
pub(super) struct IstioFlags {
    /// The revision of the control plane, which namespaces choose by their label istio.io/rev
    #[arg(long, value_name = "NAME")]
    revision: Option<String>,
    /// Nothing but mutual TLS within the mesh
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict_mtls: Option<bool>,
}

impl IstioFlags {
    pub(super) fn said(&self) -> Result<Said> {
        Ok(given([
            ("revision", self.revision.clone().map(Into::into)),
            ("strict-mtls", self.strict_mtls.map(Into::into)),
        ]))
    }
}
