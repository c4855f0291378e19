//! What is told before the first change, and what is waited for only so long.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_conformance::{Bed, Ground};
use windlass_gcp::{Access, Google};
use windlass_provider::{
    Accelerator, Check, ClusterSpec, Ctx, Fault, Known, NodePool, Provider, Verdict,
};

use crate::{Cloud, PROJECT};

async fn failed(cx: &Ctx, google: &Google, spec: &ClusterSpec) -> Vec<Check> {
    let facts = google.facts(cx, spec).await.expect("facts");
    let checks = google.preflight(cx, spec, &facts).await.into_iter();
    let failed = checks.filter(|it| it.verdict == Verdict::Failed);
    failed
        .inspect(|it| assert!(!it.hints.is_empty(), "{it:?}"))
        .collect()
}

async fn none_fails(cx: &Ctx, google: &Google, spec: &ClusterSpec) {
    let told = failed(cx, google, spec).await;
    assert!(told.is_empty(), "{told:?}");
}

fn gpu(machine: &str, kind: &str, count: u32) -> NodePool {
    NodePool {
        name: "gpu".into(),
        max: 1,
        machine: Some(machine.into()),
        zone: Some("us-east1-b".into()),
        accelerator: Some(Accelerator {
            kind: kind.into(),
            count,
            driver: Default::default(),
        }),
        ..NodePool::default()
    }
}

/// What a project lacks is told before the first change, by its name.
#[tokio::test]
async fn preflight_tells_what_would_fail_later() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let spec = bed.spec("dot");
    none_fails(&cx, &google, &spec).await;

    let mut many = bed.spec("dot");
    (many.nodes.min, many.nodes.max) = (40, 40);
    let told = failed(&cx, &google, &many).await;
    let quotas: Vec<&str> = told.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(quotas, ["quota CPUS", "quota IN_USE_ADDRESSES"]);
    assert!(
        told[0].detail.contains("80 more are wanted, 0 of 72"),
        "{told:?}"
    );
    // Nodes without addresses of their own share one.
    many.google.private_nodes = true;
    let told = failed(&cx, &google, &many).await;
    assert_eq!(told.len(), 1, "{told:?}");

    let mut gpus = bed.spec("dot");
    gpus.node_pools = vec![gpu("n1-standard-4", "nvidia-tesla-t4", 2)];
    let told = failed(&cx, &google, &gpus).await;
    let quotas: Vec<&str> = told.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(quotas, ["quota GPUS_ALL_REGIONS", "quota NVIDIA_T4_GPUS"]);
    assert!(told[0].detail.contains("in all regions"), "{told:?}");
    gpus.node_pools = vec![gpu("n1-standard-4", "nvidia-tesla-t4", 1)];
    none_fails(&cx, &google, &gpus).await;

    // Spot VMs have no quota of their own here, and share that of the others; that of newer ones is told elsewhere.
    gpus.node_pools[0].spot = true;
    none_fails(&cx, &google, &gpus).await;
    gpus.node_pools = vec![gpu("n1-standard-4", "nvidia-tesla-t4", 4)];
    gpus.node_pools[0].spot = true;
    let told = failed(&cx, &google, &gpus).await;
    let quotas: Vec<&str> = told.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(quotas, ["quota NVIDIA_T4_GPUS"]);
    gpus.node_pools = vec![gpu("a3-ultragpu-8g", "nvidia-h200-141gb", 8)];
    let facts = google.facts(&cx, &gpus).await.expect("facts");
    let told = google.preflight(&cx, &gpus, &facts).await;
    let newer = told
        .iter()
        .find(|it| it.name == "quota NVIDIA_H200_141GB_GPUS");
    let newer = newer.expect("a check of newer GPUs");
    assert_eq!(newer.verdict, Verdict::Skipped);
    assert!(newer.hints[0].contains("iam-admin/quotas"), "{newer:?}");

    let mut machine = bed.spec("dot");
    machine.google.machine = Some("e9-standard-2".into());
    let told = failed(&cx, &google, &machine).await;
    assert!(told[0].detail.contains("has no e9-standard-2"), "{told:?}");
    let mut version = bed.spec("dot");
    version.kubernetes_version = Some("1.36.99".into());
    let told = failed(&cx, &google, &version).await;
    assert!(told[0].detail.contains("no Kubernetes 1.36.99"), "{told:?}");
    let mut network = bed.spec("dot");
    network.google.network = Some("nowhere".into());
    let told = failed(&cx, &google, &network).await;
    assert!(
        told[0].detail.contains("no network \"nowhere\""),
        "{told:?}"
    );

    bed.make_foreign("taken").await;
    let taken = bed.spec("taken");
    let facts = google.facts(&cx, &taken).await.expect("facts");
    let told = google.preflight(&cx, &taken, &facts).await;
    let name = told.iter().find(|it| it.name == "cluster name \"taken\"");
    let name = name.expect("a check of the name");
    assert_eq!(name.verdict, Verdict::Warning);
    assert!(name.detail.contains("windlass did not make it"), "{name:?}");
}

/// A policy that would refuse what is wanted is named, with what to write; one that is about something else is no matter.
#[tokio::test]
async fn policies_of_an_organisation_are_told_before_the_first_change() {
    let list = |values: Value| json!({ "listPolicy": values });
    let enforced = || json!({ "booleanPolicy": { "enforced": true } });
    for (constraint, policy, private, hint) in [
        (
            "iam.disableServiceAccountCreation",
            enforced(),
            None,
            "exception",
        ),
        (
            "compute.vmExternalIpAccess",
            list(json!({ "allValues": "DENY" })),
            Some(false),
            "private-nodes = true",
        ),
        (
            "compute.restrictCloudNATUsage",
            list(json!({ "allowedValues": ["under:projects/other"] })),
            Some(true),
            "nat = false",
        ),
        (
            "gcp.resourceLocations",
            list(json!({ "allowedValues": ["europe-west1"] })),
            None,
            "--location",
        ),
        (
            "gcp.restrictServiceUsage",
            list(json!({ "deniedValues": ["container.googleapis.com"] })),
            None,
            "exception",
        ),
    ] {
        let bed = Cloud::open().await;
        let cx = bed.0.cx();
        let google = Google::new(bed.access());
        enforce(&bed, &format!("projects/{PROJECT}"), constraint, policy).await;
        for is_private in [false, true] {
            let mut spec = bed.spec("dot");
            spec.google.private_nodes = is_private;
            let told = failed(&cx, &google, &spec).await;
            if private.is_some_and(|wanted| wanted != is_private) {
                assert!(told.is_empty(), "{constraint}: {told:?}");
                continue;
            }
            assert_eq!(told.len(), 1, "{constraint}: {told:?}");
            assert_eq!(told[0].name, "organisation policies");
            assert!(told[0].detail.contains(constraint), "{told:?}");
            assert!(told[0].hints[0].contains(hint), "{told:?}");
        }
    }
}

async fn enforce(bed: &Cloud, on: &str, constraint: &str, mut policy: Value) {
    policy["constraint"] = json!(format!("constraints/{constraint}"));
    bed.0
        .tell("google/policy", json!({ "on": on, "policy": policy }))
        .await;
}

/// Of a project that is still to be made the policies of what it will lie in count: without a network there is no cluster.
#[tokio::test]
async fn a_new_project_is_held_to_the_policies_of_its_folder() {
    let bed = Cloud(Ground::open().await);
    let cx = bed.0.cx();
    let google = Google::new(Access {
        project: None,
        create_project: true,
        ..bed.access()
    });
    let mut spec = bed.spec("dot");
    spec.google.create_project = true;
    spec.google.parent = Some("folders/1".into());
    none_fails(&cx, &google, &spec).await;
    let policy = json!({ "booleanPolicy": { "enforced": true } });
    let constraint = "compute.skipDefaultNetworkCreation";
    enforce(&bed, "folders/1", constraint, policy).await;
    let told = failed(&cx, &google, &spec).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].detail.contains(constraint), "{told:?}");
    assert!(told[0].hints[0].contains("--project"), "{told:?}");
    spec.google.parent = Some("folders/2".into());
    none_fails(&cx, &google, &spec).await;
}

/// An API that was enabled a moment ago is waited for, and one that never answers only so long.
#[tokio::test]
async fn an_api_that_never_answers_is_waited_for_only_so_long() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let spec = bed.spec("dot");
    let facts = google.facts(&cx, &spec).await.expect("facts");
    let plan = google.resources(&spec, &facts).expect("a plan");
    let mut known = Known::new();
    let account = google.ensure(&cx, &plan[0], &known).await;
    known.insert(plan[0].id.clone(), account.expect("an account").1);
    let said = "Kubernetes Engine API has not been used in project 1 before or it is disabled.";
    let refuse = |more: &str| {
        format!(
            "[[cloud]]\nprovider = \"google\"\naction = \"clusters.create\"\nstatus = 403\nmessage = \"{said}\"\n{more}"
        )
    };
    bed.0.inject(&refuse("")).await;
    let before = bed.0.now();
    let error = google.ensure(&cx, &plan[1], &known).await;
    let error = error.expect_err("no answer");
    let waited = Duration::try_from(bed.0.now().duration_since(before)).expect("time");
    assert_eq!(error.fault, Fault::Denied, "{error:?}");
    assert!(error.to_line().contains(said), "{error:?}");
    let minutes = waited.as_secs() / 60;
    assert!((2..4).contains(&minutes), "{waited:?}");

    bed.0.inject(&refuse("count = 3\n")).await;
    let made = google.ensure(&cx, &plan[1], &known).await;
    made.expect("a cluster, once the API answers");
}
