//! The way out of nodes that have no addresses of the internet.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use windlass_conformance::Bed;
use windlass_gcp::Google;
use windlass_provider::{
    Change, Check, ClusterSpec, Ctx, Fault, Found, Known, Provider, Resource, Scope, Verdict,
};

use crate::{Cloud, PROJECT, make};

const REGION: &str = "regions/us-east1";

fn private(bed: &Cloud, name: &str) -> ClusterSpec {
    let mut spec = bed.spec(name);
    spec.google.private_nodes = true;
    spec
}

async fn plan(cx: &Ctx, google: &Google, spec: &ClusterSpec) -> Vec<Resource> {
    let facts = google.facts(cx, spec).await.expect("facts");
    google.resources(spec, &facts).expect("a plan")
}

fn ids(plan: &[Resource]) -> Vec<&str> {
    plan.iter().map(|it| it.id.as_str()).collect()
}

/// Returns what is checked of the way out.
async fn way(cx: &Ctx, google: &Google, spec: &ClusterSpec) -> Check {
    let facts = google.facts(cx, spec).await.expect("facts");
    let checks = google.preflight(cx, spec, &facts).await;
    let mut found = checks
        .into_iter()
        .filter(|it| it.name == "way out of private nodes");
    found.next().expect("a check")
}

async fn discover(cx: &Ctx, google: &Google, spec: &ClusterSpec) -> Vec<Found> {
    let found = google.discover(cx, Scope::of(&spec.name)).await;
    found.expect("discovery")
}

async fn unmake(cx: &Ctx, google: &Google, spec: &ClusterSpec) {
    for item in discover(cx, google, spec).await.iter().rev() {
        let gone = google.delete(cx, &item.resource, &Known::new()).await;
        assert_eq!(
            gone.expect("a deletion"),
            Change::Removed,
            "{}",
            item.resource.id
        );
    }
}

/// Makes a router as somebody else would.
async fn router(bed: &Cloud, name: &str, nats: Value) {
    let network = format!("projects/{PROJECT}/global/networks/default");
    let router = json!({ "name": name, "network": network, "nats": nats });
    bed.compute(REGION, "routers", &router).await;
}

fn nat() -> Value {
    json!([{
        "name": "theirs", "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
    }])
}

async fn routers(bed: &Cloud) -> Value {
    let path = format!("compute/compute/v1/projects/{PROJECT}/{REGION}/routers");
    bed.call("GET", &path, &Value::Null).await["items"].take()
}

#[tokio::test]
async fn private_nodes_have_a_way_out_that_comes_and_goes_with_their_cluster() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let mut spec = private(&bed, "dot");
    spec.lifetime = Some(Duration::from_secs(3600));
    let planned = plan(&cx, &google, &spec).await;
    assert_eq!(ids(&planned), ["account-nodes", "nat", "cluster"]);
    assert!(
        planned[2].needs.contains(&planned[1].id),
        "{:?}",
        planned[2].needs
    );
    let told = way(&cx, &google, &spec).await;
    assert_eq!(told.verdict, Verdict::Passed);
    assert!(told.detail.contains("windlass-dot"), "{}", told.detail);

    // An answer that is lost makes no second one.
    bed.0
        .inject("[[cloud]]\nprovider = \"google\"\naction = \"routers.insert\"\ncount = 1\nreset = \"after\"\n")
        .await;
    make(&cx, &google, &spec).await;
    bed.calm().await;
    let made = routers(&bed).await;
    let nats = made[0]["nats"][0]["sourceSubnetworkIpRangesToNat"].as_str();
    assert_eq!(nats, Some("ALL_SUBNETWORKS_ALL_IP_RANGES"), "{made}");
    let tags = &bed.list().await["router windlass-dot"];
    assert_eq!(tags["windlass-cluster"], "dot");
    let cluster = &bed.list().await["GKE cluster dot"];
    for key in ["windlass-created", "windlass-expires"] {
        assert_eq!(tags[key], cluster[key], "{key}");
    }

    // What is read off it asks for no change, and what differs is brought into line.
    let found = discover(&cx, &google, &spec).await;
    let same = google.as_found(&spec, &found);
    assert!(same.google.nat);
    let changes = make(&cx, &google, &same).await;
    assert!(
        changes.iter().all(|it| it.1 == Change::Unchanged),
        "{changes:?}"
    );
    let path = format!("compute/compute/v1/projects/{PROJECT}/{REGION}/routers/windlass-dot");
    bed.call("PATCH", &path, &json!({ "nats": [] })).await;
    let planned = plan(&cx, &google, &spec).await;
    let seen = google.observe(&cx, &planned[1], &Known::new()).await;
    assert_eq!(seen.expect("a look").differs[0].field, "google.nat");
    spec.lifetime = Some(Duration::from_secs(7200));
    let changes = make(&cx, &google, &spec).await;
    assert!(
        changes.contains(&("nat".to_owned(), Change::Updated)),
        "{changes:?}"
    );
    assert_eq!(routers(&bed).await[0]["nats"][0]["name"], "nat");
    let changes = make(&cx, &google, &spec).await;
    assert!(
        changes.iter().all(|it| it.1 == Change::Unchanged),
        "{changes:?}"
    );

    // It goes after the cluster whose nodes it lets out.
    let order: Vec<String> = discover(&cx, &google, &spec)
        .await
        .iter()
        .map(|it| it.resource.id.to_string())
        .collect();
    assert_eq!(order, ["account-nodes", "nat", "cluster"]);
    unmake(&cx, &google, &spec).await;
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// One that was there is used and stays; one that another cluster of windlass's brought is used, too, and that is told.
#[tokio::test]
async fn a_network_that_has_a_way_out_gets_no_second_one() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let dot = private(&bed, "dot");
    make(&cx, &google, &dot).await;
    let other = private(&bed, "dot-2");
    assert_eq!(
        ids(&plan(&cx, &google, &other).await),
        ["account-nodes", "cluster"]
    );
    let told = way(&cx, &google, &other).await;
    assert_eq!(told.verdict, Verdict::Warning);
    assert!(
        told.detail.contains("goes with cluster dot"),
        "{}",
        told.detail
    );
    assert!(told.hints[0].contains("destroy dot after"), "{told:?}");
    make(&cx, &google, &other).await;
    unmake(&cx, &google, &dot).await;
    // The next run makes one of its own.
    let changes = make(&cx, &google, &other).await;
    assert!(
        changes.contains(&("nat".to_owned(), Change::Made)),
        "{changes:?}"
    );
    unmake(&cx, &google, &other).await;

    router(&bed, "theirs", nat()).await;
    assert_eq!(
        ids(&plan(&cx, &google, &dot).await),
        ["account-nodes", "cluster"]
    );
    let told = way(&cx, &google, &dot).await;
    assert_eq!(told.verdict, Verdict::Passed);
    assert!(
        told.detail.contains("router theirs has a NAT"),
        "{}",
        told.detail
    );
    make(&cx, &google, &dot).await;
    let found = discover(&cx, &google, &dot).await;
    assert!(!google.as_found(&dot, &found).google.nat);
    unmake(&cx, &google, &dot).await;
    let left: Vec<String> = bed.list().await.into_keys().collect();
    assert_eq!(left, ["router theirs"]);
}

/// Who wants no way out gets none, and is told what that means; a router of that name that somebody else made is not touched.
#[tokio::test]
async fn nobody_gets_a_way_out_against_their_will_or_by_another_s_router() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let mut spec = private(&bed, "dot");
    spec.google.nat = false;
    assert_eq!(
        ids(&plan(&cx, &google, &spec).await),
        ["account-nodes", "cluster"]
    );
    let told = way(&cx, &google, &spec).await;
    assert_eq!(told.verdict, Verdict::Warning);
    assert!(told.hints[0].contains("nat = true"), "{told:?}");
    assert_eq!(
        ids(&plan(&cx, &google, &bed.spec("dot")).await),
        ["account-nodes", "cluster"]
    );

    spec.google.nat = true;
    router(&bed, "windlass-dot", json!([])).await;
    let planned = plan(&cx, &google, &spec).await;
    let refused = google.ensure(&cx, &planned[1], &Known::new()).await;
    let refused = refused.expect_err("another's router");
    assert_eq!(refused.fault, Fault::Conflict, "{refused:?}");
    assert!(refused.hints[0].contains("--cluster"), "{refused:?}");
    let kept = google.delete(&cx, &planned[1], &Known::new()).await;
    assert_eq!(kept.expect("no deletion"), Change::Kept);
    assert!(bed.list().await.contains_key("router windlass-dot"));
}
