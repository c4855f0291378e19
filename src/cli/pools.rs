//! `windlass cluster node-pool` and `windlass cluster upgrade`: changes of one thing of a cluster that is there. What is not named
//! stays as it is in the cluster, whatever the settings say.

use clap::{Args, Subcommand};
use windlass_provider::{
    ClusterSpec, Ctx, Found, NodePool, Owner, Resource, ResourceId, Scope, Taint,
};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    fleet,
    run::{self, RunArgs},
};
use crate::{
    catalog::Catalog,
    engine,
    error::{Error, Kind, Result},
    output::Table,
    plan::{self, Action, Change},
    settings::{
        parse_kubernetes_version, parse_label, parse_machine, parse_pool, parse_taint, parse_zone,
    },
    spec::Spec,
};

/// The node group that every cluster has.
const OWN: &str = "default";

/// Add, delete, recreate, list or scale pools of nodes.
///
/// What is not named stays as it is in the cluster. Write a pool that is to stay into windlass.toml, too: a cluster that is made again
/// has the pools that stand there.
#[derive(Debug, Args)]
pub(super) struct PoolArgs {
    #[command(subcommand)]
    command: PoolCommand,
}

#[derive(Debug, Subcommand)]
enum PoolCommand {
    /// Add a pool, or bring one that is there into line with the flags
    Add {
        #[command(flatten)]
        pool: NewPool,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Delete a pool: its pods are moved to other nodes first, as far as their disruption budgets allow
    Delete {
        /// Its name
        #[arg(value_name = "NAME", value_parser = parse_pool)]
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Delete a pool and make it again, with what the flags say; the rest is as it was
    Recreate {
        #[command(flatten)]
        pool: NewPool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        run: RunArgs,
    },
    /// List the pools
    List,
    /// Change how many nodes a pool has at least and at most; "default" is the pool that every cluster has
    Scale {
        /// Its name
        #[arg(value_name = "NAME", value_parser = parse_pool)]
        name: String,
        /// At least so many nodes
        #[arg(long, value_name = "N", required_unless_present = "max")]
        min: Option<u32>,
        /// At most so many nodes
        #[arg(long, value_name = "N")]
        max: Option<u32>,
        #[command(flatten)]
        run: RunArgs,
    },
}

/// A pool, as flags describe it.
#[derive(Clone, Debug, Args)]
struct NewPool {
    /// Its name
    #[arg(value_name = "NAME", value_parser = parse_pool)]
    name: String,
    /// The machine type, such as g6.xlarge [default: that of the nodes that the cluster has]
    #[arg(long, value_name = "TYPE", value_parser = parse_machine)]
    machine: Option<String>,
    /// At least so many nodes [default: 0]
    #[arg(long, value_name = "N")]
    min: Option<u32>,
    /// At most so many nodes [default: 1, or the minimum]
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// The one zone of the nodes [default: all of the cluster's]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    zone: Option<String>,
    /// Let the cloud take the nodes back: spot instances
    #[arg(long)]
    spot: bool,
    /// A label of the nodes; can be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    labels: Vec<(String, String)>,
    /// A taint of the nodes; can be given several times [default: none, and nvidia.com/gpu=present:NoSchedule on GPUs]
    #[arg(long = "taint", value_name = "KEY=VALUE:EFFECT", value_parser = parse_taint)]
    taints: Vec<Taint>,
}

impl NewPool {
    /// Returns the pool, on top of what is there of it.
    fn over(&self, there: Option<&NodePool>) -> NodePool {
        let mut pool = there.cloned().unwrap_or_else(|| NodePool {
            name: self.name.clone(),
            max: 1,
            ..NodePool::default()
        });
        pool.min = self.min.unwrap_or(pool.min);
        pool.max = self.max.unwrap_or(pool.max.max(pool.min));
        if let Some(machine) = &self.machine {
            pool.machine = Some(machine.clone());
        }
        if let Some(zone) = &self.zone {
            pool.zone = Some(zone.clone());
        }
        pool.spot |= self.spot;
        pool.labels.extend(self.labels.iter().cloned());
        if !self.taints.is_empty() {
            pool.taints.clone_from(&self.taints);
        }
        pool
    }
}

/// Bring a cluster to the next minor version of Kubernetes: the control plane, then the add-ons, then the nodes.
#[derive(Debug, Args)]
pub(super) struct UpgradeClusterArgs {
    /// The version, such as 1.36 [default: the next one]
    #[arg(long, value_name = "VERSION", value_parser = parse_kubernetes_version)]
    kubernetes_version: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// A cluster that is there, and where.
struct Target {
    place: Place,
    guard: run::Guard,
    spec: ClusterSpec,
    found: Vec<Found>,
}

impl Target {
    async fn open(app: &App, command: &'static str, args: &RunArgs) -> Result<Self> {
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
            Some(Owner::Foreign) => Err(Error::message(
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

    fn id(&self, name: &str) -> ResourceId {
        ResourceId::new(match name {
            // GKE makes the nodes that every cluster has together with it.
            OWN if self
                .found
                .iter()
                .all(|it| it.resource.id.as_str() != "nodes") =>
            {
                "cluster".to_owned()
            }
            OWN => "nodes".to_owned(),
            name => format!("node-pool-{name}"),
        })
    }

    fn pool(&self, name: &str) -> Option<&Found> {
        let id = self.id(name);
        pools(&self.found).find(|item| item.resource.id == id)
    }

    /// Returns the pool of that name, or an error with those that there are.
    fn existing(&self, name: &str) -> Result<&Found> {
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
    async fn resource(&self, spec: &ClusterSpec, name: &str) -> Result<Resource> {
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

    async fn run(self, app: &App, args: &RunArgs, change: Change) -> Result<()> {
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
            drain: Default::default(),
        };
        let ended = run::execute(app, &self.place, self.guard, work).await?;
        let next = vec![format!("windlass status{}", app.cluster_flag())];
        ended.report(app, next)
    }

    fn change(&self, command: &'static str, asked: &[(&str, String)]) -> Change {
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

fn pools(found: &[Found]) -> impl Iterator<Item = &Found> {
    found.iter().filter(|item| {
        let id = item.resource.id.as_str();
        let own = id == "cluster" && item.observed.outputs.contains_key("min");
        own || id == "nodes" || id.starts_with("node-pool-")
    })
}

fn name_of(item: &Found) -> &str {
    let id = item.resource.id.as_str();
    id.strip_prefix("node-pool-").unwrap_or(OWN)
}

/// Returns the pool of that name in a spec.
fn in_spec<'s>(spec: &'s ClusterSpec, name: &str) -> Option<&'s NodePool> {
    spec.node_pools.iter().find(|pool| pool.name == name)
}

fn put(spec: &mut ClusterSpec, pool: NodePool) {
    spec.node_pools.retain(|other| other.name != pool.name);
    spec.node_pools.push(pool);
}

pub(super) async fn run(args: PoolArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    match args.command {
        PoolCommand::List => list(&app).await,
        PoolCommand::Add { pool, run } => add(&app, &pool, &run).await,
        PoolCommand::Delete { name, yes, run } => delete(&app, &name, yes, &run).await,
        PoolCommand::Recreate { pool, yes, run } => recreate(&app, &pool, yes, &run).await,
        PoolCommand::Scale {
            name,
            min,
            max,
            run,
        } => scale(&app, &name, (min, max), &run).await,
    }
}

async fn add(app: &App, pool: &NewPool, args: &RunArgs) -> Result<()> {
    let command = "cluster node-pool add";
    if pool.name == OWN {
        return Err(
            Error::usage(format!("\"{OWN}\" is the pool that every cluster has")).hint(
                "give another name, or change that one: windlass cluster node-pool scale default",
            ),
        );
    }
    let target = Target::open(app, command, args).await?;
    let mut spec = target.spec.clone();
    let wanted = pool.over(in_spec(&spec, &pool.name));
    put(&mut spec, wanted);
    let resource = target.resource(&spec, &pool.name).await?;
    let asked = [("node-pool", pool.name.clone())];
    let change = Change {
        coming: vec![resource],
        ..target.change(command, &asked)
    };
    target.run(app, args, change).await
}

async fn delete(app: &App, name: &str, yes: bool, args: &RunArgs) -> Result<()> {
    let command = "cluster node-pool delete";
    if name == OWN {
        return Err(
            Error::usage(format!("\"{OWN}\" is the pool that every cluster has"))
                .hint("let the cluster go with it: windlass destroy"),
        );
    }
    let target = Target::open(app, command, args).await?;
    let resource = target.existing(name)?.resource.clone();
    confirm(
        app,
        args,
        yes,
        &format!("Delete {} {}", resource.kind, resource.name),
    )
    .await?;
    let asked = [("node-pool", name.to_owned())];
    let change = Change {
        going: vec![resource],
        ..target.change(command, &asked)
    };
    target.run(app, args, change).await
}

async fn recreate(app: &App, pool: &NewPool, yes: bool, args: &RunArgs) -> Result<()> {
    let command = "cluster node-pool recreate";
    let name = pool.name.as_str();
    let target = Target::open(app, command, args).await?;
    let asked = [("node-pool", name.to_owned())];
    let mut change = target.change(command, &asked);
    if let Some(there) = target.pool(name) {
        if there.resource.id.as_str() == "cluster" {
            let error = Error::message(
                Kind::Refused,
                format!(
                    "{} makes the pool \"{OWN}\" together with the cluster",
                    target.place.id
                ),
            );
            return Err(error.hint(
                "add another pool beside it: windlass cluster node-pool add NAME --machine TYPE",
            ));
        }
        let mut spec = target.spec.clone();
        match name {
            OWN => {
                spec.nodes.min = pool.min.unwrap_or(spec.nodes.min);
                spec.nodes.max = pool.max.unwrap_or(spec.nodes.max.max(spec.nodes.min));
                if pool.machine.is_some() {
                    spec.aws.machine.clone_from(&pool.machine);
                }
                spec.aws.spot |= pool.spot;
            }
            _ => {
                let wanted = pool.over(in_spec(&spec, name));
                put(&mut spec, wanted);
            }
        }
        change.going.push(there.resource.clone());
        change.coming.push(target.resource(&spec, name).await?);
        let what = format!("{} {}", there.resource.kind, there.resource.name);
        confirm(
            app,
            args,
            yes,
            &format!("Delete {what}, with its nodes, and make it again"),
        )
        .await?;
    } else {
        // A run that was ended between the two knows what it was about to make.
        let Some(unmade) = unmade(&target, command, name) else {
            target.existing(name)?;
            return Ok(());
        };
        change.coming.push(unmade);
    }
    target.run(app, args, change).await
}

/// Returns the pool that an unfinished run deleted and did not come to make again.
fn unmade(target: &Target, command: &str, name: &str) -> Option<Resource> {
    let folder = target.place.workdir.cluster(&target.spec.name);
    let past = engine::read_runs::<Action>(&folder).next()?;
    if past.is_finished() || past.plan.command != command {
        return None;
    }
    let id = target.id(name);
    past.plan
        .steps
        .into_iter()
        .find_map(|step| match step.action {
            Action::EnsureResource { resource } if resource.id == id => Some(resource),
            _ => None,
        })
}

async fn scale(
    app: &App,
    name: &str,
    (min, max): (Option<u32>, Option<u32>),
    args: &RunArgs,
) -> Result<()> {
    let command = "cluster node-pool scale";
    let target = Target::open(app, command, args).await?;
    target.existing(name)?;
    let mut spec = target.spec.clone();
    let (least, most) = match name {
        OWN => (&mut spec.nodes.min, &mut spec.nodes.max),
        name => {
            let mut pools = spec.node_pools.iter_mut();
            let pool = pools.find(|pool| pool.name == name);
            let pool = pool.ok_or_else(|| Error::message(Kind::Bug, "a pool that is nowhere"))?;
            (&mut pool.min, &mut pool.max)
        }
    };
    // One that is said moves the other, where it must.
    *least = min.unwrap_or(max.map_or(*least, |max| max.min(*least)));
    *most = max.unwrap_or((*least).max(*most).max(1));
    if *least > *most {
        return Err(Error::usage(format!("--min {least} is above --max {most}")));
    }
    let asked = [
        ("node-pool", name.to_owned()),
        ("min", least.to_string()),
        ("max", most.to_string()),
    ];
    let resource = target.resource(&spec, name).await?;
    let change = Change {
        coming: vec![resource],
        ..target.change(command, &asked)
    };
    target.run(app, args, change).await
}

async fn confirm(app: &App, args: &RunArgs, yes: bool, what: &str) -> Result<()> {
    let yes = yes || args.dry_run || app.global().rehearse;
    match app.confirm(&format!("{what}. Go on?"), yes).await? {
        true => Ok(()),
        false => Err(Error::message(Kind::Refused, "nothing was changed")),
    }
}

async fn list(app: &App) -> Result<()> {
    let settings = app.settings(flags_at(app, None)?)?;
    let place = app.place(app.provider_of(&settings)?).await?;
    let name = &settings.cluster.value;
    let found = place.provider.discover(&place.cx, Scope::of(name)).await?;
    if found.is_empty() {
        return Err(Error::message(
            Kind::Refused,
            format!("there is no cluster {name} at {}", place.id),
        )
        .hint("list them: windlass cluster list"));
    }
    let mut table = Table::new(&[
        "POOL", "STATE", "MIN", "MAX", "MACHINE", "ZONE", "VERSION", "TAINTS", "DETAIL",
    ]);
    let rows: Vec<&Found> = pools(&found).collect();
    for item in &rows {
        let output = |key: &str| {
            let value = item.observed.outputs.get(key);
            value.cloned().unwrap_or_else(|| "-".to_owned())
        };
        let spot = item.observed.outputs.contains_key("spot");
        table.add([
            name_of(item).to_owned(),
            fleet::word(item.observed.state).to_owned(),
            output("min"),
            output("max"),
            match spot {
                true => format!("{} (spot)", output("machine")),
                false => output("machine"),
            },
            output("zone"),
            output("kubernetes-version"),
            output("taints"),
            item.observed.detail.clone().unwrap_or_default(),
        ]);
    }
    if rows.is_empty() {
        app.output().note(&format!(
            "{} makes all nodes with the cluster: there are no pools to tell of",
            place.id
        ));
    }
    app.output().show_table(&rows, &table)
}

/// Brings a cluster to another version.
pub(super) async fn upgrade(args: UpgradeClusterArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let command = "cluster upgrade";
    let target = Target::open(&app, command, &args.run).await?;
    let Some(present) = target.spec.kubernetes_version.clone() else {
        return Err(Error::message(
            Kind::Refused,
            format!("{} cannot change the version of a cluster", target.place.id),
        )
        .hint("make it anew with the other version: windlass destroy, then windlass setup --kubernetes-version VERSION"));
    };
    let wanted = match args.kubernetes_version {
        Some(version) => version,
        None => next(&present)?,
    };
    let mut spec = target.spec.clone();
    spec.kubernetes_version = Some(wanted.clone());
    let work = async {
        let cx = target.guard.cx();
        let facts = target.place.provider.facts(cx, &spec).await?;
        let checks = target.place.provider.preflight(cx, &spec, &facts).await;
        Ok((facts, checks))
    };
    let (facts, checks) = target.guard.preparing(work).await?;
    super::setup::judge(&app, &checks, "an upgrade")?;
    let resources = target.place.provider.resources(&spec, &facts)?;
    let question = format!(
        "Bring cluster {} from Kubernetes {present} to {wanted}: there is no way back",
        spec.name
    );
    confirm(&app, &args.run, args.yes, &question).await?;
    let asked = [("kubernetes-version", wanted)];
    let change = Change {
        coming: in_order(resources),
        ..target.change(command, &asked)
    };
    target.run(&app, &args.run, change).await
}

/// Lets nodes wait for the add-ons: each must suit the control plane before the nodes do.
fn in_order(resources: Vec<Resource>) -> Vec<Resource> {
    let is_nodes = |resource: &Resource| {
        let id = resource.id.as_str();
        id == "nodes" || id.starts_with("node-pool-")
    };
    let (nodes, others): (Vec<Resource>, Vec<Resource>) = resources.into_iter().partition(is_nodes);
    let ids: Vec<ResourceId> = nodes.iter().map(|it| it.id.clone()).collect();
    let before: Vec<ResourceId> = others.iter().map(|it| it.id.clone()).collect();
    let others = others.into_iter().map(|mut it| {
        it.needs.retain(|need| !ids.contains(need));
        it
    });
    let nodes = nodes.into_iter().map(|it| Resource {
        needs: before.clone(),
        ..it
    });
    others.chain(nodes).collect()
}

/// Returns the minor version after this one.
fn next(version: &str) -> Result<String> {
    let parts: Vec<&str> = version.split('.').collect();
    let next = || {
        Some(format!(
            "{}.{}",
            parts.first()?,
            parts.get(1)?.parse::<u32>().ok()? + 1
        ))
    };
    next().ok_or_else(|| {
        Error::message(
            Kind::Refused,
            format!("the cluster's version \"{version}\" is none"),
        )
        .hint("name the one that you want: --kubernetes-version")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_laid_over_the_pool_that_is_there() {
        let flags = NewPool {
            name: "gpu".into(),
            machine: Some("g6.xlarge".into()),
            min: None,
            max: None,
            zone: None,
            spot: false,
            labels: vec![("a".into(), "b".into())],
            taints: Vec::new(),
        };
        let new = flags.over(None);
        assert_eq!((new.min, new.max, new.spot), (0, 1, false));
        let there = NodePool {
            name: "gpu".into(),
            min: 2,
            max: 3,
            zone: Some("z".into()),
            machine: Some("g5.xlarge".into()),
            spot: true,
            ..NodePool::default()
        };
        let changed = flags.over(Some(&there));
        assert_eq!((changed.min, changed.max, changed.spot), (2, 3, true));
        assert_eq!(changed.machine.as_deref(), Some("g6.xlarge"));
        assert_eq!(changed.labels["a"], "b");
        assert_eq!(next("1.35").unwrap(), "1.36");
        assert!(next("x").is_err());
    }
}
