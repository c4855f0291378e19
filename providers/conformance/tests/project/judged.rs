//! What is sent, judged by Google's own discovery documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use windlass_conformance::{Bed, Sent};
use windlass_gcp::{Access, Google};
use windlass_provider::{
    Accelerator, ClusterSpec, Ctx, Driver, GoogleChannel, GoogleDataplane, GoogleMode, Known,
    NodePool, Provider, Scope, Taint, TaintEffect,
};

use super::balancers;
use crate::{Cloud, make};

/// Returns a spec in which all is chosen that can be.
pub(super) fn spec(bed: &Cloud) -> ClusterSpec {
    let mut spec = bed.spec("dot");
    spec.kubernetes_version = Some("1.34".into());
    spec.lifetime = Some(Duration::from_secs(3600));
    spec.node_pools = vec![NodePool {
        name: "gpu".into(),
        max: 1,
        machine: Some("n1-standard-4".into()),
        spot: true,
        zone: Some("us-east1-c".into()),
        labels: BTreeMap::from([("tier".into(), "fast".into())]),
        taints: vec![Taint {
            key: "dedicated".into(),
            value: "gpu".into(),
            effect: TaintEffect::PreferNoSchedule,
        }],
        accelerator: Some(Accelerator {
            kind: "nvidia-tesla-t4".into(),
            count: 1,
            driver: Driver::Latest,
        }),
        ..NodePool::default()
    }];
    let google = &mut spec.google;
    google.location = Some("us-east1".into());
    google.zones = vec!["us-east1-b".into(), "us-east1-c".into()];
    google.project = Some(crate::PROJECT.into());
    google.create_project = true;
    google.parent = Some("folders/1".into());
    google.dataplane = GoogleDataplane::Calico;
    google.private_nodes = true;
    google.spot = true;
    google.disk = Some(64);
    google.network = Some("default".into());
    google.subnetwork = Some("default".into());
    google.allowed_cidrs = vec!["203.0.113.0/24".into()];
    google.identities = ["crossplane", "external-dns", "cert-manager"]
        .map(str::to_owned)
        .into();
    spec
}

/// Lives a life: what is wanted is made, changed and looked at, and goes with what was left behind.
async fn live(cx: &Ctx, bed: &Cloud, google: &Google, mut spec: ClusterSpec) {
    make(cx, google, &spec).await;
    spec.nodes.max += 1;
    spec.lifetime = Some(Duration::from_secs(7200));
    spec.kubernetes_version = Some("1.35".into());
    spec.google.gateway_api = false;
    spec.google.channel = GoogleChannel::Stable;
    spec.google.allowed_cidrs.clear();
    for pool in &mut spec.node_pools {
        (pool.min, pool.max) = (1, 2);
        pool.labels.clear();
        pool.taints.clear();
    }
    make(cx, google, &spec).await;
    google.kubeconfig(cx, &spec.name).await.expect("access");
    google.credential(cx, &spec.name).await.expect("a token");
    google.check_credentials(cx).await;
    bed.leave_behind(spec.name.as_str()).await;
    balancers::leave_all(bed, "gke-dot-default-0a1b2c3d-x1y2").await;
    balancers::leave_usual(bed, "gke-dot-0a1b2c3d-node").await;
    let found = google.discover(cx, Scope::of(&spec.name)).await;
    for item in found.expect("discovery").iter().rev() {
        let seen = google.observe(cx, &item.resource, &Known::new()).await;
        seen.unwrap_or_else(|error| panic!("{}: {error:?}", item.resource.id));
        let gone = google.delete(cx, &item.resource, &Known::new()).await;
        gone.unwrap_or_else(|error| panic!("{}: {error:?}", item.resource.id));
    }
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// Lives a life in a project that windlass makes, with all that can be chosen.
pub(super) async fn live_in_a_project_of_its_own() -> Sent {
    let bed = Cloud(windlass_conformance::Ground::open().await);
    let (cx, sent) = bed.0.recording();
    let google = Google::new(Access {
        create_project: true,
        ..bed.access()
    });
    live(&cx, &bed, &google, spec(&bed)).await;
    sent
}

/// Lives a life in a project that is there, with what can be chosen in it.
pub(super) async fn live_in_a_project_that_is_there(spec: impl Fn(&Cloud) -> ClusterSpec) -> Sent {
    let bed = Cloud::open().await;
    let (cx, sent) = bed.0.recording();
    let google = Google::new(bed.access());
    live(&cx, &bed, &google, spec(&bed)).await;
    sent
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/project/documents.py")
}

/// Each request of lives with all that can be chosen is one that Google's documents know: its path, its query and its body.
#[tokio::test]
async fn the_official_documents_know_each_request_that_is_sent() {
    let note = "nobody judged what is sent to Google Cloud";
    let Some(python) = windlass_conformance::python("WINDLASS_TEST_GOOGLE", note) else {
        return;
    };
    let there = live_in_a_project_that_is_there(|bed| ClusterSpec {
        google: Default::default(),
        ..spec(bed)
    });
    let autopilot = live_in_a_project_that_is_there(|bed| {
        let mut spec = bed.spec("dot");
        spec.kubernetes_version = Some("1.34".into());
        spec.google.mode = GoogleMode::Autopilot;
        spec.google.location = Some("us-east1".into());
        spec
    });
    let all: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let whole = live_in_a_project_of_its_own();
    let lines = [whole.await, there.await, autopilot.await].map(|sent| sent.lines(&all));
    let told = windlass_conformance::judge(&python, &script(), &lines.join("\n"));
    let told = told.unwrap_or_else(|wrong| panic!("{wrong}"));
    let told: BTreeSet<&str> = told.lines().collect();
    for call in [
        "cloudbilling.projects.updateBillingInfo",
        "cloudresourcemanager.projects.create",
        "cloudresourcemanager.projects.delete",
        "cloudresourcemanager.projects.getEffectiveOrgPolicy",
        "cloudresourcemanager.projects.setIamPolicy",
        "cloudresourcemanager.projects.testIamPermissions",
        "compute.disks.delete",
        "compute.globalForwardingRules.delete",
        "compute.instanceGroups.listInstances",
        "compute.networkEndpointGroups.listNetworkEndpoints",
        "compute.routers.delete",
        "compute.routers.insert",
        "compute.routers.patch",
        "compute.targetPools.delete",
        "compute.regions.get",
        "container.projects.locations.clusters.create",
        "container.projects.locations.clusters.delete",
        "container.projects.locations.clusters.setResourceLabels",
        "container.projects.locations.clusters.update",
        "container.projects.locations.clusters.nodePools.create",
        "container.projects.locations.clusters.nodePools.delete",
        "container.projects.locations.clusters.nodePools.setAutoscaling",
        "container.projects.locations.clusters.nodePools.update",
        "container.projects.locations.operations.get",
        "iam.projects.serviceAccounts.create",
        "iam.projects.serviceAccounts.delete",
        "iam.projects.serviceAccounts.patch",
        "iam.projects.serviceAccounts.setIamPolicy",
        "serviceusage.services.batchEnable",
    ] {
        assert!(told.contains(call), "{call} was not sent: {told:?}");
    }
}
/// The judge finds each kind of flaw that a request can have.
#[test]
fn the_official_documents_tell_what_is_wrong() {
    let note = "nobody looked whether requests to Google Cloud can be judged";
    let Some(python) = windlass_conformance::python("WINDLASS_TEST_GOOGLE", note) else {
        return;
    };
    let place = "container/v1/projects/p-1/locations/us-east1";
    let pool = format!("{place}/clusters/dot/nodePools");
    let account = "iam/v1/projects/p-1/serviceAccounts/a";
    let judge = |method: &str, path: &str, body: serde_json::Value| {
        let path = format!("http://127.0.0.1:1/google/{path}");
        let line = json!({ "method": method, "path": path, "body": body }).to_string();
        windlass_conformance::judge(&python, &script(), &line)
    };
    let right = json!({ "nodePool": { "name": "a", "initialNodeCount": 1 } });
    assert!(judge("POST", &pool, right.clone()).is_ok());
    for (method, path, body, said) in [
        ("PATCH", pool.as_str(), right.clone(), "no such call"),
        (
            "POST",
            &format!("{pool}?dryRun=true"),
            right,
            "no parameter dryRun",
        ),
        ("POST", &pool, json!(null), "a body is wanted"),
        ("POST", &pool, json!({}), "wants nodePool"),
        (
            "POST",
            &pool,
            json!({ "nodePool": { "nmae": "a" } }),
            "has no nmae",
        ),
        (
            "POST",
            &pool,
            json!({ "nodePool": { "initialNodeCount": "1" } }),
            "is no integer",
        ),
        (
            "POST",
            &pool,
            json!({ "nodePool": { "status": "RUNNING" } }),
            "only Google says it",
        ),
        (
            "POST",
            &pool,
            json!({ "nodePool": { "config": { "taints": [{ "effect": "NoSchedule" }] } } }),
            "is none of",
        ),
        ("GET", &pool, json!({}), "no body is taken"),
        (
            "PATCH",
            account,
            json!({ "serviceAccount": {}, "updateMask": "colour" }),
            "has no colour",
        ),
        (
            "GET",
            "compute/compute/v1/projects/p-1/zones?maxResults=many",
            json!(null),
            "no whole number",
        ),
        (
            "GET",
            "compute/compute/v1/projects/p-1/regions/US_EAST",
            json!(null),
            "is not of",
        ),
    ] {
        let wrong = judge(method, path, body.clone()).expect_err("a flaw");
        assert!(wrong.contains(said), "{method} {path} {body}: {wrong}");
    }
}
