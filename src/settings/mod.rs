//! Flags, environment, `.env` and `windlass.toml`, resolved once, with the origin of each value.
//!
//! Flags beat the environment, which beats `.env`, which beats `windlass.toml`, which beats defaults. Here values are read and
//! held to their rules, and all that is wrong is told at once. What they mean together is `spec`'s; nothing here knows clusters,
//! the catalogue or clap.

mod aws;
mod azure;
mod file;
mod google;
mod input;
mod names;
mod origin;
mod pools;
mod problem;
mod reader;
mod resolve;
pub mod special;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod words;

use std::{collections::BTreeMap, path::PathBuf, sync::LazyLock, time::Duration};

use serde_json::Value;

use windlass_provider::{ClusterName, NodePool, NodeSize, ProviderId};

pub use aws::Aws;
pub use azure::Azure;
pub use file::{Component, GitOps, GitReference};
pub use google::Google;
pub use input::{Flags, GitOpsFlags, Inputs, Variables};
pub use origin::{Origin, Setting};
pub use pools::{
    parse_kubernetes_version, parse_label, parse_machine, parse_pool, parse_taint, parse_zone,
};
pub use problem::Problem;
pub use words::{Ruled, format_duration, parse_duration, suggest, value_path, variable, version};

use crate::error::Result;
use problem::refuse;

/// The name of the file that windlass looks for.
pub const FILE: &str = "windlass.toml";

/// The JSON schema of the file. It allows a little more than is allowed: how large a duration is, and what values mean
/// together, is checked when they are read.
pub static SCHEMA: LazyLock<String> = LazyLock::new(|| {
    let read = |text| serde_json::from_str::<Value>(text).expect("a test reads all of them");
    let mut schema = read(include_str!("schema.json"));
    let cluster = &mut schema["$defs"]["clusters"]["additionalProperties"]["properties"];
    for (cloud, text) in [
        ("aws", include_str!("schema/aws.json")),
        ("azure", include_str!("schema/azure.json")),
        ("google", include_str!("schema/google.json")),
    ] {
        cluster[cloud] = read(text);
    }
    format!("{schema:#}\n")
});

/// A file with every setting in it, each commented out.
pub const EXAMPLE: &str = include_str!("../../templates/config/windlass.toml");

/// The ports of this machine that lead to the ingress controller on Kind, where nobody said otherwise.
pub const PORTS: (u16, u16) = (80, 443);

/// All settings, each held to its rule. What is `None` nobody set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `windlass.toml` that was read, as it is shown.
    pub file: Option<PathBuf>,
    /// The environment of the file that was laid over the rest.
    pub environment: Option<Setting<String>>,
    /// The cluster.
    pub cluster: Setting<ClusterName>,
    /// Where it runs; `None`: the user is to be asked.
    pub provider: Option<Setting<ProviderId>>,
    /// Its Kubernetes version.
    pub kubernetes_version: Option<Setting<String>>,
    /// How long after its making the reaper may take it; a value of `None`: never, said on purpose.
    pub lifetime: Option<Setting<Option<Duration>>>,
    /// At least so many nodes; not above `max_nodes`.
    pub min_nodes: Option<Setting<u32>>,
    /// At most so many nodes.
    pub max_nodes: Option<Setting<u32>>,
    /// How large they are.
    pub node_size: Option<Setting<NodeSize>>,
    /// Further nodes.
    pub node_pools: Vec<Setting<NodePool>>,
    /// Kind's container engine.
    pub engine: Option<Setting<String>>,
    /// Kind's node image.
    pub image: Option<Setting<String>>,
    /// Kind's port for http; 0: none.
    pub http_port: Option<Setting<u16>>,
    /// Kind's port for https; 0: none.
    pub https_port: Option<Setting<u16>>,
    /// What only AWS can be told.
    pub aws: Aws,
    /// What only Azure can be told.
    pub azure: Azure,
    /// What is said of Google Cloud.
    pub google: Google,
    /// No other components than these.
    pub only: Option<Setting<Vec<String>>>,
    /// Not these components.
    pub without: Option<Setting<Vec<String>>>,
    /// What the file says of components. Whether they exist only the catalogue knows: [`Settings::check_components`].
    pub components: BTreeMap<String, Component>,
    /// What is said of Git.
    pub gitops: Option<GitOps>,
    /// The namespaces of teams.
    pub namespaces: Option<Setting<Vec<String>>>,
    /// The environment and `.env`, for what only a provider or a component asks for.
    pub variables: Variables,
}

impl Settings {
    /// Resolves all settings. Reads `.env` and `windlass.toml` in the inputs' directory, or the file that is asked for.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it should be; or values break their rules, all of which are told at once.
    pub fn resolve(inputs: &Inputs) -> Result<Self> {
        resolve::resolve(inputs)
    }

    /// Checks that every component that the settings name is one of `known`, the catalogue's.
    ///
    /// # Errors
    /// One is not: with the nearest that is.
    pub fn check_components(&self, known: &[&str]) -> Result<()> {
        let lists = [&self.only, &self.without]
            .into_iter()
            .flatten()
            .flat_map(|list| list.value.iter().map(|name| (name, &list.origin)));
        let tables = self
            .components
            .iter()
            .map(|(name, component)| (name, &component.origin));
        let problems = tables
            .chain(lists)
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(name, origin)| {
                let near = match suggest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("there are {}", known.join(", ")),
                };
                Problem {
                    origin: origin.clone(),
                    message: format!("there is no component \"{name}\"; {near}"),
                }
            })
            .collect();
        refuse(problems)
    }

    /// Checks that the variables which hold the secrets of these components are set.
    ///
    /// # Errors
    /// One is not: told by its name.
    pub fn check_secrets(&self, wanted: &[&str]) -> Result<()> {
        let problems = self
            .components
            .iter()
            .filter(|(name, _)| wanted.contains(&name.as_str()))
            .flat_map(|(name, component)| component.variables(name))
            .filter(|(variable, _)| self.variables.get(variable).is_none())
            .map(|(variable, origin)| Problem {
                origin: origin.clone(),
                message: format!(
                    "the variable {variable} is not set: export it, or put it into .env"
                ),
            })
            .collect();
        refuse(problems)
    }

    /// Returns the secrets that the components' variables hold, for what takes them out of all output. Never to be kept.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.components
            .iter()
            .flat_map(|(name, component)| component.variables(name))
            .filter_map(|(variable, _)| self.variables.get(variable))
            .map(|(secret, _)| secret)
    }

    /// Sets the provider to what the user answered when asked.
    pub fn answer_provider(&mut self, provider: ProviderId) {
        self.provider = Some(Setting {
            value: provider,
            origin: Origin::Answer,
        });
    }
}
