//! Policies of an organisation that would refuse what windlass makes.
//!
//! Source: <https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints>

use serde_json::{Value, json};
use windlass_provider::{Check, ClusterSpec, Ctx, Verdict};

use super::failed;
use crate::{
    apis,
    client::{Client, encode},
    facts::Seen,
    plan::let_out,
    service::Service,
    want::region_of,
};

/// Policies of an organisation that refuse what windlass makes, and what to do about each.
const POLICIES: [(&str, &str); 6] = [
    (
        "constraints/iam.disableServiceAccountCreation",
        "service accounts may not be made: ask for an exception for this project",
    ),
    (
        "constraints/compute.vmExternalIpAccess",
        "nodes may have no addresses of the internet: write private-nodes = true in [clusters.NAME.google]",
    ),
    (
        "constraints/gcp.resourceLocations",
        "the location is not among those that are allowed: choose another with --location",
    ),
    (
        "constraints/gcp.restrictServiceUsage",
        "an API that is needed may not be used: ask for an exception for this project",
    ),
    (
        "constraints/compute.restrictCloudNATUsage",
        "nodes may not be let out by a NAT: write nat = false in [clusters.NAME.google], and mirror the images that they need",
    ),
    (
        "constraints/compute.skipDefaultNetworkCreation",
        "a new project has no network then: make the project and a network first, and name them: --project, and network in [clusters.NAME.google]",
    ),
];

/// Returns whether a policy is about what this spec wants.
fn is_about(constraint: &str, spec: &ClusterSpec, seen: &Seen) -> bool {
    match constraint.rsplit('.').next() {
        Some("vmExternalIpAccess") => !spec.google.private_nodes,
        Some("restrictCloudNATUsage") => let_out(spec).is_some() && seen.nat.is_none(),
        Some("skipDefaultNetworkCreation") => !seen.has_project && spec.google.network.is_none(),
        _ => true,
    }
}

/// Asks for the policies of the project; of one that is to be made, for those of what it will lie in, where somebody said so.
pub(super) async fn check(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
) -> Vec<Check> {
    let name = "organisation policies";
    let on = match (seen.has_project, &spec.google.parent) {
        (true, _) => format!("projects/{}", encode(&seen.project)),
        (false, Some(parent)) => parent.clone(),
        (false, None) => return Vec::new(),
    };
    let path = format!("/v1/{on}:getEffectiveOrgPolicy");
    let mut checks = Vec::new();
    for (constraint, hint) in POLICIES {
        if !is_about(constraint, spec, seen) {
            continue;
        }
        let body = json!({ "constraint": constraint });
        let call = (Service::Projects, "projects.getEffectiveOrgPolicy");
        match client.call(cx, call, ("POST", &path), Some(&body)).await {
            Ok(policy) if refuses(&policy, &seen.project, &seen.location) => {
                let detail = format!("{constraint} refuses it");
                checks.push(Check::new(name, Verdict::Failed, detail).hint(hint));
            }
            Ok(_) => {}
            Err(trouble) => return vec![failed(name, trouble.into())],
        }
    }
    if checks.is_empty() {
        let detail = "none refuses what windlass makes";
        checks.push(Check::new(name, Verdict::Passed, detail));
    }
    checks
}

/// Returns whether a policy refuses what windlass makes in a project at a location.
///
/// Source: <https://cloud.google.com/resource-manager/reference/rest/v1/Policy>
pub(super) fn refuses(policy: &Value, project: &str, location: &str) -> bool {
    if policy["booleanPolicy"]["enforced"] == true {
        return true;
    }
    let list = &policy["listPolicy"];
    if list["allValues"] == "DENY" {
        return true;
    }
    let values = |key: &str| -> Vec<&str> {
        let values = list[key].as_array().into_iter().flatten();
        values.filter_map(Value::as_str).collect()
    };
    let (allowed, denied) = (values("allowedValues"), values("deniedValues"));
    let constraint = policy["constraint"].as_str().unwrap_or_default();
    match constraint.rsplit('.').next().unwrap_or_default() {
        "resourceLocations" => {
            let names = |value: &str| is_place(value, location);
            // Groups of other kinds, such as in:eu-locations, cannot be told apart by their names: they are no refusal.
            let unclear = allowed.iter().any(|it| it.starts_with("in:") && !names(it));
            denied.iter().any(|it| names(it))
                || (!allowed.is_empty() && !unclear && !allowed.iter().any(|it| names(it)))
        }
        "restrictServiceUsage" => {
            // Groups of services cannot be told apart by their names.
            let unclear = allowed.iter().any(|it| it.starts_with("in:"));
            apis::NEEDED.iter().any(|api| {
                denied.contains(api) || (!allowed.is_empty() && !unclear && !allowed.contains(api))
            })
        }
        // Machines are allowed by their names, and those of nodes nobody knows before.
        "vmExternalIpAccess" => !allowed.is_empty(),
        "restrictCloudNATUsage" => {
            let own = format!("projects/{project}");
            // What lies under what nobody knows here.
            let unclear = |it: &&str| it.contains("folders/") || it.contains("organizations/");
            let names = |it: &&str| it.contains(&own) || unclear(it);
            !allowed.is_empty() && !allowed.iter().any(names)
        }
        _ => false,
    }
}

/// Returns whether a value names a location, or a group of them in which it is.
fn is_place(value: &str, location: &str) -> bool {
    let region = region_of(location);
    let value = value.trim_start_matches("in:");
    let group = value.trim_end_matches("-locations");
    value == region
        || value == location
        || group == region
        // A group of a continent or a country, such as in:us-locations.
        || (value.ends_with("-locations") && region.starts_with(&format!("{group}-")))
}
