//! Roles of managed identities: they can have no tags, and outlive the identity.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use windlass_provider::{ClusterName, Ctx, Resource, Result, Tags};

use crate::{
    client::{Client, encode},
    identities::{remove, write},
    pace::{POLL, wait},
    refusal::Answer,
    want::{Place, ROLES_API, at},
};

/// How long the directory may not know an identity that was just made.
const PROPAGATION: Duration = Duration::from_secs(180);

/// Returns the roles of a principal in a scope.
pub(crate) async fn assignments(
    client: &Client,
    cx: &Ctx,
    scope: &str,
    principal: &str,
) -> Answer<Vec<Value>> {
    let filter = encode(&format!("principalId eq '{principal}'"));
    let path = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version={ROLES_API}&$filter={filter}"
    );
    client
        .list(cx, "list the roles of a managed identity", path)
        .await
}

/// Returns what a role assignment says of itself: it can have no tags.
fn mark(cluster: &ClusterName) -> String {
    format!("{}={cluster}", Tags::CLUSTER)
}

/// Returns the cluster that a role assignment was made for, if windlass made it.
pub(crate) fn marked(assignment: &Value) -> Option<ClusterName> {
    let said = assignment["properties"]["description"].as_str()?;
    let name = said.strip_prefix(Tags::CLUSTER)?.strip_prefix('=')?;
    name.parse().ok()
}

pub(crate) async fn grant(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    (identity, role): (&Value, &str),
) -> Answer<()> {
    let principal = identity["properties"]["principalId"]
        .as_str()
        .unwrap_or_default();
    let scope = place.own_group();
    // Derived, so that the same is never given twice.
    let id = guid(&format!("{scope} {principal} {role}"));
    let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{id}");
    let definition = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        place.root()
    );
    let body = json!({
        "properties": {
            "principalId": principal,
            // Without it the directory is asked, which may not know the principal yet.
            "principalType": "ServicePrincipal",
            "roleDefinitionId": definition,
            "description": mark(&resource.cluster),
        },
    });
    let action = format!("give managed identity {} the role {role}", resource.name);
    let began = cx.clock.now();
    loop {
        let path = at(&path, ROLES_API);
        match write(client, cx, action.clone(), path, &body).await {
            Err(trouble) if trouble.is(&["RoleAssignmentExists"]) => return Ok(()),
            Err(trouble)
                if trouble.is(&["PrincipalNotFound"]) && cx.clock.now() < began + PROPAGATION =>
            {
                let what = format!("waiting until the directory knows {}", resource.name);
                wait(cx, &what, POLL).await?;
            }
            done => return done,
        }
    }
}

/// Returns a GUID that is derived from a text.
fn guid(text: &str) -> String {
    let digest = Sha256::digest(text.to_lowercase().as_bytes());
    let mut digits: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Version 8, for what somebody derives in a way of their own (RFC 9562).
    digits.replace_range(12..13, "8");
    digits.replace_range(16..17, "8");
    let part = |from: usize, to: usize| &digits[from..to];
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// Takes a role away; `id` is the assignment's path.
pub(crate) async fn take_role(client: &Client, cx: &Ctx, id: &str) -> Result<()> {
    let what = "take a role away".to_owned();
    remove(client, cx, what, at(id, ROLES_API)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_role_of_the_same_principal_has_the_same_name() {
        let one = guid("/subscriptions/A a b");
        assert_eq!(one, guid("/subscriptions/a A b"));
        assert_ne!(one, guid("/subscriptions/a a c"));
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }

    #[test]
    fn a_role_assignment_says_whose_it_is() {
        let name: ClusterName = "dot".parse().unwrap();
        let assignment = json!({ "properties": { "description": mark(&name) } });
        assert_eq!(marked(&assignment), Some(name));
        assert_eq!(
            marked(&json!({ "properties": { "description": "x" } })),
            None
        );
    }
}
