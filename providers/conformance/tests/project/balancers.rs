//! Load balancers that no firewall rule leads to: they are known by the nodes that they name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use windlass_conformance::Bed;
use windlass_gcp::Google;
use windlass_provider::{Change, ClusterSpec, Ctx, Found, Known, Owner, Provider, Scope};

use crate::{Cloud, PLACE, PROJECT, make};

const REGION: &str = "regions/us-east1";
const ZONE: &str = "zones/us-east1-b";

fn link(path: &str) -> String {
    format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/{path}")
}

/// Makes a cluster, and returns one of its nodes.
async fn cluster(cx: &Ctx, bed: &Cloud, google: &Google, name: &str) -> (ClusterSpec, String) {
    let mut spec = bed.spec(name);
    spec.google.location = Some(PLACE.into());
    make(cx, google, &spec).await;
    let path = format!("clusters/{name}");
    let told = bed.container("GET", &path, &Value::Null).await;
    let group = told["nodePools"][0]["instanceGroupUrls"][0].as_str();
    let group = group.expect("a group").rsplit('/').next().expect("a name");
    (
        spec,
        format!("{}-x1y2", group.strip_suffix("-grp").expect("a group")),
    )
}

/// Makes what the cloud provider makes for a Service, all but its firewall rule.
async fn of_service(bed: &Cloud, name: &str, node: &str) {
    let about = json!({ "kubernetes.io/service-name": "default/web" }).to_string();
    let pool = json!({
        "name": name, "description": about, "instances": [link(&format!("{ZONE}/instances/{node}"))],
    });
    bed.compute(REGION, "targetPools", &pool).await;
    let address = json!({ "name": name, "description": about });
    bed.compute(REGION, "addresses", &address).await;
    let look = json!({ "name": format!("k8s-{name}-http-hc"), "port": 80 });
    bed.compute("global", "httpHealthChecks", &look).await;
    let target = link(&format!("{REGION}/targetPools/{name}"));
    let rule = json!({ "name": name, "description": about, "target": target });
    bed.compute(REGION, "forwardingRules", &rule).await;
}

/// Makes what GKE's controller makes for an Ingress: its front carries another mark than its back.
async fn of_ingress(bed: &Cloud, (front, back): (&str, &str), node: &str) {
    let back_name = format!("k8s1-{back}-default-web-80-0a0b0c0d");
    let front_name = |kind: &str| format!("k8s2-{kind}-{front}-default-web-0a0b0c0d");
    let group = json!({ "name": back_name, "networkEndpointType": "GCE_VM_IP_PORT" });
    bed.compute(ZONE, "networkEndpointGroups", &group).await;
    let pod =
        json!({ "networkEndpoints": [{ "instance": node, "ipAddress": "10.0.0.2", "port": 80 }] });
    let path = format!("networkEndpointGroups/{back_name}/attachNetworkEndpoints");
    bed.compute(ZONE, &path, &pod).await;
    let look = json!({ "name": back_name, "type": "HTTP" });
    bed.compute("global", "healthChecks", &look).await;
    let service = json!({
        "name": back_name, "healthChecks": [link(&format!("global/healthChecks/{back_name}"))],
        "backends": [{ "group": link(&format!("{ZONE}/networkEndpointGroups/{back_name}")) }],
    });
    bed.compute("global", "backendServices", &service).await;
    let service = link(&format!("global/backendServices/{back_name}"));
    let map = json!({ "name": front_name("um"), "defaultService": service });
    bed.compute("global", "urlMaps", &map).await;
    let certificate = json!({ "name": front_name("cr"), "type": "SELF_MANAGED" });
    bed.compute("global", "sslCertificates", &certificate).await;
    let proxy = json!({
        "name": front_name("ts"), "urlMap": link(&format!("global/urlMaps/{}", front_name("um"))),
        "sslCertificates": [link(&format!("global/sslCertificates/{}", front_name("cr")))],
    });
    bed.compute("global", "targetHttpsProxies", &proxy).await;
    let target = link(&format!("global/targetHttpsProxies/{}", front_name("ts")));
    let rule = json!({ "name": front_name("fr"), "target": target });
    bed.compute("global", "forwardingRules", &rule).await;
}

/// Makes the group of nodes that older load balancers lead to.
async fn of_group(bed: &Cloud, uid: &str, node: &str) {
    let name = format!("k8s-ig--{uid}");
    let group = json!({ "name": name });
    bed.compute(ZONE, "instanceGroups", &group).await;
    let node = json!({ "instances": [{ "instance": link(&format!("{ZONE}/instances/{node}")) }] });
    let path = format!("instanceGroups/{name}/addInstances");
    bed.compute(ZONE, &path, &node).await;
}

/// Makes what GKE's controller makes for a Service that only those within the network reach.
async fn of_internal_service(bed: &Cloud, mark: &str) {
    let name = format!("k8s2-{mark}-default-inner-0a0b0c0d");
    let look = json!({ "name": name, "type": "HTTP" });
    bed.compute(REGION, "healthChecks", &look).await;
    let service = json!({
        "name": name, "healthChecks": [link(&format!("{REGION}/healthChecks/{name}"))], "loadBalancingScheme": "INTERNAL",
    });
    bed.compute(REGION, "backendServices", &service).await;
    let service = link(&format!("{REGION}/backendServices/{name}"));
    let rule = json!({ "name": name, "backendService": service });
    bed.compute(REGION, "forwardingRules", &rule).await;
}

/// Makes one of each.
pub(super) async fn leave_all(bed: &Cloud, node: &str) {
    of_service(bed, OURS, node).await;
    of_ingress(bed, ("aaaaaaaa", "bbbbbbbb"), node).await;
    of_group(bed, "0123456789abcdef", node).await;
    of_internal_service(bed, "bbbbbbbb").await;
}

/// Makes what most have besides: a firewall rule that leads to nodes, and what ends HTTP.
pub(super) async fn leave_usual(bed: &Cloud, tag: &str) {
    let rule = json!({
        "name": format!("k8s-fw-{OURS}"), "network": link("global/networks/default"), "targetTags": [tag],
        "allowed": [{ "IPProtocol": "tcp" }],
    });
    bed.compute("global", "firewalls", &rule).await;
    let map = link("global/urlMaps/k8s2-um-aaaaaaaa-default-web-0a0b0c0d");
    let proxy = json!({ "name": "k8s2-tp-aaaaaaaa-default-web-0a0b0c0d", "urlMap": map });
    bed.compute("global", "targetHttpProxies", &proxy).await;
}

/// Returns what there is of the compute API, by its names.
async fn there(bed: &Cloud) -> BTreeSet<String> {
    let assets = bed.0.ask("assets").await;
    let assets = assets.as_array().expect("a list").iter();
    let of_compute = assets.filter(|it| {
        let kind = it["kind"].as_str().unwrap_or_default();
        !["cluster", "node-pool", "service-account"]
            .map(|it| format!("google:{it}"))
            .contains(&kind.to_owned())
    });
    let names = of_compute.map(|it| it["name"].as_str().unwrap_or_default().to_owned());
    names.collect()
}

async fn find(cx: &Ctx, google: &Google, spec: &ClusterSpec) -> Vec<Found> {
    let found = google.discover(cx, Scope::of(&spec.name)).await;
    found.expect("discovery")
}

async fn delete(cx: &Ctx, google: &Google, found: &[Found]) {
    for item in found.iter().rev() {
        let gone = google.delete(cx, &item.resource, &Known::new()).await;
        let gone = gone.unwrap_or_else(|error| panic!("{}: {error:?}", item.resource.id));
        assert_eq!(gone, Change::Removed, "{}", item.resource.id);
    }
}

const OURS: &str = "a0123456789abcdef0123456789abcde";
const THEIRS: &str = "afedcba9876543210fedcba987654321";

/// What names the cluster's nodes goes, with all that hangs on it; what names another's stays, and so does what somebody else let lead
/// there.
#[tokio::test]
async fn load_balancers_without_a_firewall_rule_are_known_by_their_nodes() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let (spec, node) = cluster(&cx, &bed, &google, "dot").await;
    let (other, others) = cluster(&cx, &bed, &google, "dot-2").await;
    of_service(&bed, THEIRS, &others).await;
    of_ingress(&bed, ("cccccccc", "dddddddd"), &others).await;
    of_group(&bed, "fedcba9876543210", &others).await;
    let before = there(&bed).await;
    leave_all(&bed, &node).await;
    let made = there(&bed).await.difference(&before).count();

    let found = find(&cx, &google, &spec).await;
    assert!(
        found.iter().all(|it| it.observed.owner == Owner::Ours),
        "{found:#?}"
    );
    let kinds: BTreeSet<&str> = found.iter().map(|it| it.resource.kind.as_str()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([
            "GKE cluster",
            "HTTP health check",
            "HTTPS proxy",
            "SSL certificate",
            "URL map",
            "address",
            "backend service",
            "forwarding rule",
            "health check",
            "instance group",
            "network endpoint group",
            "service account",
            "target pool",
        ])
    );
    let rule = found.iter().find(|it| it.resource.name == OURS);
    assert_eq!(
        rule.expect("one").observed.outputs["service"],
        "default/web"
    );
    let left = found
        .iter()
        .filter(|it| !["GKE cluster", "service account"].contains(&&*it.resource.kind));
    let names: BTreeSet<&str> = left.map(|it| it.resource.name.as_str()).collect();
    assert_eq!(names.len(), made, "{names:?}");
    delete(&cx, &google, &found).await;
    assert_eq!(there(&bed).await, before);

    // The other one's are still told from those of the one that went.
    assert_eq!(find(&cx, &google, &spec).await, []);
    delete(&cx, &google, &find(&cx, &google, &other).await).await;
    assert_eq!(there(&bed).await, BTreeSet::new());
}

/// When its cluster is gone, the name of a node is all that there is: it proves whose it was where it can be read in one way.
#[tokio::test]
async fn of_a_cluster_that_is_gone_only_what_is_proven_is_deleted() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    for (name, owner) in [("dot", Owner::Ours), ("dot-a", Owner::Unproven)] {
        let (spec, node) = cluster(&cx, &bed, &google, name).await;
        of_service(&bed, OURS, &node).await;
        // Somebody deleted the cluster by hand.
        let begun = bed
            .container("DELETE", &format!("clusters/{name}"), &Value::Null)
            .await;
        bed.done(&begun).await;
        let found = find(&cx, &google, &spec).await;
        let (accounts, left): (Vec<Found>, Vec<Found>) = found
            .into_iter()
            .partition(|it| it.resource.kind == "service account");
        assert_eq!((accounts.len(), left.len()), (1, 4));
        for item in &left {
            assert_eq!(item.observed.owner, owner, "{item:?}");
            let told = item.observed.detail.as_deref().unwrap_or_default();
            assert_eq!(
                told.contains("may be those of dot-a"),
                owner == Owner::Unproven,
                "{told}"
            );
        }
        delete(&cx, &google, &left).await;
        delete(&cx, &google, &accounts).await;
        assert_eq!(there(&bed).await, BTreeSet::new());
    }
}
