//! The program `kind` 0.33.

mod config;
mod create;
mod seed;

use super::{
    Call, Console, Cut, Frame, Outcome,
    docker::{self, remove},
    flags::{self, Flag, Parsed, switch, value},
};
use crate::site::{Cluster, Role};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const VERSION: &str = "0.33.0";
/// The image of kind 0.33's release.
const IMAGE: &str = "kindest/node:v1.36.1";
/// Assumed seconds that it takes to remove the containers of a cluster.
const REMOVAL: u64 = 3;

const GLOBAL: &[Flag] = &[
    switch("quiet", Some('q')),
    value("verbosity", Some('v')),
    value("loglevel", None),
    switch("help", Some('h')),
    value("name", Some('n')),
    value("config", None),
    value("image", None),
    value("kubeconfig", None),
    value("wait", None),
    switch("retain", None),
    switch("all", Some('A')),
    switch("all-clusters", None),
    switch("internal", None),
];

/// A command: its words, and the flags that it knows beside those that all know.
struct Command {
    words: &'static [&'static str],
    flags: &'static [&'static str],
}

const EVERYWHERE: [&str; 4] = ["quiet", "verbosity", "loglevel", "help"];

const COMMANDS: &[Command] = &[
    Command {
        words: &["version"],
        flags: &[],
    },
    Command {
        words: &["create", "cluster"],
        flags: &["name", "config", "image", "kubeconfig", "wait", "retain"],
    },
    Command {
        words: &["delete", "cluster"],
        flags: &["name", "kubeconfig"],
    },
    Command {
        words: &["delete", "clusters"],
        flags: &["all", "kubeconfig"],
    },
    Command {
        words: &["get", "clusters"],
        flags: &[],
    },
    Command {
        words: &["get", "nodes"],
        flags: &["name", "all-clusters"],
    },
    Command {
        words: &["get", "kubeconfig"],
        flags: &["name", "internal"],
    },
];

/// Why a call failed.
enum Failure {
    /// As kind words it, without "ERROR: ".
    Said(String),
    Cut,
}

impl From<Cut> for Failure {
    fn from(_: Cut) -> Self {
        Self::Cut
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Said(message)
    }
}

/// Runs a call.
pub(super) async fn run(console: &Console, call: &Call) -> Outcome {
    match dispatch(console, call).await {
        Ok(()) => Ok(0),
        Err(Failure::Said(message)) => {
            console.err(&format!("ERROR: {message}"));
            Ok(1)
        }
        Err(Failure::Cut) => Err(Cut),
    }
}

async fn dispatch(console: &Console, call: &Call) -> Result<(), Failure> {
    let parsed = flags::parse(&call.args, GLOBAL, true)?;
    let words: Vec<&str> = parsed.rest.iter().map(String::as_str).collect();
    let Some(command) = COMMANDS
        .iter()
        .find(|command| words.starts_with(command.words))
    else {
        return Err(match words.as_slice() {
            [] => Failure::Said("Subcommand is required".to_owned()),
            ["create" | "delete" | "get"] => Failure::Said("Subcommand is required".to_owned()),
            [first, ..] => Failure::Said(format!("unknown command \"{first}\" for \"kind\"")),
        });
    };
    let known =
        |flag: &&Flag| command.flags.contains(&flag.name) || EVERYWHERE.contains(&flag.name);
    if let Some(flag) = GLOBAL
        .iter()
        .filter(|flag| parsed.get(flag.name).is_some())
        .find(|flag| !known(flag))
    {
        return Err(Failure::Said(format!("unknown flag: --{}", flag.name)));
    }
    let arguments = &words[command.words.len()..];
    if command.words != ["delete", "clusters"]
        && let Some(argument) = arguments.first()
    {
        let path = command.words.join(" ");
        return Err(Failure::Said(format!(
            "unknown command \"{argument}\" for \"kind {path}\""
        )));
    }
    let name = parsed
        .get("name")
        .or(call.env.get("KIND_CLUSTER_NAME").map(String::as_str));
    match command.words {
        ["version"] => {
            console.out(&match parsed.on("quiet") {
                true => VERSION.to_owned(),
                false => format!("kind v{VERSION} go1.26.2 linux/amd64"),
            });
            Ok(())
        }
        ["create", "cluster"] => {
            let created = create::run(console, call, &parsed, name).await;
            created.map_err(|failure| match failure {
                Failure::Said(message) => {
                    Failure::Said(format!("failed to create cluster: {message}"))
                }
                cut => cut,
            })
        }
        ["delete", "cluster"] => {
            let name = name.unwrap_or("kind");
            console.err(&format!("Deleting cluster \"{name}\" ..."));
            delete(console, call, name, &parsed)
                .await
                .map_err(|failure| match failure {
                    Failure::Said(message) => {
                        Failure::Said(format!("failed to delete cluster \"{name}\": {message}"))
                    }
                    cut => cut,
                })
        }
        ["delete", "clusters"] => delete_many(console, call, arguments, &parsed).await,
        ["get", "clusters"] => {
            let names = clusters(console)?;
            if names.is_empty() {
                console.err("No kind clusters found.");
            }
            names.iter().for_each(|name| console.out(name));
            Ok(())
        }
        ["get", "nodes"] => get_nodes(console, name.unwrap_or("kind"), parsed.on("all-clusters")),
        _ => get_kubeconfig(console, name.unwrap_or("kind"), parsed.on("internal")),
    }
}

/// Returns the names of all clusters, found by their containers.
fn clusters(console: &Console) -> Result<BTreeSet<String>, Failure> {
    let command = "docker ps -a --filter label=io.x-k8s.kind.cluster --format '{{.Label \"io.x-k8s.kind.cluster\"}}'";
    docker::available(console)
        .map_err(|error| format!("failed to list clusters: {}", error.wrap(command)))?;
    let site = console.ground.site();
    Ok(site
        .containers
        .values()
        .map(|it| it.cluster.clone())
        .collect())
}

fn nodes(console: &Console, cluster: &str) -> Result<Vec<String>, Failure> {
    let command = format!(
        "docker ps -a --filter label=io.x-k8s.kind.cluster={cluster} --format '{{{{.Names}}}}'"
    );
    docker::available(console)
        .map_err(|error| format!("failed to list nodes: {}", error.wrap(&command)))?;
    let site = console.ground.site();
    let ours = site.containers.values().filter(|it| it.cluster == cluster);
    Ok(ours.map(|it| it.name.clone()).collect())
}

fn get_nodes(console: &Console, cluster: &str, all: bool) -> Result<(), Failure> {
    let wanted = match all {
        true => clusters(console)?,
        false => BTreeSet::from([cluster.to_owned()]),
    };
    let mut names = Vec::new();
    for cluster in wanted {
        let found = nodes(console, &cluster)?;
        let site = console.ground.site();
        let is_node = |name: &String| {
            site.containers
                .get(name)
                .is_some_and(|it| it.role != Role::ExternalLoadBalancer)
        };
        names.extend(found.into_iter().filter(is_node));
    }
    match (names.is_empty(), all) {
        (true, true) => console.err("No kind nodes for any cluster."),
        (true, false) => console.err(&format!("No kind nodes found for cluster \"{cluster}\".")),
        _ => names.iter().for_each(|name| console.out(name)),
    }
    Ok(())
}

fn get_kubeconfig(console: &Console, name: &str, internal: bool) -> Result<(), Failure> {
    nodes(console, name)?;
    let site = console.ground.site();
    if !site
        .containers
        .values()
        .any(|it| it.cluster == name && it.role == Role::ControlPlane)
    {
        return Err(Failure::Said(format!(
            "could not locate any control plane nodes for cluster named '{name}'. Use the --name option to select a different cluster"
        )));
    }
    let Some(cluster) = site.clusters.get(name) else {
        return Err(Failure::Said(
            "failed to get cluster internal kubeconfig: command \"docker exec --privileged "
                .to_owned()
                + &format!(
                    "{name}-control-plane cat /etc/kubernetes/admin.conf\" failed with error: exit status 1\n"
                )
                + "Command Output: cat: /etc/kubernetes/admin.conf: No such file or directory",
        ));
    };
    let server = match internal {
        true => format!("https://{name}-control-plane:6443"),
        false => address(console, name),
    };
    let config = kubeconfig(console, cluster, &server);
    drop(site);
    let text =
        serde_saphyr::to_string(&config).map_err(|error| Failure::Said(error.to_string()))?;
    console.send(Frame::Out(text));
    Ok(())
}

/// Returns the URL of a cluster's API server.
pub(super) fn address(console: &Console, cluster: &str) -> String {
    let address = console.ground.address.replacen("http:", "https:", 1);
    format!("{address}/clusters/{cluster}")
}

/// Returns a cluster's kubeconfig. The user's token stands for kind's client certificate: the simulator asks for none.
pub(super) fn kubeconfig(console: &Console, cluster: &Cluster, server: &str) -> Value {
    let name = format!("kind-{}", cluster.name);
    let authority = BASE64_STANDARD.encode(&console.ground.identity.authority);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"cluster": {"certificate-authority-data": authority, "server": server}, "name": name}],
        "contexts": [{"context": {"cluster": name, "user": name}, "name": name}],
        "current-context": name,
        "users": [{"name": name, "user": {"token": cluster.token}}],
    })
}

/// Deletes one cluster; that there is none is no error.
async fn delete(
    console: &Console,
    call: &Call,
    name: &str,
    parsed: &Parsed,
) -> Result<(), Failure> {
    let found = nodes(console, name)?;
    let mutation = console.begin(call).await?;
    if !found.is_empty() {
        console.spend(REMOVAL).await?;
        found.iter().for_each(|name| remove(console, name));
        console.err(&format!("Deleted nodes: {}", listed(&found)));
    }
    console.send(Frame::Prune {
        path: parsed.get("kubeconfig").map(str::to_owned),
        name: format!("kind-{name}"),
    });
    console.end(&mutation).await?;
    Ok(())
}

async fn delete_many(
    console: &Console,
    call: &Call,
    names: &[&str],
    parsed: &Parsed,
) -> Result<(), Failure> {
    let names: Vec<String> = match (parsed.on("all"), names) {
        (true, _) => clusters(console)?.into_iter().collect(),
        (false, []) => return Err(Failure::Said("no cluster names provided".to_owned())),
        (false, names) => names.iter().map(|name| (*name).to_owned()).collect(),
    };
    for name in &names {
        delete(console, call, name, parsed).await?;
    }
    console.err(&format!("Deleted clusters: {}", listed(&names)));
    Ok(())
}

/// Returns names as Go's `%q` prints a slice.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", quoted.join(" "))
}
