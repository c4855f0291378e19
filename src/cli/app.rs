//! What every command is given: the settings, the place where clusters run, and the terminal.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::PathBuf,
    sync::{Arc, Weak},
};

use anyhow::Context as _;
use tokio::sync::Mutex;
use windlass_provider::{Clock, ClusterName, Ctx, Provider, ProviderId, SystemClock, Trace};

use super::{Global, Signals, ended::check_file, own};
use crate::{
    engine,
    error::{Error, Kind, Result},
    files::WorkDir,
    output::Output,
    plan::{Action, Plan},
    providers::{self, GoogleReach, Hidden, Keys, Reach},
    redact::Redactor,
    rehearsal::Rehearsal,
    settings::{Flags, Inputs, Origin, Setting, Settings},
    steps::{Exec, Web},
    trace,
};

/// What Azure's own ways to sign in read, besides what settings say.
const AZURE_VARIABLES: [&str; 6] = [
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_RESOURCE_MANAGER_ENDPOINT",
];

/// What every command is given.
pub struct App {
    global: Global,
    directory: PathBuf,
    output: Output,
    redactor: Arc<Redactor>,
    trace: Trace,
    signals: Signals,
    rehearsal: Mutex<Weak<Rehearsal>>,
}

/// A place where clusters run, as one command sees it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) id: ProviderId,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) cx: Ctx,
    pub(super) workdir: WorkDir,
    pub(super) rehearsal: Option<Arc<Rehearsal>>,
    pub(super) reach: Reach,
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
                check_file("--trace", path)?;
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
            rehearsal: Mutex::default(),
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

    pub(super) fn trace(&self) -> &Trace {
        &self.trace
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

    /// Returns the provider that the settings name; where they name none, the one of the cluster's last run here, or the only one
    /// that this build has, or an error with the choices.
    pub(super) fn provider_of(&self, settings: &Settings) -> Result<ProviderId> {
        match (
            settings.provider.as_ref().map(|setting| setting.value),
            providers::BUILT,
        ) {
            (Some(id), _) => Ok(id),
            (None, [only]) => Ok(*only),
            (None, _) => match self.last_plan(&settings.cluster.value) {
                Some(plan) => Ok(plan.provider),
                None => Err(providers::missing()),
            },
        }
    }

    /// Returns the plan of the cluster's last run in this folder: a hint, where nobody says where the cluster is.
    fn last_plan(&self, cluster: &ClusterName) -> Option<Plan> {
        let folder = self.workdir().cluster(cluster);
        let mut past = engine::read_runs::<Action>(&folder);
        past.next().map(|past| past.plan)
    }

    /// Asks on a terminal where the cluster is to run.
    pub(super) async fn ask_provider(&self) -> Result<ProviderId> {
        if !self.can_ask() {
            return Err(providers::missing());
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

    /// Returns what the settings say of how to reach a provider.
    fn reach(&self, id: ProviderId, flags: Flags) -> Result<Reach> {
        if ![ProviderId::Aws, ProviderId::Azure, ProviderId::Google].contains(&id) {
            return Ok(Reach::default());
        }
        let settings = Settings::resolve(&Inputs {
            // A region is meant in its words, whatever else names a provider.
            flags: Flags {
                provider: Some(id.to_string()),
                ..flags
            },
            environment: Self::environment(),
            directory: self.directory.clone(),
            any_cluster: true,
        })?;
        // What stands in .env only, a cloud's own chain does not see.
        let hidden = |name: &str| match settings.variables.get(name) {
            Some((value, Origin::DotEnv { .. })) => Some(value.to_owned()),
            _ => None,
        };
        let past = self.last_plan(&settings.cluster.value);
        let past = past.filter(|plan| plan.provider == id);
        let earlier = |key: &str| past.as_ref()?.asked.get(key).cloned();
        let said = |setting: &Option<Setting<String>>, key| {
            let setting = setting.as_ref().map(|setting| setting.value.clone());
            setting.or_else(|| earlier(key))
        };
        if id == ProviderId::Azure {
            let azure = &settings.azure;
            let names = AZURE_VARIABLES
                .into_iter()
                .filter(|_| !self.global.rehearse);
            let variables: BTreeMap<String, String> = names
                .filter_map(|name| Some((name.to_owned(), hidden(name)?)))
                .collect();
            let secret = variables.get("AZURE_CLIENT_SECRET");
            secret.iter().for_each(|secret| self.redactor.learn(secret));
            return Ok(Reach {
                region: said(&azure.location, "azure.location"),
                subscription: said(&azure.subscription, "azure.subscription"),
                tenant: said(&azure.tenant, "azure.tenant"),
                resource_group: said(&azure.resource_group, "azure.resource-group"),
                variables: Hidden(variables),
                ..Reach::default()
            });
        }
        if id == ProviderId::Google {
            let google = &settings.google;
            return Ok(Reach {
                google: GoogleReach {
                    project: said(&google.project, "google.project"),
                    create_project: google.create_project.as_ref().is_some_and(|it| it.value)
                        || earlier("google.create-project").is_some_and(|it| it == "true"),
                    location: said(&google.location, "google.location"),
                    impersonate: said(&google.impersonate, "google.impersonate"),
                    credentials: hidden("GOOGLE_APPLICATION_CREDENTIALS").map(Into::into),
                },
                ..Reach::default()
            });
        }
        let aws = &settings.aws;
        let keys = hidden("AWS_ACCESS_KEY_ID").zip(hidden("AWS_SECRET_ACCESS_KEY"));
        let keys = keys.map(|(id, secret)| Keys(id, secret, hidden("AWS_SESSION_TOKEN")));
        if let Some(Keys(_, secret, token)) = &keys {
            self.redactor.learn(secret);
            token.iter().for_each(|token| self.redactor.learn(token));
        }
        Ok(Reach {
            region: said(&aws.region, "aws.region"),
            profile: said(&aws.profile, "aws.profile"),
            keys: keys.filter(|_| !self.global.rehearse),
            ..Reach::default()
        })
    }

    /// Opens the place where a provider's clusters run, and asks on a terminal for keys where AWS has none: they live in memory
    /// only. Where Azure has several subscriptions, it asks for one.
    pub(super) async fn place_asking(&self, id: ProviderId) -> Result<Place> {
        self.place_making(id, self.global.flags()).await
    }

    /// Opens the place likewise, for a command whose own flags say more of it than those of every command.
    pub(super) async fn place_making(&self, id: ProviderId, flags: Flags) -> Result<Place> {
        let place = self.place_with(id, flags).await?;
        let reach = &place.reach;
        if place.rehearsal.is_some() || !self.can_ask() {
            return Ok(place);
        }
        if id == ProviderId::Azure {
            return self.place_in_account(place).await;
        }
        if providers::has_credentials(id, reach, &place.cx).await {
            return Ok(place);
        }
        self.output
            .note("there are no credentials of AWS here: type a key, which is held in memory only, or leave it empty");
        let typed = ask(|| {
            let id: String = dialoguer::Input::new()
                .with_prompt("Access key ID")
                .allow_empty(true)
                .interact_text()?;
            if id.is_empty() {
                return Ok(None);
            }
            let secret = dialoguer::Password::new()
                .with_prompt("Secret access key")
                .interact()?;
            let token = dialoguer::Password::new()
                .with_prompt("Session token, if it is a temporary key")
                .allow_empty_password(true)
                .interact()?;
            let token = Some(token).filter(|token| !token.is_empty());
            Ok(Some(Keys(id.trim().to_owned(), secret, token)))
        });
        let Some(keys) = typed.await? else {
            return Ok(place);
        };
        self.redactor.learn(&keys.1);
        keys.2.iter().for_each(|token| self.redactor.learn(token));
        let reach = Reach {
            keys: Some(keys),
            ..place.reach.clone()
        };
        Ok(Place {
            provider: providers::provider(id, &reach, None)?,
            reach,
            ..place
        })
    }

    /// Returns the one rehearsal of this command, which lasts as long as any place of it.
    async fn rehearsal(&self) -> Result<Arc<Rehearsal>> {
        let mut open = self.rehearsal.lock().await;
        if let Some(rehearsal) = open.upgrade() {
            return Ok(rehearsal);
        }
        let rehearsal = Arc::new(Rehearsal::open(&self.global.rehearsal()).await?);
        *open = Arc::downgrade(&rehearsal);
        Ok(rehearsal)
    }

    /// Asks for the account that is meant, where there are several and nobody named one.
    async fn place_in_account(&self, place: Place) -> Result<Place> {
        let mut accounts = providers::accounts(place.id, &place.reach, &place.cx).await?;
        if accounts.len() < 2 {
            return Ok(place);
        }
        accounts.sort_by(|one, other| one.1.cmp(&other.1));
        let shown = accounts.iter().map(|(id, name)| format!("{name} ({id})"));
        let shown: Vec<String> = shown.collect();
        let chosen = ask(move || {
            dialoguer::Select::new()
                .with_prompt("Which subscription of Azure?")
                .items(&shown)
                .default(0)
                .interact()
        });
        let reach = Reach {
            subscription: Some(accounts.swap_remove(chosen.await?).0),
            ..place.reach.clone()
        };
        Ok(Place {
            provider: providers::provider(place.id, &reach, None)?,
            reach,
            ..place
        })
    }

    /// Opens the place where a provider's clusters run: for real, or in a rehearsal.
    pub(super) async fn place(&self, id: ProviderId) -> Result<Place> {
        self.place_with(id, self.global.flags()).await
    }

    async fn place_with(&self, id: ProviderId, flags: Flags) -> Result<Place> {
        let rehearsal = match self.global.rehearse {
            true => Some(self.rehearsal().await?),
            false => None,
        };
        let clock: Arc<dyn Clock> = match &rehearsal {
            Some(rehearsal) => rehearsal.clock(),
            None => self.clock(),
        };
        let reach = self.reach(id, flags)?;
        if let (Some(rehearsal), Some(project)) = (&rehearsal, providers::assumed(id, &reach)) {
            rehearsal.assume_project(&project).await?;
        }
        Ok(Place {
            id,
            provider: providers::provider(id, &reach, rehearsal.as_deref())?,
            cx: Ctx {
                trace: self.trace.clone(),
                ..Ctx::new(clock)
            },
            workdir: self.workdir(),
            rehearsal,
            reach,
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
        // Whoever runs it may be in another folder, with another environment.
        for (flag, value) in [
            ("--region", &self.reach.region),
            ("--profile", &self.reach.profile),
            ("--azure-subscription", &self.reach.subscription),
            ("--azure-tenant", &self.reach.tenant),
            ("--project", &self.reach.google.project),
            ("--location", &self.reach.google.location),
        ] {
            if let Some(value) = value {
                args.extend([flag.to_owned(), value.clone()]);
            }
        }
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
