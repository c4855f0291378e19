//! What objects hold outside of their cluster: destroy deletes it through them, and its receipt says what the world still has.

use serde_json::{Value, json};

use crate::{bed::Bed, components::says, process::Served};

/// Raises a cluster whose platform has load balancers, with a Service that has one.
pub(crate) fn raise(bed: &Bed) -> Served {
    let world = bed.serve_with_load_balancers();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    world.open_cluster(bed, "dot");
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "default" },
        "spec": { "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
    });
    let path = "api/v1/namespaces/default/services";
    world.ask_cluster(bed, "dot", "POST", path, &service);
    // Each question lets the world go on.
    let made = (0..1000).any(|_| !assets(&world).is_empty());
    assert!(made, "no load balancer was made");
    world
}

/// Returns what the world has outside of its clusters.
fn assets(world: &Served) -> Vec<Value> {
    world.ask("assets").as_array().cloned().unwrap_or_default()
}

#[test]
fn a_load_balancer_goes_before_its_cluster() {
    let bed = Bed::new();
    let world = raise(&bed);
    let plan = bed
        .run(&["destroy", "kind", "--rehearse", "--dry-run"])
        .expect(0);
    says(&plan, "removes Service default/web");
    assert_eq!(assets(&world).len(), 1);
    let gone = bed
        .run(&["destroy", "kind", "--rehearse", "--receipt", "receipt.json"])
        .expect(0);
    says(&gone, "Service default/web");
    says(&gone, "nothing is left behind");
    assert_eq!(assets(&world), Vec::<Value>::new());
    let receipt: Value = serde_json::from_str(&bed.text("receipt.json").unwrap()).unwrap();
    assert_eq!(receipt["exit"], 0);
    assert_eq!(receipt["left"], json!([]));
    let removed = receipt["removed"].as_array().unwrap();
    let network = removed.iter().find(|it| it["step"] == "drain/network");
    let named = network.unwrap()["what"].as_str().unwrap();
    assert!(named.starts_with("Service default/web"), "{named}");
}

#[test]
fn what_is_not_drained_is_left_behind_and_said_so() {
    let bed = Bed::new();
    let world = raise(&bed);
    let left = bed
        .run(&["destroy", "kind", "--rehearse", "--skip-drain"])
        .expect(5);
    says(
        &left,
        "warning: left behind, existing and costing: Service default/web (",
    );
    says(&left, "left behind\n  Service default/web");
    assert!(!left.out.contains("nothing is left behind"), "{}", left.out);
    assert_eq!(world.containers(), Vec::<String>::new());
    assert_eq!(assets(&world)[0]["maker"], "Service default/web");
}

#[test]
fn what_is_stuck_stops_the_destroy_unless_it_is_given_up() {
    let bed = Bed::new();
    let world = raise(&bed);
    bed.write(
        "stuck.toml",
        "[[finalizer]]\nkind = \"Service\"\nname = \"default/web\"\n",
    );
    let faults = ["--rehearse-faults", "stuck.toml"];
    let destroy = ["destroy", "kind", "--rehearse"];
    let in_time = ["--timeout", "5m"];
    let stuck = bed.run(&[&destroy[..], &faults, &in_time].concat());
    // That something is left weighs more than the time that ran out.
    let stuck = stuck.expect(5);
    says(&stuck, "Service default/web is not gone: the time ran out");
    says(
        &stuck,
        "service.kubernetes.io/load-balancer-cleanup is taken away by the cloud's controller of load balancers",
    );
    says(&stuck, "the same command with --abandon");
    // Whoever could still delete it lives on.
    assert_eq!(world.containers(), ["dot-control-plane"]);
    let given_up = bed.run(&[&destroy[..], &faults, &["--abandon"]].concat());
    let given_up = given_up.expect(5);
    says(&given_up, "given up, as --abandon asked");
    assert_eq!(world.containers(), Vec::<String>::new());
    assert_eq!(assets(&world).len(), 1);
}

#[test]
fn what_stays_by_its_own_word_is_remembered_when_its_object_is_gone() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    world.open_cluster(&bed, "dot");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "buckets.s3.example.org" },
        "spec": {
            "group": "s3.example.org", "scope": "Cluster",
            "names": {
                "kind": "Bucket", "listKind": "BucketList", "plural": "buckets", "singular": "bucket",
                "categories": ["managed"],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    });
    let definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    world.ask_cluster(&bed, "dot", "POST", definitions, &definition);
    let bucket = json!({
        "apiVersion": "s3.example.org/v1", "kind": "Bucket",
        "metadata": {
            "name": "data", "finalizers": ["example.org/own"],
            "annotations": { "crossplane.io/external-name": "data-7f2c" },
        },
        "spec": { "deletionPolicy": "Orphan" },
    });
    let buckets = "apis/s3.example.org/v1/buckets";
    world.ask_cluster(&bed, "dot", "POST", buckets, &bucket);

    let destroy = ["destroy", "kind", "--rehearse"];
    let stuck = bed.run(&[&destroy[..], &["--timeout", "3m"]].concat());
    says(&stuck.expect(5), "Bucket data is not gone");
    let free = json!({ "metadata": { "finalizers": null } });
    world.ask_cluster(&bed, "dot", "PATCH", &format!("{buckets}/data"), &free);
    let gone = bed.run(&destroy).expect(0);
    says(
        &gone,
        "kept on purpose\n  Bucket data (data-7f2c): its deletionPolicy is Orphan",
    );
}
