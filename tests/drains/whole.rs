//! A full cluster goes, and nothing stands in the way.

use serde_json::json;

use crate::{
    furniture::{KEPT, full},
    receipt::Receipt,
    world::Rest,
};

#[test]
fn what_is_set_up_in_one_folder_goes_from_another_and_leaves_an_empty_world() {
    let world = Rest::empty().wake();
    world.tell("balancers", &json!(true));
    let setup = world.start("one", &["setup", "kind", "--lifetime", "1h"]);
    setup.end().expect(0);
    let api = world.api();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "default" },
        "spec": { "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
    });
    api.create("services", &service);
    api.until("api/v1/namespaces/default/services/web", |it| {
        it["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
    });
    assert_ne!(world.clouds(), [""; 0]);
    let destroy = ["destroy", "kind", "--receipt", "receipt.json"];
    let gone = world.run(&destroy).expect(0);
    gone.says("\nnothing is left behind\n");
    let receipt = Receipt::read(&world);
    receipt.check(&world);
    assert!(receipt.kept.is_empty(), "{receipt:#?}");
    for what in ["kind cluster dot", "Service default/web"] {
        let told = receipt.removed.iter().any(|it| it.contains(what));
        assert!(told, "{what}: {receipt:#?}");
    }
    assert_eq!(world.clouds(), [""; 0]);
    let state = world.ask("state");
    assert_eq!(
        (&state["containers"], &state["clusters"]),
        (&json!([]), &json!([]))
    );
    // Nor is anything left here but what was asked for.
    let here = std::fs::read_dir(world.file("")).expect("a folder");
    let here: Vec<_> = here.map(|it| it.expect("an entry").file_name()).collect();
    assert_eq!(here, ["receipt.json"]);
    let again = world.run(&destroy).expect(0);
    again.says("there was nothing of cluster dot");
}

#[test]
fn what_a_full_cluster_holds_goes_with_it_and_what_is_to_stay_stays() {
    let world = full();
    let held = world.clouds();
    let gone = world.run(&["destroy", "kind", "--receipt", "receipt.json"]);
    gone.expect(0)
        .says("nothing is left behind, but for what is kept on purpose");
    let receipt = Receipt::read(&world);
    receipt.check(&world);
    let kept = world.clouds();
    let volumes = |it: &&String| it.starts_with("PersistentVolume ");
    assert_eq!(kept.iter().filter(volumes).count(), 1, "{kept:?}");
    let others: Vec<&String> = kept.iter().filter(|it| !volumes(it)).collect();
    assert_eq!(others, KEPT);
    assert_eq!(receipt.kept.len(), KEPT.len() + 1, "{receipt:#?}");
    // What went is named, be it that it went along with something else.
    let removed = receipt.removed.join(", ");
    for maker in held.iter().filter(|maker| !kept.contains(maker)) {
        assert!(removed.contains(maker.as_str()), "{maker}: {receipt:#?}");
    }
    assert!(!world.has_cluster());
}

#[test]
fn what_is_not_drained_is_left_and_named() {
    let world = full();
    let held = world.clouds();
    let args = [
        "destroy",
        "kind",
        "--skip-drain",
        "--receipt",
        "receipt.json",
    ];
    world.run(&args).expect(5);
    let receipt = Receipt::read(&world);
    receipt.check(&world);
    assert_eq!(world.clouds(), held);
    assert_eq!(receipt.kept.len(), KEPT.len() + 1, "{receipt:#?}");
    assert!(!world.has_cluster());
}

#[test]
fn disks_are_kept_where_the_user_says_so() {
    let world = full();
    let args = [
        "destroy",
        "kind",
        "--keep",
        "volumes",
        "--receipt",
        "receipt.json",
    ];
    world.run(&args).expect(0);
    let receipt = Receipt::read(&world);
    receipt.check(&world);
    assert_eq!(receipt.kept.len(), KEPT.len() + 2, "{receipt:#?}");
    assert_eq!(world.clouds().len(), KEPT.len() + 2);
}
