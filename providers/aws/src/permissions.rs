//! What one may do, asked of IAM's simulation before the first change.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_provider::{Check, ClusterName, Ctx, Error, Fault, Result, Verdict};

use crate::{
    client::Client,
    refusal::Trouble,
    service::{Service, partition},
    xml::{self, Read},
};

/// The policy that allows all that windlass calls, and what CloudFormation and EKS do in one's name.
pub(crate) const POLICY: &str = include_str!("../../../templates/aws/policy.json");

/// What a plan's calls are, by the policy.
pub(crate) fn actions() -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(POLICY).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions = statements.flat_map(|it| it["Action"].as_array().into_iter().flatten());
    actions
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// Returns the principal whose policies count for an identity: the role behind a session; `None` for the root user, who may do
/// everything.
pub(crate) fn principal(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, _, account, what] = parts[..] else {
        return Some(arn.to_owned());
    };
    if what == "root" {
        return None;
    }
    match (service, what.strip_prefix("assumed-role/")) {
        ("sts", Some(role)) => {
            let role = role.split('/').next().unwrap_or_default();
            Some(format!("arn:{partition}:iam::{account}:role/{role}"))
        }
        _ => Some(arn.to_owned()),
    }
}

/// Returns the resource that a call of the plan is about, where a policy may be bound to it.
fn resource(action: &str, (region, account, cluster): (&str, &str, &ClusterName)) -> String {
    let partition = partition(region);
    match action.split(':').next().unwrap_or_default() {
        "cloudformation" => {
            format!(
                "arn:{partition}:cloudformation:{region}:{account}:stack/windlass-{cluster}/new"
            )
        }
        "eks" => format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}"),
        "iam" => format!("arn:{partition}:iam::{account}:role/windlass-{cluster}-new"),
        "logs" => {
            format!("arn:{partition}:logs:{region}:{account}:log-group:/aws/eks/{cluster}/cluster")
        }
        _ => "*".to_owned(),
    }
}

/// Returns those of the actions that are not allowed; `None` where nobody can tell.
pub(crate) async fn missing(
    client: &Client,
    cx: &Ctx,
    (arn, account): (&str, &str),
    cluster: &ClusterName,
) -> Result<Option<Vec<String>>> {
    let Some(principal) = principal(arn) else {
        return Ok(Some(Vec::new()));
    };
    let mut left: Vec<String> = actions().into_iter().collect();
    // What is allowed for everything is allowed for the plan; the rest is asked for again with what it is about.
    let mut by_resource: Vec<(String, Vec<String>)> = vec![("*".to_owned(), left.clone())];
    for round in 0..2 {
        let mut denied = Vec::new();
        for (resource, actions) in &by_resource {
            match simulate(client, cx, &principal, resource, actions).await {
                Ok(some) => denied.extend(some),
                Err(Trouble::Lost(error)) => return Err(error),
                Err(trouble) => {
                    let error = Error::from(trouble);
                    return match error.fault {
                        // Roles of a path other than "/", as those of SSO, and those of another account.
                        Fault::Denied | Fault::Invalid => Ok(None),
                        _ => Err(error),
                    };
                }
            }
        }
        left = denied;
        if left.is_empty() || round == 1 {
            break;
        }
        by_resource.clear();
        for action in &left {
            let resource = resource(action, (client.region(), account, cluster));
            match by_resource.iter_mut().find(|(known, _)| *known == resource) {
                Some((_, actions)) => actions.push(action.clone()),
                None => by_resource.push((resource, vec![action.clone()])),
            }
        }
        by_resource.retain(|(resource, _)| resource != "*");
        let again: BTreeSet<&String> = by_resource
            .iter()
            .flat_map(|(_, actions)| actions)
            .collect();
        let sure: Vec<String> = left
            .iter()
            .filter(|it| !again.contains(it))
            .cloned()
            .collect();
        if !sure.is_empty() {
            return Ok(Some(sure));
        }
    }
    Ok(Some(left))
}

/// Asks IAM which of the actions are denied for a resource.
async fn simulate(
    client: &Client,
    cx: &Ctx,
    principal: &str,
    resource: &str,
    actions: &[String],
) -> Result<Vec<String>, Trouble> {
    let mut parameters = vec![
        ("PolicySourceArn".to_owned(), principal.to_owned()),
        ("ResourceArns.member.1".to_owned(), resource.to_owned()),
    ];
    for (at, action) in actions.iter().enumerate() {
        parameters.push((format!("ActionNames.member.{}", at + 1), action.clone()));
    }
    let first = parameters.len();
    let mut denied = Vec::new();
    loop {
        let name = "SimulatePrincipalPolicy";
        let text = client.query(cx, Service::Iam, name, &parameters).await?;
        let document = xml::parse(&text)?;
        let result = xml::result(&document, name);
        for evaluated in result.members("EvaluationResults") {
            // A policy that wants a condition of the call itself, such as to whom a role is handed, is not asked for its values.
            let conditional = !evaluated.members("MissingContextValues").is_empty();
            if evaluated.text_of("EvalDecision") != "allowed" && !conditional {
                denied.push(evaluated.text_of("EvalActionName"));
            }
        }
        let marker = result.text_of("Marker");
        if result.text_of("IsTruncated") != "true" || marker.is_empty() {
            return Ok(denied);
        }
        parameters.truncate(first);
        parameters.push(("Marker".to_owned(), marker));
    }
}

/// Tells what one may not do.
pub(crate) async fn check(
    client: &Client,
    cx: &Ctx,
    (arn, account): (&str, &str),
    cluster: &ClusterName,
) -> Check {
    let name = "permissions";
    match missing(client, cx, (arn, account), cluster).await {
        Ok(None) => Check::new(
            name,
            Verdict::Skipped,
            format!("IAM does not simulate what {arn} may do: the calls themselves will tell"),
        ),
        Ok(Some(missing)) if missing.is_empty() => Check::new(
            name,
            Verdict::Passed,
            format!("{arn} may do all that windlass calls"),
        ),
        Ok(Some(missing)) => {
            let shown: Vec<&str> = missing.iter().take(8).map(String::as_str).collect();
            let more = match missing.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Check::new(
                name,
                Verdict::Failed,
                format!("{arn} may not {}{more}", shown.join(", ")),
            )
            .hint("allow it: templates/aws/policy.json holds all that windlass needs")
        }
        Err(error) => {
            let check = Check::new(name, Verdict::Skipped, error.to_line());
            error.hints.into_iter().fold(check, Check::hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_behind_a_session_is_asked_about() {
        assert_eq!(
            principal("arn:aws:sts::123456789012:assumed-role/deployer/session").as_deref(),
            Some("arn:aws:iam::123456789012:role/deployer")
        );
        let user = "arn:aws-cn:iam::123456789012:user/a/b";
        assert_eq!(principal(user).as_deref(), Some(user));
        assert_eq!(principal("arn:aws:iam::123456789012:root"), None);
    }

    #[test]
    fn the_policy_names_each_call_and_no_more_than_aws_takes() {
        let actions = actions();
        assert!(actions.contains("eks:CreateCluster"));
        assert!(
            actions
                .iter()
                .all(|it| it.contains(':') && !it.contains('*')),
            "{actions:?}"
        );
        // A managed policy has at most 6144 characters without blanks:
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        let policy: Value = serde_json::from_str(POLICY).unwrap();
        assert!(
            policy.to_string().len() <= 6144,
            "{}",
            policy.to_string().len()
        );
    }
}
