//! IAM's types of resources in CloudFormation.

use super::super::{ACCOUNT, Fault, account::Cx};
use super::{encoded, missing, role_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Tags = BTreeMap<String, String>;

/// AWS's own policies that roles of clusters want.
const MANAGED: [&str; 28] = [
    "AdministratorAccess",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2FullAccess",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSServicePolicy",
    "AmazonEKSVPCResourceController",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonRDSFullAccess",
    "AmazonRoute53FullAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "AmazonVPCFullAccess",
    "CloudWatchAgentServerPolicy",
    "ElasticLoadBalancingFullAccess",
    "IAMFullAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecretsManagerReadWrite",
    "service-role/AmazonEBSCSIDriverPolicy",
    "service-role/AmazonEFSCSIDriverPolicy",
];

/// Checks that a document says what it allows or denies.
fn document(value: &Value, trust: bool) -> Result<(), Fault> {
    let malformed = |message: &str| Err(Fault::new(400, "MalformedPolicyDocument", message));
    let statements = match &value["Statement"] {
        Value::Array(list) if !list.is_empty() => list.clone(),
        Value::Object(_) => vec![value["Statement"].clone()],
        _ => return malformed("Syntax errors in policy."),
    };
    for statement in &statements {
        let effect = statement["Effect"] == "Allow" || statement["Effect"] == "Deny";
        let action = !statement["Action"].is_null() || !statement["NotAction"].is_null();
        let principal = !statement["Principal"].is_null() || !statement["NotPrincipal"].is_null();
        let resource = !statement["Resource"].is_null() || !statement["NotResource"].is_null();
        if !effect || !action {
            return malformed("Syntax errors in policy.");
        }
        if trust && !principal {
            return malformed(
                "AssumeRole policy may only specify STS AssumeRole actions and must have a principal.",
            );
        }
        if trust && resource {
            return malformed("Has prohibited field Resource");
        }
        if !trust && principal {
            return malformed("Policy document should not specify a principal.");
        }
        if !trust && !resource {
            return malformed("Policy statement must contain resources.");
        }
    }
    Ok(())
}

/// Returns the ARNs of a list of policies that there are.
fn policies(cx: &Cx<'_>, list: &Value) -> Result<Value, Fault> {
    for arn in list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let own = arn
            .strip_prefix("arn:aws:iam::aws:policy/")
            .is_some_and(|name| MANAGED.contains(&name));
        if !own && cx.get("iam:policy", arn).is_none() {
            return Err(missing(format!(
                "Policy {arn} does not exist or is not attachable."
            )));
        }
    }
    Ok(list.as_array().cloned().unwrap_or_default().into())
}

fn inline(list: &Value) -> Result<Value, Fault> {
    let mut kept = json!({});
    for policy in list.as_array().into_iter().flatten() {
        document(&policy["PolicyDocument"], false)?;
        kept[policy["PolicyName"].as_str().unwrap_or_default()] = policy["PolicyDocument"].clone();
    }
    Ok(kept)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn clip(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Makes a resource; returns its id, and its attributes.
pub(in crate::aws) fn make(
    cx: &Cx<'_>,
    kind: &str,
    name: &str,
    properties: &Value,
    tags: Tags,
) -> Result<(String, Value), Fault> {
    let text = |key: &str| properties[key].as_str();
    let path = text("Path").unwrap_or("/");
    let exists = |what: &str, name: &str| {
        Err(Fault::new(
            409,
            "EntityAlreadyExists",
            format!("{what} with name {name} already exists."),
        ))
    };
    match kind {
        "AWS::IAM::Role" => {
            let name = text("RoleName").map_or_else(|| clip(name), str::to_owned);
            if cx.get("iam:role", &name).is_some() {
                return exists("Role", &name);
            }
            document(&properties["AssumeRolePolicyDocument"], true)?;
            let id = format!("AROA{}", &cx.ground.mint("role").to_uppercase()[..17]);
            let arn = format!("arn:aws:iam::{ACCOUNT}:role{path}{name}");
            let body = json!({
                "RoleName": name, "RoleId": id, "Arn": arn, "Path": path, "CreateDate": cx.now.to_string(),
                "AssumeRolePolicyDocument": encoded(&properties["AssumeRolePolicyDocument"]), "Description": properties["Description"],
                "MaxSessionDuration": properties["MaxSessionDuration"].as_i64().unwrap_or(3600),
                "attached": policies(cx, &properties["ManagedPolicyArns"])?, "inline": inline(&properties["Policies"])?,
                "trust": properties["AssumeRolePolicyDocument"],
            });
            cx.make("iam:role", &name, tags, body);
            Ok((name, json!({"Arn": arn, "RoleId": id})))
        }
        "AWS::IAM::ManagedPolicy" => {
            let name = text("ManagedPolicyName").unwrap_or(name);
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}");
            if cx.get("iam:policy", &arn).is_some() {
                return exists("A policy", name);
            }
            document(&properties["PolicyDocument"], false)?;
            for role in names(&properties["Roles"]) {
                role_of(cx, role)?;
            }
            let body =
                json!({"Arn": arn, "PolicyName": name, "document": properties["PolicyDocument"]});
            cx.make("iam:policy", &arn, tags, body);
            attach(cx, &properties["Roles"], &arn, true);
            Ok((
                arn.clone(),
                json!({"PolicyArn": arn, "PolicyId": format!("ANPA{}", &cx.ground.mint("policy").to_uppercase()[..17]), "DefaultVersionId": "v1", "IsAttachable": true, "AttachmentCount": 0, "PermissionsBoundaryUsageCount": 0, "CreateDate": cx.now.to_string(), "UpdateDate": cx.now.to_string()}),
            ))
        }
        "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => {
            document(&properties["PolicyDocument"], false)?;
            let name = text("PolicyName").unwrap_or_default();
            let roles = roles(kind, properties);
            for role in &roles {
                let mut role = role_of(cx, role)?;
                role.body["inline"][name] = properties["PolicyDocument"].clone();
                cx.put(role);
            }
            let id = match kind {
                "AWS::IAM::RolePolicy" => format!("{name}|{}", roles.join("")),
                _ => format!("{}-{name}", &cx.ground.mint("policy")[..8]),
            };
            Ok((id.clone(), json!({"Id": id})))
        }
        "AWS::IAM::InstanceProfile" => {
            let name = text("InstanceProfileName").unwrap_or(name);
            let arn = format!("arn:aws:iam::{ACCOUNT}:instance-profile{path}{name}");
            for role in names(&properties["Roles"]) {
                role_of(cx, role)?;
            }
            cx.make(
                "iam:instance-profile",
                name,
                tags,
                json!({"Arn": arn, "InstanceProfileName": name, "roles": properties["Roles"]}),
            );
            Ok((name.to_owned(), json!({"Arn": arn})))
        }
        _ => {
            let url = text("Url").unwrap_or_default();
            let made = super::add_provider(
                cx,
                url,
                &properties["ClientIdList"],
                &properties["ThumbprintList"],
                tags,
            )?;
            Ok((made.id.clone(), json!({"Arn": made.id})))
        }
    }
}

fn roles(kind: &str, properties: &Value) -> Vec<String> {
    match kind {
        "AWS::IAM::RolePolicy" => properties["RoleName"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        _ => names(&properties["Roles"])
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

fn attach(cx: &Cx<'_>, roles: &Value, arn: &str, wanted: bool) {
    for name in names(roles) {
        let Some(mut role) = cx.get("iam:role", name) else {
            continue;
        };
        if let Some(list) = role.body["attached"].as_array_mut() {
            list.retain(|it| it != arn);
            if wanted {
                list.push(json!(arn));
            }
        }
        cx.put(role);
    }
}

pub(in crate::aws) fn delete(
    cx: &Cx<'_>,
    kind: &str,
    id: &str,
    properties: &Value,
) -> Result<(), Fault> {
    let conflict = |message: String| Err(Fault::new(409, "DeleteConflict", message));
    match kind {
        "AWS::IAM::Role" => {
            let used = cx
                .all("iam:instance-profile")
                .iter()
                .any(|it| names(&it.body["roles"]).contains(&id));
            if used {
                return conflict(
                    "Cannot delete entity, must remove roles from instance profile first."
                        .to_owned(),
                );
            }
            cx.remove("iam:role", id);
        }
        "AWS::IAM::ManagedPolicy" => {
            attach(cx, &properties["Roles"], id, false);
            let used = cx
                .all("iam:role")
                .iter()
                .any(|it| names(&it.body["attached"]).contains(&id));
            if used {
                return conflict("Cannot delete a policy attached to entities.".to_owned());
            }
            cx.remove("iam:policy", id);
        }
        "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => {
            for name in roles(kind, properties) {
                if let Some(mut role) = cx.get("iam:role", &name) {
                    if let Some(list) = role.body["inline"].as_object_mut() {
                        list.remove(properties["PolicyName"].as_str().unwrap_or_default());
                    }
                    cx.put(role);
                }
            }
        }
        "AWS::IAM::InstanceProfile" => drop(cx.remove("iam:instance-profile", id)),
        _ => drop(cx.remove("iam:oidc-provider", id)),
    }
    Ok(())
}

pub(in crate::aws) fn change(
    cx: &Cx<'_>,
    kind: &str,
    id: &str,
    properties: &Value,
    tags: Tags,
) -> Result<(), Fault> {
    match kind {
        "AWS::IAM::Role" => {
            let mut role = role_of(cx, id)?;
            document(&properties["AssumeRolePolicyDocument"], true)?;
            role.body["AssumeRolePolicyDocument"] =
                json!(encoded(&properties["AssumeRolePolicyDocument"]));
            role.body["trust"] = properties["AssumeRolePolicyDocument"].clone();
            role.body["attached"] = policies(cx, &properties["ManagedPolicyArns"])?;
            role.body["inline"] = inline(&properties["Policies"])?;
            role.tags = tags;
            cx.put(role);
            Ok(())
        }
        "AWS::IAM::ManagedPolicy" => {
            document(&properties["PolicyDocument"], false)?;
            let mut policy = cx
                .get("iam:policy", id)
                .ok_or_else(|| missing(format!("Policy {id} was not found.")))?;
            policy.body["document"] = properties["PolicyDocument"].clone();
            cx.put(policy);
            Ok(())
        }
        "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => {
            make(cx, kind, "", properties, tags).map(drop)
        }
        _ => Ok(()),
    }
}
