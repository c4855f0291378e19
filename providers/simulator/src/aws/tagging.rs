//! The Resource Groups Tagging API: what in a region has which tags.

use super::{
    ACCOUNT, Fault, Outcome,
    account::{Cx, Thing},
    page, tag_list,
};
use serde_json::{Value, json};

/// Returns the ARN of a thing, and its type as filters name it.
fn named(it: &Thing) -> Option<(String, &'static str)> {
    let ec2 = |kind: &str| format!("arn:aws:ec2:{}:{ACCOUNT}:{kind}/{}", it.region, it.id);
    Some(match it.kind.as_str() {
        "ec2:vpc" => (ec2("vpc"), "ec2:vpc"),
        "ec2:subnet" => (ec2("subnet"), "ec2:subnet"),
        "ec2:internet-gateway" => (ec2("internet-gateway"), "ec2:internet-gateway"),
        "ec2:nat-gateway" => (ec2("natgateway"), "ec2:natgateway"),
        "ec2:route-table" => (ec2("route-table"), "ec2:route-table"),
        "ec2:security-group" => (ec2("security-group"), "ec2:security-group"),
        "ec2:network-interface" => (ec2("network-interface"), "ec2:network-interface"),
        "ec2:address" => (ec2("elastic-ip"), "ec2:elastic-ip"),
        "ec2:volume" => (ec2("volume"), "ec2:volume"),
        "ec2:instance" => (ec2("instance"), "ec2:instance"),
        "ec2:launch-template" => (ec2("launch-template"), "ec2:launch-template"),
        "ec2:vpc-endpoint" => (ec2("vpc-endpoint"), "ec2:vpc-endpoint"),
        "eks:cluster" => (it.text("arn").to_owned(), "eks:cluster"),
        "eks:nodegroup" => (it.text("nodegroupArn").to_owned(), "eks:nodegroup"),
        "eks:addon" => (it.text("addonArn").to_owned(), "eks:addon"),
        "eks:access-entry" => (it.text("accessEntryArn").to_owned(), "eks:access-entry"),
        "eks:pod-identity-association" => (
            it.text("associationArn").to_owned(),
            "eks:podidentityassociation",
        ),
        "cloudformation:stack" if it.text("StackStatus") != "DELETE_COMPLETE" => {
            (it.id.clone(), "cloudformation:stack")
        }
        "elb:load-balancer" => (
            format!(
                "arn:aws:elasticloadbalancing:{}:{ACCOUNT}:loadbalancer/{}",
                it.region, it.id
            ),
            "elasticloadbalancing:loadbalancer",
        ),
        "elbv2:load-balancer" => (it.id.clone(), "elasticloadbalancing:loadbalancer"),
        "elbv2:target-group" => (it.id.clone(), "elasticloadbalancing:targetgroup"),
        "logs:log-group" => (it.text("logGroupArn").to_owned(), "logs:log-group"),
        // What is global is told of in Virginia.
        "iam:oidc-provider" => (it.id.clone(), "iam:oidc-provider"),
        _ => return None,
    })
}

pub(super) fn act(cx: &Cx<'_>, input: &Value) -> Outcome {
    let site = cx.ground.site();
    let here = |it: &&Thing| {
        it.region == cx.region || (it.region == super::account::GLOBAL && cx.region == "us-east-1")
    };
    let mut all: Vec<(String, &'static str, Thing)> = site
        .things
        .values()
        .filter(here)
        .filter(|it| !it.tags.is_empty())
        .filter_map(|it| named(it).map(|(arn, kind)| (arn, kind, it.clone())))
        .collect();
    drop(site);
    for filter in input["TagFilters"].as_array().into_iter().flatten() {
        let key = filter["Key"].as_str().unwrap_or_default();
        let values = filter["Values"].as_array().filter(|it| !it.is_empty());
        all.retain(|(_, _, it)| {
            it.tags
                .get(key)
                .is_some_and(|tag| values.is_none_or(|values| values.iter().any(|it| it == tag)))
        });
    }
    if let Some(kinds) = input["ResourceTypeFilters"]
        .as_array()
        .filter(|it| !it.is_empty())
    {
        let fits = |kind: &str| {
            kinds
                .iter()
                .filter_map(Value::as_str)
                .any(|it| it == kind || kind.split(':').next() == Some(it))
        };
        all.retain(|(_, kind, _)| fits(kind));
    }
    if let Some(arns) = input["ResourceARNList"].as_array() {
        all.retain(|(arn, ..)| arns.iter().any(|it| it == arn));
    }
    let told = all
        .iter()
        .map(|(arn, _, it)| json!({"ResourceARN": arn, "Tags": tag_list(&it.tags, "Key", "Value")}))
        .collect();
    let token = input["PaginationToken"]
        .as_str()
        .filter(|it| !it.is_empty());
    let most = input["ResourcesPerPage"].as_u64().or(Some(50));
    if most.is_some_and(|most| most == 0 || most > 100) {
        return Err(Fault::new(
            400,
            "InvalidParameterException",
            "ResourcesPerPage must be from 1 to 100",
        ));
    }
    let (told, next) = page(told, most, token).map_err(|_| {
        Fault::new(
            400,
            "PaginationTokenExpiredException",
            "the token is invalid",
        )
    })?;
    Ok(json!({"ResourceTagMappingList": told, "PaginationToken": next.unwrap_or_default()}))
}
