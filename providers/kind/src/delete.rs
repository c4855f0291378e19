//! Deletes a cluster that is ours, until none of its containers is left.

use std::time::Duration;

use windlass_provider::{Change, ClusterName, Ctx, Error, Fault, Owner, Resource, Result};

use crate::{
    command,
    ensure::Files,
    host::{self, Host},
    programs::Programs,
    want::Want,
};

/// How long there is between two looks at what is left.
const POLL: Duration = Duration::from_secs(1);

/// Deletes the cluster; one that is not ours is kept.
pub(crate) async fn delete(programs: &Programs, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let want = Want::read(resource)?;
    let host = Host::open(programs, cx, want.engine()).await?;
    match host.cluster(cx, &resource.cluster).await? {
        None => Ok(Change::Absent),
        Some(cluster) if cluster.owner == Owner::Foreign => {
            cx.progress.say(format!(
                "kind cluster {} was not made by windlass and is kept",
                resource.name
            ));
            Ok(Change::Kept)
        }
        Some(_) => {
            remove(cx, &host, &resource.cluster).await?;
            Ok(Change::Removed)
        }
    }
}

/// Removes the containers of a cluster: through kind where it is there, and what that leaves through the engine.
pub(crate) async fn remove(cx: &Ctx, host: &Host, name: &ClusterName) -> Result<()> {
    let cannot = format!("cannot delete kind cluster \"{name}\"");
    let mut failure = None;
    if let Ok(kind) = host.kind() {
        let files = Files::write(&cx.scratch, "")?;
        let args = [
            "delete",
            "cluster",
            "--name",
            name.as_str(),
            "--kubeconfig",
            &files.kubeconfig,
        ]
        .map(str::to_owned);
        let ran = command::run(cx, kind, &args, &|_| {})
            .await
            .map_err(|error| error.context(&cannot))?;
        if !ran.succeeded() {
            failure = Some(host.explain(&ran, Fault::Failed, &cannot));
        }
    }
    let left = host.cluster(cx, name).await?;
    if let Some(cluster) = left {
        let mut args = vec!["rm", "-f", "-v"];
        args.extend(cluster.containers.iter().map(|c| c.name.as_str()));
        let ran = host.try_engine(cx, &args).await?;
        if !ran.succeeded() && !ran.stderr.to_lowercase().contains("no such container") {
            let error = host.explain(&ran, Fault::Failed, &cannot);
            return Err(failure
                .into_iter()
                .flat_map(|kind| kind.causes)
                .fold(error, Error::cause));
        }
    }
    wait_until_gone(cx, host, name).await
}

/// Waits until no container of the cluster is left.
pub(crate) async fn wait_until_gone(cx: &Ctx, host: &Host, name: &ClusterName) -> Result<()> {
    let what = format!("deleting kind cluster \"{name}\"");
    while let Some(cluster) = host.cluster(cx, name).await? {
        let left: Vec<&str> = cluster.containers.iter().map(|c| c.name.as_str()).collect();
        let left = format!("waiting until {} is gone", left.join(", "));
        cx.progress.say(&left);
        cx.bound(&what, async {
            cx.clock.sleep(POLL).await;
            Ok(())
        })
        .await?;
        if host::is_over(cx) {
            return Err(Error::timed_out(&what).cause(left));
        }
    }
    Ok(())
}
