//! A stack, its resources and its events, as things of the account.

use super::{
    super::{
        Fault,
        account::{Cx, Thing},
        uuid,
    },
    checks::{self, invalid},
    functions::Scope,
    resources::Wanted,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const STACK: &str = "cloudformation:stack";
pub(super) const RESOURCE: &str = "cloudformation:resource";
pub(super) const EVENT: &str = "cloudformation:event";

/// Returns the stack of a name that is not deleted.
pub(super) fn alive(cx: &Cx<'_>, name: &str) -> Option<Thing> {
    let all = cx.with(STACK, "StackName", name);
    all.into_iter()
        .find(|it| it.text("StackStatus") != "DELETE_COMPLETE")
}

/// Returns the stack of a name, or of an id, which tells of deleted ones, too.
pub(super) fn find(cx: &Cx<'_>, name: &str) -> Result<Thing, Fault> {
    let found = match name.starts_with("arn:") {
        true => cx.get(STACK, name),
        false => alive(cx, name),
    };
    found.ok_or_else(|| invalid(format!("Stack with id {name} does not exist")))
}

pub(super) fn values(stack: &Thing) -> BTreeMap<String, Value> {
    let values = stack.body["values"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    values.into_iter().collect()
}

pub(super) fn scope<'a>(
    template: &'a Value,
    stack: &'a Thing,
    parameters: &'a BTreeMap<String, Value>,
    resources: &'a dyn Fn(&str) -> Option<(String, Value)>,
) -> Scope<'a> {
    Scope {
        template,
        region: &stack.region,
        stack: stack.text("StackName"),
        stack_id: &stack.id,
        parameters,
        resources,
    }
}

/// Returns a stack's resources.
pub(super) fn resources(cx: &Cx<'_>, stack: &Thing) -> Vec<Thing> {
    cx.under(RESOURCE, &format!("{}/", stack.text("uid")))
}

/// Returns a resource's stack.
pub(super) fn of(cx: &Cx<'_>, resource: &Thing) -> Option<Thing> {
    cx.get(STACK, resource.text("StackId"))
}

/// Adds a resource that is not begun yet.
pub(super) fn add(cx: &Cx<'_>, stack: &Thing, template: &Value, logical: &str) {
    let wanted = &template["Resources"][logical];
    let body = json!({
        "LogicalResourceId": logical, "ResourceType": wanted["Type"], "ResourceStatus": "", "StackId": stack.id,
        "StackName": stack.body["StackName"], "needs": checks::needs(template, wanted), "policy": wanted["DeletionPolicy"],
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    });
    let id = format!("{}/{logical}", stack.text("uid"));
    cx.make(RESOURCE, &id, BTreeMap::new(), body);
}

/// Gives a stack a status, and tells of it.
pub(super) fn turn(cx: &Cx<'_>, stack: &mut Thing, status: &str, reason: Option<&str>) {
    stack.body["StackStatus"] = json!(status);
    stack.body["StackStatusReason"] = json!(reason);
    let (name, id) = (stack.text("StackName").to_owned(), stack.id.clone());
    tell(
        cx,
        stack,
        (&name, &id, "AWS::CloudFormation::Stack"),
        status,
        reason,
        &Value::Null,
    );
    cx.put(stack.clone());
}

/// Gives a resource a status, and tells of it.
pub(super) fn mark(
    cx: &Cx<'_>,
    stack: &Thing,
    resource: &mut Thing,
    status: &str,
    reason: Option<&str>,
) {
    resource.body["ResourceStatus"] = json!(status);
    resource.body["ResourceStatusReason"] = json!(reason);
    resource.body["Timestamp"] = json!(cx.now.to_string());
    resource.body["LastUpdatedTimestamp"] = json!(cx.now.to_string());
    let (logical, physical) = (
        resource.text("LogicalResourceId"),
        resource.text("PhysicalResourceId"),
    );
    tell(
        cx,
        stack,
        (logical, physical, resource.text("ResourceType")),
        status,
        reason,
        &resource.body["properties"],
    );
    cx.put(resource.clone());
}

/// Adds an event.
fn tell(
    cx: &Cx<'_>,
    stack: &Thing,
    (logical, physical, kind): (&str, &str, &str),
    status: &str,
    reason: Option<&str>,
    properties: &Value,
) {
    let uid = stack.text("uid");
    let number = cx.count(EVENT, &format!("{uid}/"));
    let properties = (!properties.is_null()).then(|| properties.to_string());
    let body = json!({
        "EventId": uuid(&cx.ground.mint("event")), "StackId": stack.id, "StackName": stack.body["StackName"], "LogicalResourceId": logical,
        "PhysicalResourceId": physical, "ResourceType": kind, "ResourceStatus": status, "ResourceStatusReason": reason,
        "Timestamp": cx.now.to_string(), "ResourceProperties": properties, "ClientRequestToken": stack.body["token"],
    });
    cx.make(EVENT, &format!("{uid}/{number:06}"), BTreeMap::new(), body);
}

/// Returns a stack's events, the oldest first.
pub(super) fn events(cx: &Cx<'_>, stack: &Thing) -> Vec<Thing> {
    cx.under(EVENT, &format!("{}/", stack.text("uid")))
}

/// Returns what a resource is to be made of.
pub(super) fn wanted<'a>(
    stack: &Thing,
    resource: &'a Thing,
    properties: &'a Value,
    mark: &str,
) -> Wanted<'a> {
    let logical = resource.text("LogicalResourceId");
    let mut tags = stack.tags.clone();
    for tag in properties["Tags"].as_array().into_iter().flatten() {
        let text = |key: &str| {
            tag[key]
                .as_str()
                .map_or_else(|| tag[key].to_string(), str::to_owned)
        };
        tags.insert(text("Key"), text("Value"));
    }
    for (key, value) in [
        ("aws:cloudformation:stack-name", stack.text("StackName")),
        ("aws:cloudformation:stack-id", &stack.id),
        ("aws:cloudformation:logical-id", logical),
    ] {
        tags.insert(key.to_owned(), value.to_owned());
    }
    Wanted {
        kind: resource.text("ResourceType"),
        name: format!(
            "{}-{logical}-{}",
            stack.text("StackName"),
            mark[..12].to_uppercase()
        ),
        properties,
        tags,
    }
}

/// Words a service's refusal as a resource's handler does.
pub(super) fn handler(cx: &Cx<'_>, kind: &str, fault: &Fault) -> String {
    let service = kind.split("::").nth(1).unwrap_or_default();
    let service = match service {
        "EC2" => "Ec2",
        "IAM" => "Iam",
        other => other,
    };
    let code = match fault.code.as_str() {
        code if code.contains("AlreadyExists") || code.contains("Duplicate") => "AlreadyExists",
        code if code.contains("NotFound") || code == "NoSuchEntity" => "NotFound",
        code if code.contains("LimitExceeded") => "ServiceLimitExceeded",
        "DependencyViolation" | "DeleteConflict" => "InvalidRequest",
        code if code.contains("AccessDenied") || code == "UnauthorizedOperation" => "AccessDenied",
        _ => "InvalidRequest",
    };
    let request = uuid(&cx.ground.mint("request"));
    format!(
        "Resource handler returned message: \"{} (Service: {service}, Status Code: {}, Request ID: {request})\" (RequestToken: {}, HandlerErrorCode: {code})",
        fault.message,
        fault.status,
        uuid(&cx.ground.mint("token"))
    )
}
