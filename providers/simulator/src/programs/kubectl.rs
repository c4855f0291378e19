//! What runs inside a node: `kubectl` against the cluster's own API server, and `cat` of what kubeadm left in it.

use super::{
    Console,
    flags::{self, Flag, switch, value},
    kind,
};
use crate::site::{Container, Role};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;

const FLAGS: &[Flag] = &[
    value("kubeconfig", None),
    value("output", Some('o')),
    value("namespace", Some('n')),
    value("selector", Some('l')),
    value("raw", None),
    switch("all-namespaces", Some('A')),
    switch("ignore-not-found", None),
    switch("client", None),
    value("request-timeout", None),
];

/// Kinds that `kubectl get` is used with here: names, group, kind, plural with group, and whether they have a namespace.
const KINDS: [(&[&str], &str, &str, &str, bool); 9] = [
    (&["nodes", "node", "no"], "", "Node", "node", false),
    (
        &["namespaces", "namespace", "ns"],
        "",
        "Namespace",
        "namespace",
        false,
    ),
    (&["pods", "pod", "po"], "", "Pod", "pod", true),
    (
        &["services", "service", "svc"],
        "",
        "Service",
        "service",
        true,
    ),
    (
        &["configmaps", "configmap", "cm"],
        "",
        "ConfigMap",
        "configmap",
        true,
    ),
    (
        &["deployments", "deployment", "deploy", "deployments.apps"],
        "apps",
        "Deployment",
        "deployment.apps",
        true,
    ),
    (
        &["daemonsets", "daemonset", "ds", "daemonsets.apps"],
        "apps",
        "DaemonSet",
        "daemonset.apps",
        true,
    ),
    (
        &[
            "storageclasses",
            "storageclass",
            "sc",
            "storageclasses.storage.k8s.io",
        ],
        "storage.k8s.io",
        "StorageClass",
        "storageclass.storage.k8s.io",
        false,
    ),
    (
        &["persistentvolumes", "persistentvolume", "pv"],
        "",
        "PersistentVolume",
        "persistentvolume",
        false,
    ),
];

/// Runs a command in a container, and returns its exit status.
pub(super) async fn exec(console: &Console, container: &Container, command: &[String]) -> i32 {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cat", path] => cat(console, container, path),
        ["kubectl", ..] => match kubectl(console, container, &command[1..]).await {
            Ok(()) => 0,
            Err(message) => {
                console.err(&message);
                1
            }
        },
        ["true"] => 0,
        [other, ..] => {
            console.err(&format!(
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"{other}\": executable file not found in $PATH"
            ));
            127
        }
        [] => 0,
    }
}

fn cat(console: &Console, container: &Container, path: &str) -> i32 {
    let text = match path {
        "/kind/version" => container
            .image
            .split(':')
            .nth(1)
            .map(|tag| format!("{}\n", tag.split('@').next().unwrap_or(tag))),
        "/etc/kubernetes/admin.conf" if container.role == Role::ControlPlane => {
            let cluster = console
                .ground
                .site()
                .clusters
                .get(&container.cluster)
                .cloned();
            let server = kind::address(console, &container.cluster);
            cluster.and_then(|it| {
                serde_saphyr::to_string(&kind::kubeconfig(console, &it, &server)).ok()
            })
        }
        "/etc/kubernetes/kubelet.conf" if container.joined => {
            Some("apiVersion: v1\nkind: Config\n".to_owned())
        }
        _ => None,
    };
    match text {
        Some(text) => {
            console.send(super::Frame::Out(text));
            0
        }
        None => {
            console.err(&format!("cat: {path}: No such file or directory"));
            1
        }
    }
}

async fn kubectl(console: &Console, container: &Container, args: &[String]) -> Result<(), String> {
    let parsed = flags::parse(args, FLAGS, true)
        .map_err(|error| format!("error: {error}\nSee 'kubectl --help' for usage."))?;
    let cluster = console
        .ground
        .site()
        .clusters
        .get(&container.cluster)
        .cloned();
    let Some((cluster, running)) = cluster.zip(console.ground.running(&container.cluster)) else {
        return Err("error: stat /etc/kubernetes/admin.conf: no such file or directory".to_owned());
    };
    if container.role != Role::ControlPlane || !*running.power.borrow() {
        return Err(format!(
            "The connection to the server {}-control-plane:6443 was refused - did you specify the right host or port?",
            container.cluster
        ));
    }
    let words: Vec<&str> = parsed.rest.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["version"] => {
            let version =
                json!({"major": "1", "gitVersion": cluster.version, "platform": "linux/amd64"});
            let both = json!({"clientVersion": version, "serverVersion": version});
            match parsed.get("output") {
                Some("json") => console.out(&format!("{both:#}")),
                _ => console.out(&format!(
                    "Client Version: {0}\nServer Version: {0}",
                    cluster.version
                )),
            }
            Ok(())
        }
        ["get"] if parsed.get("raw").is_some() => {
            let request = Request::get(parsed.get("raw").unwrap_or_default())
                .header("authorization", format!("Bearer {}", cluster.token))
                .body(Body::empty())
                .map_err(|error| format!("error: {error}"))?;
            let response = running.api.handle(request).await;
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 16 << 20)
                .await
                .map_err(|error| format!("error: {error}"))?;
            let text = String::from_utf8_lossy(&body).into_owned();
            match status.is_success() {
                true => console.send(super::Frame::Out(text)),
                false => return Err(format!("Error from server: {text}")),
            }
            Ok(())
        }
        ["get", rest @ ..] => get(console, &running.api, rest, &parsed),
        _ => Err(format!(
            "error: the simulated node does not know \"kubectl {}\"",
            words.join(" ")
        )),
    }
}

fn get(
    console: &Console,
    api: &Arc<crate::kube::ApiServer>,
    words: &[&str],
    parsed: &flags::Parsed,
) -> Result<(), String> {
    let (kind, names) = match words {
        [] => return Err("error: You must specify the type of resource to get.".to_owned()),
        [first, rest @ ..] => match first.split_once('/') {
            Some((kind, name)) => (kind, vec![name]),
            None => (*first, rest.to_vec()),
        },
    };
    let known = KINDS.iter().find(|known| known.0.contains(&kind));
    let Some((_, group, kind, shown, namespaced)) = known else {
        return Err(format!(
            "error: the server doesn't have a resource type \"{kind}\""
        ));
    };
    let namespace = match (namespaced, parsed.on("all-namespaces")) {
        (true, false) => Some(parsed.get("namespace").unwrap_or("default")),
        _ => None,
    };
    let selects = |object: &Value| {
        let pairs = parsed
            .get("selector")
            .unwrap_or_default()
            .split(',')
            .filter(|pair| !pair.is_empty());
        pairs.into_iter().all(|pair| {
            let labels = &object["metadata"]["labels"];
            match pair.split_once('=') {
                Some((key, value)) => labels[key] == value.trim_start_matches('='),
                None => !labels[pair].is_null(),
            }
        })
    };
    let mut found = api.list(group, kind, namespace);
    found.retain(|object| {
        selects(object)
            && (names.is_empty() || names.iter().any(|name| object["metadata"]["name"] == *name))
    });
    for name in &names {
        let missing = !found
            .iter()
            .any(|object| object["metadata"]["name"] == *name);
        if missing && !parsed.on("ignore-not-found") {
            let (kind, group) = shown
                .split_once('.')
                .map_or((*shown, ""), |(kind, group)| (kind, group));
            let plural = if kind.ends_with('s') {
                format!("{kind}es")
            } else {
                format!("{kind}s")
            };
            let dot = if group.is_empty() { "" } else { "." };
            return Err(format!(
                "Error from server (NotFound): {plural}{dot}{group} \"{name}\" not found"
            ));
        }
    }
    match parsed.get("output") {
        Some("json") if names.len() == 1 => {
            if let Some(object) = found.first() {
                console.out(&format!("{object:#}"));
            }
        }
        Some("json") => {
            let list = json!({"apiVersion": "v1", "items": found.iter().map(|it| Value::clone(it)).collect::<Vec<_>>(), "kind": "List", "metadata": {"resourceVersion": ""}});
            console.out(&format!("{list:#}"));
        }
        Some("name") => {
            for object in &found {
                console.out(&format!(
                    "{shown}/{}",
                    object["metadata"]["name"].as_str().unwrap_or_default()
                ));
            }
        }
        None | Some("" | "wide") if found.is_empty() => console.err("No resources found"),
        None | Some("" | "wide") => {
            console.out("NAME");
            found.iter().for_each(|object| {
                console.out(object["metadata"]["name"].as_str().unwrap_or_default())
            });
        }
        Some(other) => {
            return Err(format!(
                "error: the simulated node does not know the output format \"{other}\""
            ));
        }
    }
    Ok(())
}
