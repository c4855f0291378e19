//! What a bug report wants to know of a cluster: the conditions of what windlass installed, events, pods, and the end of their
//! logs. Reads only, and never a Secret.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Provider, Result};

use super::chart::release_ref;
use crate::kube::{Cluster, Inventory, Log, ObjectRef, Selector, inventory::NAMESPACE};

/// How many of a namespace's latest events are told.
const EVENTS: usize = 50;
/// How much of a container's log is told.
const LINES: usize = 40;
const BYTES: usize = 16 * 1024;
/// How many pods of a namespace are asked for their logs.
const PODS: usize = 10;

/// One part of what was found.
#[derive(Clone, Debug)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// What was found; or why it is missing.
    pub text: Result<String, String>,
}

impl Section {
    fn of(title: impl Into<String>, text: Result<String>) -> Self {
        Self {
            title: title.into(),
            text: text.map_err(|error| error.to_line()),
        }
    }
}

/// Looks into a cluster; what cannot be read is told in its place.
pub async fn inspect(cx: &Ctx, provider: &dyn Provider, name: &ClusterName) -> Vec<Section> {
    let open = async {
        let access = provider.kubeconfig(cx, name).await?;
        let cluster = Cluster::connect(&access)?;
        cluster.reachable(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        Ok((cluster, inventory))
    };
    let (cluster, inventory) = match open.await {
        Ok(opened) => opened,
        Err(error) => return vec![Section::of("what is in the cluster", Err(error))],
    };
    let mut sections = vec![
        Section::of("inventory", Ok(list(&inventory))),
        Section::of("conditions", conditions(cx, &cluster, &inventory).await),
    ];
    let homes = inventory.components.values();
    let mut namespaces: BTreeSet<&str> = homes.map(|entry| entry.namespace.as_str()).collect();
    namespaces.insert(NAMESPACE);
    for namespace in namespaces {
        let events = events(cx, &cluster, namespace).await;
        sections.push(Section::of(format!("events in {namespace}"), events));
        match pods(cx, &cluster, namespace).await {
            Ok((text, logs)) => {
                sections.push(Section::of(format!("pods in {namespace}"), Ok(text)));
                sections.extend(logs);
            }
            Err(error) => sections.push(Section::of(format!("pods in {namespace}"), Err(error))),
        }
    }
    sections
}

fn list(inventory: &Inventory) -> String {
    let mut text = String::new();
    for (name, entry) in &inventory.components {
        let count = entry.all_objects().count();
        add(
            &mut text,
            &format!(
                "component {name} {} in {}, values {}, {count} objects",
                entry.version, entry.namespace, entry.digest
            ),
        );
    }
    for name in &inventory.namespaces {
        add(&mut text, &format!("namespace {name}"));
    }
    for (home, name) in inventory.accounts.keys() {
        add(&mut text, &format!("service account {home}/{name}"));
    }
    text
}

async fn conditions(cx: &Ctx, cluster: &Cluster, inventory: &Inventory) -> Result<String> {
    const TELLING: [&str; 5] = [
        "DaemonSet",
        "Deployment",
        "HelmRepository",
        "OCIRepository",
        "StatefulSet",
    ];
    let mut text = String::new();
    for (component, entry) in &inventory.components {
        let mut objects = vec![release_ref(component)];
        objects.extend(
            entry
                .objects
                .iter()
                .filter(|object| TELLING.contains(&object.kind.as_str()))
                .cloned(),
        );
        for object in objects {
            if let Some(live) = cluster.get(cx, &object).await? {
                tell_conditions(&mut text, &object, &live);
            }
        }
    }
    Ok(text)
}

fn tell_conditions(text: &mut String, object: &ObjectRef, live: &Value) {
    add(text, &object.to_string());
    let conditions = live["status"]["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        let field = |name: &str| condition[name].as_str().unwrap_or_default();
        add(
            text,
            &format!(
                "  {}={} {} since {}: {}",
                field("type"),
                field("status"),
                field("reason"),
                field("lastTransitionTime"),
                field("message")
            ),
        );
    }
}

async fn events(cx: &Ctx, cluster: &Cluster, namespace: &str) -> Result<String> {
    let events = cluster.events(cx, namespace).await?;
    let mut text = String::new();
    for event in &events[events.len().saturating_sub(EVENTS)..] {
        let field = |name: &str| event[name].as_str().unwrap_or_default();
        let about = |name: &str| event["involvedObject"][name].as_str().unwrap_or_default();
        add(
            &mut text,
            &format!(
                "{} {} {} {}/{}: {}",
                ["lastTimestamp", "eventTime", "firstTimestamp"]
                    .iter()
                    .find_map(|time| event[*time].as_str())
                    .unwrap_or_default(),
                field("type"),
                field("reason"),
                about("kind"),
                about("name"),
                field("message")
            ),
        );
    }
    Ok(text)
}

/// Returns how the pods of a namespace are, and the ends of their logs.
async fn pods(cx: &Ctx, cluster: &Cluster, namespace: &str) -> Result<(String, Vec<Section>)> {
    let kind = cluster.kind(cx, "v1", "Pod").await?;
    let pods = cluster
        .list(cx, &kind, Some(namespace), &Selector::default())
        .await?;
    let mut text = String::new();
    let mut logs = Vec::new();
    for (index, pod) in pods.iter().enumerate() {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let phase = pod["status"]["phase"].as_str().unwrap_or("unknown");
        add(&mut text, &format!("{name}: {phase}"));
        let statuses = ["initContainerStatuses", "containerStatuses"]
            .into_iter()
            .flat_map(|field| pod["status"][field].as_array().into_iter().flatten());
        for status in statuses {
            let container = status["name"].as_str().unwrap_or_default();
            let restarts = status["restartCount"].as_u64().unwrap_or_default();
            add(
                &mut text,
                &format!(
                    "  {container}: ready {}, {restarts} restarts, {}, {}",
                    status["ready"], status["image"], status["state"]
                ),
            );
            if index >= PODS || status["state"]["waiting"].is_object() && restarts == 0 {
                continue;
            }
            let log = Log {
                namespace,
                pod: name,
                container,
                previous: false,
                lines: LINES,
                bytes: BYTES,
            };
            let title = format!("log of {namespace}/{name}, container {container}");
            logs.push(Section::of(title, cluster.log(cx, &log).await));
        }
    }
    Ok((text, logs))
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes whatever is written to it");
}
