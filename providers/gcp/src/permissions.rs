//! What one may do, asked before the first change.

use serde_json::{Value, json};
use windlass_provider::{Check, Ctx, Verdict};

use crate::{
    client::{Client, encode},
    refusal::Answer,
    service::Service,
};

/// The custom role that allows all that windlass calls in a project.
const ROLE: &str = include_str!("../../../templates/gcp/role.yaml");

/// Returns the permissions of the role.
pub(crate) fn all() -> Vec<&'static str> {
    let lines = ROLE.lines();
    lines
        .filter_map(|line| line.trim().strip_prefix("- "))
        .collect()
}

/// Returns those of the permissions that one has not.
async fn missing(client: &Client, cx: &Ctx, project: &str) -> Answer<Vec<&'static str>> {
    let path = format!("/v3/projects/{}:testIamPermissions", encode(project));
    let wanted = all();
    let mut missing = Vec::new();
    // https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions
    for some in wanted.chunks(100) {
        let body = json!({ "permissions": some });
        let call = (Service::Projects, "projects.testIamPermissions");
        let answer = client.call(cx, call, ("POST", &path), Some(&body)).await?;
        let has: Vec<&str> = answer["permissions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        missing.extend(some.iter().filter(|it| !has.contains(*it)));
    }
    Ok(missing)
}

/// Tells what one may not do in a project.
pub(crate) async fn check(client: &Client, cx: &Ctx, (principal, project): (&str, &str)) -> Check {
    let name = "permissions";
    match missing(client, cx, project).await {
        Ok(missing) if missing.is_empty() => Check::new(
            name,
            Verdict::Passed,
            format!("{principal} may do all that windlass calls in {project}"),
        ),
        Ok(missing) => {
            let shown: Vec<&str> = missing.iter().take(8).copied().collect();
            let more = match missing.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Check::new(
                name,
                Verdict::Failed,
                format!(
                    "{principal} may not {}{more} in {project}",
                    shown.join(", ")
                ),
            )
            .hint("allow it: templates/gcp/role.yaml holds all that windlass needs")
        }
        Err(trouble) => crate::preflight::failed(name, trouble.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_role_names_each_permission_once() {
        let all = all();
        assert!(all.contains(&"container.clusters.create") && all.len() > 40);
        let once: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(once.len(), all.len());
        assert!(all.iter().all(|it| it.split('.').count() == 3), "{all:?}");
    }
}
