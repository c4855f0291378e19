//! Clusters on Azure, in the simulated subscription: their life, and what is said of what goes wrong.

use serde_json::{Value, json};

use crate::{bed::Bed, process::Served};

const SETUP: &[&str] = &["setup", "azure", "--rehearse", "--only", "aso,traefik"];
const CREATE: &[&str] = &["cluster", "create", "azure", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "azure", "--rehearse"];

/// Returns what is in the subscription, as "kind name".
fn subscription(world: &Served) -> Vec<String> {
    let assets = world.ask("assets");
    let assets = assets.as_array().expect("a list").iter();
    let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
    assets
        .map(|asset| format!("{} {}", text(asset, "kind"), text(asset, "name")))
        .collect()
}

#[test]
fn a_platform_rises_on_aks_and_goes_from_a_machine_that_knows_nothing() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[clusters.dot.azure]\nlocation = \"westeurope\"\ncontrollers = [\"aso\"]\n",
    );
    let up = bed.run(SETUP).expect(0);
    for made in [
        "resource group windlass-dot",
        "AKS cluster dot",
        "managed identity windlass-dot-aso",
    ] {
        assert!(up.out.contains(made), "{}", up.out);
    }
    // The operator was told who it is.
    assert!(!up.out.contains("no identity in Azure"), "{}", up.out);
    let objects = world.ask("objects");
    let objects = objects.as_object().expect("clusters").values();
    let mut objects = objects.flat_map(|it| it.as_array().expect("objects"));
    let settings = objects.find(|it| it["metadata"]["name"] == "aso-controller-settings");
    let settings = settings.expect("the operator's settings").to_string();
    assert!(settings.contains("AZURE_CLIENT_ID"), "{settings}");
    // The provider is that of the last run here.
    let status = bed
        .finish(
            bed.command(&["status", "--rehearse"])
                .env_remove("WINDLASS_PROVIDER"),
        )
        .expect(0);
    assert!(status.out.contains("traefik"), "{}", status.out);
    let again = bed.run(SETUP).expect(0);
    assert!(
        again.out.contains("already there") && !again.out.contains("made\n"),
        "{}",
        again.out
    );
    let list = bed
        .run(&["cluster", "list", "--rehearse", "--output", "json"])
        .expect(0);
    assert!(list.out.contains("\"provider\": \"azure\""), "{}", list.out);
    let there = subscription(&world);
    assert!(
        there.iter().any(|it| it.starts_with("load-balancer")),
        "{there:?}"
    );

    let elsewhere = Bed::new();
    let mut destroy = elsewhere.command(DESTROY);
    let destroy = destroy.env("WINDLASS_REHEARSE_WORLD", bed.world());
    let down = elsewhere.finish(destroy).expect(0);
    assert!(down.out.contains("nothing is left behind"), "{}", down.out);
    assert_eq!(subscription(&world), [""; 0]);
}

#[test]
fn pools_and_versions_of_an_aks_cluster_that_is_there_change_and_nothing_else_does() {
    let bed = Bed::new();
    let run = |args: &[&str]| {
        bed.run(&[&["cluster"], args, &["--provider", "azure", "--rehearse"]].concat())
    };
    bed.run(&[CREATE, &["--min-nodes", "1", "--lifetime", "8h"]].concat())
        .expect(0);
    let pool = [
        "node-pool",
        "add",
        "gpu",
        "--machine",
        "Standard_NC4as_T4_v3",
        "--max",
        "2",
        "--label",
        "tier=fast",
    ];
    run(&pool).expect(0);
    run(&["node-pool", "scale", "default", "--max", "7"]).expect(0);
    let unknown = run(&["node-pool", "delete", "cpu"]).expect(1);
    assert!(
        unknown.err.contains("it has: default, gpu"),
        "{}",
        unknown.err
    );
    let alone = run(&["node-pool", "recreate", "default"]).expect(1);
    assert!(alone.err.contains("with the cluster"), "{}", alone.err);
    run(&["upgrade"]).expect(0);
    let far = run(&["upgrade", "--kubernetes-version", "1.99"]).expect(1);
    assert!(
        far.err.contains("does not offer Kubernetes 1.99"),
        "{}",
        far.err
    );
    let list = run(&["node-pool", "list"]).expect(0);
    insta::assert_snapshot!(list.out, @r"
    POOL     STATE  MIN  MAX  MACHINE               ZONE  VERSION  TAINTS                             DETAIL
    default  ready  1    7    Standard_B2s          -     1.36.1   -
    gpu      ready  0    2    Standard_NC4as_T4_v3  -     1.36.1   nvidia.com/gpu=present:NoSchedule
    ");
    // One that is deleted and made again is what it was.
    run(&["node-pool", "recreate", "gpu"]).expect(0);
    assert_eq!(run(&["node-pool", "list"]).expect(0).out, list.out);
    run(&["node-pool", "delete", "gpu"]).expect(0);
    // All of it expires as the cluster does.
    let listed = bed.run(&["cluster", "list", "--rehearse"]).expect(0);
    assert!(
        listed.out.contains("in 7h") || listed.out.contains("in 6h"),
        "{}",
        listed.out
    );
    bed.run(DESTROY).expect(0);
}

#[test]
fn a_cluster_that_fails_is_explained_by_azure_s_reason_and_mended() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"azure\"\naction = \"Microsoft.ContainerService/managedClusters/write\"\n\
         fails = \"SubnetIsFull: there is no address left\"\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let failed = bed.run(&[CREATE, &faults].concat()).expect(3);
    assert!(
        failed
            .err
            .contains("SubnetIsFull: there is no address left"),
        "{}",
        failed.err
    );
    bed.write("faults.toml", "");
    bed.run(&[CREATE, &faults].concat()).expect(0);
    let kept = bed.run(&[DESTROY, &["--keep", "group"]].concat()).expect(0);
    assert!(
        kept.out
            .contains("resource group windlass-dot: you asked to keep the group"),
        "{}",
        kept.out
    );
    assert_eq!(subscription(&world), ["azure:group windlass-dot"]);
    bed.run(DESTROY).expect(0);
    assert_eq!(subscription(&world), [""; 0]);
}

#[test]
fn whoever_may_not_is_told_what_before_anything_is_made() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"azure\"\naction = \"Microsoft.ContainerService/managedClusters/write\"\nstatus = 403\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let refused = bed.run(&[CREATE, &faults].concat()).expect(1);
    let denied = "may not Microsoft.ContainerService/managedClusters/write";
    assert!(refused.err.contains(denied), "{}", refused.err);
    assert_eq!(subscription(&world), [""; 0]);
    let check = ["credentials", "check", "azure", "--rehearse"];
    let told = bed.run(&check).expect(4);
    assert!(told.out.contains(denied), "{}", told.out);
    bed.write("faults.toml", "");
    let told = bed.run(&[&check[..], &faults].concat()).expect(0);
    assert!(told.out.contains("application 00000000-"), "{}", told.out);
}

#[test]
fn without_credentials_of_azure_it_is_said_how_to_get_some() {
    let bed = Bed::new();
    let ran = bed.run(&["credentials", "check", "azure"]).expect(4);
    assert!(
        ran.out.contains("there are no credentials of Azure here"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("AZURE_CLIENT_ID"), "{}", ran.err);
}

#[test]
fn controllers_are_told_who_they_are_and_refused_where_they_are_nobody() {
    let bed = Bed::new();
    let world = bed.serve();
    let dns = "[components.cert-manager]\nissuer = [\"staging\"]\nemail = \"ops@acme.dev\"\nsolver = \"dns01\"\n\
               dns-resource-group = \"dns\"\ndns-zone = \"acme.dev\"\n";
    let only = ["--only", "external-dns,cert-manager"];
    // Found out before anything is made.
    bed.write(
        "windlass.toml",
        format!("[clusters.dot.azure]\nlocation = \"westeurope\"\ncontrollers = [\"external-dns\"]\n{dns}"),
    );
    let refused = bed.run(&[SETUP, &only].concat()).expect(2);
    assert!(
        refused
            .err
            .contains("cert-manager has no identity in Azure, and could not write a record")
            && refused.err.contains("controllers = [\"cert-manager\"]"),
        "{}",
        refused.err
    );
    assert_eq!(subscription(&world), Vec::<String>::new());

    bed.write(
        "windlass.toml",
        format!(
            "[clusters.dot.azure]\nlocation = \"westeurope\"\n\
             controllers = [\"external-dns\", \"cert-manager\", \"platform\"]\n{dns}"
        ),
    );
    // Who it is only the cluster's provider tells.
    let export = [
        "install",
        "external-dns",
        "--export",
        "--provider",
        "azure",
        "--rehearse",
    ];
    let export = bed.run(&export).expect(2);
    assert!(
        export.err.contains("an export asks no cluster who it is"),
        "{}",
        export.err
    );
    let up = bed.run(&[SETUP, &only].concat()).expect(0);
    assert!(
        up.out.contains("managed identity windlass-dot-platform"),
        "{}",
        up.out
    );
    let objects = world.ask("objects");
    let objects = objects.as_object().expect("clusters").values();
    let objects: Vec<&serde_json::Value> = objects
        .flat_map(|it| it.as_array().expect("objects"))
        .collect();
    let find = |kind: &str, name: &str| {
        let is_it = |it: &&&serde_json::Value| it["kind"] == kind && it["metadata"]["name"] == name;
        *objects.iter().find(is_it).expect(name)
    };
    let config = find("ConfigMap", "external-dns-azure");
    let config = config["data"]["azure.json"].as_str().expect("JSON");
    let config: serde_json::Value = serde_json::from_str(config).expect("JSON");
    assert_eq!(config["resourceGroup"], "windlass-dot");
    assert_eq!(config["useWorkloadIdentityExtension"], true);
    let release = &find("HelmRelease", "external-dns")["spec"]["values"];
    let client = &release["serviceAccount"]["annotations"]["azure.workload.identity/client-id"];
    assert!(
        client.as_str().is_some_and(|it| it.len() == 36),
        "{release}"
    );
    assert_eq!(
        release["extraVolumes"][0]["configMap"]["name"],
        "external-dns-azure"
    );
    let issuer = &find("ClusterIssuer", "letsencrypt-staging")["spec"]["acme"]["solvers"][0];
    let azure = &issuer["dns01"]["azureDNS"];
    let identity = &azure["managedIdentity"]["clientID"];
    assert!(
        identity.as_str().is_some_and(|it| it.len() == 36),
        "{azure}"
    );
    assert_ne!(identity, client);
    assert!(azure["subscriptionID"].is_string(), "{azure}");
    let release = &find("HelmRelease", "cert-manager")["spec"]["values"];
    assert_eq!(release["podLabels"]["azure.workload.identity/use"], "true");

    bed.run(&["destroy", "azure", "--rehearse"]).expect(0);
    assert_eq!(subscription(&world), Vec::<String>::new());
}

/// Makes a key vault in a resource group and deletes it again, as whoever works in the cluster may.
fn leave_vault(world: &Served, name: &str, protected: bool) {
    let path = format!(
        "resourceGroups/windlass-dot/providers/Microsoft.KeyVault/vaults/{name}?api-version=2023-07-01"
    );
    let body = json!({
        "location": "westeurope",
        "properties": {
            "tenantId": "00000000-0000-4000-8000-0000007e4a47", "sku": { "family": "A", "name": "standard" },
            "enablePurgeProtection": protected,
        },
    });
    let (status, told) = world.azure("PUT", &path, &body);
    assert_eq!(status, 201, "{told}");
    let (status, told) = world.azure("DELETE", &path, &json!({}));
    assert_eq!(status, 200, "{told}");
}

#[test]
fn deleted_key_vaults_are_named_and_kept_until_they_are_purged() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[clusters.dot.azure]\nlocation = \"westeurope\"\n",
    );
    bed.run(CREATE).expect(0);
    leave_vault(&world, "kv-one", false);
    leave_vault(&world, "kv-safe", true);
    let gone = bed.run(DESTROY).expect(0);
    for line in [
        "soft-deleted key vault kv-one: it is deleted, costs nothing, and can be recovered until",
        "soft-deleted key vault kv-safe: it is deleted, and protected from being purged",
    ] {
        assert!(gone.out.contains(line), "{}", gone.out);
    }
    // Whoever makes another of the name is told that those are there.
    let again = bed.run(&[CREATE, &["--dry-run"]].concat()).expect(0);
    let told = [again.out, again.err].concat();
    assert!(
        told.contains("an earlier cluster left kv-one") && told.contains("--purge"),
        "{told}"
    );

    let purged = bed.run(&[DESTROY, &["--purge"]].concat()).expect(0);
    assert!(
        purged.err.contains("what is purged nobody can recover")
            && purged.out.contains("soft-deleted key vault kv-safe")
            && !purged.out.contains("kv-one: it is deleted"),
        "{} {}",
        purged.out,
        purged.err
    );
    assert_eq!(subscription(&world), ["azure:deleted-vault kv-safe"]);
    let elsewhere = bed
        .run(&["destroy", "kind", "--purge", "--rehearse"])
        .expect(2);
    assert!(
        elsewhere
            .err
            .contains("--purge: a cluster on kind has no key vaults"),
        "{}",
        elsewhere.err
    );
}

#[test]
fn flux_comes_as_aks_s_extension_where_that_is_chosen() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[clusters.dot.azure]\nlocation = \"westeurope\"\nflux-extension = true\n",
    );
    let setup = ["setup", "azure", "--rehearse", "--only", "traefik"];
    let plan = bed.run(&[&setup[..], &["--dry-run"]].concat()).expect(0);
    assert!(
        plan.out.contains("wait for Flux, which AKS installs")
            && !plan.out.contains("install Flux"),
        "{}",
        plan.out
    );
    let up = bed.run(&setup).expect(0);
    assert!(
        up.out.contains("AKS extension dot/flux")
            && up
                .out
                .contains("flux was installed by somebody else: it is used as it is"),
        "{}",
        up.out
    );
    let again = bed.run(&setup).expect(0);
    assert!(!again.out.contains("made\n"), "{}", again.out);
    // A change of one thing leaves it where it is.
    let pool = [
        "cluster",
        "node-pool",
        "add",
        "more",
        "--provider",
        "azure",
        "--rehearse",
    ];
    bed.run(&pool).expect(0);
    let there = subscription(&world);
    assert!(
        there.contains(&"azure:extension flux".to_owned()),
        "{there:?}"
    );
    bed.run(&[DESTROY, &["--keep-group"]].concat()).expect(0);
    assert_eq!(subscription(&world), ["azure:group windlass-dot"]);
    bed.run(DESTROY).expect(0);
    assert_eq!(subscription(&world), Vec::<String>::new());
}
