//! A cluster that is there, of which one thing is changed. What is not named stays as it is in the cluster, whatever the settings say.

use windlass_provider::{ClusterSpec, Ctx, Found, Owner, Resource, ResourceId, Scope};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    run::{self, RunArgs},
};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    plan::{self, Change},
    spec::Spec,
};

/// The node group that every cluster has.
pub(super) const OWN: &str = "default";

/// A cluster that is there, and where.
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) guard: run::Guard,
    pub(super) spec: ClusterSpec,
    found: Vec<Found>,
}

impl Target {
    pub(super) async fn open(app: &App, command: &'static str, args: &RunArgs) -> Result<Self> {
        let mut settings = app.settings(flags_at(app, None)?)?;
        let id = app.provider_of(&settings)?;
        settings.answer_provider(id);
        let spec = Spec::new(&settings)?.cluster;
        let place = app.place_asking(id).await?;
        let guard = run::Guard::begin(app, &place, &spec.name, command, args).await?;
        let looking = async { Ok(find(guard.cx(), &place, &spec).await?) };
        let found = guard.preparing(looking).await?;
        let cluster = found
            .iter()
            .find(|item| item.resource.id.as_str() == "cluster");
        match cluster.map(|item| item.observed.owner) {
            None => Err(Error::message(
                Kind::Refused,
                format!("there is no cluster {} at {id}", spec.name),
            )
            .hint(format!(
                "make it: windlass setup {id} --cluster {}",
                spec.name
            ))),
            Some(Owner::Foreign | Owner::Unproven) => Err(Error::message(
                Kind::Refused,
                format!(
                    "windlass did not make cluster {}, and does not change it",
                    spec.name
                ),
            )),
            Some(Owner::Ours) => {
                let spec = place.provider.as_found(&spec, &found);
                Ok(Self {
                    place,
                    guard,
                    spec,
                    found,
                })
            }
        }
    }

    pub(super) fn id(&self, name: &str) -> ResourceId {
        match name {
            // Where a cluster is made with its first pool, that is a part of it.
            OWN => pools(&self.found)
                .find(|item| name_of(item) == OWN)
                .map_or_else(|| ResourceId::new("nodes"), |item| item.resource.id.clone()),
            name => ResourceId::new(format!("node-pool-{name}")),
        }
    }

    pub(super) fn pool(&self, name: &str) -> Option<&Found> {
        let id = self.id(name);
        self.found.iter().find(|item| item.resource.id == id)
    }

    /// Returns the pool of that name, or an error with those that there are.
    pub(super) fn existing(&self, name: &str) -> Result<&Found> {
        self.pool(name).ok_or_else(|| {
            let pools = pools(&self.found).map(name_of).collect::<Vec<_>>();
            let error = Error::message(
                Kind::Refused,
                format!("cluster {} has no node pool {name}", self.spec.name),
            );
            match pools.is_empty() {
                true => error.hint(format!(
                    "{} makes all nodes with the cluster: their pools stand in windlass.toml",
                    self.place.id
                )),
                false => error.hint(format!("it has: {}", pools.join(", "))),
            }
        })
    }

    /// Returns what `spec` needs.
    async fn resources(&self, spec: &ClusterSpec) -> Result<Vec<Resource>> {
        let work = async {
            let cx = self.guard.cx();
            let facts = self.place.provider.facts(cx, spec).await?;
            Ok(self.place.provider.resources(spec, &facts)?)
        };
        self.guard.preparing(work).await
    }

    /// Returns what makes the pool as it is in `spec`.
    pub(super) async fn resource(&self, spec: &ClusterSpec, name: &str) -> Result<Resource> {
        let id = self.id(name);
        let all = self.resources(spec).await?;
        all.into_iter().find(|it| it.id == id).ok_or_else(|| {
            let id = self.place.id;
            Error::message(
                Kind::Refused,
                format!("{id} makes all nodes with the cluster, and cannot change them"),
            )
            .hint(format!(
                "write the pool into windlass.toml, and make the cluster anew: windlass destroy {id}, then windlass setup {id}"
            ))
        })
    }

    pub(super) async fn run(self, app: &App, args: &RunArgs, change: Change) -> Result<()> {
        let again = format!("{} --provider {}", change.command, self.place.id);
        let plan = plan::change(change);
        if args.dry_run {
            return app.output().show_plan(&plan);
        }
        let work = run::Work {
            plan,
            catalog: Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?,
            secrets: Default::default(),
            unfinished: run::Unfinished::Replan,
            connection: Default::default(),
            again: Some(again),
            says: Default::default(),
            drain: Default::default(),
        };
        let ended = run::execute(app, &self.place, self.guard, work).await?;
        let next = vec![format!("windlass status{}", app.cluster_flag())];
        ended.report(app, next)
    }

    pub(super) fn change(&self, command: &'static str, asked: &[(&str, String)]) -> Change {
        let asked = asked
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        Change {
            command,
            cluster: self.spec.name.clone(),
            provider: self.place.id,
            rehearsal: self.place.rehearsal.is_some(),
            asked: asked.collect(),
            going: Vec::new(),
            coming: Vec::new(),
        }
    }
}

async fn find(
    cx: &Ctx,
    place: &Place,
    spec: &ClusterSpec,
) -> windlass_provider::Result<Vec<Found>> {
    place.provider.discover(cx, Scope::of(&spec.name)).await
}

pub(super) fn pools(found: &[Found]) -> impl Iterator<Item = &Found> {
    found.iter().filter(|item| {
        let id = item.resource.id.as_str();
        let own = id == "cluster" && item.observed.outputs.contains_key("min");
        own || id == "nodes" || id.starts_with("node-pool-")
    })
}

pub(super) fn name_of(item: &Found) -> &str {
    let id = item.resource.id.as_str();
    id.strip_prefix("node-pool-").unwrap_or(OWN)
}

/// Asks whether to go on with a change.
pub(super) async fn confirm(app: &App, args: &RunArgs, yes: bool, what: &str) -> Result<()> {
    let yes = yes || args.dry_run || app.global().rehearse;
    match app.confirm(&format!("{what}. Go on?"), yes).await? {
        true => Ok(()),
        false => Err(Error::message(Kind::Refused, "nothing was changed")),
    }
}
