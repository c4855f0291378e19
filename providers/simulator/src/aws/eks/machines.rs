//! What a node group may be made of: images, types of instances, numbers and versions that go together.

use super::{
    super::{
        Fault,
        account::{Cx, Thing},
        ec2,
    },
    invalid, versions,
};
use serde_json::Value;

pub(super) fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Returns the kind of machine images, and the types of instances, where they go together.
pub(super) fn machines(cx: &Cx<'_>, input: &Value) -> Result<(String, Vec<String>), Fault> {
    let template = &input["launchTemplate"];
    if !template.is_null() {
        let known = match (template["id"].as_str(), template["name"].as_str()) {
            (Some(id), None) => cx.get("ec2:launch-template", id).is_some(),
            (None, Some(name)) => !cx
                .with("ec2:launch-template", "LaunchTemplateName", name)
                .is_empty(),
            _ => {
                return Err(invalid(
                    "A launch template is named by its id, or by its name",
                ));
            }
        };
        if !known {
            return Err(invalid("The launch template does not exist"));
        }
        if !input["diskSize"].is_null() || !input["remoteAccess"].is_null() {
            return Err(invalid(
                "Disk size and remote access must be specified within the launch template.",
            ));
        }
    }
    let mut types = strings(&input["instanceTypes"]);
    let ami = input["amiType"].as_str();
    let arm = ami.is_some_and(|it| it.contains("ARM_64"));
    if types.is_empty() {
        types.push(if arm { "t4g.medium" } else { "t3.medium" }.to_owned());
    }
    let mut known = Vec::new();
    for name in &types {
        known.push(ec2::type_of(name).ok_or_else(|| {
            invalid(format!(
                "The following supplied instance types do not exist: [{name}]"
            ))
        })?);
    }
    let ami = match ami {
        Some(ami) => ami,
        None if known[0].gpus > 0 => "AL2023_x86_64_NVIDIA",
        None if known[0].arm => "AL2023_ARM_64_STANDARD",
        None => "AL2023_x86_64_STANDARD",
    };
    if ami != "CUSTOM"
        && let Some(wrong) = known.iter().find(|it| it.arm != ami.contains("ARM_64"))
    {
        return Err(invalid(format!(
            "[{}] is not a valid instance type for requested amiType {ami}",
            wrong.name
        )));
    }
    if ami.contains("NVIDIA")
        && let Some(wrong) = known.iter().find(|it| it.gpus == 0)
    {
        return Err(invalid(format!(
            "[{}] is not a valid instance type for requested amiType {ami}",
            wrong.name
        )));
    }
    Ok((ami.to_owned(), types))
}

pub(super) fn scaling(before: &Value, wanted: &Value) -> Result<Value, Fault> {
    let mut after = before.clone();
    for (key, value) in wanted.as_object().into_iter().flatten() {
        after[key] = value.clone();
    }
    let number = |key: &str| after[key].as_i64().unwrap_or_default();
    let (least, most, size) = (number("minSize"), number("maxSize"), number("desiredSize"));
    if least > size {
        return Err(invalid(format!(
            "Minimum capacity {least} can't be greater than desired size {size}"
        )));
    }
    if size > most {
        return Err(invalid(format!(
            "desired capacity {size} can't be greater than max size {most}"
        )));
    }
    if most > 450 {
        return Err(invalid("A node group has 450 nodes at most"));
    }
    Ok(after)
}

/// Returns the minor of a version that nodes of a cluster may have.
pub(super) fn skew(version: &str, cluster: &Thing) -> Result<u64, Fault> {
    let minor = versions::minor(version).unwrap_or_default();
    let plane = versions::minor(cluster.text("version")).unwrap_or_default();
    if minor > plane {
        return Err(invalid(format!(
            "Nodegroup Kubernetes version {version} cannot be greater than the cluster's, {}",
            cluster.text("version")
        )));
    }
    if minor + 3 < plane {
        return Err(invalid(format!(
            "Requested Nodegroup release version {version} is invalid. Allowed release version is 1.{plane}"
        )));
    }
    Ok(minor)
}
