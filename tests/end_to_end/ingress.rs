//! More than one ingress controller: on Kind only one can have the ports of the node.

use serde_json::json;

use crate::{
    bed::Bed,
    components::{row, says},
    everything::{ALL_ON, versions},
};

const TRAEFIK: &[&str] = &["setup", "kind", "--rehearse", "--only", "traefik"];

#[test]
fn a_second_one_is_refused_while_the_first_has_the_ports() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(TRAEFIK).expect(0);
    for (name, free) in [
        (
            "contour",
            "envoy.useHostPort.http=false,envoy.useHostPort.https=false",
        ),
        ("nginx", "controller.hostPort.enabled=false"),
    ] {
        let before = versions(&world);
        let ran = bed.run(&["install", name, "--rehearse"]).expect(1);
        says(
            &ran,
            &format!("{name} wants ports 80 and 443 of the node, and traefik has them"),
        );
        says(
            &ran,
            "hint: windlass uninstall traefik --rehearse, and then the same again",
        );
        says(
            &ran,
            &format!(
                "hint: or let it listen elsewhere: windlass install {name} --set {free} --rehearse"
            ),
        );
        assert!(versions(&world) == before, "it changed something");
        // Both ways lead on.
        let beside = ["install", name, "--set", free, "--rehearse"];
        let ran = bed.run(&beside).expect(0);
        let warned = ran
            .err
            .contains("warning: Ingress NGINX was retired in March 2026");
        assert_eq!(warned, name == "nginx", "{}", ran.err);
        assert_eq!(row(&bed, name)["health"], "ready");
        // An upgrade to what windlass sets itself would take the ports.
        let taking = bed.run(&["upgrade", name, "--rehearse"]).expect(1);
        says(&taking, "of the node, and traefik has them");
        bed.run(&["uninstall", name, "--rehearse"]).expect(0);
    }
    bed.run(&["uninstall", "traefik", "--rehearse"]).expect(0);
    bed.run(&["install", "contour", "--rehearse"]).expect(0);
    bed.run(&["status", "--rehearse"]).expect(0);
}

#[test]
fn two_that_want_the_same_ports_are_not_begun_with() {
    let bed = Bed::new();
    let both = bed
        .run(&["install", "traefik", "contour", "--rehearse", "--dry-run"])
        .expect(2);
    says(
        &both,
        "traefik and contour both want ports 80 and 443 of the node",
    );
    bed.write("windlass.toml", "[components.contour]\nenabled = true\n");
    let setup = bed.run(&["setup", "kind", "--rehearse"]).expect(2);
    says(&setup, "both want ports 80 and 443 of the node");
    says(
        &setup,
        "leave one of them out: enabled = false under [components.",
    );
    assert_eq!(bed.list(), ["windlass.toml"]);
    bed.write("windlass.toml", ALL_ON);
    let dry = ["install", "traefik", "contour", "nginx", "--rehearse"];
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    bed.run(&dry).expect(0);
}

#[test]
fn a_setup_that_finds_another_with_the_ports_stops_at_it() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(TRAEFIK).expect(0);
    bed.write(
        "windlass.toml",
        "[components.contour]\nenabled = true\n[components.traefik]\nenabled = false\n",
    );
    let setup = [
        "setup",
        "kind",
        "--rehearse",
        "--without",
        "crossplane,aso,atlas,cert-manager",
    ];
    let ran = bed.run(&setup).expect(3);
    says(
        &ran,
        "contour wants port 80 of the node, and traefik has it",
    );
    assert!(!world.objects("dot").iter().any(|it| it.contains("contour")));
    bed.run(&["uninstall", "traefik", "--rehearse"]).expect(0);
    bed.run(&setup).expect(0);
    assert_eq!(row(&bed, "contour")["health"], "ready");
}

#[test]
fn a_port_that_something_else_has_is_told() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["setup", "kind", "--rehearse", "--only", "flux"])
        .expect(0);
    world.open_cluster(&bed, "dot");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "squatter", "namespace": "default" },
        "spec": { "containers": [{ "name": "main", "image": "web:1", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] },
    });
    world.ask_cluster(&bed, "dot", "POST", "api/v1/namespaces/default/pods", &pod);
    let ran = bed.run(&["install", "traefik", "--rehearse"]).expect(3);
    says(
        &ran,
        "Unschedulable: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    );
    says(
        &ran,
        "hint: another pod has a port of the node that this one wants",
    );
    let squatter = "api/v1/namespaces/default/pods/squatter";
    world.ask_cluster(&bed, "dot", "DELETE", squatter, &json!({}));
    bed.run(&["install", "traefik", "--resume", "--rehearse"])
        .expect(0);
}
