//! `windlass token`: prints a short-lived credential for kubeconfigs.

use clap::Args;

use super::{App, cluster_flags::flags_at};
use crate::error::Result;

/// Print a credential for the cluster's API, as kubectl's exec plugins do.
///
/// The kubeconfig that windlass writes calls this; it holds no key itself.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {}

pub(super) async fn run(_args: TokenArgs, app: App) -> Result<()> {
    let settings = app.settings(flags_at(&app, None)?)?;
    let place = app.place(app.provider_of(&settings)?).await?;
    let credential = place
        .provider
        .credential(&place.cx, &settings.cluster.value)
        .await?;
    // The one place that may print a credential: nothing is redacted here.
    app.output()
        .streams()
        .credential(&format!("{}\n", credential.to_json()))
}
