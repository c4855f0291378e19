//! Policies of an organisation that would refuse what windlass makes.

use serde_json::{Value, json};
use windlass_provider::{Check, ClusterSpec, Ctx, Verdict};

use super::failed;
use crate::{
    client::{Client, encode},
    facts::Seen,
    service::Service,
    want::region_of,
};

/// Policies of an organisation that refuse what windlass makes, and what to do about each.
const POLICIES: [(&str, &str); 3] = [
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
];

pub(super) async fn check(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
) -> Vec<Check> {
    let name = "organisation policies";
    let path = format!(
        "/v1/projects/{}:getEffectiveOrgPolicy",
        encode(&seen.project)
    );
    let mut checks = Vec::new();
    for (constraint, hint) in POLICIES {
        if constraint.ends_with("vmExternalIpAccess") && spec.google.private_nodes {
            continue;
        }
        let body = json!({ "constraint": constraint });
        let call = (Service::Projects, "projects.getEffectiveOrgPolicy");
        match client.call(cx, call, ("POST", &path), Some(&body)).await {
            Ok(policy) if refuses(&policy, &seen.location) => {
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

/// Returns whether a policy refuses what windlass makes at a location.
///
/// Source: <https://cloud.google.com/resource-manager/reference/rest/v1/Policy>
pub(super) fn refuses(policy: &Value, location: &str) -> bool {
    if policy["booleanPolicy"]["enforced"] == true {
        return true;
    }
    let list = &policy["listPolicy"];
    let values = |key: &str| -> Vec<&str> {
        let values = list[key].as_array().into_iter().flatten();
        values.filter_map(Value::as_str).collect()
    };
    if policy["constraint"] == "constraints/gcp.resourceLocations" {
        let region = region_of(location);
        let names = |value: &str| {
            let value = value.trim_start_matches("in:");
            let group = value.trim_end_matches("-locations");
            value == region
                || value == location
                || group == region
                // A group of a continent or a country, such as in:us-locations.
                || (value.ends_with("-locations") && region.starts_with(&format!("{group}-")))
        };
        let (allowed, denied) = (values("allowedValues"), values("deniedValues"));
        // Groups of other kinds, such as in:eu-locations, cannot be told apart by their names: they are no refusal.
        let unclear = allowed.iter().any(|it| it.starts_with("in:") && !names(it));
        return denied.iter().any(|it| names(it))
            || (!allowed.is_empty() && !unclear && !allowed.iter().any(|it| names(it)));
    }
    list["allValues"] == "DENY"
}
