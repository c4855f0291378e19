//! What the user wants, typed, whole and with its defaults, before anything happens. Values have been held to their rules by
//! `settings`; here they get their defaults. Nothing here reads a file or a variable.

mod listing;
pub mod special;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use windlass_provider::{
    AwsOptions, AzureOptions, ClusterSpec, GoogleOptions, KindOptions, Nodes, ProviderId,
};

pub use listing::{Held, list};

use crate::{
    error::{Error, Result},
    files::Digest,
    settings::{self, GitReference, PORTS, Setting, Settings, format_duration},
};

/// The namespaces of teams where nobody said otherwise: those of the scripts before windlass.
const NAMESPACES: [&str; 2] = ["a-team", "b-team"];

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The cluster.
    pub cluster: ClusterSpec,
    /// The environment of the file that was laid over the rest.
    pub environment: Option<String>,
    /// What the user said of components; the others are as the catalogue has them.
    pub components: Vec<ComponentSpec>,
    /// No other components than these.
    pub only: Option<Vec<String>>,
    /// Not these components.
    pub without: Vec<String>,
    /// What Flux takes from Git.
    pub gitops: Option<GitOpsSpec>,
    /// The namespaces of teams.
    pub namespaces: Vec<String>,
}

/// What the user said of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentSpec {
    /// Its name in the catalogue.
    pub name: String,
    /// Whether it is wanted; `None`: as the catalogue says.
    pub enabled: Option<bool>,
    /// Its version; `None`: as the catalogue says.
    pub version: Option<String>,
    /// Its namespace; `None`: as the catalogue says.
    pub namespace: Option<String>,
    /// Values for its chart, laid over the catalogue's.
    pub values: Map<String, Value>,
    /// The paths of secret values → the variables of the environment that hold them. Their values are never kept.
    pub secrets: BTreeMap<String, String>,
    /// What only this component can be told, as it was said: [`special::Special::settle`] types it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

/// What Flux takes from Git: a GitRepository and a Kustomization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitOpsSpec {
    /// The repository, without credentials.
    pub url: String,
    /// What of it.
    pub reference: GitReference,
    /// The folder in it.
    pub path: String,
    /// How often Flux looks, in seconds.
    pub interval_seconds: u64,
    /// Whether what vanishes from Git is deleted.
    pub prune: bool,
    /// The namespace of the two objects.
    pub namespace: String,
}

impl Spec {
    /// Returns what the settings ask for, with defaults for what they leave open.
    ///
    /// # Errors
    /// They name no provider.
    pub fn new(settings: &Settings) -> Result<Self> {
        let Some(provider) = value(&settings.provider) else {
            let all = ProviderId::ALL.map(ProviderId::as_str).join(", ");
            return Err(
                Error::usage(format!("which provider? there are {all}")).hint(format!(
                    "name it after the command, with --provider, with WINDLASS_PROVIDER, or in windlass.toml: \
                     [clusters.{}] provider = \"kind\"",
                    settings.cluster.value
                )),
            );
        };
        Ok(Self {
            cluster: cluster(settings, provider),
            environment: value(&settings.environment),
            components: settings
                .components
                .iter()
                .map(|(name, component)| ComponentSpec {
                    name: name.clone(),
                    enabled: value(&component.enabled),
                    version: value(&component.version),
                    namespace: value(&component.namespace),
                    values: component.values.clone(),
                    secrets: component
                        .secrets
                        .iter()
                        .map(|(path, variable)| (path.clone(), variable.value.clone()))
                        .collect(),
                    options: component
                        .options
                        .iter()
                        .map(|(key, option)| (key.clone(), option.value.clone()))
                        .collect(),
                })
                .collect(),
            only: value(&settings.only),
            without: value(&settings.without).unwrap_or_default(),
            gitops: settings.gitops.as_ref().map(|gitops| GitOpsSpec {
                url: gitops.url.value.clone(),
                reference: value(&gitops.reference)
                    .unwrap_or_else(|| GitReference::Branch("main".to_owned())),
                path: value(&gitops.path).unwrap_or_else(|| "kubernetes".to_owned()),
                interval_seconds: value(&gitops.interval).map_or(60, |interval| interval.as_secs()),
                prune: value(&gitops.prune).unwrap_or(true),
                namespace: value(&gitops.namespace).unwrap_or_else(|| "flux-system".to_owned()),
            }),
            namespaces: value(&settings.namespaces)
                .unwrap_or_else(|| NAMESPACES.map(str::to_owned).to_vec()),
        })
    }

    /// Returns what the user said of a component, if anything.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&ComponentSpec> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }

    /// Returns whether a component is wanted that the catalogue would have or not: `--only` and `--without` beat the file,
    /// which beats the catalogue. What a wanted component needs comes with it; that is the catalogue's to say.
    #[must_use]
    pub fn wants(&self, name: &str, by_default: bool) -> bool {
        let named = |names: &[String]| names.iter().any(|other| other == name);
        match &self.only {
            Some(only) => named(only),
            None if named(&self.without) => false,
            None => self
                .component(name)
                .and_then(|component| component.enabled)
                .unwrap_or(by_default),
        }
    }

    /// Returns what was asked for, flat: setting → value, for saying how two runs differ. A chart's values, among which
    /// someone may have written a secret, are told by their digest.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, String> {
        let mut asked = Asked::default();
        let cluster = &self.cluster;
        asked.put("cluster", &cluster.name);
        asked.put("provider", cluster.provider);
        asked.put_some("environment", self.environment.as_ref());
        asked.put_some("kubernetes-version", cluster.kubernetes_version.as_ref());
        asked.put_some("lifetime", cluster.lifetime.map(format_duration));
        asked.put("nodes.min", cluster.nodes.min);
        asked.put("nodes.max", cluster.nodes.max);
        if cluster.provider == ProviderId::Kind {
            asked.put_some("kind.engine", cluster.kind.engine.as_ref());
            asked.put_some("kind.image", cluster.kind.image.as_ref());
            asked.put("kind.http-port", cluster.kind.http_port);
            asked.put("kind.https-port", cluster.kind.https_port);
        } else {
            asked.put("nodes.size", text(&cluster.nodes.size));
        }
        if cluster.provider == ProviderId::Aws {
            asked.put_aws(&cluster.aws);
        }
        if cluster.provider == ProviderId::Azure {
            asked.put_azure(&cluster.azure);
        }
        if cluster.provider == ProviderId::Google {
            asked.put_google(&cluster.google);
        }
        for pool in &cluster.node_pools {
            let at = |key: &str| format!("node-pools.{}.{key}", pool.name);
            asked.put(&at("min"), pool.min);
            asked.put(&at("max"), pool.max);
            for (label, value) in &pool.labels {
                asked.put(&at(&format!("labels.{label}")), value);
            }
            for taint in &pool.taints {
                let key = format!("taints.{}:{}", taint.key, text(&taint.effect));
                asked.put(&at(&key), &taint.value);
            }
            asked.put_some(&at("machine"), pool.machine.as_ref());
            asked.put_some(&at("zone"), pool.zone.as_ref());
            if pool.spot {
                asked.put(&at("spot"), pool.spot);
            }
            if let Some(it) = &pool.accelerator {
                let driver = text(&it.driver);
                let value = format!("{} {} (driver {driver})", it.count, it.kind);
                asked.put(&at("accelerator"), value);
            }
        }
        for component in &self.components {
            asked.0.extend(component.asked());
        }
        asked.put_some("only", self.only.as_ref().map(|names| names.join(",")));
        if !self.without.is_empty() {
            asked.put("without", self.without.join(","));
        }
        if let Some(gitops) = &self.gitops {
            let (kind, name) = match &gitops.reference {
                GitReference::Branch(name) => ("gitops.branch", name),
                GitReference::Tag(name) => ("gitops.tag", name),
                GitReference::Commit(name) => ("gitops.commit", name),
            };
            asked.put("gitops.url", &gitops.url);
            asked.put(kind, name);
            asked.put("gitops.path", &gitops.path);
            let interval = Duration::from_secs(gitops.interval_seconds);
            asked.put("gitops.interval", format_duration(interval));
            asked.put("gitops.prune", gitops.prune);
            asked.put("gitops.namespace", &gitops.namespace);
        }
        asked.put("platform.namespaces", self.namespaces.join(","));
        asked.0
    }
}

impl ComponentSpec {
    /// Returns what was asked for of the component, flat, as [`Spec::asked`] does.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<String, String> {
        let mut asked = Asked::default();
        let at = |key: &str| format!("components.{}.{key}", self.name);
        asked.put_some(&at("enabled"), self.enabled);
        asked.put_some(&at("version"), self.version.as_ref());
        asked.put_some(&at("namespace"), self.namespace.as_ref());
        if !self.values.is_empty() {
            let values = Value::Object(self.values.clone()).to_string();
            asked.put(&at("values"), format!("sha256:{}", Digest::of(values)));
        }
        for (path, variable) in &self.secrets {
            asked.put(&at(&format!("secrets.{path}")), variable);
        }
        for (key, option) in &self.options {
            asked.put(&at(key), special::write(option));
        }
        asked.0
    }

    /// Returns the variables of the environment that hold secrets of the component.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let own = settings::special::variables(&self.name, &self.options);
        self.secrets.values().map(String::as_str).chain(own)
    }
}

#[derive(Default)]
struct Asked(BTreeMap<String, String>);

impl Asked {
    fn put(&mut self, setting: &str, value: impl ToString) {
        self.0.insert(setting.to_owned(), value.to_string());
    }

    fn put_aws(&mut self, aws: &AwsOptions) {
        self.put_some("aws.region", aws.region.as_ref());
        self.put_some("aws.profile", aws.profile.as_ref());
        self.put_some("aws.machine", aws.machine.as_ref());
        self.put_some("aws.disk", aws.disk);
        self.put_some("aws.vpc", aws.vpc.as_ref());
        self.put_some("aws.log-days", aws.log_days);
        for (key, list) in [
            ("aws.zones", &aws.zones),
            ("aws.allowed-cidrs", &aws.allowed_cidrs),
            ("aws.subnets", &aws.subnets),
            ("aws.logs", &aws.logs),
        ] {
            if !list.is_empty() {
                self.put(key, list.join(","));
            }
        }
        self.put("aws.spot", aws.spot);
        self.put("aws.image", text(&aws.image));
        self.put("aws.endpoint", text(&aws.endpoint));
        self.put("aws.nat", text(&aws.nat));
    }

    fn put_azure(&mut self, azure: &AzureOptions) {
        self.put_some("azure.subscription", azure.subscription.as_ref());
        self.put_some("azure.tenant", azure.tenant.as_ref());
        self.put_some("azure.location", azure.location.as_ref());
        self.put_some("azure.resource-group", azure.resource_group.as_ref());
        self.put_some("azure.machine", azure.machine.as_ref());
        self.put_some("azure.disk", azure.disk);
        self.put_some("azure.ssh-key", azure.ssh_key.as_ref());
        for (key, list) in [
            ("azure.zones", &azure.zones),
            ("azure.allowed-cidrs", &azure.allowed_cidrs),
            ("azure.entra-groups", &azure.entra_groups),
            ("azure.controllers", &azure.controllers),
        ] {
            if !list.is_empty() {
                self.put(key, list.join(","));
            }
        }
        self.put("azure.tier", text(&azure.tier));
        self.put("azure.upgrades", text(&azure.upgrades));
        self.put("azure.identity", text(&azure.identity));
        self.put("azure.network", text(&azure.network));
        for (key, chosen) in [
            ("azure.azure-rbac", azure.azure_rbac),
            ("azure.no-local-accounts", azure.no_local_accounts),
            ("azure.istio", azure.istio),
            ("azure.flux-extension", azure.flux_extension),
            ("azure.node-provisioning", azure.node_provisioning),
        ] {
            if chosen {
                self.put(key, chosen);
            }
        }
    }

    fn put_google(&mut self, google: &GoogleOptions) {
        for (key, value) in [
            ("google.project", &google.project),
            ("google.parent", &google.parent),
            ("google.billing-account", &google.billing_account),
            ("google.location", &google.location),
            ("google.machine", &google.machine),
            ("google.network", &google.network),
            ("google.subnetwork", &google.subnetwork),
            ("google.impersonate", &google.impersonate),
        ] {
            self.put_some(key, value.as_ref());
        }
        self.put_some("google.disk", google.disk);
        for (key, list) in [
            ("google.zones", &google.zones),
            ("google.allowed-cidrs", &google.allowed_cidrs),
        ] {
            if !list.is_empty() {
                self.put(key, list.join(","));
            }
        }
        self.put("google.mode", text(&google.mode));
        self.put("google.channel", text(&google.channel));
        self.put("google.dataplane", text(&google.dataplane));
        for (key, value, usual) in [
            ("google.create-project", google.create_project, false),
            ("google.gateway-api", google.gateway_api, true),
            ("google.private-nodes", google.private_nodes, false),
            ("google.nat", google.nat, true),
            ("google.spot", google.spot, false),
        ] {
            if value != usual {
                self.put(key, value);
            }
        }
    }

    fn put_some(&mut self, setting: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(setting, value);
        }
    }
}

/// Returns the word that serde has for a variant without fields.
fn text(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn value<T: Clone>(setting: &Option<Setting<T>>) -> Option<T> {
    setting.as_ref().map(|setting| setting.value.clone())
}

fn cluster(settings: &Settings, provider: ProviderId) -> ClusterSpec {
    // On Kind one node is enough; on the clouds the numbers are those of the scripts before windlass.
    let (least, most) = match provider {
        ProviderId::Kind => (1, 1),
        ProviderId::Aws | ProviderId::Azure | ProviderId::Google => (2, 4),
    };
    let (min, max) = match (value(&settings.min_nodes), value(&settings.max_nodes)) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, most.max(min)),
        (None, Some(max)) => (least.min(max), max),
        (None, None) => (least, most),
    };
    ClusterSpec {
        name: settings.cluster.value.clone(),
        provider,
        kubernetes_version: value(&settings.kubernetes_version),
        nodes: Nodes {
            min,
            max,
            size: value(&settings.node_size).unwrap_or_default(),
        },
        node_pools: settings
            .node_pools
            .iter()
            .map(|pool| pool.value.clone())
            .collect(),
        lifetime: value(&settings.lifetime).flatten(),
        kind: KindOptions {
            engine: value(&settings.engine),
            image: value(&settings.image),
            http_port: value(&settings.http_port).unwrap_or(PORTS.0),
            https_port: value(&settings.https_port).unwrap_or(PORTS.1),
        },
        aws: settings.aws.options(),
        azure: settings.azure.options(),
        google: settings.google.options(),
    }
}
