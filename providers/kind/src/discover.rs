//! What clusters there are, whose they are and how they do.

use windlass_provider::{ClusterName, Ctx, Error, Found, Observed, Owner, Resource, Result, State};

use crate::{
    containers::Cluster,
    difference,
    health::{self, Health, Phase},
    host::Host,
    programs::Programs,
    want::{Layout, Want},
};

/// Reads what there is of one planned or discovered cluster.
pub(crate) async fn observe(
    programs: &Programs,
    cx: &Ctx,
    resource: &Resource,
) -> Result<Observed> {
    let want = Want::read(resource)?;
    let host = Host::open(programs, cx, want.engine()).await?;
    match host.cluster(cx, &resource.cluster).await? {
        None => Ok(Observed::missing()),
        Some(cluster) => {
            let health = health::look(cx, &host, &cluster).await?;
            Ok(describe(&host, &cluster, &health, want.layout.as_ref()))
        }
    }
}

/// Lists kind's clusters, or the one of that name, in every engine that answers: ours with their tags, and foreign ones.
pub(crate) async fn discover(
    programs: &Programs,
    cx: &Ctx,
    wanted: Option<&ClusterName>,
) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for host in Host::all(programs, cx).await? {
        let clusters = match wanted {
            Some(name) => host.cluster(cx, name).await?.into_iter().collect(),
            None => host.clusters(cx).await?,
        };
        for cluster in clusters {
            // Somebody else's cluster may have a name that none of ours can have.
            let Ok(name) = cluster.name.parse::<ClusterName>() else {
                cx.progress.say(format!(
                    "kind cluster {} is not windlass's and is left out: its name could not be",
                    cluster.name
                ));
                continue;
            };
            let want = Want {
                engine: Some(host.engine),
                layout: None,
            };
            let health = look(cx, &host, &cluster).await?;
            found.push(Found {
                resource: want.resource(&name)?,
                observed: describe(&host, &cluster, &health, None),
                tags: cluster.tags,
            });
        }
    }
    Ok(found)
}

/// Nothing is run in somebody else's containers only to list them.
async fn look(cx: &Ctx, host: &Host, cluster: &Cluster) -> Result<Health> {
    if cluster.owner == Owner::Ours {
        return health::look(cx, host, cluster).await;
    }
    Ok(Health {
        phase: health::judge(cluster).unwrap_or(Phase::Ready),
        nodes: Vec::new(),
    })
}

fn describe(host: &Host, cluster: &Cluster, health: &Health, layout: Option<&Layout>) -> Observed {
    let differs = layout.map(|layout| difference::find(layout, cluster, &health.nodes));
    let state = health.phase.state();
    let detail = match (health.phase.detail(), &cluster.doubt) {
        (Some(detail), Some(doubt)) => Some(format!("{detail}; {doubt}")),
        (detail, doubt) => detail.or_else(|| doubt.clone()),
    };
    Observed {
        state,
        owner: cluster.owner,
        // What is half made is made again, as wanted.
        differs: match health.phase {
            Phase::HalfMade(_) if cluster.owner == Owner::Ours => Vec::new(),
            _ if state == State::Deleting => Vec::new(),
            _ => differs.unwrap_or_default(),
        },
        outputs: difference::outputs(host.engine.as_str(), cluster, &health.nodes),
        detail,
        unused: matches!(health.phase, Phase::HalfMade(_)),
    }
}

/// Returns the engine in which a cluster runs, and the cluster; `None` where no engine has it.
pub(crate) async fn locate(
    programs: &Programs,
    cx: &Ctx,
    name: &ClusterName,
) -> Result<Option<(Host, Cluster)>, Error> {
    for host in Host::all(programs, cx).await? {
        if let Some(cluster) = host.cluster(cx, name).await? {
            return Ok(Some((host, cluster)));
        }
    }
    Ok(None)
}
