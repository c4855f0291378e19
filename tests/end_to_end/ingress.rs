//! `ingress address`: where the ingress controller is reached, and what of it is written into `.env`.

use serde_json::{Value, json};

use crate::{
    bed::{Bed, Ran},
    components::says,
    process::Served,
};

const SETUP: &[&str] = &["setup", "kind", "--rehearse", "--only", "traefik"];

fn address(bed: &Bed, more: &[&str]) -> Ran {
    bed.run(&[&["ingress", "address", "--rehearse"], more].concat())
}

/// Returns what the cluster's block of `.env` says of the ingress controller.
fn variables(bed: &Bed) -> Vec<String> {
    let text = bed.text("rehearsal/.env").unwrap_or_default();
    text.lines()
        .filter(|line| line.contains("INGRESS"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn on_kind_ports_of_this_machine_lead_to_it() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    let ran = address(&bed, &[]).expect(0);
    insta::assert_snapshot!(ran.out, @r"
    address   127.0.0.1
    host      127.0.0.1.nip.io
    url       http://127.0.0.1.nip.io
    ");
    says(&ran, "rehearsal/.env has INGRESS_IP and INGRESS_HOST");
    let plain = [
        "export INGRESS_IP=127.0.0.1",
        "export INGRESS_HOST=127.0.0.1.nip.io",
    ];
    assert_eq!(variables(&bed), plain);
    let again = address(&bed, &["--wait"]).expect(0);
    says(
        &again,
        "rehearsal/.env already has INGRESS_IP and INGRESS_HOST",
    );
    // Neither another setup nor another prefix takes them away.
    bed.run(SETUP).expect(0);
    bed.run(&["kubeconfig", "--rehearse"]).expect(0);
    let prefixed = address(
        &bed,
        &["--env-prefix", "APP_", "--domain", "lab.test", "-o", "json"],
    );
    let shown: Value = serde_json::from_str(&prefixed.expect(0).out).expect("JSON");
    assert_eq!(
        shown,
        json!({
            "class": "traefik", "service": "Service traefik/traefik", "ip": "127.0.0.1", "hostname": null, "port": 80,
            "host": "127.0.0.1.lab.test", "url": "http://127.0.0.1.lab.test",
        })
    );
    let mut all = vec![
        "export APP_INGRESS_IP=127.0.0.1",
        "export APP_INGRESS_HOST=127.0.0.1.lab.test",
    ];
    all.extend(plain);
    assert_eq!(variables(&bed), all);
    let printed = bed.run(&["env", "--rehearse"]).expect(0);
    says(&printed, "export APP_INGRESS_HOST=127.0.0.1.lab.test");
    bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
    assert_eq!(bed.text("rehearsal/.env"), None);
}

#[test]
fn other_ports_are_in_the_url_and_without_one_the_way_in_is_told() {
    let bed = Bed::new();
    let other = [SETUP, &["--http-port", "8080", "--https-port", "8443"]].concat();
    bed.run(&other).expect(0);
    says(
        &address(&bed, &[]).expect(0),
        "http://127.0.0.1.nip.io:8080\n",
    );

    let bed = Bed::new();
    let none = [SETUP, &["--http-port", "0", "--https-port", "0"]].concat();
    bed.run(&none).expect(0);
    let refused = address(&bed, &["--wait"]).expect(1);
    insta::assert_snapshot!(refused.err, @r"
    rehearsal: nothing here is real
    error: Service traefik/traefik has no address outside of its cluster
      caused by: the cluster was made without a port of this machine for http (--http-port 0)
      hint: reach it through the API server: kubectl --namespace traefik port-forward service/traefik 8080:80
    ");
    assert_eq!(variables(&bed), Vec::<String>::new());
}

#[test]
fn which_controller_is_meant_is_said_where_it_is_not_clear() {
    let bed = Bed::new();
    let nothing = address(&bed, &[]).expect(1);
    says(&nothing, "there is no kind cluster \"dot\"");
    bed.run(&["setup", "kind", "--rehearse", "--only", "flux"])
        .expect(0);
    let none = address(&bed, &[]).expect(1);
    says(&none, "cluster dot has no ingress controller");
    says(&none, "hint: windlass install traefik --rehearse");
    bed.run(&["install", "traefik", "--rehearse"]).expect(0);
    let absent = address(&bed, &["--class", "nginx"]).expect(1);
    says(&absent, "nginx is not installed");
    for (wrong, said) in [
        (
            ["--class", "haproxy"],
            "possible values: traefik, contour, nginx",
        ),
        (["--env-prefix", "A-"], "letters, digits and _"),
        (["--domain", "http://x"], "write a domain as nip.io"),
        (["--timeout", "5m"], "--wait"),
    ] {
        says(&address(&bed, &wrong).expect(2), said);
    }
}

/// Raises a cluster that has load balancers, with one for Traefik.
fn balanced(bed: &Bed) -> Served {
    let world = bed.serve_with_load_balancers();
    bed.run(&["setup", "kind", "--rehearse", "--only", "flux"])
        .expect(0);
    let typed = "service.spec.type=LoadBalancer";
    bed.run(&["install", "traefik", "--rehearse", "--set", typed])
        .expect(0);
    world.open_cluster(bed, "dot");
    world
}

const SERVICE: &str = "api/v1/namespaces/traefik/services/traefik";

/// Lets the cloud give other addresses to Traefik's load balancer.
fn give(bed: &Bed, world: &Served, ingress: &Value) {
    let status = json!({ "status": { "loadBalancer": { "ingress": ingress } } });
    world.ask_cluster(bed, "dot", "PATCH", &format!("{SERVICE}/status"), &status);
}

#[test]
fn a_load_balancer_has_an_address_or_a_name_that_is_resolved() {
    let bed = Bed::new();
    let world = balanced(&bed);
    let ran = address(&bed, &["--wait"]).expect(0);
    assert!(ran.out.starts_with("address   203.0.113."), "{}", ran.out);
    let ip = variables(&bed).remove(0);

    let name = "a1.elb.us-east-1.amazonaws.com";
    give(&bed, &world, &json!([{ "hostname": name }]));
    let named = address(&bed, &["--class", "traefik"]).expect(0);
    says(&named, "hostname  a1.elb.us-east-1.amazonaws.com\n");
    says(&named, ".nip.io\n");
    // It is the same load balancer.
    assert_eq!(variables(&bed)[0], ip);

    world.tell("balancers", &json!(false));
    give(&bed, &world, &json!([]));
    let early = address(&bed, &[]).expect(1);
    says(&early, "Service traefik/traefik has no address yet");
    says(&early, "hint: wait for it: --wait");
    let late = address(&bed, &["--wait", "--timeout", "2m"]).expect(7);
    says(
        &late,
        "Service traefik/traefik is not ready: the time ran out",
    );
}

#[test]
fn an_ingress_is_traefik_where_nothing_else_is_said() {
    let bed = Bed::new();
    bed.run(&["setup", "kind", "--rehearse", "--only", "flux"])
        .expect(0);
    let made = bed.run(&["install", "ingress", "--rehearse"]).expect(0);
    says(&made, "install Traefik");
    let gone = bed.run(&["uninstall", "ingress", "--rehearse"]).expect(0);
    says(&gone, "removed\n  traefik\n");
}
