//! Which path is what, and with which versions of its API and which permission it may be asked for.

use super::{
    Fault, Heard, Outcome, Reply, SUBSCRIPTION,
    account::{Cx, GROUP, IDENTITY, root},
    addresses, clusters, extensions, groups, identities, login, offers, operations, pools, roles,
    vaults,
};
use serde_json::{Value, json};

/// What a request is for.
pub(super) struct Target {
    what: What,
    method: String,
    /// The steps of the path that name something, in turn.
    names: Vec<String>,
    /// Where it is: what stands before the last resource provider.
    scope: String,
    /// The path, as this world writes it.
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Login,
    Subscriptions,
    Subscription,
    Locations,
    Providers,
    Provider,
    Register(bool),
    Groups,
    Group,
    Resources,
    Clusters,
    Cluster,
    Power(bool),
    Credential(bool),
    Pools,
    Pool,
    Versions,
    Operation,
    Result,
    Identities,
    Identity,
    Federations,
    Federation,
    Extensions,
    Extension,
    Vault,
    DeletedVaults,
    DeletedVault,
    Purge,
    Addresses,
    Address,
    Roles,
    Role,
    Permissions,
    Skus,
    Usages,
}

/// A path, its steps with `*` for a name and `**` for a scope before them; the methods; the versions; the permission without its verb.
type Route = (
    What,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const AKS: &[&str] = &[
    "2025-05-01",
    "2025-07-01",
    "2025-08-01",
    "2025-10-01",
    "2026-01-01",
    "2026-02-01",
    "2026-03-01",
    "2026-05-01",
    "2026-06-01",
    "2026-08-01",
];
const RESOURCES: &[&str] = &[
    "2020-10-01",
    "2021-04-01",
    "2022-09-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];
const SUBSCRIPTIONS: &[&str] = &["2016-06-01", "2020-01-01", "2021-01-01", "2022-12-01"];
const IDENTITIES: &[&str] = &["2018-11-30", "2023-01-31", "2024-11-30"];
const ROLES: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01"];
const NETWORKS: &[&str] = &["2024-05-01", "2024-07-01", "2024-10-01", "2025-01-01"];
const EXTENSIONS: &[&str] = &["2022-11-01", "2023-05-01", "2024-11-01"];
const VAULTS: &[&str] = &["2022-07-01", "2023-07-01", "2024-11-01"];
const LINKS: &[&str] = &["2016-03-30", "2021-04-01"];
const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];
const ALL: &[&str] = &["GET", "PUT", "PATCH", "DELETE"];

#[rustfmt::skip]
const ROUTES: [Route; 41] = [
    (What::Login, "login/*/oauth2/v2.0/token", POST, &[], "Microsoft.Entra/token"),
    (What::Subscriptions, "subscriptions", GET, SUBSCRIPTIONS, "Microsoft.Resources/subscriptions"),
    (What::Subscription, "subscriptions/*", GET, SUBSCRIPTIONS, "Microsoft.Resources/subscriptions"),
    (What::Locations, "subscriptions/*/locations", GET, SUBSCRIPTIONS, "Microsoft.Resources/subscriptions/locations"),
    (What::Providers, "subscriptions/*/providers", GET, RESOURCES, "Microsoft.Resources/subscriptions/providers"),
    (What::Provider, "subscriptions/*/providers/*", GET, RESOURCES, "Microsoft.Resources/subscriptions/providers"),
    (What::Register(true), "subscriptions/*/providers/*/register", POST, RESOURCES, "*/register"),
    (What::Register(false), "subscriptions/*/providers/*/unregister", POST, RESOURCES, "*/unregister"),
    (What::Groups, "subscriptions/*/resourcegroups", GET, RESOURCES, "Microsoft.Resources/subscriptions/resourceGroups"),
    (What::Group, "subscriptions/*/resourcegroups/*", ALL, RESOURCES, "Microsoft.Resources/subscriptions/resourceGroups"),
    (What::Resources, "subscriptions/*/resources", GET, RESOURCES, "Microsoft.Resources/subscriptions/resources"),
    (What::Resources, "subscriptions/*/resourcegroups/*/resources", GET, RESOURCES, "Microsoft.Resources/subscriptions/resourceGroups/resources"),
    (What::Result, "subscriptions/*/operationresults/*", GET, LINKS, "Microsoft.Resources/subscriptions/operationresults"),
    (What::Clusters, "subscriptions/*/providers/microsoft.containerservice/managedclusters", GET, AKS, "Microsoft.ContainerService/managedClusters"),
    (What::Clusters, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters", GET, AKS, "Microsoft.ContainerService/managedClusters"),
    (What::Cluster, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*", ALL, AKS, "Microsoft.ContainerService/managedClusters"),
    (What::Power(true), "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/start", POST, AKS, "Microsoft.ContainerService/managedClusters/start"),
    (What::Power(false), "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/stop", POST, AKS, "Microsoft.ContainerService/managedClusters/stop"),
    (What::Credential(false), "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/listclusterusercredential", POST, AKS, "Microsoft.ContainerService/managedClusters/listClusterUserCredential"),
    (What::Credential(true), "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/listclusteradmincredential", POST, AKS, "Microsoft.ContainerService/managedClusters/listClusterAdminCredential"),
    (What::Pools, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/agentpools", GET, AKS, "Microsoft.ContainerService/managedClusters/agentPools"),
    (What::Pool, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/agentpools/*", &["GET", "PUT", "DELETE"], AKS, "Microsoft.ContainerService/managedClusters/agentPools"),
    (What::Versions, "subscriptions/*/providers/microsoft.containerservice/locations/*/kubernetesversions", GET, AKS, "Microsoft.ContainerService/locations/kubernetesVersions"),
    (What::Operation, "subscriptions/*/providers/microsoft.containerservice/locations/*/operations/*", GET, LINKS, "Microsoft.ContainerService/locations/operations"),
    (What::Result, "subscriptions/*/providers/microsoft.containerservice/locations/*/operationresults/*", GET, LINKS, "Microsoft.ContainerService/locations/operationresults"),
    (What::Identities, "subscriptions/*/providers/microsoft.managedidentity/userassignedidentities", GET, IDENTITIES, "Microsoft.ManagedIdentity/userAssignedIdentities"),
    (What::Identities, "subscriptions/*/resourcegroups/*/providers/microsoft.managedidentity/userassignedidentities", GET, IDENTITIES, "Microsoft.ManagedIdentity/userAssignedIdentities"),
    (What::Identity, "subscriptions/*/resourcegroups/*/providers/microsoft.managedidentity/userassignedidentities/*", ALL, IDENTITIES, "Microsoft.ManagedIdentity/userAssignedIdentities"),
    (What::Federations, "subscriptions/*/resourcegroups/*/providers/microsoft.managedidentity/userassignedidentities/*/federatedidentitycredentials", GET, IDENTITIES, "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"),
    (What::Federation, "subscriptions/*/resourcegroups/*/providers/microsoft.managedidentity/userassignedidentities/*/federatedidentitycredentials/*", &["GET", "PUT", "DELETE"], IDENTITIES, "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"),
    (What::Addresses, "subscriptions/*/resourcegroups/*/providers/microsoft.network/publicipaddresses", GET, NETWORKS, "Microsoft.Network/publicIPAddresses"),
    (What::Address, "subscriptions/*/resourcegroups/*/providers/microsoft.network/publicipaddresses/*", &["GET", "PUT", "DELETE"], NETWORKS, "Microsoft.Network/publicIPAddresses"),
    (What::Extensions, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/providers/microsoft.kubernetesconfiguration/extensions", GET, EXTENSIONS, "Microsoft.KubernetesConfiguration/extensions"),
    (What::Extension, "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*/providers/microsoft.kubernetesconfiguration/extensions/*", &["GET", "PUT", "DELETE"], EXTENSIONS, "Microsoft.KubernetesConfiguration/extensions"),
    (What::Vault, "subscriptions/*/resourcegroups/*/providers/microsoft.keyvault/vaults/*", &["GET", "PUT", "DELETE"], VAULTS, "Microsoft.KeyVault/vaults"),
    (What::DeletedVaults, "subscriptions/*/providers/microsoft.keyvault/deletedvaults", GET, VAULTS, "Microsoft.KeyVault/deletedVaults"),
    (What::DeletedVault, "subscriptions/*/providers/microsoft.keyvault/locations/*/deletedvaults/*", GET, VAULTS, "Microsoft.KeyVault/locations/deletedVaults"),
    (What::Purge, "subscriptions/*/providers/microsoft.keyvault/locations/*/deletedvaults/*/purge", POST, VAULTS, "Microsoft.KeyVault/locations/deletedVaults/purge"),
    (What::Skus, "subscriptions/*/providers/microsoft.compute/skus", GET, &["2019-04-01", "2021-07-01"], "Microsoft.Compute/skus"),
    (What::Usages, "subscriptions/*/providers/microsoft.compute/locations/*/usages", GET, &["2024-03-01", "2024-07-01", "2024-11-01"], "Microsoft.Compute/locations/usages"),
    (What::Permissions, "**/providers/microsoft.authorization/permissions", GET, ROLES, "Microsoft.Authorization/permissions"),
];
/// Those whose scope may be anything.
const AT_SCOPE: [Route; 2] = [
    (
        What::Roles,
        "**/providers/microsoft.authorization/roleassignments",
        GET,
        ROLES,
        "Microsoft.Authorization/roleAssignments",
    ),
    (
        What::Role,
        "**/providers/microsoft.authorization/roleassignments/*",
        &["GET", "PUT", "DELETE"],
        ROLES,
        "Microsoft.Authorization/roleAssignments",
    ),
];

/// Returns the names in a path, and its scope, where it is the one of a route.
fn fit(pattern: &str, steps: &[String]) -> Option<(Vec<String>, String)> {
    let wanted: Vec<&str> = pattern.split('/').collect();
    let (scope, wanted, steps) = match wanted.split_first() {
        Some((&"**", rest)) => {
            let at = steps.len().checked_sub(rest.len())?;
            (steps[..at].to_vec(), rest, &steps[at..])
        }
        _ => (Vec::new(), wanted.as_slice(), steps),
    };
    if wanted.len() != steps.len() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, step) in wanted.iter().zip(steps) {
        match *wanted {
            "*" => names.push(step.clone()),
            wanted if wanted.eq_ignore_ascii_case(step) => {}
            _ => return None,
        }
    }
    Some((names, format!("/{}", scope.join("/"))))
}

/// Finds out what a request is for.
pub(super) fn find(heard: &Heard) -> Result<Target, Fault> {
    let mut wrong = None;
    for (what, pattern, methods, versions, _) in AT_SCOPE.iter().chain(&ROUTES) {
        let Some((names, scope)) = fit(pattern, &heard.steps) else {
            continue;
        };
        if !methods.contains(&heard.method.as_str()) {
            wrong = Some(Fault::new(
                405,
                "MethodNotAllowed",
                format!(
                    "The requested resource does not support http method '{}'.",
                    heard.method
                ),
            ));
            continue;
        }
        if !versions.is_empty() {
            version(heard, versions)?;
        }
        return Ok(Target {
            what: *what,
            method: heard.method.clone(),
            names,
            scope,
            id: write(&heard.steps),
        });
    }
    Err(wrong.unwrap_or_else(|| {
        Fault::new(
            404,
            "InvalidResourceType",
            format!("The simulated Azure knows no path {}.", heard.path()),
        )
    }))
}

fn version(heard: &Heard, versions: &[&str]) -> Result<(), Fault> {
    let Some(asked) = heard.asked("api-version") else {
        return Err(Fault::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    match versions.contains(&asked) {
        true => Ok(()),
        false => Err(Fault::new(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{asked}' is invalid. The supported versions are '{}'.",
                versions.join(",")
            ),
        )),
    }
}

/// Returns a path with its fixed steps as Azure writes them; names stay as they are.
fn write(steps: &[String]) -> String {
    const KNOWN: [&str; 14] = [
        "subscriptions",
        "resourceGroups",
        "providers",
        "Microsoft.ContainerService",
        "Microsoft.ManagedIdentity",
        "Microsoft.Authorization",
        "Microsoft.KeyVault",
        "Microsoft.KubernetesConfiguration",
        "Microsoft.Network",
        "deletedVaults",
        "managedClusters",
        "agentPools",
        "userAssignedIdentities",
        "publicIPAddresses",
    ];
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        // A name stands where its kind's stood before it; Azure's own steps and names alternate.
        let known = KNOWN
            .iter()
            .find(|it| at % 2 == 0 && it.eq_ignore_ascii_case(step));
        let provider = KNOWN
            .iter()
            .find(|it| it.starts_with("Microsoft") && it.eq_ignore_ascii_case(step));
        path.push('/');
        path.push_str(known.or(provider).unwrap_or(&step.as_str()));
    }
    path
}

impl Target {
    fn route(&self) -> &'static Route {
        let mut all = AT_SCOPE.iter().chain(&ROUTES);
        // Each kind of target has one permission, whichever path it has.
        all.find(|it| it.0 == self.what).unwrap_or(&ROUTES[0])
    }

    /// Returns the resource provider, as faults name services.
    pub(super) fn service(&self) -> &str {
        match self.what {
            What::Register(_) => self.names.get(1).map_or("", String::as_str),
            _ => self.route().4.split('/').next().unwrap_or_default(),
        }
    }

    /// Returns the permission that it wants, which is the name of the operation.
    pub(super) fn action(&self) -> String {
        let verb = match self.method.as_str() {
            "GET" => "read",
            "POST" => "action",
            "DELETE" => "delete",
            _ => "write",
        };
        let of = match self.what {
            What::Resources if self.names.len() > 1 => {
                "Microsoft.Resources/subscriptions/resourceGroups/resources"
            }
            _ => self.route().4,
        };
        let of = of.replacen('*', self.names.get(1).map_or("", String::as_str), 1);
        format!("{of}/{verb}")
    }

    /// Returns what is named, as "dot/batch": without subscription and group, unless there is nothing else.
    pub(super) fn name(&self) -> String {
        match self.what {
            What::Login => String::new(),
            What::Group | What::Groups => self.names.get(1).cloned().unwrap_or_default(),
            What::Role | What::Roles => self.names.first().cloned().unwrap_or_default(),
            _ => self.names.get(2..).unwrap_or_default().join("/"),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.id
    }

    /// Returns whether it changes what there is.
    pub(super) fn mutates(&self) -> bool {
        let reads = matches!(self.what, What::Login | What::Credential(_));
        self.method != "GET" && !reads
    }
}

/// Does what is asked for.
pub(super) fn act(cx: &Cx<'_>, heard: &Heard, target: &Target) -> Outcome {
    if target.what == What::Login {
        return login::token(cx, heard, &target.names[0]);
    }
    login::admit(cx.ground, heard)?;
    if target.what == What::Subscriptions {
        return Ok(Reply::ok(
            json!({"value": [offers::subscription()], "count": {"type": "Total", "value": 1}}),
        ));
    }
    let subscription = heard.steps.get(1).map_or("", String::as_str);
    if !subscription.eq_ignore_ascii_case(SUBSCRIPTION) {
        return Err(Fault::new(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{subscription}' could not be found."),
        ));
    }
    let service = target.service();
    if !["Microsoft.Resources", "Microsoft.Authorization"].contains(&service)
        && !matches!(target.what, What::Register(_))
    {
        offers::registered(cx, service)?;
    }
    let body: Value = match heard.body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&heard.body).map_err(|error| {
            Fault::new(
                400,
                "InvalidRequestContent",
                format!(
                    "The request content was invalid and could not be deserialized: '{error}'."
                ),
            )
        })?,
    };
    if ["PUT", "PATCH"].contains(&target.method.as_str()) && !body.is_object() {
        return Err(Fault::new(
            400,
            "InvalidRequestContent",
            "The request content is invalid: an object is wanted.",
        ));
    }
    let name = |at: usize| target.names.get(at).map_or("", String::as_str);
    let prefix = match target.names.len() {
        0 | 1 => format!("{}/", root()),
        _ => format!("{}/resourceGroups/{}/", root(), name(1)),
    };
    let id = target.id.as_str();
    let parent = id
        .rsplit_once('/')
        .and_then(|it| it.0.rsplit_once('/'))
        .map_or("", |it| it.0);
    let filter = heard.asked("$filter");
    match (target.what, target.method.as_str()) {
        (What::Subscription, _) => Ok(Reply::ok(offers::subscription())),
        (What::Locations, _) => offers::locations(),
        (What::Providers, _) => offers::providers(cx),
        (What::Provider, _) => offers::provider(cx, name(1)),
        (What::Register(on), _) => offers::register(cx, name(1), on),
        (What::Groups, _) => groups::list(cx, &[GROUP], &prefix, filter),
        (What::Group, "GET") => groups::get(cx, id, name(1)),
        (What::Group, "PUT") => groups::put(cx, id, name(1), &body),
        (What::Group, "PATCH") => groups::patch(cx, id, &body),
        (What::Group, _) => groups::delete(cx, id, name(1)),
        (What::Resources, _) => {
            if target.names.len() > 1 {
                groups::get(cx, parent_of_list(id), name(1))?;
            }
            groups::list(cx, &groups::RESOURCES, &prefix, filter)
        }
        (What::Clusters, _) => clusters::list(cx, &prefix),
        (What::Cluster, "GET") => clusters::get(cx, id),
        (What::Cluster, "PUT") => clusters::put(cx, id, &body),
        (What::Cluster, "PATCH") => clusters::patch(cx, id, &body),
        (What::Cluster, _) => clusters::delete(cx, id),
        (What::Power(on), _) => clusters::power(cx, parent_of_list(id), on),
        (What::Credential(admin), _) => clusters::credential(cx, parent_of_list(id), admin),
        (What::Pools, _) => pools::list(cx, id),
        (What::Pool, "GET") => pools::get(cx, id),
        (What::Pool, "PUT") => pools::put(cx, id, &body),
        (What::Pool, _) => pools::delete(cx, id),
        (What::Versions, _) => offers::versions(name(1)),
        (What::Operation, _) => operations::status(cx, heard, last(&target.names)),
        (What::Result, _) => operations::result(cx, heard, last(&target.names)),
        (What::Identities, _) => identities::list(cx, IDENTITY, &prefix),
        (What::Identity, "GET") => identities::get(cx, id),
        (What::Identity, "PUT") => identities::put(cx, id, &body),
        (What::Identity, "PATCH") => identities::patch(cx, id, &body),
        (What::Identity, _) => identities::delete(cx, id),
        (What::Federations, _) => identities::federations(cx, parent_of_list(id)),
        (What::Federation, "GET") => identities::federation(cx, id),
        (What::Federation, "PUT") => identities::federate(cx, parent, id, &body),
        (What::Federation, _) => identities::unfederate(cx, id),
        (What::Extensions, _) => extensions::list(cx, id),
        (What::Extension, "GET") => extensions::get(cx, id),
        (What::Extension, "PUT") => extensions::put(cx, id, &body),
        (What::Extension, _) => extensions::delete(cx, id),
        (What::Vault, "GET") => vaults::get(cx, id),
        (What::Vault, "PUT") => vaults::put(cx, id, &body),
        (What::Vault, _) => vaults::delete(cx, id),
        (What::DeletedVaults, _) => vaults::list_deleted(cx),
        (What::DeletedVault, _) => vaults::get_deleted(cx, id),
        (What::Purge, _) => vaults::purge(cx, parent_of_list(id)),
        (What::Addresses, _) => addresses::list(cx, &prefix),
        (What::Address, "GET") => addresses::get(cx, id),
        (What::Address, "PUT") => addresses::put(cx, id, &body),
        (What::Address, _) => addresses::delete(cx, id),
        (What::Roles, _) => roles::list(cx, &target.scope, filter),
        (What::Role, "GET") => roles::get(cx, id),
        (What::Role, "PUT") => roles::put(cx, &target.scope, id, &body),
        (What::Role, _) => roles::delete(cx, id),
        (What::Permissions, _) => roles::permissions(cx),
        (What::Skus, _) => offers::skus(filter),
        (What::Usages, _) => offers::usages(cx, name(1)),
        (What::Login | What::Subscriptions, _) => Err(Fault::new(
            500,
            "InternalServerError",
            "it was answered before",
        )),
    }
}

fn parent_of_list(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |it| it.0)
}

fn last(names: &[String]) -> &str {
    names.last().map_or("", String::as_str)
}
