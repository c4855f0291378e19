//! What every command is given: the settings, the place where clusters run, and the terminal.

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use windlass_provider::{Clock, ClusterName, Ctx, Provider, ProviderId, SystemClock, Trace};

use super::{Global, Signals, own};
use crate::{
    error::{Error, Kind, Result},
    files::WorkDir,
    output::Output,
    providers,
    redact::Redactor,
    rehearsal::Rehearsal,
    settings::{Flags, Inputs, Settings},
    steps::{Exec, Web},
    trace,
};

/// What every command is given.
pub struct App {
    global: Global,
    directory: PathBuf,
    output: Output,
    redactor: Arc<Redactor>,
    trace: Trace,
    signals: Signals,
}

/// A place where clusters run, as one command sees it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) id: ProviderId,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) cx: Ctx,
    pub(super) workdir: WorkDir,
    pub(super) rehearsal: Option<Arc<Rehearsal>>,
}

impl App {
    /// Returns what a command is given.
    ///
    /// # Errors
    /// Where there is no current directory, or the trace cannot be written.
    pub fn new(
        global: Global,
        output: Output,
        redactor: Arc<Redactor>,
        signals: Signals,
    ) -> Result<Self> {
        let directory = std::env::current_dir()
            .context("cannot find the current directory")
            .map_err(|error| {
                Error::new(Kind::Refused, error).hint("change to a folder that exists")
            })?;
        let trace = match &global.trace {
            Some(path) => {
                let output = output.clone();
                let lost = move |why: String| output.note(&format!("warning: {why}"));
                trace::open(path, redactor.clone(), SystemClock.now(), lost)?
            }
            None => Trace::default(),
        };
        Ok(Self {
            global,
            directory,
            output,
            redactor,
            trace,
            signals,
        })
    }

    pub(super) fn global(&self) -> &Global {
        &self.global
    }

    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(super) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Warns of something that stops nothing.
    pub(super) fn warn(&self, text: &str, hints: &[String]) {
        self.output.note(&format!("warning: {text}"));
        for hint in hints {
            self.output.note(&format!("  hint: {hint}"));
        }
    }

    /// Says that what follows is not real, where it is not.
    pub(super) fn say_rehearsal(&self) {
        if self.global.rehearse {
            self.output.note("rehearsal: nothing here is real");
        }
    }

    /// Returns the flag by which a command is about the same cluster, with a space before it.
    pub(super) fn cluster_flag(&self) -> String {
        match &self.global.cluster {
            Some(cluster) => format!(" --cluster {cluster}"),
            None => String::new(),
        }
    }

    /// Returns where files are written.
    pub(super) fn workdir(&self) -> WorkDir {
        if self.global.rehearse {
            WorkDir::rehearsal(&self.directory)
        } else {
            WorkDir::real(&self.directory)
        }
    }

    /// Returns the machine's clock, for what is not about a cluster.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Returns the environment, as far as it is UTF-8: no setting is anything else.
    pub(super) fn environment() -> BTreeMap<String, String> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Resolves the settings.
    pub(super) fn settings(&self, flags: Flags) -> Result<Settings> {
        Settings::resolve(&Inputs {
            flags,
            environment: Self::environment(),
            directory: self.directory.clone(),
            any_cluster: false,
        })
    }

    /// Returns the provider that the settings name; where they name none, the only one that this build has, or an error
    /// with the choices.
    pub(super) fn provider_of(&self, settings: &Settings) -> Result<ProviderId> {
        match (
            settings.provider.as_ref().map(|setting| setting.value),
            providers::BUILT,
        ) {
            (Some(id), _) => Ok(id),
            (None, [only]) => Ok(*only),
            (None, _) => Err(missing_provider()),
        }
    }

    /// Asks on a terminal where the cluster is to run.
    pub(super) async fn ask_provider(&self) -> Result<ProviderId> {
        if !self.can_ask() {
            return Err(missing_provider());
        }
        let chosen = ask(|| {
            dialoguer::Select::new()
                .with_prompt("Run the cluster on")
                .items(providers::BUILT.iter().map(|id| id.as_str()))
                .default(0)
                .interact_opt()
        })
        .await?;
        chosen
            .and_then(|index| providers::BUILT.get(index).copied())
            .ok_or_else(|| Error::message(Kind::Interrupted, "nothing was chosen"))
    }

    /// Asks on a terminal whether to do something; `yes` answers beforehand.
    pub(super) async fn confirm(&self, question: &str, yes: bool) -> Result<bool> {
        if yes {
            return Ok(true);
        }
        if !self.can_ask() {
            return Err(
                Error::usage("this needs a yes, and there is no terminal to ask on")
                    .hint("run it again with --yes"),
            );
        }
        let question = question.to_owned();
        let answer = ask(move || {
            dialoguer::Confirm::new()
                .with_prompt(question)
                .default(false)
                .interact_opt()
        });
        Ok(answer.await?.unwrap_or(false))
    }

    fn can_ask(&self) -> bool {
        !self.global.no_input
            && std::env::var_os("CI").is_none()
            && std::io::stdin().is_terminal()
            && std::io::stderr().is_terminal()
    }

    /// Opens the place where a provider's clusters run: for real, or in a rehearsal.
    pub(super) async fn place(&self, id: ProviderId) -> Result<Place> {
        let rehearsal = if self.global.rehearse {
            Some(Arc::new(Rehearsal::open(&self.global.rehearsal()).await?))
        } else {
            None
        };
        let clock: Arc<dyn Clock> = match &rehearsal {
            Some(rehearsal) => rehearsal.clock(),
            None => self.clock(),
        };
        Ok(Place {
            id,
            provider: providers::provider(id, rehearsal.as_deref())?,
            cx: Ctx {
                trace: self.trace.clone(),
                ..Ctx::new(clock)
            },
            workdir: self.workdir(),
            rehearsal,
        })
    }
}

impl Place {
    /// Returns where the versions of components are told.
    pub(super) fn web(&self) -> Web {
        match &self.rehearsal {
            Some(rehearsal) => Web::stand_in(rehearsal.registries()),
            None => Web::default(),
        }
    }

    /// Returns what a kubeconfig runs for a credential of `cluster`.
    pub(super) fn exec(&self, cluster: &ClusterName) -> Result<Exec> {
        let mut args: Vec<String> = ["token", "--provider", self.id.as_str(), "--cluster"]
            .map(str::to_owned)
            .into();
        args.push(cluster.to_string());
        if let Some(rehearsal) = &self.rehearsal {
            args.extend([
                "--rehearse".to_owned(),
                "--rehearse-world".to_owned(),
                rehearsal.location().to_owned(),
            ]);
        }
        Ok(Exec {
            command: own::own_program()?,
            args,
        })
    }
}

fn missing_provider() -> Error {
    let choices = providers::names();
    let first = providers::BUILT.first().map_or("kind", |id| id.as_str());
    Error::usage(format!("no provider is given: choose one of {choices}")).hint(format!(
        "windlass setup {first}, or set WINDLASS_PROVIDER={first}"
    ))
}

/// Asks in a thread of its own, so that signals are heard meanwhile.
async fn ask<T: Send + 'static>(
    work: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T> {
    let answered = tokio::task::spawn_blocking(work).await;
    match answered.context("cannot ask on this terminal")? {
        Ok(answer) => Ok(answer),
        // Ctrl-C, as the terminal tells it while it is read key by key.
        Err(dialoguer::Error::IO(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Error::message(Kind::Interrupted, "interrupted"))
        }
        Err(error) => Err(Error::new(
            Kind::Refused,
            anyhow::Error::new(error).context("cannot ask on this terminal"),
        )),
    }
}
