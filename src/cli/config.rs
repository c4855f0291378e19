//! `windlass config`: the settings and their file.

use clap::{Args, Subcommand};

use super::{App, cluster_flags::ClusterFlags};
use crate::{
    error::{Error, Kind, Result},
    files::{Mode, atomic},
    output::Table,
    settings,
    spec::{self, Held, Spec},
};

/// Write, show or describe the settings.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Write a windlass.toml with every setting in it, commented out; one that is there is left alone
    Init,
    /// Show every setting with its value; secrets by the variable that holds them
    Show(Box<ShowArgs>),
    /// Print the JSON schema of windlass.toml, for editors
    Schema,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Show where each value comes from, too
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub(super) fn run(args: ConfigArgs, app: App) -> Result<()> {
    match args.command {
        ConfigCommand::Init => init(&app),
        ConfigCommand::Show(args) => show(&args, &app),
        ConfigCommand::Schema => app.output().streams().data(&settings::SCHEMA),
    }
}

fn init(app: &App) -> Result<()> {
    let path = match &app.global().config {
        Some(path) => path.clone(),
        None => settings::FILE.into(),
    };
    let shown = path.display();
    if !atomic::create(&path, Mode::Shared, settings::EXAMPLE.as_bytes())? {
        return Err(Error::message(
            Kind::Refused,
            format!("{shown} is there already, and was left as it is"),
        )
        .hint("write another one beside it: windlass config init --config other.toml"));
    }
    app.output()
        .note("take the \"#\" away before what you want to set; see what holds: windlass config show --origin");
    app.output().streams().data(&format!("{shown}\n"))
}

fn show(args: &ShowArgs, app: &App) -> Result<()> {
    let settings = app.settings(args.cluster.flags(app, None)?)?;
    settings
        .secrets()
        .for_each(|secret| app.redactor().learn(secret));
    let mut answered = settings.clone();
    answered.answer_provider(app.provider_of(&settings)?);
    let held = spec::list(&settings, &Spec::new(&answered)?);
    app.output()
        .show_table(&held, &tabulate(&held, args.origin))
}

/// Returns settings as a table, with where each value comes from or without.
pub(super) fn tabulate(held: &[Held], origin: bool) -> Table {
    let headers: &[&str] = if origin {
        &["SETTING", "VALUE", "FROM"]
    } else {
        &["SETTING", "VALUE"]
    };
    let mut table = Table::new(headers);
    for held in held {
        let value = held.value.as_deref().unwrap_or("-");
        let cells = [held.setting.as_str(), value, &held.origin];
        table.add(cells.into_iter().take(headers.len()));
    }
    table
}
