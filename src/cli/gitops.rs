//! `windlass gitops`: keeps a cluster in line with a folder of a Git repository, through Flux.

use clap::{Args, Subcommand, ValueHint};

use super::{
    App,
    component_flags::{Target, TargetFlags},
    components::{Asked, Fetch, load_catalog, version_of},
    ended,
    run::{self, Guard, RunArgs, UnfinishedArgs},
};
use crate::{
    catalog::Catalog,
    error::{Error, Result},
    output::quote,
    plan::{self, InstallFacts, Plan},
    settings::GitOpsFlags,
    spec::{GitOpsSpec, Spec},
    steps::{self, Health, Installer, Says},
};

/// Keep a cluster in line with a Git repository.
#[derive(Debug, Args)]
pub(super) struct GitOpsArgs {
    #[command(subcommand)]
    command: GitOpsCommand,
}

#[derive(Debug, Subcommand)]
enum GitOpsCommand {
    Sync(Box<SyncArgs>),
}

/// Have Flux apply a folder of a Git repository, and keep to it; Flux comes along where it is missing.
///
/// What no flag says, `[gitops]` in windlass.toml does; `windlass setup` reads it too. Run it again to change what is synced.
#[derive(Debug, Args)]
struct SyncArgs {
    /// The repository: https:// or ssh://, without credentials
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = "Git")]
    url: Option<String>,
    /// The branch to follow [default: main]
    #[arg(long, value_name = "NAME", help_heading = "Git", group = "reference")]
    branch: Option<String>,
    /// The tag to stay at
    #[arg(long, value_name = "NAME", help_heading = "Git", group = "reference")]
    tag: Option<String>,
    /// The commit to stay at, all of its digits
    #[arg(long, value_name = "COMMIT", help_heading = "Git", group = "reference")]
    commit: Option<String>,
    /// The folder in the repository [default: kubernetes]
    #[arg(long, value_name = "FOLDER", help_heading = "Git")]
    path: Option<String>,
    /// How often Flux looks [default: 1m]
    #[arg(long, value_name = "DURATION", help_heading = "Git")]
    interval: Option<String>,
    /// Delete from the cluster what vanishes from Git: the default
    #[arg(long, help_heading = "Git", overrides_with = "no_prune")]
    prune: bool,
    /// Leave in the cluster what vanishes from Git
    #[arg(long, help_heading = "Git")]
    no_prune: bool,
    /// The namespace of the GitRepository and the Kustomization [default: flux-system]
    #[arg(long, value_name = "NAMESPACE", help_heading = "Git")]
    namespace: Option<String>,
    /// Flux's manifest, for networks without the internet
    #[arg(long, value_name = "FILE|URL", env = "WINDLASS_FLUX_MANIFEST", hide_env_values = true, value_hint = ValueHint::FilePath)]
    flux_manifest: Option<String>,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) async fn run(args: GitOpsArgs, app: App) -> Result<()> {
    match args.command {
        GitOpsCommand::Sync(args) => sync(*args, app).await,
    }
}

async fn sync(args: SyncArgs, app: App) -> Result<()> {
    let catalog = load_catalog()?;
    let target = args.target.open_with(&app, args.flags()).await?;
    let spec = Spec::new(&target.settings)?;
    let Some(gitops) = &spec.gitops else {
        return Err(
            Error::usage("which repository? neither --url nor windlass.toml names one")
                .hint("windlass gitops sync --url https://github.com/example/platform"),
        );
    };
    let place = target.place()?;
    let guard = Guard::begin(&app, place, target.cluster(), "gitops sync", &args.run).await?;
    let work = prepare(&args, &app, &target, &guard, (&catalog, &spec, gitops));
    let plan = guard.preparing(work).await?;
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let (place, flags) = (place.clone(), target.flags.clone());
    let next = match flags.as_str() {
        "" => format!("windlass status{}", ended::cluster_flag(&plan.cluster)),
        _ => format!("windlass install{flags}"),
    };
    let work = run::Work {
        plan,
        catalog,
        secrets: Default::default(),
        unfinished: args.unfinished.choice(),
        connection: target.connection,
        again: Some(format!("gitops sync{}{flags}", args.typed())),
        says: Default::default(),
        drain: Default::default(),
    };
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, vec![next])
}

/// Looks whether Flux is there, and makes the plan.
async fn prepare(
    args: &SyncArgs,
    app: &App,
    target: &Target,
    guard: &Guard,
    (catalog, spec, gitops): (&Catalog, &Spec, &GitOpsSpec),
) -> Result<Plan> {
    let (cx, place) = (guard.cx(), target.place()?);
    let (connection, cluster) = (&target.connection, target.cluster());
    let present = steps::find_present(cx, connection, &place.provider, cluster, catalog).await?;
    let flux = catalog
        .get("flux")
        .map(|flux| (flux, spec.component("flux")));
    let components: Vec<Asked<'_>> = match present.get("flux") {
        Some(there) if there.health == Health::Ready || there.installer != Installer::Windlass => {
            let version = there.version.as_deref().unwrap_or("of an unknown version");
            app.output().note(&format!("Flux {version} is there"));
            Vec::new()
        }
        // An unfinished one is gone on with, at the version that it has.
        Some(there) => {
            let same = |(flux, wanted): &Asked<'_>| {
                there.version.as_deref() == Some(version_of(flux, *wanted))
            };
            flux.into_iter().filter(same).collect()
        }
        None => flux.into_iter().collect(),
    };
    let fetch = Fetch {
        place,
        cx,
        cluster,
        flux_manifest: args.flux_manifest.as_deref(),
        dry_run: args.run.dry_run,
        says: &Says::File,
    };
    let mut asked = spec.asked();
    asked.retain(|key, _| key.starts_with("gitops.") || ["cluster", "provider"].contains(&&**key));
    let manifests = fetch.all(&components).await?;
    let facts = InstallFacts {
        command: "gitops sync",
        cluster: cluster.clone(),
        provider: place.id,
        rehearsal: place.rehearsal.is_some(),
        asked,
        components,
        manifests,
        unawaited: Vec::new(),
    };
    Ok(plan::gitops(gitops, facts)?)
}

impl SyncArgs {
    /// Returns what was typed about Git, with a space before it.
    fn typed(&self) -> String {
        let values = [
            ("--url", &self.url),
            ("--branch", &self.branch),
            ("--tag", &self.tag),
            ("--commit", &self.commit),
            ("--path", &self.path),
            ("--interval", &self.interval),
            ("--namespace", &self.namespace),
        ];
        let values = values.into_iter().filter_map(|(flag, value)| {
            let value = value.as_deref()?;
            Some(format!(" {flag} {}", quote(value)))
        });
        let switches = [("--prune", self.prune), ("--no-prune", self.no_prune)];
        let switches = switches.into_iter().filter(|(_, on)| *on);
        values
            .chain(switches.map(|(flag, _)| format!(" {flag}")))
            .collect()
    }

    fn flags(&self) -> GitOpsFlags {
        GitOpsFlags {
            url: self.url.clone(),
            branch: self.branch.clone(),
            tag: self.tag.clone(),
            commit: self.commit.clone(),
            path: self.path.clone(),
            interval: self.interval.clone(),
            prune: match (self.prune, self.no_prune) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            namespace: self.namespace.clone(),
        }
    }
}
