//! `windlass cluster upgrade`: control plane, then add-ons, then nodes, one minor version of Kubernetes at a time.

use clap::Args;
use windlass_provider::{Resource, ResourceId};

use super::{
    App,
    run::RunArgs,
    setup,
    target::{Target, confirm},
};
use crate::{
    error::{Error, Kind, Result},
    plan::Change,
    settings::parse_kubernetes_version,
};

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

/// Brings a cluster to another version.
pub(super) async fn run(args: UpgradeClusterArgs, app: App) -> Result<()> {
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
    setup::judge(&app, &checks, "an upgrade")?;
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
    fn the_next_version_is_one_minor_further() {
        assert_eq!(next("1.35").unwrap(), "1.36");
        assert!(next("x").is_err());
    }
}
