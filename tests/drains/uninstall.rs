//! Uninstalling what tends things in clouds, and destroying in a cluster that somebody else made: nothing is left untended unseen.

use serde_json::json;

use crate::{
    furniture::{full, furnish},
    world::{Ran, Rest, World},
};

#[test]
fn a_component_goes_after_what_it_manages() {
    let world = full();
    let refused = world.run(&["uninstall", "crossplane"]).expect(1);
    refused.says("objects of crossplane live, and nothing would tend them: ");
    refused.says("--purge");
    let purge = ["uninstall", "crossplane", "--purge"];
    let plan = world.run(&[&purge[..], &["--dry-run"]].concat()).expect(0);
    for name in [
        "SQL default/db",
        "Instance default/db-rdsinstance",
        "AppClaim default/shop",
    ] {
        plan.says(&format!("removes {name}"));
    }
    let gone = world.run(&purge).expect(0);
    gone.says("kept on purpose\n  SubnetGroup default/kept (kept): its managementPolicies do not say Delete");
    let aws = |maker: &&String| {
        let kinds = ["Instance ", "SubnetGroup ", "VPC "];
        kinds.iter().any(|kind| maker.starts_with(kind))
    };
    let clouds = world.clouds();
    assert_eq!(
        clouds.iter().filter(aws).collect::<Vec<_>>(),
        ["SubnetGroup default/kept"]
    );

    let gone = world.run(&["uninstall", "aso", "--purge"]).expect(0);
    gone.says("ResourceGroup default/rg (/subscriptions/rehearsal/resourceGroups/rg): FlexibleServer default/kept, which stays, is in it");
    let azure = |maker: &&String| maker.starts_with("Flexible") || maker.starts_with("Resource");
    let clouds = world.clouds();
    let left: Vec<&String> = clouds.iter().filter(azure).collect();
    assert_eq!(
        left,
        ["FlexibleServer default/kept", "ResourceGroup default/rg"]
    );
    // What neither of them tends is as it was.
    assert!(clouds.contains(&"Service default/web".to_owned()));
}

/// Returns what follows `start` in the line that begins so.
#[track_caller]
fn hint<'r>(ran: &'r Ran, start: &str) -> &'r str {
    let mut lines = ran.text.lines().map(str::trim_start);
    let hint = lines.find_map(|line| line.strip_prefix(start));
    hint.unwrap_or_else(|| panic!("{start} is missing\n{}", ran.text))
}

#[test]
fn an_uninstall_that_is_held_up_names_the_way_out() {
    let up = Rest::empty().wake();
    up.run(&["cluster", "create", "kind"]).expect(0);
    up.run(&["install", "traefik"]).expect(0);
    let rest = up.rest();
    let controller = "apis/apps/v1/namespaces/flux-system/deployments/helm-controller";
    let release = "apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/traefik";
    let scale = |world: &World, replicas: i64| {
        let api = world.api();
        api.patch(controller, &json!({ "spec": { "replicas": replicas } }));
        api.until(controller, |it| {
            it["status"]["availableReplicas"].as_i64().unwrap_or(0) == replicas
        });
    };
    let free = json!({ "metadata": { "finalizers": null } });
    for mends in [true, false] {
        let world = rest.wake();
        scale(&world, 0);
        let stuck = world.run(&["uninstall", "traefik"]).expect(7);
        stuck.says("HelmRelease flux-system/traefik: held by finalizers.fluxcd.io");
        let back = hint(&stuck, "hint: bring that controller back (");
        let command = "kubectl scale -n flux-system deployment.apps/helm-controller --replicas 1)";
        assert!(back.starts_with(command), "{back}");
        let out = hint(&stuck, "hint: or give up ");
        let command = format!(
            "kubectl patch -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik --type merge -p '{free}'"
        );
        assert_eq!(
            out,
            format!("what the finalizers guard, which then stays: {command}")
        );
        // What the hints say, done.
        match mends {
            true => scale(&world, 1),
            false => world.api().patch(release, &free),
        }
        let again = ["uninstall", "traefik", "--resume"];
        world.run(&again).expect(0);
        assert_eq!(world.api().get(release), None);
        let traefik = "apis/apps/v1/namespaces/traefik/deployments/traefik";
        assert_eq!(world.api().get(traefik).is_none(), mends);
    }
}

#[test]
fn a_purge_that_is_held_up_names_what_giving_up_would_leave() {
    let world = full();
    world.write(
        "faults.toml",
        "[[finalizer]]\nkind = \"SubnetGroup\"\nname = \"default/alone\"\n",
    );
    let purge = ["uninstall", "crossplane", "--purge"];
    let faults = ["--rehearse-faults", "faults.toml"];
    let stuck = world.run(&[&purge[..], &faults].concat()).expect(7);
    let group = "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/subnetgroups/alone";
    let object = world.api().get(group).expect("the object");
    let id = object["metadata"]["annotations"]["crossplane.io/external-name"]
        .as_str()
        .expect("an id");
    let out = hint(&stuck, "hint: or give up ");
    assert!(
        out.starts_with(&format!(
            "SubnetGroup default/alone ({id}), which then goes on existing and costing: kubectl patch -n default \
             subnetgroup.rds.aws.m.upbound.io/alone --type merge -p "
        )),
        "{out}"
    );
    hint(
        &stuck,
        "hint: see what that controller says: kubectl logs -n crossplane-system deployment.apps/rds-",
    );
    assert!(
        world
            .clouds()
            .contains(&"SubnetGroup default/alone".to_owned())
    );
    world.write("faults.toml", "");
    let again = [&purge[..], &["--resume"], &faults].concat();
    world.run(&again).expect(0);
    assert!(
        !world
            .clouds()
            .contains(&"SubnetGroup default/alone".to_owned())
    );
}

#[test]
fn a_component_that_tends_nothing_goes_at_once() {
    let world = Rest::empty().wake();
    world.run(&["cluster", "create", "kind"]).expect(0);
    world.run(&["install", "crossplane"]).expect(0);
    world.run(&["uninstall", "crossplane"]).expect(0);
}

#[test]
fn in_the_cluster_of_others_nothing_is_left_untended_unless_asked_for() {
    let world = Rest::empty().wake();
    let made = world.program(&["kind", "create", "cluster", "--name", "dot"]);
    made.expect(0);
    furnish(&world);
    let held = world.clouds();
    let refused = |ran: Ran| {
        ran.says("objects of aso live, and nothing would tend them: ");
        ran.says("windlass uninstall aso --purge");
        ran.says("the same command with --skip-drain");
    };
    refused(world.run(&["destroy", "kind"]).expect(1));
    // Flux's own definitions go with it, and nobody would take the finalizers of others' objects away.
    let forced = world.run(&["destroy", "kind", "--skip-drain"]).expect(1);
    forced.says("flux cannot go before Kustomization default/apps");
    assert_eq!(world.clouds(), held);

    let rest = world.rest();

    // What is left untended is told, and the cluster stays.
    let apps = "apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations/apps";
    let world = rest.wake();
    world.api().delete(apps);
    let left = world.run(&["destroy", "kind", "--skip-drain"]).expect(5);
    left.says("Instance default/db-rdsinstance: untended, as --skip-drain asked");
    assert!(world.has_cluster());
    assert_eq!(world.clouds(), held);

    // Once its objects are gone it goes, and nothing is left of it.
    let world = rest.wake();
    for component in ["aso", "crossplane"] {
        world.run(&["uninstall", component, "--purge"]).expect(0);
    }
    let held = world.run(&["destroy", "kind"]).expect(1);
    held.says("objects of flux live, and nothing would tend them: Kustomization default/apps");
    world.api().delete(apps);
    let account = [
        "kubeconfig",
        "--service-account",
        "ci",
        "--role",
        "view",
        "--destination",
        "ci.yaml",
    ];
    world.run(&account).expect(0);
    let plan = world.run(&["destroy", "kind", "--dry-run"]).expect(0);
    plan.says("removes the access of service account windlass-system/ci");
    world.run(&["destroy", "kind"]).expect(0);
    assert!(world.has_cluster());
    let service = world.api().get("api/v1/namespaces/default/services/web");
    assert_eq!(
        service.expect("the Service")["spec"]["type"],
        json!("LoadBalancer")
    );
}
