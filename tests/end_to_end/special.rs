//! What only cert-manager, Azure Service Operator, external-dns and Istio can be told.

use serde_json::{Value, json};

use crate::{bed::Bed, components::says, everything::versions, process::Served};

/// Returns a bed with a cluster and nothing on it, and its world.
fn bare() -> (Bed, Served) {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    (bed, world)
}

/// Returns an object of the cluster.
fn object(world: &Served, kind: &str, name: &str) -> Option<Value> {
    let all = world.ask("objects");
    let mut objects = all["dot"].as_array().expect("objects").iter();
    let found = objects.find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.cloned()
}

#[test]
fn issuers_come_with_cert_manager_and_go_when_they_are_not_wanted() {
    let (bed, world) = bare();
    let install = [
        "install",
        "cert-manager",
        "--rehearse",
        "--issuer",
        "staging,production",
        "--email",
        "ops@windlass-users.io",
    ];
    let made = bed.run(&install).expect(0);
    says(
        &made,
        "Let's Encrypt must reach the cluster from the internet",
    );
    let issuer = object(&world, "ClusterIssuer", "letsencrypt").expect("an issuer");
    assert_eq!(issuer["spec"]["acme"]["email"], "ops@windlass-users.io");
    assert_eq!(
        issuer["spec"]["acme"]["solvers"][0]["http01"]["ingress"]["ingressClassName"],
        "traefik"
    );
    assert!(object(&world, "ClusterIssuer", "letsencrypt-staging").is_some());
    let before = versions(&world);
    bed.run(&install).expect(0);
    assert_eq!(versions(&world), before);
    let fewer = [
        "upgrade",
        "cert-manager",
        "--rehearse",
        "--issuer",
        "production",
        "--email",
        "ops@windlass-users.io",
        "--ingress-class",
        "contour",
    ];
    bed.run(&fewer).expect(0);
    assert!(object(&world, "ClusterIssuer", "letsencrypt-staging").is_none());
    bed.run(&["uninstall", "cert-manager", "--rehearse"])
        .expect(0);
    assert!(object(&world, "ClusterIssuer", "letsencrypt").is_none());
}

#[test]
fn azure_service_operator_says_that_it_has_no_identity_until_it_has_one() {
    let (bed, world) = bare();
    let first = bed.run(&["install", "aso", "--rehearse"]).expect(0);
    says(
        &first,
        "it has no identity in Azure, and makes nothing until it has one",
    );
    let settings =
        |world: &Served| object(world, "Secret", "aso-controller-settings").expect("settings");
    assert!(settings(&world)["data"]["AZURE_CLIENT_SECRET"].is_null());
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    let upgrade = [
        "upgrade",
        "aso",
        "--rehearse",
        "--subscription",
        id,
        "--tenant",
        id,
        "--client-id",
        id,
        "--client-secret",
        "THE_SECRET",
        "--sync-period",
        "1h",
    ];
    let unset = bed.run(&upgrade).expect(2);
    says(&unset, "THE_SECRET");
    let ran = bed
        .finish(bed.command(&upgrade).env("THE_SECRET", "pl4nted-aso"))
        .expect(0);
    assert!(!ran.out.contains("pl4nted") && !ran.err.contains("pl4nted"));
    // "pl4nted-aso", as a Secret has it.
    assert_eq!(
        settings(&world)["data"]["AZURE_CLIENT_SECRET"],
        "cGw0bnRlZC1hc28="
    );
    assert_eq!(settings(&world)["data"]["AZURE_SYNC_PERIOD"], "MWg=");
    for (args, told) in [
        (&["--crd-pattern", "*"][..], "hundreds of CRDs"),
        (
            &["--client-id", id],
            "an identity needs its subscription, too",
        ),
        (
            &["--subscription", id, "--tenant", id, "--client-id", id],
            "name the variable that holds it: --client-secret",
        ),
    ] {
        let export = [&["install", "aso", "--export"][..], args].concat();
        says(&bed.run(&export).expect(2), told);
    }
}

#[test]
fn the_mesh_takes_a_revision_and_nothing_but_mutual_tls() {
    let (bed, world) = bare();
    let install = [
        "install",
        "istio",
        "--rehearse",
        "--revision",
        "1-30",
        "--strict-mtls",
    ];
    bed.run(&install).expect(0);
    let strict = object(&world, "PeerAuthentication", "default").expect("a policy");
    assert_eq!(strict["spec"]["mtls"]["mode"], "STRICT");
    let release = object(&world, "HelmRelease", "istiod").expect("a release");
    assert_eq!(release["spec"]["values"]["revision"], "1-30");
    let gateway = object(&world, "HelmRelease", "istio-gateway").expect("a release");
    assert_eq!(gateway["spec"]["values"]["revision"], "1-30");
}

#[test]
fn external_dns_says_where_its_records_are() {
    let bed = Bed::new();
    let export = |args: &[&str]| {
        let all = [
            &["install", "external-dns", "--export", "--provider", "kind"],
            args,
        ]
        .concat();
        bed.run(&all)
    };
    let text = export(&[
        "--dns-provider",
        "cloudflare",
        "--domain",
        "a.example.org,b.example.org",
        "--policy",
        "sync",
    ]);
    let text = text.expect(0).out;
    for wanted in [
        "name: cloudflare",
        "- a.example.org",
        "policy: sync",
        "txtOwnerId: dot",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    says(
        &export(&["--domain", "nowhere"]).expect(2),
        "is not a domain",
    );
    says(
        &export(&["--policy", "delete"]).expect(2),
        "create-only, upsert-only, sync",
    );
}

#[test]
fn credentials_of_azure_are_one_for_all_or_one_for_each_namespace_with_a_secret_or_by_workload_identity()
 {
    let bed = Bed::new();
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    let export = |on: &str, more: &[&str]| {
        let ids = ["--subscription", id, "--tenant", id, "--client-id", id];
        let all = [
            &["install", "aso", "--export", "--provider", on][..],
            &ids,
            more,
        ]
        .concat();
        bed.finish(bed.command(&all).env("THE_SECRET", "pl4nted-aso"))
            .expect(0)
            .out
    };
    let kind = export(
        "kind",
        &[
            "--client-secret",
            "THE_SECRET",
            "--credentials-in",
            "a-team,b-team",
        ],
    );
    for namespace in ["a-team", "b-team"] {
        let credential = format!("name: aso-credential\n  namespace: {namespace}\n");
        assert!(kind.contains(&credential), "{kind}");
    }
    assert!(!kind.contains("USE_WORKLOAD_IDENTITY_AUTH"), "{kind}");
}

#[test]
fn the_clouds_own_mesh_is_not_installed_over() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["setup", "kind", "--rehearse", "--only", "flux"])
        .expect(0);
    world.open_cluster(&bed, "dot");
    world.make_namespace(&bed, "dot", "aks-istio-system");
    let labels = json!({ "app": "istiod", "istio.io/rev": "asm-1-28" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "istiod-asm-1-28", "namespace": "aks-istio-system", "labels": labels },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "discovery", "image": "mcr.microsoft.com/oss/istio/pilot:1.28" }] },
            },
        },
    });
    let path = "apis/apps/v1/namespaces/aks-istio-system/deployments";
    world.ask_cluster(&bed, "dot", "POST", path, &deployment);

    let left = bed.run(&["install", "istio", "--rehearse"]).expect(0);
    says(
        &left,
        "the cluster has AKS's Istio add-on: istiod is left to it",
    );
    says(
        &left,
        "hint: label the namespaces of the mesh with its revision",
    );
    says(&left, "there is nothing to install");
    let listed = bed.run(&["install", "--rehearse"]).expect(0);
    says(&listed, "asm-1-28 (add-on)");
    let told = bed.run(&["install", "istio", "--strict-mtls", "--rehearse"]);
    says(&told.expect(1), "az aks mesh disable");
    says(
        &bed.run(&["uninstall", "istiod", "--rehearse"]).expect(1),
        "istiod is AKS's Istio add-on: it is the cloud's",
    );
    bed.write("windlass.toml", "[components.istio]\nenabled = true\n");
    let setup = ["setup", "kind", "--rehearse", "--only", "istio"];
    says(
        &bed.run(&setup).expect(0),
        "the cluster has AKS's Istio add-on: istiod is left to it",
    );
    assert!(object(&world, "HelmRelease", "istiod").is_none());
}
