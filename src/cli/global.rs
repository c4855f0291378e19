//! What every command takes.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, builder::PossibleValuesParser};
use clap_complete::ArgValueCandidates;

use super::{candidates, own};
use crate::{
    output::{Commands, Format, Manner, Output, Words, quote},
    providers,
    redact::Redactor,
    rehearsal::{self, Speed},
    settings::Flags,
};

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The cluster [default: dot, or the only one in windlass.toml]
    #[arg(long, visible_alias = "name", global = true, value_name = "NAME", add = ArgValueCandidates::new(candidates::clusters))]
    pub cluster: Option<String>,
    /// Where it runs
    #[arg(long, global = true, value_name = "PROVIDER", value_parser = provider_names())]
    pub provider: Option<String>,
    /// The region [AWS: AWS_REGION, or that of the profile; Azure's location: eastus]
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of AWS's own files [AWS; default: AWS_PROFILE, or the default one]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The subscription's id [Azure; default: AZURE_SUBSCRIPTION_ID, or the only one]
    #[arg(long, global = true, value_name = "ID")]
    pub azure_subscription: Option<String>,
    /// The tenant's id [Azure; default: AZURE_TENANT_ID]
    #[arg(long, global = true, value_name = "ID")]
    pub azure_tenant: Option<String>,
    /// The project [Google Cloud; default: GOOGLE_CLOUD_PROJECT, or that of the credentials]
    #[arg(long, global = true, value_name = "ID")]
    pub project: Option<String>,
    /// The region, or the zone for a cluster in one zone alone [Google Cloud; default: gcloud's]
    #[arg(long, global = true, value_name = "PLACE")]
    pub location: Option<String>,
    /// The configuration file [default: windlass.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Which of the file's environments to lay over it
    #[arg(long, global = true, value_name = "NAME", add = ArgValueCandidates::new(candidates::environments))]
    pub environment: Option<String>,
    /// How to print
    #[arg(
        long,
        short,
        global = true,
        value_name = "FORMAT",
        env = "WINDLASS_OUTPUT",
        hide_env_values = true
    )]
    pub output: Option<Format>,
    /// Print results and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more; twice: even more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask; fail where an answer is needed
    #[arg(long, global = true, env = "WINDLASS_NO_INPUT", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub no_input: bool,
    /// Write each request as it went over the wire, and each program that was run, into this file: one JSON object a line,
    /// without secrets
    #[arg(long, global = true, value_name = "FILE", env = "WINDLASS_TRACE", hide_env_values = true, value_hint = clap::ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    /// Rehearse: the same code against a simulated world; nothing real is touched
    #[arg(long, global = true, help_heading = "Rehearsal")]
    pub rehearse: bool,
    /// The folder of the simulated world, or the URL of one that is served [default: in your state directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        env = "WINDLASS_REHEARSE_WORLD",
        hide_env_values = true,
        help_heading = "Rehearsal"
    )]
    pub rehearse_world: Option<String>,
    /// How many simulated seconds go by in one, or max
    #[arg(
        long,
        global = true,
        value_name = "FACTOR|max",
        env = "WINDLASS_REHEARSE_SPEED",
        hide_env_values = true,
        default_value = "20",
        help_heading = "Rehearsal"
    )]
    pub rehearse_speed: Option<Speed>,
    /// How the simulated world misbehaves: a file, as the README describes it
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WINDLASS_REHEARSE_FAULTS",
        hide_env_values = true,
        help_heading = "Rehearsal"
    )]
    pub rehearse_faults: Option<PathBuf>,
}

/// Returns the providers that this build has, for clap to check and to list.
pub(super) fn provider_names() -> PossibleValuesParser {
    PossibleValuesParser::new(providers::BUILT.iter().map(|id| id.as_str()))
}

impl Global {
    /// Returns where and how things are shown.
    #[must_use]
    pub fn output(&self, redactor: Arc<Redactor>) -> Output {
        let format = self.output.unwrap_or_default();
        let flags = self.flags_again();
        let commands = Commands::new(move || Words {
            own: own::own_command(),
            verbs: super::command()
                .get_subcommands()
                .map(|verb| verb.get_name().to_owned())
                .collect(),
            flags: flags.clone(),
        });
        Output::new(
            Manner::detect(format, self.quiet, self.verbose),
            redactor,
            commands,
        )
    }

    /// Returns what of it are settings.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            cluster: self.cluster.clone(),
            provider: self.provider.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            azure_subscription: self.azure_subscription.clone(),
            azure_tenant: self.azure_tenant.clone(),
            project: self.project.clone(),
            location: self.location.clone(),
            environment: self.environment.clone(),
            config: self.config.clone(),
            ..Flags::default()
        }
    }

    /// Returns where the simulated world is and how fast it goes.
    #[must_use]
    pub fn rehearsal(&self) -> rehearsal::Options {
        rehearsal::Options {
            world: self.rehearse_world.clone(),
            speed: self.rehearse_speed.unwrap_or(Speed::Factor(20.0)),
            faults: self.rehearse_faults.clone(),
        }
    }

    /// Returns the flags without which another command would be about another world or other settings.
    fn flags_again(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if self.rehearse {
            flags.push("--rehearse".to_owned());
            if let Some(world) = &self.rehearse_world
                && std::env::var("WINDLASS_REHEARSE_WORLD").ok().as_ref() != Some(world)
            {
                flags.push(format!("--rehearse-world {}", quote(world)));
            }
        }
        for (flag, value) in [
            ("region", &self.region),
            ("profile", &self.profile),
            ("azure-subscription", &self.azure_subscription),
            ("azure-tenant", &self.azure_tenant),
            ("project", &self.project),
            ("location", &self.location),
        ] {
            if let Some(value) = value {
                flags.push(format!("--{flag} {}", quote(value)));
            }
        }
        if let Some(config) = &self.config {
            flags.push(format!("--config {}", quote(&config.to_string_lossy())));
        }
        if let Some(environment) = &self.environment {
            flags.push(format!("--environment {}", quote(environment)));
        }
        flags
    }
}
