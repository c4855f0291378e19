//! What is looked at and asked for around a cluster: what would fail later, registrations, Flux's extension, and deleted key vaults.

use serde_json::{Value, json};
use windlass_conformance::Bed;
use windlass_provider::{
    Change, ClusterSpec, Ctx, Fault, Found, Known, NodePool, SOFT_DELETED, Scope, State, Verdict,
};

use crate::{Cloud, pool};

/// What a subscription lacks is told before the first change, by its name.
#[tokio::test]
async fn preflight_tells_what_would_fail_later() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let failed = async |spec: &ClusterSpec| -> Vec<String> {
        let provider = bed.provider();
        let facts = provider.facts(&cx, spec).await.expect("facts");
        let checks = provider.preflight(&cx, spec, &facts).await;
        let failed = checks
            .into_iter()
            .filter(|it| it.verdict == Verdict::Failed);
        failed
            .inspect(|it| assert!(!it.hints.is_empty(), "{it:?}"))
            .map(|it| it.detail)
            .collect()
    };
    let mut spec = bed.spec("dot");
    assert_eq!(failed(&spec).await, [] as [String; 0]);
    spec.nodes.min = 40;
    spec.nodes.max = 40;
    let told = failed(&spec).await;
    assert!(told[0].contains("80 more vCPUs are wanted"), "{told:?}");
    let mut spec = bed.spec("dot");
    spec.azure.machine = Some("Standard_ND96asr_v4".into());
    assert!(failed(&spec).await[0].contains("NotAvailableForSubscription"));
    let mut spec = bed.spec("dot");
    spec.node_pools = vec![NodePool {
        machine: Some("Standard_NC4as_T4_v3".into()),
        zone: Some("2".into()),
        ..pool("gpu")
    }];
    assert!(failed(&spec).await[0].contains("in zone 2"));
    let mut spec = bed.spec("dot");
    spec.kubernetes_version = Some("1.33".into());
    assert!(failed(&spec).await[0].contains("premium"));
    spec.kubernetes_version = Some("1.36.9".into());
    assert!(failed(&spec).await[0].contains("1.36.9"));
    bed.others.make_named_group(&cx, "windlass-dot").await;
    let told = failed(&bed.spec("dot")).await;
    assert!(told[0].contains("windlass did not make it"), "{told:?}");
    bed.ground
        .inject("[[cloud]]\naction = \"Microsoft.ContainerService/managedClusters/write\"\nstatus = 403\n")
        .await;
    let told = failed(&bed.spec("other")).await;
    assert!(
        told[0].contains("you may not Microsoft.ContainerService/managedClusters/write"),
        "{told:?}"
    );
}

/// A subscription that has not registered what is needed registers it first.
#[tokio::test]
async fn resource_providers_are_registered_as_a_step() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let path = "/providers/Microsoft.ContainerService/unregister";
    bed.others.change(&cx, "POST", path, Value::Null).await;
    let spec = bed.spec("dot");
    let provider = bed.provider();
    let facts = provider.facts(&cx, &spec).await.expect("facts");
    let planned = provider.resources(&spec, &facts).expect("a plan");
    assert_eq!(planned[0].name, "Microsoft.ContainerService");
    assert_eq!(planned[1].needs, [planned[0].id.clone()]);
    let seen = provider.observe(&cx, &planned[0], &Known::new()).await;
    assert_eq!(seen.expect("it").state, State::Missing);
    let made = provider.ensure(&cx, &planned[0], &Known::new()).await;
    assert_eq!(made.expect("it").0, Change::Made);
    let seen = provider.observe(&cx, &planned[0], &Known::new()).await;
    assert_eq!(seen.expect("it").state, State::Ready);
    bed.make(&cx, &spec).await.expect("a cluster");
}

async fn found(bed: &Cloud, cx: &Ctx, id: &str) -> Option<Found> {
    let found = bed.provider().discover(cx, Scope::all()).await;
    let mut found = found.expect("discovery").into_iter();
    found.find(|it| it.resource.id.as_str() == id)
}

/// Flux as an extension is made after the nodes, found again, asked for once more where it failed, and explained where it fails for good.
#[tokio::test]
async fn flux_comes_as_an_extension() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.azure.flux_extension = true;
    let fault = |count: u32| {
        format!(
            "[[cloud]]\naction = \"Microsoft.KubernetesConfiguration/extensions/write\"\ncount = {count}\nfails = \"ExtensionOperationFailed: no room\"\n"
        )
    };
    bed.ground.inject(&fault(2)).await;
    let error = bed.make(&cx, &spec).await.expect_err("a failure");
    assert_eq!(error.fault, Fault::Failed);
    assert!(
        error
            .to_line()
            .contains("the Flux extension of dot does not work: no room"),
        "{error:?}"
    );
    assert!(error.hints.iter().any(|it| it.contains("flux-extension")));
    bed.ground.inject(&fault(1)).await;
    bed.make(&cx, &spec)
        .await
        .expect("a cluster, at the second try");
    let flux = found(&bed, &cx, "flux-extension").await.expect("Flux");
    assert_eq!(flux.observed.state, State::Ready);
    let provider = bed.provider();
    let all = provider.discover(&cx, Scope::all()).await.expect("all");
    assert!(
        provider
            .as_found(&bed.spec("dot"), &all)
            .azure
            .flux_extension
    );
    let changes = bed.make(&cx, &spec).await.expect("the same");
    assert!(changes.iter().all(|it| *it == Change::Unchanged));
    let gone = provider.delete(&cx, &flux.resource, &Known::new()).await;
    assert_eq!(gone.expect("it"), Change::Removed);
    assert!(found(&bed, &cx, "flux-extension").await.is_none());
    let gone = provider.delete(&cx, &flux.resource, &Known::new()).await;
    assert_eq!(gone.expect("nothing"), Change::Absent);
    bed.unmake(&cx).await;
}

/// A key vault that was deleted in the cluster's group, or with its tag, is found and can be purged, unless it is protected; those of others
/// are nobody's business.
#[tokio::test]
async fn deleted_key_vaults_are_found_and_purged() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    bed.make(&cx, &bed.spec("dot")).await.expect("a cluster");
    bed.others.make_group(&cx).await;
    for (group, name, tags, protected) in [
        ("windlass-dot", "kv-own", json!({}), false),
        (
            "theirs",
            "kv-tagged",
            json!({"windlass-cluster": "dot"}),
            false,
        ),
        (
            "theirs",
            "kv-safe",
            json!({"windlass-cluster": "dot"}),
            true,
        ),
        ("theirs", "kv-theirs", json!({}), false),
    ] {
        let path = format!("/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}");
        let body = json!({
            "location": "eastus", "tags": tags,
            "properties": { "tenantId": crate::subscription::TENANT, "sku": { "family": "A", "name": "standard" }, "enablePurgeProtection": protected },
        });
        bed.others.change(&cx, "PUT", &path, body).await;
        bed.others.change(&cx, "DELETE", &path, Value::Null).await;
    }
    let provider = bed.provider();
    let all = provider.discover(&cx, Scope::all()).await.expect("all");
    let vaults: Vec<&Found> = all
        .iter()
        .filter(|it| it.resource.kind == SOFT_DELETED)
        .collect();
    let names: Vec<&str> = vaults.iter().map(|it| it.resource.name.as_str()).collect();
    assert_eq!(names, ["kv-own", "kv-safe", "kv-tagged"]);
    assert!(
        vaults
            .iter()
            .all(|it| it.observed.outputs.contains_key("recoverable-until"))
    );
    for vault in vaults {
        let gone = provider.delete(&cx, &vault.resource, &Known::new()).await;
        match vault.observed.outputs.contains_key("purge-protected") {
            true => assert!(gone.expect_err("a refusal").to_line().contains("protected")),
            false => assert_eq!(gone.expect("it"), Change::Removed),
        }
    }
    let left = bed.assets("azure:deleted-vault").await;
    let mut left: Vec<&str> = left.iter().filter_map(|it| it["name"].as_str()).collect();
    left.sort_unstable();
    assert_eq!(left, ["kv-safe", "kv-theirs"]);
    // A subscription that never had any has nothing to tell.
    let path = "/providers/Microsoft.KeyVault/unregister";
    bed.others.change(&cx, "POST", path, Value::Null).await;
    let all = provider.discover(&cx, Scope::all()).await.expect("all");
    assert!(all.iter().all(|it| it.resource.kind != SOFT_DELETED));
}
