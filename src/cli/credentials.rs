//! `windlass credentials check`: who one is at a cloud, and what is missing.

use clap::{Args, Subcommand};

use super::{App, cluster_flags::flags_at, doctor};
use crate::{error::Result, providers};

/// Look at the credentials that commands would use.
#[derive(Debug, Args)]
pub(super) struct CredentialsArgs {
    #[command(subcommand)]
    command: CredentialsCommand,
}

#[derive(Debug, Subcommand)]
enum CredentialsCommand {
    /// Say who one is, and which of windlass's calls one may not make (exit code 4)
    Check {
        /// At which provider
        #[arg(value_name = "PROVIDER", value_parser = super::global::provider_names())]
        place: Option<String>,
    },
}

pub(super) async fn run(args: CredentialsArgs, app: App) -> Result<()> {
    let CredentialsCommand::Check { place } = args.command;
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, place.as_deref())?)?;
    let id = app.provider_of(&settings)?;
    let place = app.place_asking(id).await?;
    let reach = (&place.reach, place.rehearsal.as_deref());
    let checked = providers::check_credentials(id, reach, &place.cx, &settings.cluster.value).await;
    match checked {
        Some(checks) => doctor::show(&app, &checks),
        None => {
            app.output().note(&format!("{id} asks nobody who they are"));
            Ok(())
        }
    }
}
