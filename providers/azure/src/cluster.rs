//! The cluster itself: AKS's control plane, with the system pool.

mod body;
mod seen;

use serde_json::Value;
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Resource, Result, State,
};

use crate::{
    client::{Call, Client, Method},
    pace::{POLL, wait},
    pools,
    refusal::Answer,
    tagged,
    version::{self, Step},
    want::{AKS_API, ClusterLayout, Place, SYSTEM_POOL, at},
};
use body::{changed, creation};
pub(crate) use seen::describe;
use seen::{
    differences, is_busy, is_pool_s, is_stopped, outputs, provisioning, state, system_pool,
};

/// How often a cluster that is as wanted never is changed.
const CHANGES: u32 = 12;

/// Reads a cluster.
pub(crate) async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
) -> Answer<Option<Value>> {
    let path = at(&place.cluster(name), AKS_API);
    client.get(cx, &format!("AKS cluster {name}"), path).await
}

/// Reads all clusters of the subscription.
pub(crate) async fn all(client: &Client, cx: &Ctx, place: &Place) -> Answer<Vec<Value>> {
    let path = format!(
        "{}/providers/Microsoft.ContainerService/managedClusters",
        place.root()
    );
    client
        .list(cx, "list the AKS clusters", at(&path, AKS_API))
        .await
}

/// Returns the resource group that something is in, by its id.
pub(crate) fn group_of(id: &str) -> Option<&str> {
    let mut parts = id.split('/');
    parts.find(|part| part.eq_ignore_ascii_case("resourceGroups"))?;
    parts.next()
}

/// Reads what there is of the cluster.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&ClusterLayout>,
) -> Result<Observed> {
    Ok(match get(client, cx, place, &resource.name).await? {
        None => Observed::missing(),
        Some(cluster) => describe(&cluster, layout).0,
    })
}

/// Brings the cluster about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    let mut mended = false;
    let mut last = Vec::new();
    for _ in 0..CHANGES {
        let Some(cluster) = settled(client, cx, place, name, &mut change).await? else {
            let body = creation(cx, resource, place, layout, known);
            if change == Change::Unchanged {
                change = Change::Made;
            }
            put(client, cx, place, name, ("create", &body)).await?;
            continue;
        };
        let ours = tagged::is_ours(&cluster);
        match state(&cluster) {
            State::Failed if !ours && is_stopped(&cluster) => {
                return Err(Error::new(
                    Fault::Unavailable,
                    format!("AKS cluster \"{name}\" is stopped, and windlass did not make it"),
                )
                .hint("have it started, or choose another name with --cluster"));
            }
            _ if !ours => return Ok((Change::Unchanged, outputs(&cluster))),
            State::Failed if is_stopped(&cluster) && !mended => {
                mended = true;
                note(&mut change);
                start(client, cx, place, name).await?;
            }
            State::Failed if mended => return Err(broken(resource, &cluster)),
            State::Failed => {
                mended = true;
                note(&mut change);
                cx.progress.say(format!(
                    "AKS cluster {name} is broken: AKS is asked to mend it"
                ));
                // One of which nothing came has no pools to be mended: it is asked for as at first.
                let body = match system_pool(&cluster) {
                    Some(_) => changed(cx, resource, &cluster, layout, false),
                    None => creation(cx, resource, place, layout, known),
                };
                put(client, cx, place, name, ("mend", &body)).await?;
            }
            _ => {
                let differs = differences(&cluster, layout);
                if differs.is_empty() {
                    return Ok((change, outputs(&cluster)));
                }
                if let Some(fixed) = differs.iter().find(|it| !it.changeable) {
                    return Err(refuse(name, fixed));
                }
                note(&mut change);
                update(client, cx, resource, place, layout, (&cluster, &differs)).await?;
                last = differs;
            }
        }
    }
    Err(pools::never(&format!("AKS cluster \"{name}\""), &last))
}

fn note(change: &mut Change) {
    if *change == Change::Unchanged {
        *change = Change::Updated;
    }
}

/// Waits until nothing is being done to a cluster, and returns what there is of it then.
async fn settled(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
    change: &mut Change,
) -> Result<Option<Value>> {
    loop {
        let Some(cluster) = get(client, cx, place, name).await? else {
            return Ok(None);
        };
        if !is_busy(&cluster) || (!tagged::is_ours(&cluster) && state(&cluster) == State::Ready) {
            return Ok(Some(cluster));
        }
        if state(&cluster) != State::Deleting {
            note(change);
        }
        let what = format!("waiting for AKS cluster {name}: {}", provisioning(&cluster));
        wait(cx, &what, POLL).await?;
    }
}

fn broken(resource: &Resource, cluster: &Value) -> Error {
    let name = &resource.name;
    let status = &cluster["properties"]["status"]["provisioningError"];
    let said = status["message"].as_str().unwrap_or_default();
    let error = Error::new(
        Fault::Failed,
        format!("AKS cluster \"{name}\" does not work"),
    );
    let error = match said {
        "" => error.cause(provisioning(cluster)),
        said => error.cause(said),
    };
    error
        .hint("mend what it names, and run the same command again")
        .hint(format!(
            "or let it down, and begin anew: windlass destroy azure --cluster {}",
            resource.cluster
        ))
}

/// Says why what is there cannot become what is wanted.
fn refuse(name: &str, differs: &Difference) -> Error {
    let Difference {
        field,
        wanted,
        found,
        ..
    } = differs;
    if field != "kubernetes-version" {
        return Error::new(
            Fault::Invalid,
            format!("AKS cluster \"{name}\" is not as wanted, and AKS cannot change it"),
        )
        .cause(format!("{field}: {wanted} is wanted, {found} is there"))
        .hint("take the setting back to what is there, or destroy the cluster first");
    }
    let error = Error::new(
        Fault::Invalid,
        format!("AKS cluster \"{name}\" has Kubernetes {found}, and cannot go to {wanted} at once"),
    );
    match (version::compare(found, wanted), &version::number(found)[..]) {
        (Step::Far, [major, minor, ..]) => {
            let next = format!("{major}.{}", minor + 1);
            error
                .cause("AKS goes one minor version at a time")
                .hint(format!("go to the next first: --kubernetes-version {next}"))
        }
        _ => error.cause("a control plane never goes back").hint(format!(
            "write kubernetes-version = \"{}\"",
            version::minor(found)
        )),
    }
}

/// Brings into line what differs: first what the cluster itself is, then its version, then its system pool.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    (cluster, differs): (&Value, &[Difference]),
) -> Result<()> {
    let name = &resource.name;
    let of_version = |it: &&Difference| it.field == "kubernetes-version";
    let mut own = differs.iter().filter(|it| !is_pool_s(it));
    if own.clone().any(|it| !of_version(&it)) {
        let body = changed(cx, resource, cluster, layout, false);
        put(client, cx, place, name, ("update", &body)).await
    } else if own.any(|it| of_version(&it)) {
        cx.progress.say(format!(
            "upgrading the control plane of {name} to {}",
            layout.version
        ));
        let body = changed(cx, resource, cluster, layout, true);
        put(client, cx, place, name, ("upgrade", &body)).await
    } else {
        let pool = (name.as_str(), SYSTEM_POOL);
        pools::update(client, cx, place, pool, &layout.pool, None).await
    }
}

async fn put(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
    (verb, body): (&str, &Value),
) -> Result<()> {
    let call = Call {
        action: format!("{verb} AKS cluster {name}"),
        method: Method::Put,
        path: at(&place.cluster(name), AKS_API),
        body: Some(body),
    };
    loop {
        match client.carry_out(cx, &call).await {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.is_busy() => {
                let what = format!("waiting for what else AKS does to {name}");
                wait(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                let failed = error.fault == Fault::Failed;
                let error = error.context(format!("cannot {verb} AKS cluster \"{name}\""));
                return Err(match failed {
                    true => error.hint("mend what it names, and run the same command again"),
                    false => error,
                });
            }
        }
    }
}

/// Starts a cluster that was stopped.
async fn start(client: &Client, cx: &Ctx, place: &Place, name: &str) -> Result<()> {
    let call = Call {
        action: format!("start AKS cluster {name}"),
        method: Method::Post,
        path: at(&format!("{}/start", place.cluster(name)), AKS_API),
        body: None,
    };
    let started = client.carry_out(cx, &call).await;
    started.map_err(|trouble| {
        Error::from(trouble).context(format!("cannot start AKS cluster \"{name}\""))
    })
}

/// Deletes the cluster; one that is not ours is kept.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let name = &resource.name;
    let what = format!("delete AKS cluster {name}");
    let mut change = Change::Absent;
    while let Some(cluster) = get(client, cx, place, name).await? {
        if !tagged::is_ours(&cluster) {
            cx.progress.say(format!(
                "AKS cluster {name} was not made by windlass and is kept"
            ));
            return Ok(Change::Kept);
        }
        change = Change::Removed;
        if state(&cluster) == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: at(&place.cluster(name), AKS_API),
            body: None,
        };
        let cannot = format!("cannot delete AKS cluster \"{name}\"");
        client.ask_to_go(cx, &call, &cannot).await?;
    }
    Ok(change)
}
