//! The shape of `windlass.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Map, Value};
use windlass_provider::{Accelerator, ClusterName, NodePool, NodeSize, ProviderId, Taint};

use super::{
    Origin, Setting, aws, azure, google, names,
    reader::{Reader, Table, Wanted},
    resolve::above,
    special,
    tree::{Data, Node, merge},
    words,
};

/// All of the file, with the chosen environment laid over it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) clusters: BTreeMap<ClusterName, Cluster>,
    pub(super) components: BTreeMap<String, Component>,
    pub(super) gitops: Option<GitOps>,
    pub(super) namespaces: Option<Setting<Vec<String>>>,
}

/// A table `clusters.<name>`.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) provider: Option<Setting<ProviderId>>,
    pub(super) kubernetes_version: Option<Setting<String>>,
    pub(super) lifetime: Option<Setting<Option<Duration>>>,
    pub(super) min_nodes: Option<Setting<u32>>,
    pub(super) max_nodes: Option<Setting<u32>>,
    pub(super) node_size: Option<Setting<NodeSize>>,
    pub(super) engine: Option<Setting<String>>,
    pub(super) image: Option<Setting<String>>,
    pub(super) http_port: Option<Setting<u16>>,
    pub(super) https_port: Option<Setting<u16>>,
    pub(super) aws: aws::Aws,
    pub(super) azure: azure::Azure,
    pub(super) google: google::Google,
    pub(super) node_pools: Vec<Setting<NodePool>>,
    pub(super) origin: Origin,
}

/// What the user says of a component: a table `components.<name>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Whether it is wanted; `None`: as its catalogue entry says.
    pub enabled: Option<Setting<bool>>,
    /// The version, in place of the catalogue's.
    pub version: Option<Setting<String>>,
    /// The namespace, in place of the catalogue's.
    pub namespace: Option<Setting<String>>,
    /// Values for its chart, laid over the catalogue's.
    pub values: Map<String, Value>,
    /// The paths of values that are secret → the variables of the environment that hold them.
    pub secrets: BTreeMap<String, Setting<String>>,
    /// What only this component can be told.
    pub options: BTreeMap<String, Setting<Value>>,
    /// Where the table stands.
    pub origin: Origin,
}

impl Component {
    /// Returns the variables of the environment that hold secrets of the component called `name`, and where they are named.
    pub(super) fn variables<'a>(
        &'a self,
        name: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Origin)> {
        let own = special::keys(name)
            .iter()
            .filter(|key| matches!(key.takes, special::Takes::Variable))
            .filter_map(|key| self.options.get(key.name))
            .filter_map(|option| Some((option.value.as_str()?, &option.origin)));
        let secrets = self.secrets.values();
        secrets
            .map(|variable| (variable.value.as_str(), &variable.origin))
            .chain(own)
    }
}

/// What the user says of Git: the table `gitops`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitOps {
    /// The repository, without credentials.
    pub url: Setting<String>,
    /// What of it.
    pub reference: Option<Setting<GitReference>>,
    /// The folder in it.
    pub path: Option<Setting<String>>,
    /// How often Flux looks.
    pub interval: Option<Setting<Duration>>,
    /// Whether what vanishes from Git is deleted.
    pub prune: Option<Setting<bool>>,
    /// The namespace of the GitRepository and the Kustomization.
    pub namespace: Option<Setting<String>>,
}

/// What of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitReference {
    /// The head of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit.
    Commit(String),
}

/// Takes the environments out of the root table, and lays the one called `chosen` over the rest. The others are looked
/// through for mistakes, too. Returns the names of all.
pub(super) fn overlay(root: &mut Node, reader: Reader<'_>, chosen: Option<&str>) -> Vec<String> {
    let Data::Table(base) = &mut root.data else {
        return Vec::new();
    };
    let Some(environments) = base
        .remove("environments")
        .and_then(|node| reader.table(node))
    else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (name, node) in environments.named(names::label) {
        names.push(name.clone());
        if chosen != Some(&name) {
            let partial = Reader {
                partial: true,
                ..reader
            };
            if let Some(table) = partial.table(node) {
                read(table);
            }
        } else if let Data::Table(over) = node.data {
            forget_reference(base, &over);
            merge(base, over);
        } else {
            reader.table(node);
        }
    }
    names
}

/// One of branch, tag and commit holds: that of the environment, where it has one.
fn forget_reference(base: &mut BTreeMap<String, Node>, over: &BTreeMap<String, Node>) {
    const KEYS: [&str; 3] = ["branch", "tag", "commit"];
    let entries = |node: Option<&Node>| match node.map(|node| &node.data) {
        Some(Data::Table(entries)) => KEYS.iter().any(|key| entries.contains_key(*key)),
        _ => false,
    };
    if entries(over.get("gitops"))
        && let Some(Data::Table(base)) = base.get_mut("gitops").map(|node| &mut node.data)
    {
        base.retain(|key, _| !KEYS.contains(&key.as_str()));
    }
}

/// Reads the root table.
pub(super) fn read(mut root: Table<'_>) -> Contents {
    let mut contents = Contents::default();
    if let Some(clusters) = root.table("clusters") {
        let reader = clusters.reader;
        let name = |text: &str| words::cluster(text).map(|name| name.to_string());
        for (name, node) in clusters.named(name) {
            if let (Ok(name), Some(table)) = (name.parse(), reader.table(node)) {
                contents.clusters.insert(name, cluster(table));
            }
        }
    }
    if let Some(components) = root.table("components") {
        let reader = components.reader;
        for (name, node) in components.named(names::label) {
            if let Some(table) = reader.table(node) {
                let component = component(table, &name);
                contents.components.insert(name, component);
            }
        }
    }
    contents.gitops = root.table("gitops").and_then(gitops);
    if let Some(mut platform) = root.table("platform") {
        contents.namespaces = platform.list("namespaces").map(|namespaces| {
            let mut seen = BTreeSet::new();
            let reader = platform.reader;
            let value = namespaces
                .value
                .iter()
                .filter_map(|node| reader.scalar(node, Wanted::Text, names::namespace))
                .filter(|name| {
                    let first = seen.insert(name.value.clone());
                    if !first {
                        let message = format!("\"{}\" is there twice", name.value);
                        reader.refuse(name.origin.clone(), message);
                    }
                    first
                })
                .map(|name| name.value)
                .collect();
            Setting {
                value,
                origin: namespaces.origin,
            }
        });
        platform.end();
    }
    // Its tables have been taken out already, and environments have none of their own.
    if !root.reader.partial {
        root.take("environments");
    }
    root.end();
    contents
}

fn cluster(mut table: Table<'_>) -> Cluster {
    let mut cluster = Cluster {
        origin: table.origin.clone(),
        provider: table.text("provider", words::provider),
        kubernetes_version: table.text("kubernetes-version", words::kubernetes_version),
        lifetime: table.text("lifetime", words::lifetime),
        ..Cluster::default()
    };
    if let Some(mut nodes) = table.table("nodes") {
        cluster.min_nodes = nodes.number("min", words::nodes);
        cluster.max_nodes = nodes.number("max", words::nodes);
        cluster.node_size = nodes.text("size", words::node_size);
        nodes.end();
    }
    if let Some(mut kind) = table.table("kind") {
        cluster.engine = kind.text("engine", words::engine);
        cluster.image = kind.text("image", words::image);
        cluster.http_port = kind.number("http-port", words::port);
        cluster.https_port = kind.number("https-port", words::port);
        kind.end();
    }
    if let Some(table) = table.table("aws") {
        cluster.aws = aws::read(table);
    }
    if let Some(table) = table.table("azure") {
        cluster.azure = azure::read(table);
    }
    if let Some(table) = table.table("google") {
        cluster.google = google::read(table);
    }
    let mut seen = BTreeSet::new();
    for node in table
        .list("node-pools")
        .map(|pools| pools.value)
        .unwrap_or_default()
    {
        let Some(pool) = table.reader.table(node).and_then(node_pool) else {
            continue;
        };
        if seen.insert(pool.value.name.clone()) {
            cluster.node_pools.push(pool);
        } else {
            let message = format!("a second node pool is called \"{}\"", pool.value.name);
            table.reader.refuse(pool.origin, message);
        }
    }
    table.end();
    cluster
}

fn node_pool(mut table: Table<'_>) -> Option<Setting<NodePool>> {
    let reader = table.reader;
    let origin = table.origin.clone();
    let named = table.take("name");
    let name = match &named {
        Some(node) => reader.scalar(node, Wanted::Text, names::label),
        None => {
            reader.refuse(origin.clone(), "the node pool has no name");
            None
        }
    };
    let min = table.number("min", words::pool_nodes);
    let max = table.number("max", words::nodes);
    let labels = table.table("labels").map(labels).unwrap_or_default();
    let taints = table
        .list("taints")
        .map(|taints| taints.value)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|node| taint(reader.table(node)?))
        .collect();
    let machine = table.text("machine", words::machine);
    let zone = table.text("zone", words::zone);
    let spot = table.boolean("spot");
    let accelerator = accelerator(&mut table);
    table.end();
    check_order(reader, min.as_ref(), max.as_ref());
    let least = min.as_ref().map_or(1, |min| min.value);
    let value = NodePool {
        name: name?.value,
        min: max.as_ref().map_or(least, |max| least.min(max.value)),
        max: max.map_or(least.max(1), |max| max.value),
        labels,
        taints,
        machine: machine.map(|machine| machine.value),
        zone: zone.map(|zone| zone.value),
        spot: spot.is_some_and(|spot| spot.value),
        accelerator,
    };
    Some(Setting { value, origin })
}

/// Reads what a pool's nodes have besides processors.
fn accelerator(table: &mut Table<'_>) -> Option<Accelerator> {
    let kind = table.text("accelerator", google::accelerator);
    let count = table.number("accelerators", google::accelerators);
    let driver = table.text("driver", google::driver);
    if kind.is_none()
        && let Some(origin) = count
            .as_ref()
            .map(|it| &it.origin)
            .or(driver.as_ref().map(|it| &it.origin))
    {
        let message = "accelerators and driver are about an accelerator, and none is named";
        table.reader.refuse(origin.clone(), message);
    }
    Some(Accelerator {
        kind: kind?.value,
        count: count.map_or(1, |it| it.value),
        driver: driver.map(|it| it.value).unwrap_or_default(),
    })
}

fn check_order(reader: Reader<'_>, min: Option<&Setting<u32>>, max: Option<&Setting<u32>>) {
    if let (Some(min), Some(max)) = (min, max)
        && min.value > max.value
    {
        reader.refuse(min.origin.clone(), above(min, max));
    }
}

fn labels(table: Table<'_>) -> BTreeMap<String, String> {
    let reader = table.reader;
    table
        .named(names::label_key)
        .into_iter()
        .filter_map(|(key, node)| {
            let value = reader.scalar(&node, Wanted::Text, names::label_value)?;
            Some((key, value.value))
        })
        .collect()
}

fn taint(mut table: Table<'_>) -> Option<Taint> {
    let reader = table.reader;
    let origin = table.origin.clone();
    let (key, effect) = (table.take("key"), table.take("effect"));
    if key.is_none() || effect.is_none() {
        reader.refuse(origin, "a taint needs both a key and an effect");
    }
    let key = key.and_then(|node| reader.scalar(&node, Wanted::Text, names::label_key));
    let effect = effect.and_then(|node| reader.scalar(&node, Wanted::Text, words::taint_effect));
    let value = table.text("value", names::label_value);
    table.end();
    Some(Taint {
        key: key?.value,
        value: value.map(|value| value.value).unwrap_or_default(),
        effect: effect?.value,
    })
}

fn component(mut table: Table<'_>, name: &str) -> Component {
    let reader = table.reader;
    let mut component = Component {
        enabled: table.boolean("enabled"),
        version: table.text("version", words::version),
        namespace: table.text("namespace", names::label),
        values: Map::new(),
        secrets: BTreeMap::new(),
        options: special::read(&mut table, name),
        origin: table.origin.clone(),
    };
    if let Some(node) = table.take("values") {
        let is_table = matches!(node.data, Data::Table(_));
        match (is_table, node) {
            (true, node) => {
                if let Some(Value::Object(values)) = reader.json(node) {
                    component.values = values;
                }
            }
            // Refuses what is none.
            (false, node) => drop(reader.table(node)),
        }
    }
    if let Some(secrets) = table.table("secrets") {
        for (path, node) in secrets.named(words::value_path) {
            if let Some(variable) = reader.scalar(&node, Wanted::Text, words::variable) {
                component.secrets.insert(path, variable);
            }
        }
    }
    table.end();
    component
}

fn gitops(mut table: Table<'_>) -> Option<GitOps> {
    let reader = table.reader;
    let url = match table.take("url") {
        Some(node) => reader.scalar(&node, Wanted::Text, names::git_url),
        None => {
            if !reader.partial {
                reader.refuse(table.origin.clone(), "url is missing: which repository?");
            }
            None
        }
    };
    let wrap = |found: Option<Setting<String>>, make: fn(String) -> GitReference| {
        found.map(|Setting { value, origin }| Setting {
            value: make(value),
            origin,
        })
    };
    let references: Vec<_> = [
        wrap(
            table.text("branch", names::git_reference),
            GitReference::Branch,
        ),
        wrap(table.text("tag", names::git_reference), GitReference::Tag),
        wrap(
            table.text("commit", names::git_commit),
            GitReference::Commit,
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let [_, second, ..] = &references[..] {
        reader.refuse(
            second.origin.clone(),
            "only one of branch, tag and commit can be",
        );
    }
    let path = table.text("path", names::git_path);
    let interval = table.text("interval", words::interval);
    let prune = table.boolean("prune");
    let namespace = table.text("namespace", names::label);
    table.end();
    Some(GitOps {
        url: url?,
        reference: references.into_iter().next(),
        path,
        interval,
        prune,
        namespace,
    })
}
