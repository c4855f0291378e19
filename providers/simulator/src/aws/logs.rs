//! CloudWatch Logs: the groups that control planes write to, which outlive them.

use super::{
    Fault, Outcome,
    account::{Cx, Thing},
    page,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const KIND: &str = "logs:log-group";

/// Makes a group, unless there is one of that name.
pub(super) fn make(
    cx: &Cx<'_>,
    name: &str,
    days: Option<i64>,
    tags: BTreeMap<String, String>,
) -> Result<Thing, Fault> {
    if cx.get(KIND, name).is_some() {
        let message = "The specified log group already exists";
        return Err(Fault::new(400, "ResourceAlreadyExistsException", message));
    }
    let arn = cx.arn("logs", &format!("log-group:{name}"));
    let body = json!({
        "logGroupName": name, "arn": format!("{arn}:*"), "logGroupArn": arn, "creationTime": cx.now.as_millisecond(),
        "retentionInDays": days, "metricFilterCount": 0, "storedBytes": 0, "logGroupClass": "STANDARD",
    });
    Ok(cx.make(KIND, name, tags, body))
}

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let find = |name: &str| {
        let missing = || {
            Fault::new(
                400,
                "ResourceNotFoundException",
                "The specified log group does not exist.",
            )
        };
        cx.get(KIND, name).ok_or_else(missing)
    };
    match operation {
        "DescribeLogGroups" => {
            let (prefix, part) = (text("logGroupNamePrefix"), text("logGroupNamePattern"));
            let fits = |it: &Thing| it.id.starts_with(prefix) && it.id.contains(part);
            let groups = cx
                .all(KIND)
                .into_iter()
                .filter(fits)
                .map(|it| it.body)
                .collect();
            let (groups, next) = page(
                groups,
                input["limit"].as_u64().or(Some(50)),
                input["nextToken"].as_str(),
            )?;
            Ok(json!({"logGroups": groups, "nextToken": next}))
        }
        "CreateLogGroup" => {
            let tags = input["tags"].as_object().into_iter().flatten();
            let tags = tags
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
            make(cx, text("logGroupName"), None, tags.collect()).map(|_| json!({}))
        }
        "DeleteLogGroup" => {
            let group = find(text("logGroupName"))?;
            cx.remove(KIND, &group.id);
            Ok(json!({}))
        }
        "PutRetentionPolicy" => {
            let mut group = find(text("logGroupName"))?;
            group.body["retentionInDays"] = input["retentionInDays"].clone();
            cx.put(group);
            Ok(json!({}))
        }
        _ => {
            let arn = text("resourceArn");
            let name = arn
                .split(":log-group:")
                .nth(1)
                .unwrap_or_default()
                .trim_end_matches(":*");
            Ok(json!({"tags": find(name)?.tags}))
        }
    }
}
