//! Crossplane's packages: which of them its options want, with what rights they run, and how they reach a cloud.

use anyhow::Result;
use serde_json::{Value, json};
use windlass_provider::ProviderId;

use super::{Extras, Home};
use crate::{
    catalog::template,
    spec::special::{Crossplane, crossplane::Cloud},
};

/// Where the packages of providers are.
const REGISTRY: &str = "xpkg.crossplane.io/crossplane-contrib";
/// The configurations, of which these are the newest that are made for Crossplane 2.
const APPLICATIONS: &str = "xpkg.upbound.io/devops-toolkit/dot-application:v4.0.7";
const DATABASES: &str = "xpkg.upbound.io/devops-toolkit/dot-sql:v2.2.11";
/// The helm and the kubernetes provider: name, version, and the API version of their configuration.
const IN_CLUSTER: [(&str, &str, &str); 2] = [
    ("helm", "v1.4.0", "helm.m.crossplane.io/v1beta1"),
    (
        "kubernetes",
        "v1.2.1",
        "kubernetes.m.crossplane.io/v1alpha1",
    ),
];
const EVERYTHING: &str = "cluster-admin";

/// What there is for a cloud.
struct Offer {
    /// Its name.
    name: &'static str,
    /// Its name in providers and groups.
    short: &'static str,
    /// The version of its providers, which are released together.
    version: &'static str,
    /// The providers of its databases.
    db_providers: &'static [&'static str],
    /// The kinds that dot-sql composes of.
    used: &'static [&'static str],
}

fn offer(cloud: Cloud) -> Option<Offer> {
    Some(match cloud {
        Cloud::None => return None,
        Cloud::Aws => Offer {
            name: "AWS",
            short: "aws",
            version: "v2.6.0",
            db_providers: &["ec2", "rds"],
            used: &[
                "instances.rds.aws.m.upbound.io",
                "internetgateways.ec2.aws.m.upbound.io",
                "mainroutetableassociations.ec2.aws.m.upbound.io",
                "routes.ec2.aws.m.upbound.io",
                "routetableassociations.ec2.aws.m.upbound.io",
                "routetables.ec2.aws.m.upbound.io",
                "securitygrouprules.ec2.aws.m.upbound.io",
                "securitygroups.ec2.aws.m.upbound.io",
                "subnetgroups.rds.aws.m.upbound.io",
                "subnets.ec2.aws.m.upbound.io",
                "vpcs.ec2.aws.m.upbound.io",
            ],
        },
        Cloud::Azure => Offer {
            name: "Azure",
            short: "azure",
            version: "v2.7.0",
            db_providers: &["dbforpostgresql"],
            used: &[
                "flexibleserverconfigurations.dbforpostgresql.azure.m.upbound.io",
                "flexibleserverdatabases.dbforpostgresql.azure.m.upbound.io",
                "flexibleserverfirewallrules.dbforpostgresql.azure.m.upbound.io",
                "flexibleservers.dbforpostgresql.azure.m.upbound.io",
                "resourcegroups.azure.m.upbound.io",
            ],
        },
        Cloud::Google => Offer {
            name: "Google Cloud",
            short: "gcp",
            version: "v3.0.0",
            db_providers: &["sql"],
            used: &["*.sql.gcp.m.upbound.io"],
        },
    })
}

pub(super) fn extras(
    options: &Crossplane,
    home: Home<'_>,
    secret: &dyn Fn(&str) -> String,
) -> Result<Extras> {
    let mut extras = Extras::default();
    let mut packages = Vec::new();
    let mut configs = Vec::new();
    let mut first = Vec::new();
    let mut activate = options.activate.clone();
    if let Some(offer) = offer(options.cloud).filter(|_| options.db_provider || options.db_config) {
        activate.extend(offer.used.iter().map(|&kind| kind.to_owned()));
        let account = format!("crossplane-{}", offer.short);
        first.push(runtime(options, &account, home.provider)?);
        // The others need their family: it comes before them, and would be brought back if it went before them.
        let family = format!("provider-family-{}", offer.short);
        first.push(provider(&family, offer.version, &account)?);
        for service in offer.db_providers {
            let name = format!("provider-{}-{service}", offer.short);
            packages.push(provider(&name, offer.version, &account)?);
        }
        match config(options, &offer, home)? {
            Some(config) => configs.push(config),
            None => extras.notes.push(unconfigured(&offer, home.provider)),
        }
        if let Some(variable) = &options.credentials {
            let scope = json!({
                "cloud": offer.short, "namespace": home.namespace, "credentials": secret(variable),
            });
            extras.before.push(fill("credentials", scope)?);
        }
    }
    if options.app_config || options.db_config || options.cluster_admin {
        in_cluster(options, home, &mut first, &mut packages, &mut configs)?;
    }
    for (wanted, package) in [
        (options.app_config, APPLICATIONS),
        (options.db_config, DATABASES),
    ] {
        if wanted {
            let name = called(package);
            packages.push(fill(
                "configuration",
                json!({ "name": name, "package": package }),
            )?);
        }
    }
    if options.policies {
        first.push(fill("policy", json!({}))?);
        first.push(fill("policy-binding", json!({}))?);
    }
    if options.cluster_admin {
        extras.notes.push(
            "crossplane's helm and kubernetes providers may do everything in the cluster, as --cluster-admin asked".to_owned(),
        );
    }
    if !activate.is_empty() {
        first.push(fill("activation", json!({ "activate": activate }))?);
    }
    extras.after = vec![first, packages, configs];
    extras.after.retain(|round| !round.is_empty());
    Ok(extras)
}

fn fill(name: &str, scope: Value) -> Result<Value> {
    template::fill(&format!("components/crossplane/{name}.yaml"), &scope)
}

/// Returns the name that Crossplane itself would give a package, so that none is there twice: `org-repo`.
fn called(package: &str) -> String {
    let path = package.split_once('/').map_or(package, |(_, path)| path);
    let path = path.split(':').next().unwrap_or(path);
    path.replace('/', "-")
}

/// Tells whether Crossplane made an object by itself: its lock, its first activation policy, and packages that others need,
/// which it names after where they are from.
pub(super) fn is_self_made(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match object["kind"].as_str().unwrap_or_default() {
        "Lock" => name == "lock",
        "ManagedResourceActivationPolicy" => name == "default",
        "Configuration" | "Function" | "Provider" => {
            let package = object["spec"]["package"].as_str();
            package.is_some_and(|package| called(package) == name)
        }
        _ => false,
    }
}

fn provider(name: &str, version: &str, runtime: &str) -> Result<Value> {
    let package = format!("{REGISTRY}/{name}:{version}");
    let name = called(&package);
    fill(
        "provider",
        json!({ "name": name, "package": package, "runtime": runtime }),
    )
}

/// Returns what a cloud's providers run as.
fn runtime(options: &Crossplane, account: &str, provider: ProviderId) -> Result<Value> {
    let annotations = match (&options.identity, options.cloud) {
        (Some(role), Cloud::Aws) => json!({ "eks.amazonaws.com/role-arn": role }),
        (Some(client), Cloud::Azure) => json!({ "azure.workload.identity/client-id": client }),
        (Some(account), Cloud::Google) => json!({ "iam.gke.io/gcp-service-account": account }),
        _ => Value::Null,
    };
    let name = match (options.cloud, provider) {
        (Cloud::Azure, ProviderId::Azure) => "runtime-azure",
        _ => "runtime",
    };
    fill(name, json!({ "name": account, "annotations": annotations }))
}

/// Returns the configuration by which a cloud's providers reach it; `None` where nothing was said that they could use.
fn config(options: &Crossplane, offer: &Offer, home: Home<'_>) -> Result<Option<Value>> {
    let source = match (options.cloud, home.provider) {
        _ if options.credentials.is_some() => "Secret",
        // Where no role is named, EKS Pod Identity gives the service account one.
        (Cloud::Aws, ProviderId::Aws) if options.identity.is_none() => "PodIdentity",
        (Cloud::Aws, ProviderId::Aws) => "IRSA",
        (Cloud::Azure, ProviderId::Azure) if options.identity.is_some() => "OIDCTokenFile",
        (Cloud::Google, ProviderId::Google) if options.project_id.is_some() => "InjectedIdentity",
        _ => return Ok(None),
    };
    let reference = json!({
        "name": format!("windlass-{}-credentials", offer.short), "namespace": home.namespace, "key": "credentials",
    });
    let client = options
        .identity
        .as_ref()
        .filter(|_| options.cloud == Cloud::Azure);
    let scope = json!({
        "group": format!("{}.m.upbound.io", offer.short),
        "source": source,
        "secretRef": if source == "Secret" { reference } else { Value::Null },
        "clientID": client,
        "tenantID": options.tenant_id,
        "subscriptionID": options.subscription_id,
        "projectID": options.project_id,
    });
    fill("config", scope).map(Some)
}

fn unconfigured(offer: &Offer, provider: ProviderId) -> String {
    let flags = match (provider, offer.short) {
        (ProviderId::Kind, "gcp") => "--project-id ID --credentials VARIABLE",
        (ProviderId::Kind, _) => "--credentials VARIABLE",
        (_, "azure") => "--identity CLIENT-ID --tenant-id ID --subscription-id ID",
        (_, "gcp") => "--project-id ID",
        _ => "--identity IDENTITY",
    };
    format!(
        "crossplane's providers for {} have no access to it yet: windlass upgrade crossplane --reuse-values {flags}",
        offer.name
    )
}

/// Adds the helm and the kubernetes provider, with the rights that the configurations need.
fn in_cluster(
    options: &Crossplane,
    home: Home<'_>,
    first: &mut Vec<Value>,
    packages: &mut Vec<Value>,
    configs: &mut Vec<Value>,
) -> Result<()> {
    let rules = rules(options);
    for (name, version, api) in IN_CLUSTER {
        let account = format!("crossplane-{name}");
        let own = format!("windlass:{account}");
        if !options.cluster_admin {
            let mut rules = rules.clone();
            if name == "helm" && !options.db_config {
                // Helm keeps its releases in Secrets.
                rules.push(rule("", &["secrets"]));
            }
            first.push(fill("role", json!({ "role": own, "rules": rules }))?);
        }
        let role = if options.cluster_admin {
            EVERYTHING
        } else {
            &own
        };
        // What a binding is bound to cannot be changed: another role is another binding.
        let binding = if options.cluster_admin {
            format!("{own}:{EVERYTHING}")
        } else {
            own.clone()
        };
        first.push(fill(
            "binding",
            json!({ "binding": binding, "role": role, "account": account, "namespace": home.namespace }),
        )?);
        first.push(fill(
            "runtime",
            json!({ "name": account, "annotations": Value::Null }),
        )?);
        packages.push(provider(&format!("provider-{name}"), version, &account)?);
        configs.push(fill("config-in-cluster", json!({ "apiVersion": api }))?);
    }
    if options.app_config || options.db_config {
        // What a composition has without an Object around it, Crossplane's core applies.
        let mut rules = rules;
        if options.db_config {
            rules.push(rule("db.atlasgo.io", &["atlasschemas"]));
            rules.push(rule(
                "external-secrets.io",
                &["externalsecrets", "pushsecrets"],
            ));
        }
        first.push(fill(
            "role-of-core",
            json!({ "role": "windlass:crossplane-compositions", "rules": rules }),
        )?);
    }
    Ok(())
}

/// Returns what the configurations make in the cluster.
fn rules(options: &Crossplane) -> Vec<Value> {
    let mut rules = Vec::new();
    if options.app_config {
        rules.push(rule("", &["services"]));
        rules.push(rule("apps", &["deployments"]));
        rules.push(rule("autoscaling", &["horizontalpodautoscalers"]));
        rules.push(rule("networking.k8s.io", &["ingresses"]));
        rules.push(rule("gateway.networking.k8s.io", &["httproutes"]));
    }
    if options.db_config {
        rules.push(rule("", &["secrets"]));
        // A database's Secret takes its address from the managed resource.
        let groups = match options.cloud {
            Cloud::None => return rules,
            Cloud::Aws => "rds.aws.m.upbound.io",
            Cloud::Azure => "dbforpostgresql.azure.m.upbound.io",
            Cloud::Google => "sql.gcp.m.upbound.io",
        };
        rules.push(json!({
            "apiGroups": [groups], "resources": ["*"], "verbs": ["get", "list", "watch"],
        }));
    }
    rules
}

fn rule(group: &str, resources: &[&str]) -> Value {
    json!({
        "apiGroups": [group], "resources": resources,
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    })
}
