//! Uninstalling what tends things in clouds, and destroying in a cluster that somebody else made: nothing is left untended unseen.

use serde_json::json;

use crate::{
    furniture::{full, furnish},
    world::{Ran, Rest},
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
