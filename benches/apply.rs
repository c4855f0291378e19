//! Measures how long 500 objects of many kinds take to be applied to a simulated cluster through windlass's own Kubernetes room, and
//! applied again unchanged: over TLS, with the reactors at work besides. Ends with an error where the first takes a second or more.
//!
//! Run it with `cargo bench --bench apply`.
#![expect(
    clippy::print_stdout,
    reason = "the figures are what the benchmark is for"
)]

use std::{
    path::Path,
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::process::Command;
use windlass::{
    kube::Cluster,
    rehearsal::{Options, Rehearsal, Speed},
};
use windlass_provider::{Auth, Ctx, Kubeconfig};

const OBJECTS: usize = 500;
const ROUNDS: usize = 5;
const MOST: Duration = Duration::from_secs(1);

/// Returns the objects: 20 namespaces with 24 objects each, and definitions with what they define.
fn objects() -> Vec<Value> {
    let mut objects = Vec::new();
    for n in 0..4 {
        objects.push(definition(n));
    }
    for team in 0..20 {
        let namespace = format!("team-{team}");
        objects.push(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        );
        for n in 0..3 {
            objects.extend(application(&namespace, &format!("app-{n}")));
        }
    }
    for n in 0..OBJECTS - objects.len() {
        objects.push(json!({
            "apiVersion": "bench.example.com/v1", "kind": format!("Gadget{}", n % 4),
            "metadata": {"name": format!("gadget-{n}"), "namespace": format!("team-{}", n % 20)}, "spec": {"size": n},
        }));
    }
    objects
}

/// Returns the seven objects of an application.
fn application(namespace: &str, name: &str) -> [Value; 7] {
    let metadata =
        json!({"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": name}});
    let labels = json!({"app.kubernetes.io/name": name});
    let text = "x".repeat(400);
    [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a.yaml": text, "b.yaml": text}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": text}}),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "list", "watch"]}],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": 2, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "serviceAccountName": name,
                    "containers": [{
                        "name": "main", "image": "example.com/app:1", "ports": [{"containerPort": 8080}],
                        "env": [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}}],
                        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
                    }],
                    "volumes": [{"name": "config", "configMap": {"name": name}}],
                }},
            },
        }),
    ]
}

fn definition(n: usize) -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 0}}},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadget{n}s.bench.example.com")},
        "spec": {
            "group": "bench.example.com", "scope": "Namespaced",
            "names": {"kind": format!("Gadget{n}"), "listKind": format!("Gadget{n}List"), "plural": format!("gadget{n}s"), "singular": format!("gadget{n}")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

/// Makes a cluster in a rehearsal's world, and returns how to reach it.
async fn make_cluster(rehearsal: &Rehearsal, folder: &Path) -> Kubeconfig {
    let path = folder.join("kubeconfig");
    let status = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args([
            "rehearse",
            "program",
            "kind",
            "create",
            "cluster",
            "--name",
            "dot",
            "--kubeconfig",
        ])
        .arg(&path)
        .envs(rehearsal.stand_in_variables())
        .stderr(Stdio::null())
        .status()
        .await;
    assert!(status.is_ok_and(|status| status.success()), "a cluster");
    let text = std::fs::read_to_string(path).expect("a kubeconfig");
    let config: Value = serde_saphyr::from_str(&text).expect("YAML");
    let cluster = &config["clusters"][0]["cluster"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let authority = BASE64_STANDARD.decode(text(&cluster["certificate-authority-data"]));
    Kubeconfig {
        server: text(&cluster["server"]),
        certificate_authority: Some(String::from_utf8(authority.expect("base64")).expect("PEM")),
        tls_server_name: None,
        auth: Auth::Token(text(&config["users"][0]["user"]["token"])),
    }
}

async fn measure(objects: &[Value]) -> (Duration, Duration) {
    let folder = tempfile::tempdir().expect("a folder for the world");
    let world = folder.path().join("world").display().to_string();
    let options = Options {
        world: Some(world),
        speed: Speed::Max,
        faults: None,
    };
    let rehearsal = Rehearsal::open(&options).await.expect("a world");
    let access = make_cluster(&rehearsal, folder.path()).await;
    let cx = Ctx::new(rehearsal.clock());
    let cluster = Cluster::connect(&access).expect("a client");
    let begun = Instant::now();
    let applied = cluster.apply(&cx, objects).await.expect("objects");
    let first = begun.elapsed();
    assert_eq!(applied.len(), OBJECTS);
    let begun = Instant::now();
    cluster.apply(&cx, objects).await.expect("the same objects");
    let again = begun.elapsed();
    rehearsal.close().await;
    (first, again)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let objects = objects();
    assert_eq!(objects.len(), OBJECTS);
    println!("{OBJECTS} objects applied through the Kubernetes room to a simulated cluster");
    println!("{:>7}  {:>7}", "first s", "again s");
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let (first, again) = measure(&objects).await;
        best = best.min(first);
        println!("{:>7.3}  {:>7.3}", first.as_secs_f64(), again.as_secs_f64());
    }
    println!(
        "best {:.3} s, under {:.1} s",
        best.as_secs_f64(),
        MOST.as_secs_f64()
    );
    if best < MOST {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
