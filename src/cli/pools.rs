//! `windlass cluster node-pool`: pools of nodes of a cluster that is there.

use clap::{Args, Subcommand};
use windlass_provider::{ClusterSpec, Found, NodePool, Resource, Scope, Taint};

use super::{
    App,
    cluster_flags::flags_at,
    fleet,
    run::RunArgs,
    target::{OWN, Target, confirm, name_of, pools},
};
use crate::{
    engine,
    error::{Error, Kind, Result},
    output::Table,
    plan::{Action, Change},
    settings::{parse_label, parse_machine, parse_pool, parse_taint, parse_zone},
};

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
            return Err(Error::message(
                Kind::Refused,
                format!(
                    "{} makes the pool \"{OWN}\" with the cluster, and not without it",
                    target.place.id
                ),
            )
            .hint("add another pool with what you want: windlass cluster node-pool add NAME"));
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
    }
}
