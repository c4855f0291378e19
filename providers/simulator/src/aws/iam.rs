//! IAM: roles, policies and OIDC providers.

pub(super) mod resources;

use super::{
    ACCOUNT, Fault, Outcome,
    account::{Cx, Thing},
    page, signature, tag_list, tag_map,
};
use serde_json::{Value, json};

fn missing(message: impl Into<String>) -> Fault {
    Fault::new(404, "NoSuchEntity", message)
}

pub(super) fn role_of(cx: &Cx<'_>, name: &str) -> Result<Thing, Fault> {
    let role = cx.get("iam:role", name);
    role.ok_or_else(|| missing(format!("The role with name {name} cannot be found.")))
}

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let cx = &cx.global();
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    match operation {
        "GetRole" => Ok(json!({"Role": role(&role_of(cx, text("RoleName"))?)})),
        "ListRoles" => {
            let roles = cx.all("iam:role").iter().map(role).collect();
            paged("Roles", roles, input)
        }
        "ListAttachedRolePolicies" => {
            let role = role_of(cx, text("RoleName"))?;
            let attached = role.body["attached"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let told = attached
                .map(|arn| json!({"PolicyArn": arn, "PolicyName": arn.rsplit('/').next()}))
                .collect();
            paged("AttachedPolicies", told, input)
        }
        "ListRolePolicies" => {
            let role = role_of(cx, text("RoleName"))?;
            let names = role.body["inline"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| json!(name))
                .collect();
            paged("PolicyNames", names, input)
        }
        "SimulatePrincipalPolicy" => simulate(cx, input),
        "ListOpenIDConnectProviders" => {
            let all = cx.all("iam:oidc-provider");
            Ok(
                json!({"OpenIDConnectProviderList": all.iter().map(|it| json!({"Arn": it.id})).collect::<Vec<_>>()}),
            )
        }
        "GetOpenIDConnectProvider" => {
            let it = provider_of(cx, text("OpenIDConnectProviderArn"))?;
            let mut shown = it.body.clone();
            shown["Tags"] = tag_list(&it.tags, "Key", "Value");
            Ok(shown)
        }
        "CreateOpenIDConnectProvider" => {
            let made = add_provider(
                cx,
                text("Url"),
                &input["ClientIDList"],
                &input["ThumbprintList"],
                tag_map(&input["Tags"]),
            )?;
            Ok(json!({"OpenIDConnectProviderArn": made.id, "Tags": input["Tags"]}))
        }
        "DeleteOpenIDConnectProvider" => {
            let it = provider_of(cx, text("OpenIDConnectProviderArn"))?;
            cx.remove("iam:oidc-provider", &it.id);
            Ok(json!({}))
        }
        other => Err(Fault::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    }
}

fn provider_of(cx: &Cx<'_>, arn: &str) -> Result<Thing, Fault> {
    let it = cx.get("iam:oidc-provider", arn);
    it.ok_or_else(|| missing(format!("OpenIDConnect Provider not found for arn {arn}")))
}

fn add_provider(
    cx: &Cx<'_>,
    url: &str,
    clients: &Value,
    thumbprints: &Value,
    tags: std::collections::BTreeMap<String, String>,
) -> Result<Thing, Fault> {
    let Some(place) = url.strip_prefix("https://") else {
        return Err(Fault::new(
            400,
            "InvalidInput",
            "Invalid Open ID Connect Provider URL",
        ));
    };
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{place}");
    if cx.get("iam:oidc-provider", &arn).is_some() {
        let message = format!("Provider with url {url} already exists.");
        return Err(Fault::new(409, "EntityAlreadyExists", message));
    }
    let body = json!({
        "Url": place, "ClientIDList": clients.as_array().cloned().unwrap_or_default(),
        "ThumbprintList": thumbprints.as_array().cloned().unwrap_or_default(), "CreateDate": cx.now.to_string(),
    });
    Ok(cx.make("iam:oidc-provider", &arn, tags, body))
}

fn paged(key: &str, items: Vec<Value>, input: &Value) -> Outcome {
    let (items, next) = page(
        items,
        input["MaxItems"].as_u64().or(Some(100)),
        input["Marker"].as_str(),
    )
    .map_err(|fault| Fault::new(400, "ValidationError", fault.message))?;
    Ok(json!({key: items, "IsTruncated": next.is_some(), "Marker": next}))
}

fn role(it: &Thing) -> Value {
    let mut shown = it.body.clone();
    shown["Tags"] = tag_list(&it.tags, "Key", "Value");
    shown
}

/// The administrator may do everything that no fault denies.
fn simulate(cx: &Cx<'_>, input: &Value) -> Outcome {
    let source = input["PolicySourceArn"].as_str().unwrap_or_default();
    let known = source == super::account::Caller::administrator().arn
        || source.rsplit_once(":role/").is_some_and(|(_, name)| {
            cx.get("iam:role", name.rsplit('/').next().unwrap_or_default())
                .is_some()
        });
    if !known {
        return Err(missing(format!("The principal {source} cannot be found.")));
    }
    let mut told = Vec::new();
    let resources = input["ResourceArns"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![json!("*")]);
    for action in input["ActionNames"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let Some((prefix, name)) = action.split_once(':') else {
            let message = format!("Invalid Action: {action}");
            return Err(Fault::new(400, "InvalidInput", message));
        };
        let services: &[&str] = match prefix {
            "elasticloadbalancing" => &["elb", "elbv2"],
            "tag" => &["tagging"],
            _ => &[],
        };
        let denied = services
            .iter()
            .chain([&prefix])
            .any(|it| cx.ground.faults.denies("aws", it, name));
        for resource in &resources {
            told.push(json!({
                "EvalActionName": action, "EvalResourceName": resource, "EvalDecision": if denied { "implicitDeny" } else { "allowed" },
                "MatchedStatements": [], "MissingContextValues": [],
            }));
        }
    }
    let (told, next) = page(told, input["MaxItems"].as_u64(), input["Marker"].as_str())
        .map_err(|fault| Fault::new(400, "ValidationError", fault.message))?;
    Ok(json!({"EvaluationResults": told, "IsTruncated": next.is_some(), "Marker": next}))
}

/// Returns a document as IAM keeps it.
fn encoded(document: &Value) -> String {
    let text = document
        .as_str()
        .map_or_else(|| document.to_string(), str::to_owned);
    signature::encode(&text)
}
