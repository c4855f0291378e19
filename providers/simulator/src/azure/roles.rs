//! Who may do what: role assignments, and what the principal may.

use super::{
    Fault, Outcome, PRINCIPAL, Reply,
    account::{Cx, IDENTITY, ROLE, show, text},
    check,
};
use crate::aws::Thing;
use serde_json::{Value, json};

/// The permissions that there are here.
const ACTIONS: [&str; 33] = [
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Compute/register/action",
    "Microsoft.Compute/skus/read",
    "Microsoft.ContainerService/locations/kubernetesVersions/read",
    "Microsoft.ContainerService/locations/operations/read",
    "Microsoft.ContainerService/managedClusters/agentPools/delete",
    "Microsoft.ContainerService/managedClusters/agentPools/read",
    "Microsoft.ContainerService/managedClusters/agentPools/write",
    "Microsoft.ContainerService/managedClusters/delete",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ContainerService/managedClusters/start/action",
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.ContainerService/register/action",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/deletedVaults/purge/action",
    "Microsoft.KeyVault/locations/deletedVaults/read",
    "Microsoft.KubernetesConfiguration/extensions/delete",
    "Microsoft.KubernetesConfiguration/extensions/read",
    "Microsoft.KubernetesConfiguration/extensions/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/write",
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
];

const TYPE: &str = "Microsoft.Authorization/roleAssignments";
/// The roles that are known here, of those that are built in.
///
/// Source: <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
const ROLES: [(&str, &str); 8] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    (
        "befefa01-2a29-4197-83a8-272ff33ce314",
        "DNS Zone Contributor",
    ),
    (
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
    ),
    (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
    ),
    (
        "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
        "Azure Kubernetes Service Cluster User Role",
    ),
    (CLUSTER_ADMIN, "Azure Kubernetes Service RBAC Cluster Admin"),
];
const CLUSTER_ADMIN: &str = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b";

fn role_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// Lists the assignments in a scope and below it.
pub(super) fn list(cx: &Cx<'_>, scope: &str, filter: Option<&str>) -> Outcome {
    let principal = match filter {
        None | Some("atScope()") => None,
        Some(filter) => {
            let id = filter
                .strip_prefix("principalId eq '")
                .or(filter.strip_prefix("assignedTo('"));
            let id = id.and_then(|it| it.split('\'').next());
            let bad = || {
                Fault::new(
                    400,
                    "UnsupportedQuery",
                    format!("The filter '{filter}' is not supported."),
                )
            };
            Some(id.ok_or_else(bad)?)
        }
    };
    let within = |it: &Thing| {
        let at = text(&it.body["properties"], "scope").to_lowercase();
        let scope = scope.to_lowercase();
        at == scope || at.starts_with(&format!("{scope}/"))
    };
    let all = cx.under(ROLE, "");
    let all = all.iter().filter(|it| within(it));
    let all =
        all.filter(|it| principal.is_none_or(|id| it.body["properties"]["principalId"] == id));
    let all: Vec<Value> = all.map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    let name = id.rsplit('/').next().unwrap_or_default();
    let found = cx.get(ROLE, id);
    found.map(|it| Reply::ok(show(&it))).ok_or_else(|| {
        Fault::new(
            404,
            "RoleAssignmentNotFound",
            format!("The role assignment '{name}' is not found."),
        )
    })
}

pub(super) fn put(cx: &Cx<'_>, scope: &str, id: &str, body: &Value) -> Outcome {
    check::check("RoleAssignmentCreateParameters", body)?;
    let name = id.rsplit('/').next().unwrap_or_default();
    if name.split('-').map(str::len).collect::<Vec<_>>() != [8, 4, 4, 4, 12] {
        return Err(Fault::new(
            400,
            "InvalidRoleAssignmentId",
            format!(
                "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
            ),
        ));
    }
    let wanted = &body["properties"];
    let (principal, role) = (
        text(wanted, "principalId"),
        text(wanted, "roleDefinitionId"),
    );
    if !ROLES
        .iter()
        .any(|it| role_of(role).eq_ignore_ascii_case(it.0))
    {
        return Err(Fault::new(
            400,
            "RoleDefinitionDoesNotExist",
            format!(
                "The specified role definition with ID '{}' does not exist.",
                role_of(role)
            ),
        ));
    }
    let identities = cx.under(IDENTITY, "");
    let identity = identities
        .iter()
        .find(|it| it.body["properties"]["principalId"] == principal);
    // The directory takes a while to know who is new, unless one says what it is.
    let known = match identity {
        Some(identity) => {
            !wanted["principalType"].is_null()
                || cx.now >= crate::clock::add(identity.created, std::time::Duration::from_secs(20))
        }
        None => principal == PRINCIPAL,
    };
    if !known {
        return Err(Fault::new(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}.",
                principal.replace('-', ""),
                super::TENANT
            ),
        ));
    }
    if let Some(there) = cx.get(ROLE, id) {
        let its = &there.body["properties"];
        let same = its["principalId"] == principal
            && text(its, "roleDefinitionId").eq_ignore_ascii_case(role);
        return match same {
            true => Ok(Reply::ok(show(&there))),
            false => Err(Fault::new(
                409,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )),
        };
    }
    let exists = |it: &Thing| {
        let its = &it.body["properties"];
        its["principalId"] == principal
            && role_of(text(its, "roleDefinitionId")).eq_ignore_ascii_case(role_of(role))
            && text(its, "scope").eq_ignore_ascii_case(scope)
    };
    if cx.under(ROLE, "").iter().any(exists) {
        return Err(Fault::new(
            409,
            "RoleAssignmentExists",
            "The role assignment already exists.",
        ));
    }
    let mut properties = wanted.clone();
    properties["scope"] = json!(scope);
    properties["createdOn"] = json!(cx.now.to_string());
    properties["createdBy"] = json!(PRINCIPAL);
    let made = cx.make(
        ROLE,
        (id, TYPE),
        Default::default(),
        json!({"properties": properties}),
    );
    Ok(Reply::new(201, show(&made)))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    match cx.get(ROLE, id) {
        None => Ok(Reply::new(204, Value::Null)),
        Some(there) => {
            cx.remove(&there);
            Ok(Reply::ok(show(&there)))
        }
    }
}

/// Tells what the principal may: all, but for what a fault denies it.
pub(super) fn permissions(cx: &Cx<'_>) -> Outcome {
    let denied = |action: &&&str| {
        let service = action.split('/').next().unwrap_or_default();
        cx.ground.faults.denies("azure", service, action)
    };
    let not: Vec<&&str> = ACTIONS.iter().filter(denied).collect();
    Ok(Reply::ok(json!({"value": [{
        "actions": ["*"], "notActions": not, "dataActions": [], "notDataActions": [],
    }]})))
}

/// Returns whether somebody has the role that administers a cluster, from the cluster or from above it.
pub(super) fn administers(cx: &Cx<'_>, cluster: &Thing, principal: &str) -> bool {
    cx.under(ROLE, "").iter().any(|it| {
        let its = &it.body["properties"];
        let scope = text(its, "scope").to_lowercase();
        its["principalId"] == principal
            && role_of(text(its, "roleDefinitionId")) == CLUSTER_ADMIN
            && (cluster.id == scope || cluster.id.starts_with(&format!("{scope}/")))
    })
}
