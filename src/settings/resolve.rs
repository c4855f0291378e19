//! Lays the layers over one another.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use windlass_provider::{ClusterName, ProviderId};

use super::{
    Aws, Azure, FILE, GitOps, GitOpsFlags, GitReference, Google, Inputs, Origin, PORTS, Problem,
    Setting, Settings, Variables, aws, azure,
    file::{Contents, overlay, read},
    google, names,
    problem::refuse,
    reader::{Parse, Reader},
    text::read_text,
    tree, words,
    words::suggest,
};
use crate::error::{Error, Kind, Result};

/// A setting that is not only in the file: its flag, and the variables that set it, the first that is there.
struct Source {
    flag: &'static str,
    variables: &'static [&'static str],
}

const fn source(flag: &'static str, variables: &'static [&'static str]) -> Source {
    Source { flag, variables }
}

// PROVIDER is what the scripts before windlass read and wrote; KIND_EXPERIMENTAL_PROVIDER is kind's own
// (https://kind.sigs.k8s.io/docs/user/rootless/).
const CLUSTER: Source = source("--cluster", &["WINDLASS_CLUSTER"]);
const PROVIDER: Source = source("--provider", &["WINDLASS_PROVIDER", "PROVIDER"]);
const VERSION: Source = source("--kubernetes-version", &["WINDLASS_KUBERNETES_VERSION"]);
const MIN_NODES: Source = source("--min-nodes", &["WINDLASS_MIN_NODES"]);
const MAX_NODES: Source = source("--max-nodes", &["WINDLASS_MAX_NODES"]);
const NODE_SIZE: Source = source("--node-size", &["WINDLASS_NODE_SIZE"]);
const LIFETIME: Source = source("--lifetime", &["WINDLASS_LIFETIME"]);
const HTTP_PORT: Source = source("--http-port", &["WINDLASS_HTTP_PORT"]);
const HTTPS_PORT: Source = source("--https-port", &["WINDLASS_HTTPS_PORT"]);
const IMAGE: Source = source("--image", &["WINDLASS_IMAGE"]);
const ENGINE: Source = source(
    "--engine",
    &["WINDLASS_ENGINE", "KIND_EXPERIMENTAL_PROVIDER"],
);
// AWS's own variables are read here, too, so that they count in .env and are told as origins.
const REGION: Source = source(
    "--region",
    &["WINDLASS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
);
const REGION_ELSEWHERE: Source = source("--region", &["AWS_REGION", "AWS_DEFAULT_REGION"]);
const PROFILE: Source = source("--profile", &["AWS_PROFILE"]);
// AZURE_TENANT is what the scripts before windlass read and wrote.
const LOCATION: Source = source("--region", &["WINDLASS_REGION"]);
const SUBSCRIPTION: Source = source("--azure-subscription", &["AZURE_SUBSCRIPTION_ID"]);
const TENANT: Source = source("--azure-tenant", &["AZURE_TENANT_ID", "AZURE_TENANT"]);
// So are Google Cloud's: those of its libraries, and gcloud's.
const PROJECT: Source = source(
    "--project",
    &[
        "WINDLASS_PROJECT",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_PROJECT",
        "CLOUDSDK_CORE_PROJECT",
    ],
);
const PLACE: Source = source(
    "--location",
    &[
        "WINDLASS_LOCATION",
        "CLOUDSDK_COMPUTE_ZONE",
        "CLOUDSDK_COMPUTE_REGION",
    ],
);
const BILLING_ACCOUNT: Source = source("--billing-account", &["WINDLASS_BILLING_ACCOUNT"]);
const IMPERSONATE: Source = source(
    "",
    &[
        "WINDLASS_IMPERSONATE",
        "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT",
    ],
);
const ENVIRONMENT: Source = source("--environment", &["WINDLASS_ENVIRONMENT"]);
const ONLY: Source = source("--only", &["WINDLASS_ONLY"]);
const WITHOUT: Source = source("--without", &["WINDLASS_WITHOUT"]);
const CONFIG: Source = source("--config", &["WINDLASS_CONFIG"]);

const GIT_URL: Source = source("--url", &[]);

/// The cluster that is meant where nobody named one.
const DEFAULT_CLUSTER: &str = "dot";

struct Resolver {
    variables: Variables,
    problems: RefCell<Vec<Problem>>,
}

/// Resolves all settings: [`Settings::resolve`].
pub(super) fn resolve(inputs: &Inputs) -> Result<Settings> {
    let resolver = Resolver {
        variables: Variables::read(inputs)?,
        problems: RefCell::default(),
    };
    let flags = &inputs.flags;
    let environment = resolver.choose(
        flags.environment.as_deref(),
        &ENVIRONMENT,
        None,
        names::label,
    );
    let (file, mut contents) = resolver.read_file(inputs, environment.as_ref())?;
    let name = resolver.choose_cluster(inputs, file.as_deref(), &contents);
    let below = name
        .as_ref()
        .and_then(|name| contents.clusters.remove(&name.value))
        .unwrap_or_default();
    macro_rules! choose {
        ($field:ident, $source:expr, $parse:expr) => {
            resolver.choose(flags.$field.as_deref(), &$source, below.$field, $parse)
        };
    }
    let list = |flags: &[String], source| {
        let joined = (!flags.is_empty()).then(|| flags.join(","));
        resolver.choose(joined.as_deref(), source, None, names::labels)
    };
    let provider = choose!(provider, PROVIDER, words::provider);
    // A region is meant in the words of the provider that is asked for.
    let at = provider.as_ref().map_or(ProviderId::Aws, |it| it.value);
    let region = |id: ProviderId| flags.region.as_deref().filter(|_| id == at);
    let settings = Settings {
        file,
        environment,
        // Where there is no name, there is a problem, and the settings are not returned.
        cluster: name.unwrap_or_else(|| Setting::default_to(default_cluster())),
        provider,
        kubernetes_version: choose!(kubernetes_version, VERSION, words::kubernetes_version),
        lifetime: choose!(lifetime, LIFETIME, words::lifetime),
        min_nodes: choose!(min_nodes, MIN_NODES, words::nodes),
        max_nodes: choose!(max_nodes, MAX_NODES, words::nodes),
        node_size: choose!(node_size, NODE_SIZE, words::node_size),
        node_pools: below.node_pools,
        engine: choose!(engine, ENGINE, words::engine),
        image: choose!(image, IMAGE, words::image),
        http_port: choose!(http_port, HTTP_PORT, words::port),
        https_port: choose!(https_port, HTTPS_PORT, words::port),
        aws: Aws {
            region: resolver.choose(
                region(ProviderId::Aws),
                match at {
                    ProviderId::Aws => &REGION,
                    _ => &REGION_ELSEWHERE,
                },
                below.aws.region,
                aws::region,
            ),
            profile: resolver.choose(
                flags.profile.as_deref(),
                &PROFILE,
                below.aws.profile,
                aws::profile,
            ),
            ..below.aws
        },
        azure: Azure {
            subscription: resolver.choose(
                flags.azure_subscription.as_deref(),
                &SUBSCRIPTION,
                below.azure.subscription,
                azure::subscription,
            ),
            tenant: resolver.choose(
                flags.azure_tenant.as_deref(),
                &TENANT,
                below.azure.tenant,
                azure::tenant,
            ),
            location: match at {
                ProviderId::Azure => {
                    resolver.choose(region(at), &LOCATION, below.azure.location, azure::location)
                }
                _ => below.azure.location,
            },
            ..below.azure
        },
        google: Google {
            project: resolver.choose(
                flags.project.as_deref(),
                &PROJECT,
                below.google.project,
                google::project,
            ),
            create_project: match flags.create_project {
                true => Some(Setting {
                    value: true,
                    origin: Origin::Flag("--create-project"),
                }),
                false => below.google.create_project,
            },
            billing_account: resolver.choose(
                flags.billing_account.as_deref(),
                &BILLING_ACCOUNT,
                below.google.billing_account,
                google::billing_account,
            ),
            location: resolver.choose(
                flags.location.as_deref(),
                &PLACE,
                below.google.location,
                google::location,
            ),
            impersonate: resolver.choose(
                None,
                &IMPERSONATE,
                below.google.impersonate,
                google::account,
            ),
            ..below.google
        },
        only: list(&flags.only, &ONLY),
        without: list(&flags.without, &WITHOUT),
        components: contents.components,
        gitops: resolver.gitops(&flags.gitops, contents.gitops),
        namespaces: contents.namespaces,
        variables: resolver.variables.clone(),
    };
    resolver.check(&settings);
    refuse(resolver.problems.into_inner())?;
    Ok(settings)
}

fn default_cluster() -> ClusterName {
    DEFAULT_CLUSTER
        .parse()
        .expect("the default is a cluster's name")
}

impl Resolver {
    fn refuse(&self, origin: Origin, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            origin,
            message: message.into(),
        });
    }

    /// Returns what the highest layer says that says anything.
    fn choose<T>(
        &self,
        flag: Option<&str>,
        source: &Source,
        below: Option<Setting<T>>,
        parse: Parse<T>,
    ) -> Option<Setting<T>> {
        let flag = flag.map(|text| (text, Origin::Flag(source.flag)));
        let variable = || {
            let mut names = source.variables.iter();
            names.find_map(|name| self.variables.get(name))
        };
        let Some((text, origin)) = flag.or_else(variable) else {
            return below;
        };
        match parse(text) {
            Ok(value) => Some(Setting { value, origin }),
            Err(message) => {
                self.refuse(origin, message);
                None
            }
        }
    }

    /// Lays the flags about Git over what the file says; `None` where neither names a repository.
    fn gitops(&self, flags: &GitOpsFlags, below: Option<GitOps>) -> Option<GitOps> {
        let GitOps {
            url,
            reference,
            path,
            interval,
            prune,
            namespace,
        } = match (below, &flags.url) {
            (Some(below), Some(_)) => GitOps {
                url: self.choose(flags.url.as_deref(), &GIT_URL, None, names::git_url)?,
                ..below
            },
            (Some(below), None) => below,
            (None, url) => GitOps {
                url: self.choose(url.as_deref(), &GIT_URL, None, names::git_url)?,
                reference: None,
                path: None,
                interval: None,
                prune: None,
                namespace: None,
            },
        };
        let kinds: [(_, _, Parse<GitReference>); 3] = [
            (&flags.branch, "--branch", |text| {
                names::git_reference(text).map(GitReference::Branch)
            }),
            (&flags.tag, "--tag", |text| {
                names::git_reference(text).map(GitReference::Tag)
            }),
            (&flags.commit, "--commit", |text| {
                names::git_commit(text).map(GitReference::Commit)
            }),
        ];
        let reference = kinds
            .into_iter()
            .find(|(flag, ..)| flag.is_some())
            .map_or(reference, |(flag, name, parse)| {
                self.choose(flag.as_deref(), &source(name, &[]), None, parse)
            });
        let text = |flag: &Option<String>, name, below, parse| {
            self.choose(flag.as_deref(), &source(name, &[]), below, parse)
        };
        Some(GitOps {
            url,
            reference,
            path: text(&flags.path, "--path", path, names::git_path),
            interval: self.choose(
                flags.interval.as_deref(),
                &source("--interval", &[]),
                interval,
                words::interval,
            ),
            prune: flags
                .prune
                .map(|value| Setting {
                    value,
                    origin: Origin::Flag(if value { "--prune" } else { "--no-prune" }),
                })
                .or(prune),
            namespace: text(&flags.namespace, "--namespace", namespace, names::label),
        })
    }

    /// Reads `windlass.toml`, or what is asked for in its place, and lays the environment over it.
    fn read_file(
        &self,
        inputs: &Inputs,
        environment: Option<&Setting<String>>,
    ) -> Result<(Option<PathBuf>, Contents)> {
        let asked = match &inputs.flags.config {
            Some(path) => Some((path.clone(), Origin::Flag(CONFIG.flag))),
            None => CONFIG
                .variables
                .iter()
                .find_map(|name| self.variables.get(name))
                .map(|(path, origin)| (path.into(), origin)),
        };
        let shown = asked
            .as_ref()
            .map_or_else(|| FILE.into(), |(path, _): &(PathBuf, _)| path.clone());
        let Some(text) = read_text(&inputs.directory.join(&shown), &shown)? else {
            if let Some((path, origin)) = asked {
                return Err(Error::new(
                    Kind::Usage,
                    anyhow!("there is no such file")
                        .context(format!("{origin}: {}", path.display())),
                )
                .hint("name a file that is there, or leave it out to use ./windlass.toml"));
            }
            if let Some(environment) = environment {
                let message = format!(
                    "there is no {FILE} here that could have an environment \"{}\"",
                    environment.value
                );
                self.refuse(environment.origin.clone(), message);
            }
            return Ok((None, Contents::default()));
        };
        let mut root = tree::parse(&shown, &text)?;
        let reader = Reader {
            file: &shown,
            problems: &self.problems,
            partial: false,
        };
        let chosen = environment.map(|environment| environment.value.as_str());
        let names = overlay(&mut root, reader, chosen);
        if let Some(environment) = environment
            && !names.contains(&environment.value)
        {
            let near = match suggest(&environment.value, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None if names.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", names.join(", ")),
            };
            let message = format!(
                "there is no environment \"{}\" in {}; {near}",
                environment.value,
                shown.display()
            );
            self.refuse(environment.origin.clone(), message);
        }
        let contents = reader.table(root).map(read).unwrap_or_default();
        Ok((Some(shown), contents))
    }

    /// Returns the cluster that is asked for, or the only one in the file, or the default; `None` where that is unclear.
    fn choose_cluster(
        &self,
        inputs: &Inputs,
        file: Option<&Path>,
        contents: &Contents,
    ) -> Option<Setting<ClusterName>> {
        let problems = self.problems.borrow().len();
        let asked = self.choose(
            inputs.flags.cluster.as_deref(),
            &CLUSTER,
            None,
            words::cluster,
        );
        if asked.is_some() || self.problems.borrow().len() > problems {
            return asked;
        }
        let default = default_cluster();
        let names: Vec<_> = contents.clusters.keys().collect();
        match (&names[..], file) {
            ([], _) | (_, None) => Some(Setting::default_to(default)),
            ([only], Some(_)) => Some(Setting {
                value: (*only).clone(),
                origin: contents.clusters[*only].origin.clone(),
            }),
            (_, Some(_)) if inputs.any_cluster || names.contains(&&default) => {
                Some(Setting::default_to(default))
            }
            (names, Some(path)) => {
                let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
                let message = format!(
                    "{} has more than one: name one of {}",
                    path.display(),
                    names.join(", ")
                );
                self.refuse(Origin::Flag(CLUSTER.flag), message);
                None
            }
        }
    }

    /// Checks what values mean together.
    fn check(&self, settings: &Settings) {
        if let (Some(min), Some(max)) = (&settings.min_nodes, &settings.max_nodes)
            && min.value > max.value
        {
            self.refuse(min.origin.clone(), above(min, max));
        }
        let http = settings.http_port.as_ref();
        let https = settings.https_port.as_ref();
        let (port, other) = (
            http.map_or(PORTS.0, |port| port.value),
            https.map_or(PORTS.1, |port| port.value),
        );
        if port == other
            && port != 0
            && let Some(said) = http.or(https)
        {
            let origin = said.origin.clone();
            self.refuse(
                origin,
                format!("http and https cannot both have port {port}"),
            );
        }
        if let (Some(only), Some(without)) = (&settings.only, &settings.without) {
            for name in only
                .value
                .iter()
                .filter(|name| without.value.contains(name))
            {
                let message = format!("{name} is wanted by {} too", only.origin);
                self.refuse(without.origin.clone(), message);
            }
        }
    }
}

/// Returns what is wrong where a minimum is above its maximum.
pub(super) fn above(min: &Setting<u32>, max: &Setting<u32>) -> String {
    format!(
        "{} is above the maximum, which is {} ({})",
        min.value, max.value, max.origin
    )
}
