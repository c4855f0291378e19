//! Access entries: who may come into a cluster, and what policies let them do there.

use super::{
    super::{
        ACCOUNT, Fault, Outcome,
        account::{Caller, Cx, Thing},
        uuid,
    },
    CLUSTER, ENTRY, cluster_of, in_use, invalid, listed, missing, refused, show, tags, text,
};
use crate::kube::{Grant, Identity, Power};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>
const POLICIES: [(&str, Power); 5] = [
    ("AmazonEKSClusterAdminPolicy", Power::Admin),
    ("AmazonEKSAdminPolicy", Power::Admin),
    ("AmazonEKSAdminViewPolicy", Power::View),
    ("AmazonEKSEditPolicy", Power::Edit),
    ("AmazonEKSViewPolicy", Power::View),
];
const PREFIX: &str = "arn:aws:eks::aws:cluster-access-policy/";
const TYPES: [&str; 7] = [
    "STANDARD",
    "EC2_LINUX",
    "EC2_WINDOWS",
    "FARGATE_LINUX",
    "EC2",
    "HYBRID_LINUX",
    "HYPERPOD_LINUX",
];

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    if operation == "ListAccessPolicies" {
        let all = POLICIES
            .iter()
            .map(|it| json!({"name": it.0, "arn": format!("{PREFIX}{}", it.0)}))
            .collect();
        return listed("accessPolicies", all, input);
    }
    let cluster = cluster_of(cx, input)?;
    if cluster.body["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
        let message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
        return Err(refused(message));
    }
    match operation {
        "CreateAccessEntry" => create(cx, &cluster, input),
        "DescribeAccessEntry" => Ok(json!({"accessEntry": show(&entry_of(cx, &cluster, input)?)})),
        "ListAccessEntries" => {
            let wanted = input["associatedPolicyArn"].as_str();
            let has = |it: &Thing| {
                wanted.is_none_or(|wanted| policies(it).iter().any(|it| it["policyArn"] == wanted))
            };
            let all = cx.under(ENTRY, &format!("{}/", cluster.id));
            listed(
                "accessEntries",
                all.into_iter()
                    .filter(has)
                    .map(|it| it.body["principalArn"].clone())
                    .collect(),
                input,
            )
        }
        "DeleteAccessEntry" => {
            let entry = entry_of(cx, &cluster, input)?;
            cx.remove(ENTRY, &entry.id);
            Ok(json!({}))
        }
        "UpdateAccessEntry" => {
            let mut entry = entry_of(cx, &cluster, input)?;
            groups(input)?;
            for key in ["kubernetesGroups", "username"] {
                if !input[key].is_null() {
                    entry.body[key] = input[key].clone();
                }
            }
            entry.body["modifiedAt"] = json!(cx.now.to_string());
            cx.put(entry.clone());
            Ok(json!({"accessEntry": show(&entry)}))
        }
        "AssociateAccessPolicy" => associate(cx, &cluster, input),
        "DisassociateAccessPolicy" => {
            let mut entry = entry_of(cx, &cluster, input)?;
            let kept: Vec<Value> = policies(&entry)
                .into_iter()
                .filter(|it| it["policyArn"] != input["policyArn"])
                .collect();
            entry.body["policies"] = json!(kept);
            cx.put(entry);
            Ok(json!({}))
        }
        "ListAssociatedAccessPolicies" => {
            let entry = entry_of(cx, &cluster, input)?;
            let mut told = listed("associatedAccessPolicies", policies(&entry), input)?;
            told["clusterName"] = json!(cluster.id);
            told["principalArn"] = entry.body["principalArn"].clone();
            Ok(told)
        }
        other => Err(Fault::new(
            501,
            "NotImplemented",
            format!("the simulated EKS does not know {other}"),
        )),
    }
}

fn policies(entry: &Thing) -> Vec<Value> {
    entry.body["policies"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn entry_of(cx: &Cx<'_>, cluster: &Thing, input: &Value) -> Result<Thing, Fault> {
    let id = format!("{}/{}", cluster.id, text(input, "principalArn"));
    cx.get(ENTRY, &id).ok_or_else(|| {
        missing("The specified principalArn could not be found. You can view your available access entries with 'ListAccessEntries'.")
    })
}

fn groups(input: &Value) -> Result<(), Fault> {
    let mut groups = input["kubernetesGroups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    match groups.find(|it| it.starts_with("system:") || it.starts_with("eks:")) {
        Some(group) => Err(invalid(format!(
            "The kubernetes group name {group} is invalid, it cannot start with system: or eks:"
        ))),
        None => Ok(()),
    }
}

fn create(cx: &Cx<'_>, cluster: &Thing, input: &Value) -> Outcome {
    let arn = text(input, "principalArn");
    let role = arn.strip_prefix(&format!("arn:aws:iam::{ACCOUNT}:role/"));
    let known = match role {
        Some(role) => cx
            .global()
            .get("iam:role", role.rsplit('/').next().unwrap_or_default())
            .is_some(),
        None => arn == Caller::administrator().arn || arn == format!("arn:aws:iam::{ACCOUNT}:root"),
    };
    if !known {
        return Err(invalid(
            "The specified principalArn is invalid: invalid principal.",
        ));
    }
    if cx.get(ENTRY, &format!("{}/{arn}", cluster.id)).is_some() {
        return Err(in_use(
            "The specified access entry resource is already in use on this cluster.",
        ));
    }
    groups(input)?;
    let kind = input["type"].as_str().unwrap_or("STANDARD");
    if !TYPES.contains(&kind) {
        return Err(invalid(format!(
            "The type {kind} is not one of {}",
            TYPES.join(", ")
        )));
    }
    let entry = make(cx, &cluster.id, arn, kind, input, tags(input)?);
    Ok(json!({"accessEntry": show(&entry)}))
}

fn make(
    cx: &Cx<'_>,
    cluster: &str,
    arn: &str,
    kind: &str,
    input: &Value,
    tags: BTreeMap<String, String>,
) -> Thing {
    let parts: Vec<&str> = arn.split(':').collect();
    let (what, name) = parts
        .last()
        .and_then(|it| it.split_once('/'))
        .unwrap_or(("root", "root"));
    let username = match (kind, what) {
        ("STANDARD", "role") => format!(
            "arn:aws:sts::{ACCOUNT}:assumed-role/{}/{{{{SessionName}}}}",
            name.rsplit('/').next().unwrap_or_default()
        ),
        ("STANDARD", _) => arn.to_owned(),
        _ => "system:node:{{EC2PrivateDNSName}}".to_owned(),
    };
    let groups = match kind {
        "STANDARD" => input["kubernetesGroups"]
            .as_array()
            .cloned()
            .unwrap_or_default(),
        _ => vec![json!("system:nodes")],
    };
    let place = format!(
        "access-entry/{cluster}/{what}/{ACCOUNT}/{name}/{}",
        uuid(&cx.ground.mint("entry"))
    );
    let body = json!({
        "clusterName": cluster, "principalArn": arn, "kubernetesGroups": groups, "accessEntryArn": cx.arn("eks", &place),
        "createdAt": cx.now.to_string(), "modifiedAt": cx.now.to_string(), "type": kind, "policies": [],
        "username": input["username"].as_str().map_or(username, str::to_owned),
    });
    cx.make(ENTRY, &format!("{cluster}/{arn}"), tags, body)
}

/// Lets the one who makes a cluster be its administrator.
pub(super) fn bootstrap(cx: &Cx<'_>, cluster: &str, arn: &str) {
    let mut entry = make(cx, cluster, arn, "STANDARD", &Value::Null, BTreeMap::new());
    entry.body["policies"] = json!([policy(
        cx,
        "AmazonEKSClusterAdminPolicy",
        &json!({"type": "cluster", "namespaces": []})
    )]);
    cx.put(entry);
}

/// Lets nodes of a role join.
pub(super) fn admit_nodes(cx: &Cx<'_>, cluster: &Thing, role: &str) {
    let there = cx.get(ENTRY, &format!("{}/{role}", cluster.id)).is_some();
    if !there && cluster.body["accessConfig"]["authenticationMode"] != "CONFIG_MAP" {
        make(
            cx,
            &cluster.id,
            role,
            "EC2_LINUX",
            &Value::Null,
            BTreeMap::new(),
        );
    }
}

fn policy(cx: &Cx<'_>, name: &str, scope: &Value) -> Value {
    json!({
        "policyArn": format!("{PREFIX}{name}"), "accessScope": scope, "associatedAt": cx.now.to_string(), "modifiedAt": cx.now.to_string(),
    })
}

fn associate(cx: &Cx<'_>, cluster: &Thing, input: &Value) -> Outcome {
    let mut entry = entry_of(cx, cluster, input)?;
    let arn = text(input, "policyArn");
    let name = arn
        .strip_prefix(PREFIX)
        .filter(|name| POLICIES.iter().any(|it| it.0 == *name));
    let name = name.ok_or_else(|| missing("The specified policyArn could not be found. You can view the available access policies with 'ListAccessPolicies'."))?;
    if entry.text("type") != "STANDARD" {
        return Err(invalid(format!(
            "Access policies cannot be associated with an access entry of type {}",
            entry.text("type")
        )));
    }
    let scope = &input["accessScope"];
    let namespaces = scope["namespaces"].as_array().cloned().unwrap_or_default();
    if (scope["type"] == "namespace") == namespaces.is_empty() {
        return Err(invalid(
            "An access scope of type namespace has namespaces, and one of type cluster has none",
        ));
    }
    let made = policy(
        cx,
        name,
        &json!({"type": scope["type"], "namespaces": namespaces}),
    );
    let mut kept: Vec<Value> = policies(&entry)
        .into_iter()
        .filter(|it| it["policyArn"] != arn)
        .collect();
    kept.push(made.clone());
    entry.body["policies"] = json!(kept);
    cx.put(entry.clone());
    Ok(
        json!({"clusterName": cluster.id, "principalArn": entry.body["principalArn"], "associatedAccessPolicy": made}),
    )
}

/// Returns who a caller is within a cluster; `None` where nobody lets them in.
pub(in crate::aws) fn identity(cx: &Cx<'_>, cluster: &str, caller: &Caller) -> Option<Identity> {
    let cluster = cx.get(CLUSTER, cluster)?;
    let principal = caller.principal();
    let session = caller.arn.rsplit('/').next().unwrap_or_default();
    let uid = format!(
        "aws-iam-authenticator:{ACCOUNT}:{}",
        caller.id.split(':').next().unwrap_or_default()
    );
    let entry = match cluster.body["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
        true => None,
        false => cx.get(ENTRY, &format!("{}/{principal}", cluster.id)),
    };
    let Some(entry) = entry else {
        // Without access entries the one who made the cluster is in its hidden map.
        let hidden = cluster.body["accessConfig"]["authenticationMode"] == "CONFIG_MAP"
            && cluster.text("creator") == principal;
        return hidden.then(|| Identity {
            name: "kubernetes-admin".to_owned(),
            uid,
            groups: vec!["system:masters".to_owned()],
            grants: Vec::new(),
        });
    };
    let grants = policies(&entry)
        .iter()
        .filter_map(|it| {
            let name = it["policyArn"].as_str()?.strip_prefix(PREFIX)?;
            let power = POLICIES.iter().find(|it| it.0 == name)?.1;
            let named = it["accessScope"]["namespaces"]
                .as_array()
                .into_iter()
                .flatten();
            let named: Vec<String> = named.filter_map(Value::as_str).map(str::to_owned).collect();
            let namespaces = (it["accessScope"]["type"] == "namespace").then_some(named);
            Some(Grant { power, namespaces })
        })
        .collect();
    let groups = entry.body["kubernetesGroups"]
        .as_array()
        .into_iter()
        .flatten();
    Some(Identity {
        name: entry
            .text("username")
            .replace("{{SessionName}}", session)
            .replace("{{SessionNameRaw}}", session),
        uid,
        groups: groups
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        grants,
    })
}
