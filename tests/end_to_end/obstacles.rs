//! What stands in an install's way in the cluster itself: a kind that is not there, a webhook that does not answer, a quota. Each is
//! planted as it comes about, told, and overcome by what the hints say.

use serde_json::{Value, json};

use crate::{
    bed::{Bed, Ran},
    components::{row, says},
    process::Served,
};

/// Returns a bed with a cluster on which these components are, and its world.
fn raise(components: &str) -> (Bed, Served) {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["setup", "kind", "--rehearse", "--only", components])
        .expect(0);
    world.open_cluster(&bed, "dot");
    (bed, world)
}

/// Types what a run that was stopped says to type.
#[track_caller]
fn go_on(bed: &Bed, stopped: &Ran) -> Ran {
    let hints = stopped.err.lines().map(str::trim);
    let mut hint = hints.filter_map(|line| line.strip_prefix("hint: go on from step "));
    let (_, command) = hint
        .next_back()
        .expect("a hint")
        .split_once(": windlass ")
        .expect("a command");
    bed.run(&command.split(' ').collect::<Vec<_>>())
}

/// Returns the names of what there is of a kind in a namespace.
fn named(world: &Served, kind: &str, namespace: &str) -> Vec<String> {
    let start = format!("{kind} {namespace}/");
    let objects = world.objects("dot").into_iter();
    objects
        .filter_map(|it| it.strip_prefix(&start).map(str::to_owned))
        .collect()
}

#[test]
fn a_kind_that_is_not_there_is_told_with_what_brings_it() {
    let (bed, world) = raise("flux");
    let monitored = "prometheus.servicemonitor.enabled=true";
    let install = ["install", "cert-manager", "--set", monitored, "--rehearse"];
    let stopped = bed.run(&install).expect(3);
    says(&stopped, "HelmRelease flux-system/cert-manager failed");
    says(
        &stopped,
        "no matches for kind \"ServiceMonitor\" in version \"monitoring.coreos.com/v1\"",
    );
    says(
        &stopped,
        "hint: ServiceMonitor comes with kube-prometheus-stack: windlass install prometheus --rehearse",
    );
    assert_eq!(row(&bed, "cert-manager")["health"], "failed");
    assert!(named(&world, "Deployment", "cert-manager").is_empty());
    bed.run(&["install", "prometheus", "--rehearse"]).expect(0);
    go_on(&bed, &stopped).expect(0);
    assert_eq!(
        named(&world, "ServiceMonitor", "cert-manager"),
        ["cert-manager"]
    );
}

#[test]
fn a_webhook_that_does_not_answer_is_named() {
    let (bed, world) = raise("cert-manager");
    let scale = |replicas: u32| {
        let path = "apis/apps/v1/namespaces/cert-manager/deployments/cert-manager-webhook";
        let body = json!({ "spec": { "replicas": replicas } });
        world.ask_cluster(&bed, "dot", "PATCH", path, &body);
    };
    scale(0);
    let stopped = bed.run(&["install", "aso", "--rehearse"]).expect(3);
    says(&stopped, "HelmRelease flux-system/aso failed");
    says(
        &stopped,
        "failed calling webhook \"webhook.cert-manager.io\"",
    );
    says(&stopped, "connect: connection refused");
    says(
        &stopped,
        "hint: an admission webhook does not answer: see whether the pods behind Service cert-manager/cert-manager-webhook \
         (kubectl get pods -n cert-manager) run",
    );
    assert_eq!(row(&bed, "aso")["health"], "failed");
    scale(1);
    // It is there, and awaited until it is well.
    bed.run(&["install", "cert-manager", "--rehearse"])
        .expect(0);
    go_on(&bed, &stopped).expect(0);
    bed.run(&["status", "--rehearse"]).expect(0);
}

#[test]
fn what_fails_after_its_install_is_told_by_status_and_awaited_by_what_needs_it() {
    let (bed, world) = raise("cert-manager");
    bed.run(&["status", "--rehearse"]).expect(0);
    let faults = ["--rehearse", "--rehearse-faults", "faults.toml"];
    let restart = |fate: &str| {
        bed.write("faults.toml", fate);
        bed.run(&[&["install"], &faults[..]].concat()).expect(0);
        let mut pods = named(&world, "Pod", "cert-manager").into_iter();
        let pod = pods.find(|it| it.starts_with("cert-manager-webhook-"));
        let path = format!(
            "api/v1/namespaces/cert-manager/pods/{}",
            pod.expect("a pod")
        );
        world.ask_cluster(&bed, "dot", "DELETE", &path, &json!({}));
    };
    restart("[[pod]]\nname = \"cert-manager/cert-manager-webhook-*\"\nfate = \"crash\"\n");
    let stopped = bed
        .run(&[&["install", "aso"], &faults[..]].concat())
        .expect(3);
    says(
        &stopped,
        "component/cert-manager: Deployment cert-manager/cert-manager-webhook failed",
    );
    says(&stopped, "CrashLoopBackOff");
    says(&stopped, "log: Error: cannot read the configuration");
    // The release of cert-manager is Ready, and yet it is not well.
    let status = bed.run(&[&["status"], &faults[..]].concat()).expect(4);
    says(&status, "not well: cert-manager");
    says(
        &status,
        "hint: cert-manager: read what it said before it ended: kubectl logs -n cert-manager pod/cert-manager-webhook-",
    );
    restart("");
    go_on(&bed, &stopped).expect(0);
    bed.run(&["status", "--rehearse"]).expect(0);
}

#[test]
fn a_quota_that_is_used_up_is_told_before_the_time_runs_out() {
    let (bed, world) = raise("flux");
    world.make_namespace(&bed, "dot", "traefik");
    let quota = |pods: &str| -> Value {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "team" }, "spec": { "hard": { "pods": pods } },
        })
    };
    let path = "api/v1/namespaces/traefik/resourcequotas";
    world.ask_cluster(&bed, "dot", "POST", path, &quota("0"));
    let stopped = bed.run(&["install", "traefik", "--rehearse"]).expect(6);
    says(&stopped, "HelmRelease flux-system/traefik failed");
    says(&stopped, "ReplicaSet traefik/traefik-");
    says(
        &stopped,
        "is forbidden: exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0",
    );
    says(
        &stopped,
        "hint: a ResourceQuota of the namespace is used up: kubectl describe quota",
    );
    says(&stopped, "not done (exit code 6) in 1m0");
    assert_eq!(named(&world, "Deployment", "traefik"), ["traefik"]);
    assert!(named(&world, "Pod", "traefik").is_empty());
    says(
        &bed.run(&["status", "--rehearse"]).expect(4),
        "exceeded quota: team",
    );
    world.ask_cluster(&bed, "dot", "PATCH", &format!("{path}/team"), &quota("5"));
    go_on(&bed, &stopped).expect(0);
    assert_eq!(row(&bed, "traefik")["health"], "ready");
}
