//! Pod Identity: which role the pods of a service account have.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
    },
    ADDON, ASSOCIATION, NODEGROUP, cluster_of, in_use, invalid, listed, missing, role, show, tags,
    text,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SERVICE: &str = "pods.eks.amazonaws.com";

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let cluster = cluster_of(cx, input)?;
    match operation {
        "CreatePodIdentityAssociation" => {
            let made = associate(
                cx,
                &cluster,
                (text(input, "namespace"), text(input, "serviceAccount")),
                text(input, "roleArn"),
                None,
                tags(input)?,
            )?;
            Ok(json!({"association": show(&made)}))
        }
        "DescribePodIdentityAssociation" => {
            Ok(json!({"association": show(&find(cx, &cluster, input)?)}))
        }
        "ListPodIdentityAssociations" => {
            let fits = |it: &Thing, key: &str| {
                input[key]
                    .as_str()
                    .is_none_or(|wanted| it.text(key) == wanted)
            };
            let all = cx.under(ASSOCIATION, &format!("{}/", cluster.id));
            let all = all
                .into_iter()
                .filter(|it| fits(it, "namespace") && fits(it, "serviceAccount"))
                .map(|it| it.body);
            listed("associations", all.collect(), input)
        }
        "UpdatePodIdentityAssociation" => {
            let mut known = find(cx, &cluster, input)?;
            if let Some(arn) = input["roleArn"].as_str() {
                trusted(cx, arn)?;
                known.body["roleArn"] = json!(arn);
            }
            known.body["modifiedAt"] = json!(cx.now.to_string());
            cx.put(known.clone());
            Ok(json!({"association": show(&known)}))
        }
        _ => {
            let known = find(cx, &cluster, input)?;
            if let Some(owner) = known.body["ownerArn"].as_str() {
                let message = format!(
                    "Association {} is owned by {owner}: change it through its owner",
                    text(input, "associationId")
                );
                return Err(Fault::new(400, "InvalidRequestException", message));
            }
            cx.remove(ASSOCIATION, &known.id);
            Ok(json!({"association": show(&known)}))
        }
    }
}

fn find(cx: &Cx<'_>, cluster: &Thing, input: &Value) -> Result<Thing, Fault> {
    let id = text(input, "associationId");
    let known = cx.get(ASSOCIATION, &format!("{}/{id}", cluster.id));
    known.ok_or_else(|| {
        missing(format!(
            "The specified associationId {id} could not be found in cluster {}.",
            cluster.id
        ))
    })
}

fn trusted(cx: &Cx<'_>, arn: &str) -> Result<(), Fault> {
    let found = role(cx, arn, SERVICE);
    let role = found.ok_or_else(|| {
        invalid(format!("Role provided in the request does not exist or does not trust the service principal {SERVICE}: {arn}"))
    })?;
    let statements = role.body["trust"]["Statement"].to_string();
    match statements.contains("sts:TagSession") || statements.contains("sts:*") {
        true => Ok(()),
        false => Err(invalid(format!(
            "Trust policy of role {arn} must allow the actions sts:AssumeRole and sts:TagSession to {SERVICE}"
        ))),
    }
}

/// Gives the pods of a service account a role.
pub(super) fn associate(
    cx: &Cx<'_>,
    cluster: &Thing,
    (namespace, account): (&str, &str),
    arn: &str,
    owner: Option<&str>,
    tags: BTreeMap<String, String>,
) -> Result<Thing, Fault> {
    trusted(cx, arn)?;
    let all = cx.under(ASSOCIATION, &format!("{}/", cluster.id));
    if let Some(known) = all
        .iter()
        .find(|it| it.text("namespace") == namespace && it.text("serviceAccount") == account)
    {
        return Err(in_use(format!(
            "Association already exists: {}",
            known.text("associationId")
        )));
    }
    let id = format!("a-{}", &cx.ground.mint("association")[..17]);
    let body = json!({
        "clusterName": cluster.id, "namespace": namespace, "serviceAccount": account, "roleArn": arn, "associationId": id,
        "associationArn": cx.arn("eks", &format!("podidentityassociation/{}/{id}", cluster.id)),
        "createdAt": cx.now.to_string(), "modifiedAt": cx.now.to_string(), "ownerArn": owner, "disableSessionTags": false,
    });
    Ok(cx.make(ASSOCIATION, &format!("{}/{id}", cluster.id), tags, body))
}

/// Returns whether the pods that provision disks have a role that may make volumes: by Pod Identity, by the add-on's own role, or by
/// that of their nodes.
pub(in crate::aws) fn may_make_volumes(cx: &Cx<'_>, cluster: &str) -> bool {
    let may = |arn: &str| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let role = cx
            .global()
            .get("iam:role", name)
            .filter(|it| it.text("Arn") == arn);
        role.is_some_and(|it| {
            let attached = it.body["attached"].to_string();
            let listed = [
                "AmazonEBSCSIDriverPolicy",
                "AmazonEC2FullAccess",
                "AdministratorAccess",
                "PowerUserAccess",
            ];
            let own: String = cx
                .global()
                .all("iam:policy")
                .iter()
                .filter(|it| attached.contains(&it.id))
                .map(|it| it.body["document"].to_string())
                .collect();
            let own = own + &it.body["inline"].to_string();
            listed.iter().any(|it| attached.contains(it))
                || own.contains("ec2:CreateVolume")
                || own.contains("ec2:*")
        })
    };
    let prefix = format!("{cluster}/");
    let agent = cx
        .get(ADDON, &format!("{cluster}/eks-pod-identity-agent"))
        .is_some();
    let pods = cx
        .under(ASSOCIATION, &prefix)
        .into_iter()
        .filter(|it| it.text("serviceAccount") == "ebs-csi-controller-sa");
    let own = cx
        .get(ADDON, &format!("{cluster}/aws-ebs-csi-driver"))
        .map(|it| it.text("serviceAccountRoleArn").to_owned());
    pods.into_iter().any(|it| agent && may(it.text("roleArn")))
        || own.is_some_and(|it| may(&it))
        || cx
            .under(NODEGROUP, &prefix)
            .iter()
            .any(|it| may(it.text("nodeRole")))
}
