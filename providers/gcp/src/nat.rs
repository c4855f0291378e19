//! The way out of nodes that have no addresses of the internet: a router with a NAT, in the region of the cluster.
//!
//! Google lets one NAT serve a range of addresses: where the network has one already, whoever made it, that one is used. Routers have
//! no labels; their descriptions say the same.

use serde_json::{Value, json};
use windlass_provider::{
    Change, ClusterName, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource,
    Result, State, Tags,
};

use crate::{
    apis::patiently,
    client::{Backoff, Client, encode},
    facts::compute,
    gke::Place,
    labels, operations,
    refusal::Answer,
    service::Service,
    want::{NatLayout, region_of},
};

/// The name of the NAT within its router.
const NAT: &str = "nat";

/// Returns the name of a cluster's router.
pub(crate) fn name(cluster: &ClusterName) -> String {
    format!("windlass-{cluster}")
}

fn routers(place: Place<'_>) -> String {
    let region = encode(region_of(place.location));
    format!("{}/regions/{region}/routers", compute(place.project))
}

fn path(place: Place<'_>, name: &str) -> String {
    format!("{}/{}", routers(place), encode(name))
}

/// Returns the routers of the region of a place.
pub(crate) async fn all(client: &Client, cx: &Ctx, place: Place<'_>) -> Answer<Vec<Value>> {
    let call = (Service::Compute, "routers.list");
    client.list(cx, call, &routers(place), "items").await
}

/// Returns the routers of a project, in all regions.
pub(crate) async fn everywhere(client: &Client, cx: &Ctx, project: &str) -> Answer<Vec<Value>> {
    let path = format!("{}/aggregated/routers?maxResults=500", compute(project));
    let call = (Service::Compute, "routers.list");
    let places = client.list(cx, call, &path, "items").await?;
    let routers = places
        .into_iter()
        .filter_map(|mut place| match place["routers"].take() {
            Value::Array(routers) => Some(routers),
            _ => None,
        });
    Ok(routers.flatten().collect())
}

/// Returns the region of a router.
pub(crate) fn region(router: &Value) -> Option<&str> {
    router["region"].as_str()?.rsplit('/').next()
}

/// Returns what stands in a router's description in place of labels.
pub(crate) fn pairs(router: &Value) -> labels::Pairs {
    labels::of_description(router["description"].as_str().unwrap_or_default())
}

/// Returns the router that lets nodes of a network out, of those of a region.
pub(crate) fn serving<'a>(routers: &'a [Value], network: &str) -> Option<&'a Value> {
    routers.iter().find(|router| {
        let of = router["network"].as_str().unwrap_or_default();
        of.rsplit('/').next() == Some(network) && has_nat(router)
    })
}

fn has_nat(router: &Value) -> bool {
    router["nats"].as_array().is_some_and(|it| !it.is_empty())
}

/// Describes a router that was read.
pub(crate) fn describe(router: &Value, layout: Option<&NatLayout>) -> (Observed, Option<Tags>) {
    let pairs = pairs(router);
    let (owner, tags, doubt) = labels::judge(&pairs);
    let mut differs = Vec::new();
    if let Some(layout) = layout.filter(|_| owner == Owner::Ours) {
        differs.extend(labels::lifetime(&pairs, layout.lifetime));
        if !has_nat(router) {
            differs.push(Difference {
                field: "google.nat".to_owned(),
                wanted: "true".to_owned(),
                found: "false".to_owned(),
                changeable: true,
            });
        }
    }
    let observed = Observed {
        state: State::Ready,
        owner,
        differs,
        outputs: outputs(router),
        detail: doubt,
        unused: true,
    };
    (observed, tags)
}

fn outputs(router: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    if let Some(network) = router["network"].as_str() {
        let network = network.rsplit('/').next().unwrap_or_default();
        outputs.insert("network".to_owned(), network.to_owned());
    }
    labels::put_times(&mut outputs, &pairs(router));
    outputs
}

async fn get(client: &Client, cx: &Ctx, place: Place<'_>, name: &str) -> Answer<Option<Value>> {
    let call = (Service::Compute, "routers.get");
    client.find(cx, call, &path(place, name)).await
}

/// Reads what there is of a router.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: Option<&NatLayout>,
) -> Result<Observed> {
    match get(client, cx, place, &resource.name).await {
        Ok(Some(router)) => Ok(describe(&router, layout).0),
        Ok(None) => Ok(Observed::missing()),
        // Its project has no such API yet, or is not there yet.
        Err(trouble) if trouble.is_disabled() => Ok(Observed::missing()),
        Err(trouble) => Err(trouble.into()),
    }
}

/// Returns what a router has.
fn nats(place: Place<'_>, layout: &NatLayout) -> Value {
    let mut nat = json!({
        "name": NAT,
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
    });
    // Nothing else in the network is let out where one says which part of it is the cluster's.
    if let Some(subnetwork) = &layout.subnetwork {
        let region = region_of(place.location);
        let name = format!(
            "projects/{}/regions/{region}/subnetworks/{subnetwork}",
            place.project
        );
        let ranges = json!(["ALL_IP_RANGES"]);
        nat["sourceSubnetworkIpRangesToNat"] = json!("LIST_OF_SUBNETWORKS");
        nat["subnetworks"] = json!([{ "name": name, "sourceIpRangesToNat": ranges }]);
    }
    json!([nat])
}

/// Brings the router about, with its NAT.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &NatLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    // APIs that were just enabled, by an earlier run too, do not answer at once.
    let looked = patiently(cx, "the project", || get(client, cx, place, name));
    if let Some(router) = looked.await? {
        return update(client, cx, resource, place, layout, &router).await;
    }
    let tags = labels::for_new(cx, &resource.cluster, layout.lifetime, known);
    let network = format!(
        "projects/{}/global/networks/{}",
        place.project, layout.network
    );
    let body = json!({
        "name": name,
        "description": labels::description(&tags, place.location),
        "network": network,
        "nats": nats(place, layout),
    });
    let to = routers(place);
    let made = patiently(cx, "the project", || {
        let call = (Service::Compute, "routers.insert");
        client.call(cx, call, ("POST", &to), Some(&body))
    });
    let what = format!("creating router {name}");
    match made.await {
        Ok(begun) => operations::compute(client, cx, &begun, &what).await?,
        // An answer was lost.
        Err(trouble) if trouble.is_there() => {}
        Err(trouble) => {
            return Err(Error::from(trouble).context(format!("cannot create router \"{name}\"")));
        }
    }
    let mut backoff = Backoff::new();
    loop {
        match get(client, cx, place, name).await? {
            Some(router) => return Ok((Change::Made, outputs(&router))),
            None => backoff.wait(cx, &what).await?,
        }
    }
}

async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &NatLayout,
    router: &Value,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let there = pairs(router);
    if !labels::is_of(&there, &resource.cluster) {
        return Err(Error::new(
            Fault::Conflict,
            format!(
                "router \"{name}\" is there, and is not cluster \"{}\"'s",
                resource.cluster
            ),
        )
        .hint("choose another name with --cluster, or remove that router yourself"));
    }
    if describe(router, Some(layout)).0.differs.is_empty() {
        return Ok((Change::Unchanged, outputs(router)));
    }
    let tags = labels::again(cx, &resource.cluster, &there, layout.lifetime);
    let home = labels::location(&there).unwrap_or(place.location);
    let mut body = json!({ "description": labels::description(&tags, home) });
    if !has_nat(router) {
        body["nats"] = nats(place, layout);
    }
    let call = (Service::Compute, "routers.patch");
    let begun = client
        .call(cx, call, ("PATCH", &path(place, name)), Some(&body))
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot change router \"{name}\""))
        })?;
    operations::compute(client, cx, &begun, &format!("changing router {name}")).await?;
    let router = get(client, cx, place, name).await?.unwrap_or_default();
    Ok((Change::Updated, outputs(&router)))
}

/// Deletes the router, with its NAT. Absence is success.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
) -> Result<Change> {
    let name = &resource.name;
    let router = match get(client, cx, place, name).await {
        Ok(router) => router,
        Err(trouble) if trouble.is_disabled() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(router) = router else {
        return Ok(Change::Absent);
    };
    if !labels::is_of(&pairs(&router), &resource.cluster) {
        return Ok(Change::Kept);
    }
    let call = (Service::Compute, "routers.delete");
    match client
        .call(cx, call, ("DELETE", &path(place, name)), None)
        .await
    {
        Ok(begun) => {
            operations::compute(client, cx, &begun, &format!("deleting router {name}")).await?;
            Ok(Change::Removed)
        }
        Err(trouble) if trouble.is_missing() => Ok(Change::Removed),
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot delete router \"{name}\"")))
        }
    }
}
