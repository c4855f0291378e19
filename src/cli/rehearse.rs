//! `windlass rehearse`: the simulated world on its own.

use clap::{Args, Subcommand};

use super::App;
use crate::{
    error::{Error, Kind, Result},
    output::quote,
    rehearsal::Rehearsal,
};

/// Run the simulated world on its own.
#[derive(Debug, Args)]
pub(super) struct RehearseArgs {
    #[command(subcommand)]
    command: RehearseCommand,
}

#[derive(Debug, Subcommand)]
enum RehearseCommand {
    /// Serve the simulated world until interrupted, for other commands and for kubectl
    Serve(ServeArgs),
    /// Stand in for another program: what a rehearsed provider runs in its place
    #[command(hide = true, disable_help_flag = true)]
    Program {
        /// The program's name
        name: String,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Give Services of type LoadBalancer an address, as cloud-provider-kind does beside kind
    #[arg(long)]
    load_balancers: bool,
}

pub(super) async fn run(args: RehearseArgs, app: App) -> Result<()> {
    match args.command {
        RehearseCommand::Serve(args) => serve(args, app).await,
        RehearseCommand::Program { name, args } => {
            // It ends as the program would that it stands in for: at once, and without a word.
            app.signals().take(|| std::process::exit(128 + 15));
            let work = move || windlass_simulator::programs::main(&name, args);
            let code = tokio::task::spawn_blocking(work).await;
            std::process::exit(code.map_err(anyhow::Error::from)?);
        }
    }
}

async fn serve(args: ServeArgs, app: App) -> Result<()> {
    let rehearsal = Rehearsal::open(&app.global().rehearsal()).await?;
    if !rehearsal.serving() {
        return Err(Error::message(
            Kind::Refused,
            format!(
                "another process serves the world in {}",
                rehearsal.location()
            ),
        )
        .hint(format!(
            "use it: --rehearse --rehearse-world {}",
            quote(&rehearsal.endpoint())
        )));
    }
    if args.load_balancers {
        rehearsal.give_load_balancers().await?;
    }
    app.output()
        .streams()
        .data(&format!("{}\n", rehearsal.endpoint()))?;
    app.output().note(&format!(
        "serving the world in {} until interrupted",
        rehearsal.location()
    ));
    app.output().note(&format!(
        "in another terminal: windlass setup kind --rehearse --rehearse-world {}",
        quote(rehearsal.location())
    ));
    super::run::interrupted(&app).await;
    rehearsal.close().await;
    Ok(())
}
