//! `uninstall`: one component goes, and what stays is told.

use serde_json::json;

use crate::{
    bed::Bed,
    components::{row, says},
    process::Served,
};

/// Raises a platform on a cluster that somebody else made, so that its API can be asked.
fn raise(bed: &Bed, components: &str) -> Served {
    let world = bed.serve();
    world
        .program(bed, "kind", &["create", "cluster", "--name", "dot"])
        .expect(0);
    bed.run(&["setup", "kind", "--rehearse", "--only", components])
        .expect(0);
    world
}

fn make_certificate(bed: &Bed, world: &Served) {
    let certificate = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": { "name": "web", "namespace": "a-team" },
        "spec": { "secretName": "web", "dnsNames": ["web.example.org"], "issuerRef": { "name": "own" } },
    });
    let path = "apis/cert-manager.io/v1/namespaces/a-team/certificates";
    world.ask_cluster(bed, "dot", "POST", path, &certificate);
}

#[test]
fn what_others_need_stays_unless_they_go_too() {
    let bed = Bed::new();
    let world = raise(&bed, "traefik,cert-manager");
    let needed = bed.run(&["uninstall", "flux", "--rehearse"]).expect(1);
    says(&needed, "flux is needed by cert-manager, traefik");
    says(
        &needed,
        "windlass uninstall flux cert-manager traefik --rehearse",
    );
    // Breaking them would leave their releases with finalizers that nobody takes away.
    let stuck = bed
        .run(&["uninstall", "flux", "--force", "--rehearse"])
        .expect(1);
    says(&stuck, "flux cannot go before");
    says(&stuck, "HelmRelease flux-system/traefik");

    let all = ["uninstall", "flux", "traefik", "cert-manager", "--rehearse"];
    let gone = bed.run(&all).expect(0);
    says(&gone, "CRDs stay, since the chart asks Helm to keep them");
    for name in ["flux", "traefik", "cert-manager"] {
        assert_eq!(row(&bed, name)["present"], false, "{name}");
    }
    let left = world.objects("dot");
    assert!(
        !left.iter().any(|it| it.starts_with("Deployment traefik/")),
        "{left:?}"
    );
    let again = bed.run(&all).expect(0);
    says(&again, "there is nothing to uninstall");
    bed.run(&["install", "traefik", "--rehearse"]).expect(0);
}

#[test]
fn live_objects_hold_a_component_and_a_purge_takes_them() {
    let bed = Bed::new();
    let world = raise(&bed, "cert-manager");
    make_certificate(&bed, &world);
    let held = bed
        .run(&["uninstall", "cert-manager", "--rehearse"])
        .expect(1);
    says(
        &held,
        "objects of cert-manager live, and nothing would tend them: Certificate a-team/web",
    );
    // Forced, they stay with their CRDs.
    bed.run(&["uninstall", "cert-manager", "--force", "--rehearse"])
        .expect(0);
    assert!(
        world
            .objects("dot")
            .contains(&"Certificate a-team/web".to_owned())
    );

    bed.run(&["install", "cert-manager", "--rehearse"])
        .expect(0);
    let purge = ["uninstall", "cert-manager", "--purge", "--rehearse"];
    let plan = bed.run(&[&purge[..], &["--dry-run"]].concat()).expect(0);
    says(&plan, "removes Certificate a-team/web");
    let gone = bed.run(&purge).expect(0);
    says(
        &gone,
        "CustomResourceDefinition certificates.cert-manager.io",
    );
    let left = world.objects("dot");
    let ours = |it: &&String| it.contains("cert-manager") || it.starts_with("Certificate");
    assert_eq!(left.iter().find(ours), None);
    assert_eq!(row(&bed, "flux")["health"], "ready");
}

#[test]
fn what_somebody_else_installed_is_not_touched() {
    let bed = Bed::new();
    let world = raise(&bed, "traefik");
    // Without the inventory, all of it is somebody else's.
    let inventory = "api/v1/namespaces/windlass-system";
    world.ask_cluster(&bed, "dot", "DELETE", inventory, &json!({}));
    assert_eq!(row(&bed, "traefik")["installer"], "others");
    let before = world.objects("dot");
    let refused = bed
        .run(&["uninstall", "traefik", "--purge", "--force", "--rehearse"])
        .expect(1);
    says(
        &refused,
        "traefik was installed by somebody else: nothing of it is touched",
    );
    let upgrade = bed.run(&["upgrade", "traefik", "--rehearse"]).expect(1);
    says(&upgrade, "traefik was installed by somebody else");
    let install = bed.run(&["install", "traefik", "--rehearse"]).expect(0);
    says(
        &install,
        "traefik was installed by somebody else: it is used as it is",
    );

    // What Git manages, Git owns.
    let label = json!({ "metadata": { "labels": { "kustomize.toolkit.fluxcd.io/name": "apps" } } });
    let release = "apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/traefik";
    world.ask_cluster(&bed, "dot", "PATCH", release, &label);
    for command in ["install", "upgrade", "uninstall"] {
        let ran = bed.run(&[command, "traefik", "--rehearse"]).expect(1);
        says(&ran, "traefik comes from Git, through Kustomization apps");
    }
    assert_eq!(world.objects("dot"), before);
}
