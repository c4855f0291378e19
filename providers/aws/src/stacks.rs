//! Calls of CloudFormation.

use std::{collections::BTreeMap, time::Duration};

use windlass_provider::{Ctx, Error, Result};

use crate::{
    client::Client,
    refusal::{Answer, Trouble},
    service::Service,
    tagged::Pairs,
    xml::{self, Read},
};

/// How often a stack is looked at: as often as the SDKs' own waiters do.
///
/// Source: botocore's `cloudformation/2010-05-15/waiters-2.json`
pub(crate) const POLL: Duration = Duration::from_secs(30);

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) tags: Pairs,
}

/// One thing that happened to a stack.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) logical: String,
    pub(crate) physical: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
}

/// Returns the stack of that name or id, or all; those that were deleted are told of by id only.
async fn stacks(client: &Client, cx: &Ctx, name: Option<&str>) -> Answer<Vec<Stack>> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut parameters = Vec::new();
        if let Some(name) = name {
            parameters.push(("StackName".to_owned(), name.to_owned()));
        }
        if let Some(token) = &token {
            parameters.push(("NextToken".to_owned(), token.clone()));
        }
        let text = client
            .query(cx, Service::CloudFormation, "DescribeStacks", &parameters)
            .await?;
        let document = xml::parse(&text)?;
        let result = xml::result(&document, "DescribeStacks");
        all.extend(result.members("Stacks").into_iter().map(|stack| {
            let pairs = |list: &str, key: &str, value: &str| {
                let members = stack.members(list).into_iter();
                members
                    .map(|it| (it.text_of(key), it.text_of(value)))
                    .collect()
            };
            Stack {
                id: stack.text_of("StackId"),
                name: stack.text_of("StackName"),
                status: stack.text_of("StackStatus"),
                reason: stack.text_of("StackStatusReason"),
                parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
                outputs: pairs("Outputs", "OutputKey", "OutputValue"),
                tags: stack.tags("Tags"),
            }
        }));
        let next = result.text_of("NextToken");
        if next.is_empty() {
            return Ok(all);
        }
        token = Some(next);
    }
}

/// Returns a stack by its name; `None` where it is not there.
pub(crate) async fn describe(client: &Client, cx: &Ctx, name: &str) -> Answer<Option<Stack>> {
    match stacks(client, cx, Some(name)).await {
        Ok(found) => Ok(found.into_iter().find(|it| it.status != "DELETE_COMPLETE")),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Returns all stacks.
pub(crate) async fn all(client: &Client, cx: &Ctx) -> Answer<Vec<Stack>> {
    stacks(client, cx, None).await
}

/// Returns the zones that a stack's network is in; none in somebody else's VPC.
pub(crate) fn zones(stack: &Stack) -> Vec<String> {
    let zones = ["ZoneA", "ZoneB", "ZoneC"].into_iter();
    let zones = zones.filter_map(|key| stack.parameters.get(key));
    zones.filter(|zone| !zone.is_empty()).cloned().collect()
}

/// Returns what went wrong with a stack since it was last asked to do something, the oldest first.
pub(crate) async fn failures(client: &Client, cx: &Ctx, id: &str) -> Result<Vec<Event>> {
    let parameters = [("StackName".to_owned(), id.to_owned())];
    // The newest are on the first page.
    let text = client
        .query(
            cx,
            Service::CloudFormation,
            "DescribeStackEvents",
            &parameters,
        )
        .await
        .map_err(Error::from)?;
    let document = xml::parse(&text)?;
    let result = xml::result(&document, "DescribeStackEvents");
    let events = result
        .members("StackEvents")
        .into_iter()
        .map(|event| Event {
            logical: event.text_of("LogicalResourceId"),
            physical: event.text_of("PhysicalResourceId"),
            kind: event.text_of("ResourceType"),
            status: event.text_of("ResourceStatus"),
            reason: event.text_of("ResourceStatusReason"),
        });
    let begins = |event: &Event| {
        event.physical == id
            && ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]
                .contains(&event.status.as_str())
            // A rollback begins in the middle of what failed.
            && !event.reason.contains("ollback")
    };
    let mut failed: Vec<Event> = Vec::new();
    for event in events {
        let over = begins(&event);
        // What was only cancelled failed because of something else.
        if event.status.ends_with("_FAILED") && !event.reason.contains("cancelled") {
            failed.push(event);
        }
        if over {
            break;
        }
    }
    failed.reverse();
    // The stack itself says only which of its resources failed.
    if failed
        .iter()
        .any(|event| event.kind != "AWS::CloudFormation::Stack")
    {
        failed.retain(|event| event.kind != "AWS::CloudFormation::Stack");
    }
    Ok(failed)
}

/// Sends a call about a stack that answers nothing that is needed.
pub(crate) async fn call(
    client: &Client,
    cx: &Ctx,
    action: &'static str,
    parameters: &[(String, String)],
) -> Result<(), Trouble> {
    client
        .query(cx, Service::CloudFormation, action, parameters)
        .await
        .map(drop)
}
