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

#[test]
fn an_uninstall_takes_the_options_that_mean_something() {
    let bed = Bed::new();
    let world = raise(&bed, "traefik,cert-manager");
    let told = |args: &[&str], code: i32, line: &str| {
        let ran = bed.run(&[&["uninstall"], args, &["--rehearse"]].concat());
        says(&ran.expect(code), line);
    };
    // Guards: what is there is another than what was meant.
    let version = row(&bed, "traefik")["installed"].clone();
    let version = version.as_str().unwrap();
    let before = world.objects("dot");
    told(
        &["traefik", "--version", "9.9.9"],
        1,
        &format!("traefik is at version {version} and not 9.9.9: it is left alone"),
    );
    told(
        &["traefik", "--namespace", "web"],
        1,
        "traefik is in namespace traefik and not web: it is left alone",
    );
    told(
        &["traefik", "flux", "--version", "9.9.9"],
        2,
        "--version and --namespace are about one component",
    );
    // What install takes, and what means nothing here.
    for flag in [
        &["--set", "a=b"][..],
        &["--values", "x.yaml"],
        &["--set-string", "a=b"],
        &["--set-secret", "a=B"],
    ] {
        told(
            &[&["traefik"], flag].concat(),
            2,
            &format!("{} means nothing to uninstall", flag[0]),
        );
    }
    told(
        &["traefik", "--no-wait", "--purge"],
        2,
        "cannot be used with",
    );
    assert_eq!(world.objects("dot"), before);

    let same = ["uninstall", "traefik", "--version", version, "--rehearse"];
    bed.run(&[&same[..], &["--namespace", "traefik", "--wait"]].concat())
        .expect(0);
    assert_eq!(row(&bed, "traefik")["present"], false);
}

#[test]
fn what_goes_can_be_printed_before_and_applied_again_after() {
    let bed = Bed::new();
    let world = raise(&bed, "cert-manager");
    make_certificate(&bed, &world);
    let before = world.objects("dot");
    let purge = ["uninstall", "cert-manager", "--purge", "--rehearse"];
    let printed = bed.run(&[&purge[..], &["--export"]].concat()).expect(0);
    assert_eq!(world.objects("dot"), before);
    let kinds: Vec<&str> = printed
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    for kind in [
        "Namespace",
        "CustomResourceDefinition",
        "HelmRelease",
        "Certificate",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    for line in [
        "uid:",
        "resourceVersion:",
        "managedFields:",
        "ownerReferences:",
    ] {
        assert!(!printed.out.contains(line), "{line}");
    }
    // Without a purge, what stays is not among it.
    let without = ["uninstall", "cert-manager", "--export", "--rehearse"];
    let printed = bed.run(&without).expect(0);
    assert!(!printed.out.contains("kind: Certificate\n"));
    assert!(printed.out.contains("kind: HelmRelease\n"));
}

#[test]
fn what_is_not_waited_for_stays_in_the_inventory_until_it_is_gone() {
    let bed = Bed::new();
    let world = raise(&bed, "traefik");
    let hold = |finalizers: &[&str]| {
        let path = "apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/traefik";
        let body = json!({ "metadata": { "finalizers": finalizers } });
        world.ask_cluster(&bed, "dot", "PATCH", path, &body);
    };
    hold(&["finalizers.fluxcd.io", "example.org/backup"]);
    let no_wait = ["uninstall", "traefik", "--no-wait", "--rehearse"];
    let asked = bed.run(&no_wait).expect(0);
    says(
        &asked,
        "HelmRelease flux-system/traefik is going, and was not waited for; to see it gone: windlass uninstall traefik",
    );
    assert_eq!(row(&bed, "traefik")["present"], true);
    hold(&[]);
    let gone = bed.run(&no_wait).expect(0);
    assert!(!gone.err.contains("was not waited for"));
    assert_eq!(row(&bed, "traefik")["present"], false);
    assert!(
        !world
            .objects("dot")
            .contains(&"HelmRepository flux-system/traefik".to_owned())
    );
    // What goes before another is waited for.
    bed.run(&["install", "traefik", "--rehearse"]).expect(0);
    bed.run(&["uninstall", "flux", "traefik", "--no-wait", "--rehearse"])
        .expect(0);
    assert_eq!(row(&bed, "traefik")["present"], false);
}
