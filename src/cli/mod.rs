//! The command line: one file a command, each with its arguments and a `run` that builds options and calls the operation
//! of the same name. No cloud or Kubernetes calls here.

mod account;
mod app;
mod candidates;
mod clean;
mod cluster;
mod cluster_flags;
mod cluster_upgrade;
mod completions;
mod component_flags;
mod components;
mod config;
mod credentials;
mod crossplane;
mod decisions;
mod destroy;
mod doctor;
mod drift;
mod ended;
mod env;
mod export;
mod fleet;
mod former;
mod gitops;
mod global;
mod ingress;
mod install;
mod kubeconfig;
mod listing;
mod man;
mod outside;
mod own;
mod pools;
mod ports;
mod publish;
mod reap;
mod rehearse;
mod run;
mod setup;
mod signals;
mod special;
mod status;
mod support;
mod target;
mod token;
mod uninstall;
mod uninstall_flags;
mod upgrade;

use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};

pub use app::App;
pub use former::modernise;
pub use global::Global;
pub use signals::Signals;

use crate::{
    error::{Error, Kind, Result},
    output::Output,
    redact::Redactor,
};

/// Raises a Kubernetes platform, and lets it down again without leaving anything behind.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    about,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 refused or failed before any change, 2 usage, 3 stopped part-way (run again to go on), \
4 unhealthy, 5 something is left behind, 6 denied or over quota, 7 timed out, 70 a bug of windlass, 130 interrupted.

Begin with a rehearsal, which needs no cloud, no docker and no credentials: windlass setup kind --rehearse";

#[derive(Debug, Subcommand)]
enum Command {
    Setup(Box<setup::SetupArgs>),
    Destroy(destroy::DestroyArgs),
    Install(Box<install::InstallArgs>),
    Upgrade(Box<upgrade::UpgradeArgs>),
    Uninstall(uninstall::UninstallArgs),
    Status(status::StatusArgs),
    Crossplane(crossplane::CrossplaneArgs),
    Ingress(ingress::IngressArgs),
    #[command(name = "gitops")]
    GitOps(gitops::GitOpsArgs),
    Cluster(cluster::ClusterArgs),
    Kubeconfig(kubeconfig::KubeconfigArgs),
    Token(token::TokenArgs),
    Credentials(credentials::CredentialsArgs),
    Env(env::EnvArgs),
    Clean(clean::CleanArgs),
    Doctor(Box<doctor::DoctorArgs>),
    Config(config::ConfigArgs),
    Support(support::SupportArgs),
    Rehearse(rehearse::RehearseArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever stopped it, ready to be shown.
    pub async fn run(
        self,
        output: Output,
        redactor: Arc<Redactor>,
        signals: Signals,
    ) -> Result<()> {
        let app = App::new(self.global, output, redactor, signals.clone())?;
        tokio::select! {
            biased;
            () = signals.untaken() => Err(Error::message(Kind::Interrupted, "interrupted")),
            result = self.command.run(app) => result,
        }
    }
}

impl Command {
    async fn run(self, app: App) -> Result<()> {
        match self {
            Command::Setup(args) => setup::run(*args, app).await,
            Command::Destroy(args) => destroy::run(args, app).await,
            Command::Install(args) => install::run(*args, app).await,
            Command::Upgrade(args) => upgrade::run(*args, app).await,
            Command::Uninstall(args) => uninstall::run(args, app).await,
            Command::Status(args) => status::run(args, app).await,
            Command::Crossplane(args) => crossplane::run(args, app).await,
            Command::Ingress(args) => ingress::run(args, app).await,
            Command::GitOps(args) => gitops::run(args, app).await,
            Command::Cluster(args) => cluster::run(args, app).await,
            Command::Kubeconfig(args) => kubeconfig::run(args, app).await,
            Command::Token(args) => token::run(args, app).await,
            Command::Credentials(args) => credentials::run(args, app).await,
            Command::Env(args) => env::run(args, app),
            Command::Clean(args) => clean::run(args, app).await,
            Command::Doctor(args) => doctor::run(*args, app).await,
            Command::Config(args) => config::run(args, app),
            Command::Support(args) => support::run(args, app).await,
            Command::Rehearse(args) => rehearse::run(args, app).await,
            Command::Completions(args) => completions::run(args, app),
            Command::Man(args) => man::run(args, app),
        }
    }
}

/// Answers a shell that asks for completions, as the scripts of `windlass completions` do; returns whether one did. To be
/// called first of all: nothing may be printed before.
#[must_use]
pub fn complete() -> bool {
    completions::complete()
}

/// Returns the command line as clap knows it, for completions and tests.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
