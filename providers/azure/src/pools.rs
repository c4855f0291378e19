//! Node pools: the cluster's own, of the mode System, and the others.

mod body;
mod seen;

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Resource, Result, State,
};

use crate::{
    client::{Call, Client, Method},
    pace::{POLL, wait},
    refusal::Answer,
    tagged::{self, Pairs},
    want::{AKS_API, Place, PoolLayout, SYSTEM_POOL, at, part},
};
use body::changed;
pub(crate) use body::properties;
pub(crate) use seen::{describe, differences, limits};
use seen::{is_busy, outputs, provisioning, state, text};

/// How often a pool that is as wanted never is changed.
const CHANGES: u32 = 8;

/// Reads a pool.
async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &str,
    pool: &str,
) -> Answer<Option<Value>> {
    let path = at(&place.pool(cluster, pool), AKS_API);
    client.get(cx, &format!("node pool {pool}"), path).await
}

/// Reads the pools of a cluster, without the system pool.
pub(crate) async fn others(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &str,
) -> Answer<Vec<Value>> {
    let path = at(&format!("{}/agentPools", place.cluster(cluster)), AKS_API);
    let all = client
        .list(cx, &format!("list the node pools of {cluster}"), path)
        .await;
    match all {
        Ok(mut all) => {
            all.retain(|it| it["name"] != SYSTEM_POOL);
            Ok(all)
        }
        // It went while it was looked at.
        Err(trouble) if trouble.is_missing() => Ok(Vec::new()),
        Err(trouble) => Err(trouble),
    }
}

/// Reads what there is of a pool.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&PoolLayout>,
) -> Result<Observed> {
    let cluster = resource.cluster.as_str();
    Ok(
        match get(client, cx, place, cluster, part(resource)).await? {
            None => Observed::missing(),
            Some(pool) => describe(&pool, layout).0,
        },
    )
}

/// Brings the first of what differs of a pool into line: its version alone, or all else.
pub(crate) async fn update(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    layout: &PoolLayout,
    tags: Option<&Value>,
) -> Result<()> {
    let Some(pool) = get(client, cx, place, cluster, name).await? else {
        return Ok(());
    };
    let there = &pool["properties"];
    let differs = differences(there, layout);
    let of_version = |it: &Difference| it.field.starts_with("kubernetes-version");
    let version = !differs.is_empty() && differs.iter().all(of_version);
    let body = json!({ "properties": changed(there, layout, version, tags) });
    put(client, cx, place, (cluster, name), &body).await
}

async fn put(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    body: &Value,
) -> Result<()> {
    let call = Call {
        action: format!("make node pool {name} as wanted"),
        method: Method::Put,
        path: at(&place.pool(cluster, name), AKS_API),
        body: Some(body),
    };
    loop {
        match client.carry_out(cx, &call).await {
            Ok(()) => return Ok(()),
            // AKS does one thing to a cluster at a time.
            Err(trouble) if trouble.is_busy() => {
                let what = format!("waiting for what else AKS does to {cluster}");
                wait(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let told = format!("cannot make node pool \"{name}\" as wanted");
                let error = Error::from(trouble).context(told);
                return Err(match error.fault {
                    Fault::Failed => {
                        error.hint("mend what it names, and run the same command again")
                    }
                    _ => error,
                });
            }
        }
    }
}

/// Brings a pool about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &PoolLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let mut change = Change::Unchanged;
    let mut mended = false;
    for _ in 0..CHANGES {
        let pool = settled(client, cx, place, (cluster, name), &mut change).await?;
        let Some(pool) = pool else {
            let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
            let tags = tagged::object(&tags, &Pairs::new());
            let body = json!({ "properties": properties(layout, "User", &tags) });
            if change == Change::Unchanged {
                change = Change::Made;
            }
            put(client, cx, place, (cluster, name), &body).await?;
            continue;
        };
        let there = &pool["properties"];
        let differs = differences(there, layout);
        match state(there) {
            State::Failed if mended => return Err(broken(resource, there)),
            State::Failed => {
                mended = true;
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                cx.progress.say(format!(
                    "node pool {name} is broken: AKS is asked to mend it"
                ));
                let body = json!({ "properties": changed(there, layout, false, None) });
                put(client, cx, place, (cluster, name), &body).await?;
            }
            _ => {
                let fixed: Vec<_> = differs.iter().filter(|it| !it.changeable).collect();
                if !fixed.is_empty() {
                    return Err(refuse(resource, &fixed));
                }
                if differs.is_empty() {
                    return Ok((change, outputs(&pool)));
                }
                let pairs = tagged::of(there);
                let tags = tagged::again(cx, &resource.cluster, &pairs, layout.lifetime);
                let tags = tagged::object(&tags, &pairs);
                update(client, cx, place, (cluster, name), layout, Some(&tags)).await?;
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
            }
        }
    }
    Err(never(
        &format!("node pool \"{name}\""),
        &get(client, cx, place, cluster, name)
            .await?
            .map(|pool| differences(&pool["properties"], layout))
            .unwrap_or_default(),
    ))
}

/// Says that AKS takes a change on, and does not carry it out.
pub(crate) fn never(what: &str, differs: &[Difference]) -> Error {
    let error = Error::new(
        Fault::Failed,
        format!("{what} does not become what is wanted"),
    );
    let causes = differs.iter().map(|it| {
        format!(
            "{}: {} is wanted, {} is there",
            it.field, it.wanted, it.found
        )
    });
    causes
        .fold(error, Error::cause)
        .hint("run the same command again in a while; if it stays so, take the settings back to what is there")
}

/// Waits until nothing is being done to a pool, and returns what there is of it then.
async fn settled(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    change: &mut Change,
) -> Result<Option<Value>> {
    loop {
        let Some(pool) = get(client, cx, place, cluster, name).await? else {
            return Ok(None);
        };
        let there = &pool["properties"];
        if !is_busy(there) {
            return Ok(Some(pool));
        }
        if *change == Change::Unchanged {
            *change = Change::Updated;
        }
        let what = format!("waiting for node pool {name}: {}", provisioning(there));
        wait(cx, &what, POLL).await?;
    }
}

fn broken(resource: &Resource, there: &Value) -> Error {
    let name = part(resource);
    let said = text(&there["status"]["provisioningError"]["message"]);
    let error = Error::new(Fault::Failed, format!("node pool \"{name}\" does not work"));
    let error = match said.is_empty() {
        true => error.cause(provisioning(there)),
        false => error.cause(said),
    };
    error
        .hint("mend what it names, and run the same command again")
        .hint(anew(resource))
}

fn anew(resource: &Resource) -> String {
    format!(
        "or delete the pool, and run the same command again: it is made anew ({} of cluster {})",
        part(resource),
        resource.cluster
    )
}

fn refuse(resource: &Resource, fixed: &[&Difference]) -> Error {
    let error = Error::new(
        Fault::Invalid,
        format!(
            "node pool \"{}\" is not as wanted, and AKS cannot change it",
            part(resource)
        ),
    );
    let error = fixed.iter().fold(error, |error, it| {
        error.cause(format!(
            "{}: {} is wanted, {} is there",
            it.field, it.wanted, it.found
        ))
    });
    error
        .hint("take the settings back to what is there")
        .hint(anew(resource))
}

/// Deletes a pool, and waits until it is gone. Its pods are not asked whether they can be spared: their cluster goes, or somebody wants
/// the pool gone.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let what = format!("delete node pool {name}");
    let mut change = Change::Absent;
    loop {
        let pool = match get(client, cx, place, cluster, name).await {
            Ok(Some(pool)) => pool,
            Ok(None) => return Ok(change),
            // So it is said where the cluster is gone.
            Err(trouble) if trouble.is(&["ParentResourceNotFound"]) => return Ok(change),
            Err(trouble) => return Err(trouble.into()),
        };
        change = Change::Removed;
        if state(&pool["properties"]) == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: format!(
                "{}&ignore-pod-disruption-budget=true",
                at(&place.pool(cluster, name), AKS_API)
            ),
            body: None,
        };
        let cannot = format!("cannot delete node pool \"{name}\"");
        client.ask_to_go(cx, &call, &cannot).await?;
    }
}
