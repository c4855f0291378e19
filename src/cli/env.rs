//! `windlass env`: prints the variables of a cluster.

use clap::Args;

use super::{App, cluster_flags::flags_at};
use crate::{
    error::{Error, Kind, Result},
    files::dotenv,
};

/// Print the variables of the cluster, for `eval "$(windlass env)"`.
///
/// They are the lines that setup wrote into .env.
#[derive(Debug, Args)]
pub(super) struct EnvArgs {}

pub(super) fn run(_args: EnvArgs, app: App) -> Result<()> {
    let settings = app.settings(flags_at(&app, None)?)?;
    let path = app.workdir().dot_env();
    match dotenv::read_block(&path, &settings.cluster.value)? {
        Some(lines) => app.output().streams().data(&lines),
        None => Err(Error::message(
            Kind::Refused,
            format!(
                "{} has no variables of cluster {}",
                path.display(),
                &settings.cluster.value
            ),
        )
        .hint(format!(
            "write them: windlass kubeconfig --cluster {}",
            &settings.cluster.value
        ))),
    }
}
