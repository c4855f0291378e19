//! STS: who somebody is, and roles that are assumed.

use super::{ACCOUNT, Fault, Outcome, account::Cx};
use crate::clock;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    match operation {
        "GetCallerIdentity" => Ok(json!({
            "UserId": cx.caller.id, "Account": ACCOUNT, "Arn": cx.caller.arn,
        })),
        _ => assume(cx, input),
    }
}

/// A role is assumed by whom its trust policy names: an account stands for all in it.
fn assume(cx: &Cx<'_>, input: &Value) -> Outcome {
    let arn = input["RoleArn"].as_str().unwrap_or_default();
    let session = input["RoleSessionName"].as_str().unwrap_or_default();
    let name = arn.rsplit('/').next().unwrap_or_default();
    let denied = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            cx.caller.arn
        );
        Fault::new(403, "AccessDenied", message)
    };
    let role = cx
        .global()
        .get("iam:role", name)
        .filter(|it| it.text("Arn") == arn)
        .ok_or_else(denied)?;
    let trust: Value = serde_json::from_str(&super::signature::decode(
        role.text("AssumeRolePolicyDocument"),
    ))
    .unwrap_or_default();
    let mine = [
        "*".to_owned(),
        ACCOUNT.to_owned(),
        format!("arn:aws:iam::{ACCOUNT}:root"),
        cx.caller.principal(),
    ];
    let trusts = |statement: &Value| {
        let named = &statement["Principal"]["AWS"];
        let names: Vec<&Value> = named
            .as_array()
            .map_or_else(|| vec![named], |it| it.iter().collect());
        statement["Effect"] == "Allow" && names.iter().any(|it| mine.iter().any(|mine| *it == mine))
    };
    if !trust["Statement"]
        .as_array()
        .into_iter()
        .flatten()
        .any(trusts)
    {
        return Err(denied());
    }
    let seconds = input["DurationSeconds"].as_u64().unwrap_or(3600);
    let mark = cx.ground.mint("session").to_uppercase();
    let key = format!("ASIA{}", &mark[..16]);
    let body = json!({
        "AccessKeyId": key, "SecretAccessKey": mark[16..56], "SessionToken": cx.ground.mint("token"),
        "Expiration": clock::add(cx.now, Duration::from_secs(seconds)).to_string(),
        "Arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"),
        "AssumedRoleId": format!("{}:{session}", role.text("RoleId")),
    });
    cx.global()
        .make("sts:session", &key, Default::default(), body.clone());
    Ok(json!({
        "Credentials": body,
        "AssumedRoleUser": {"AssumedRoleId": body["AssumedRoleId"], "Arn": body["Arn"]},
    }))
}
