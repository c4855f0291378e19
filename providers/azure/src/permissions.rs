//! What one may do, asked before the first change.

use serde_json::Value;
use windlass_provider::{Check, Ctx, Verdict};

use crate::{
    client::Client,
    refusal::Answer,
    want::{Place, ROLES_API, at},
};

/// The custom role that allows all that windlass calls.
pub(crate) const ROLE: &str = include_str!("../../../templates/azure/role.json");

/// Returns what the role allows.
pub(crate) fn actions() -> Vec<String> {
    let role: Value = serde_json::from_str(ROLE).unwrap_or_default();
    strings(&role["Actions"])
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// Returns whether an action is among those that a pattern stands for.
fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Returns whether any of these permissions allows an action.
fn allows(permissions: &[Value], action: &str) -> bool {
    permissions.iter().any(|it| {
        let any = |key: &str| {
            strings(&it[key])
                .iter()
                .any(|pattern| covers(pattern, action))
        };
        any("actions") && !any("notActions")
    })
}

/// Returns those of the actions that are not allowed.
async fn missing(
    client: &Client,
    cx: &Ctx,
    scope: &str,
    wanted: impl Iterator<Item = String>,
) -> Answer<Vec<String>> {
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    let there = client
        .list(cx, "look at what you may do", at(&path, ROLES_API))
        .await?;
    Ok(wanted.filter(|action| !allows(&there, action)).collect())
}

/// Tells what one may not do: in the subscription, or, where a group is named that somebody else made, in that.
pub(crate) async fn check(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    within: Option<&String>,
    roles: bool,
) -> Check {
    let name = "permissions";
    let scope = match within {
        Some(group) => place.any_group(group),
        None => place.root(),
    };
    // What is about subscriptions cannot be allowed in a group, and roles are given only where controllers have identities.
    let of_group = |action: &String| {
        let about = [
            "/register/action",
            "/skus/read",
            "/locations/",
            "/resourceGroups/write",
            "/resourceGroups/delete",
        ];
        within.is_none() || !about.iter().any(|it| action.contains(it))
    };
    let of_roles = |action: &String| roles || !action.contains("/roleAssignments/");
    let wanted = actions().into_iter().filter(of_group).filter(of_roles);
    match missing(client, cx, &scope, wanted).await {
        Ok(missing) if missing.is_empty() => {
            Check::new(name, Verdict::Passed, "you may do all that windlass calls")
        }
        Ok(missing) => {
            let shown: Vec<&str> = missing.iter().take(8).map(String::as_str).collect();
            let more = match missing.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Check::new(
                name,
                Verdict::Failed,
                format!("you may not {}{more}", shown.join(", ")),
            )
            .hint("ask for a role that allows it: templates/azure/role.json holds all that windlass needs")
        }
        Err(trouble) => {
            let error = windlass_provider::Error::from(trouble);
            let check = Check::new(name, Verdict::Skipped, error.to_line());
            error.hints.into_iter().fold(check, Check::hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_cover_what_azure_says_that_they_do() {
        for (pattern, action, covered) in [
            ("*", "Microsoft.Compute/skus/read", true),
            ("*/read", "Microsoft.Compute/skus/read", true),
            ("*/read", "Microsoft.Compute/disks/delete", false),
            (
                "Microsoft.ContainerService/managedClusters/*",
                "microsoft.containerservice/managedclusters/agentPools/write",
                true,
            ),
            (
                "Microsoft.Compute/skus/read",
                "Microsoft.Compute/skus/reader",
                false,
            ),
            (
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/roleAssignments/write",
                true,
            ),
        ] {
            assert_eq!(covers(pattern, action), covered, "{pattern} {action}");
        }
        // A contributor gives no roles.
        let contributor =
            [json!({ "actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"] })];
        assert!(allows(&contributor, "Microsoft.Compute/disks/delete"));
        assert!(!allows(
            &contributor,
            "Microsoft.Authorization/roleAssignments/write"
        ));
    }

    #[test]
    fn the_role_names_each_action_and_is_no_owner() {
        let actions = actions();
        assert!(actions.contains(&"Microsoft.ContainerService/managedClusters/write".to_owned()));
        assert!(actions.iter().all(|it| !it.contains('*')), "{actions:?}");
        let role: Value = serde_json::from_str(ROLE).unwrap();
        assert_eq!(role["IsCustom"], true);
        assert!(strings(&role["AssignableScopes"])[0].starts_with("/subscriptions/"));
    }
}
