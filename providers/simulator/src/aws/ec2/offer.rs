//! What EC2 has on offer: regions, zones, types of instances, and how much of it an account may have.

use super::super::{Fault, Outcome, account::Cx, page};
use serde_json::{Value, json};

/// A region that needs no opting in, and its zones' letters.
const REGIONS: [(&str, &str); 17] = [
    ("us-east-1", "abcdef"),
    ("us-east-2", "abc"),
    ("us-west-1", "ac"),
    ("us-west-2", "abcd"),
    ("ca-central-1", "abd"),
    ("sa-east-1", "abc"),
    ("eu-central-1", "abc"),
    ("eu-north-1", "abc"),
    ("eu-west-1", "abc"),
    ("eu-west-2", "abc"),
    ("eu-west-3", "abc"),
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abcd"),
    ("ap-northeast-3", "abc"),
    ("ap-south-1", "abc"),
    ("ap-southeast-1", "abc"),
    ("ap-southeast-2", "abc"),
];

/// A type of instances: vCPUs, GiB, GPUs, and whether it is of Arm's.
pub(in crate::aws) struct Type {
    pub(in crate::aws) name: &'static str,
    pub(in crate::aws) cpus: u64,
    pub(in crate::aws) memory: u64,
    pub(in crate::aws) gpus: u64,
    pub(in crate::aws) arm: bool,
}

const fn size(name: &'static str, cpus: u64, memory: u64) -> Type {
    Type {
        name,
        cpus,
        memory,
        gpus: 0,
        arm: false,
    }
}

const fn arm(name: &'static str, cpus: u64, memory: u64) -> Type {
    Type {
        arm: true,
        ..size(name, cpus, memory)
    }
}

const fn gpu(name: &'static str, cpus: u64, memory: u64, gpus: u64) -> Type {
    Type {
        gpus,
        ..size(name, cpus, memory)
    }
}

/// <https://aws.amazon.com/ec2/instance-types/>
pub(in crate::aws) const TYPES: [Type; 39] = [
    size("t3.small", 2, 2),
    size("t3.medium", 2, 4),
    size("t3.large", 2, 8),
    size("t3.xlarge", 4, 16),
    size("t3.2xlarge", 8, 32),
    size("t3a.medium", 2, 4),
    size("t3a.large", 2, 8),
    size("t3a.xlarge", 4, 16),
    arm("t4g.medium", 2, 4),
    arm("t4g.large", 2, 8),
    arm("t4g.xlarge", 4, 16),
    size("m5.large", 2, 8),
    size("m5.xlarge", 4, 16),
    size("m5.2xlarge", 8, 32),
    size("m5.4xlarge", 16, 64),
    size("m6i.large", 2, 8),
    size("m6i.xlarge", 4, 16),
    size("m6i.2xlarge", 8, 32),
    size("m7i.large", 2, 8),
    size("m7i.xlarge", 4, 16),
    size("m7i.2xlarge", 8, 32),
    arm("m7g.large", 2, 8),
    arm("m7g.xlarge", 4, 16),
    size("c5.large", 2, 4),
    size("c5.xlarge", 4, 8),
    size("c6i.large", 2, 4),
    size("c6i.xlarge", 4, 8),
    size("c6i.2xlarge", 8, 16),
    size("r5.large", 2, 16),
    size("r5.xlarge", 4, 32),
    size("r6i.large", 2, 16),
    size("r6i.xlarge", 4, 32),
    gpu("g4dn.xlarge", 4, 16, 1),
    gpu("g4dn.2xlarge", 8, 32, 1),
    gpu("g5.xlarge", 4, 16, 1),
    gpu("g5.2xlarge", 8, 32, 1),
    gpu("g6.xlarge", 4, 16, 1),
    gpu("g6.2xlarge", 8, 32, 1),
    gpu("g6.4xlarge", 16, 64, 1),
];

pub(in crate::aws) fn type_of(name: &str) -> Option<&'static Type> {
    TYPES.iter().find(|it| it.name == name)
}

/// Returns the quota that bounds how many vCPUs of a type run.
pub(in crate::aws) fn family_quota(name: &str, spot: bool) -> &'static str {
    match (name.starts_with('g'), spot) {
        (false, false) => "L-1216C47A",
        (false, true) => "L-34B43A08",
        (true, false) => "L-DB2E81BA",
        (true, true) => "L-3819A6DF",
    }
}

pub(in crate::aws) fn is_region(name: &str) -> bool {
    REGIONS.iter().any(|it| it.0 == name)
}

/// Returns the zones of a region by name and id.
pub(in crate::aws) fn zones(region: &str) -> Vec<(String, String)> {
    let letters = REGIONS
        .iter()
        .find(|it| it.0 == region)
        .map_or("abc", |it| it.1);
    let parts: Vec<&str> = region.split('-').collect();
    let short = match parts[..] {
        [area, direction, number] => {
            let direction = match direction {
                "northeast" => "ne",
                "southeast" => "se",
                other => &other[..1],
            };
            format!("{area}{direction}{number}")
        }
        _ => region.to_owned(),
    };
    // Names are shuffled for each account; these are what many have.
    let numbers: &[usize] = match region {
        "us-east-1" => &[1, 2, 4, 6, 3, 5],
        _ => &[1, 2, 3, 4],
    };
    let named = letters.chars().zip(numbers);
    named
        .map(|(letter, number)| (format!("{region}{letter}"), format!("{short}-az{number}")))
        .collect()
}

/// Returns whether a zone has a type: the oldest of Virginia's has few of the newer ones.
fn offers(zone: &str, name: &str) -> bool {
    let old = ["t3.", "m5.", "c5.", "r5."];
    match zone {
        "us-east-1e" => old.iter().any(|it| name.starts_with(it)) && !name.starts_with("t3."),
        "us-east-1f" => !name.starts_with("g6"),
        _ => true,
    }
}

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Option<Outcome> {
    match operation {
        "DescribeRegions" => Some(regions(input)),
        "DescribeAvailabilityZones" => Some(zones_of(cx, input)),
        "DescribeInstanceTypeOfferings" => Some(offerings(cx, input)),
        "DescribeInstanceTypes" => Some(types(input)),
        "DescribeAccountAttributes" => Some(attributes(cx, input)),
        _ => None,
    }
}

fn regions(input: &Value) -> Outcome {
    let wanted = input["RegionNames"].as_array().filter(|it| !it.is_empty());
    let regions: Vec<Value> = REGIONS
        .iter()
        .filter(|it| wanted.is_none_or(|wanted| wanted.iter().any(|name| name == it.0)))
        .map(|it| json!({"RegionName": it.0, "Endpoint": format!("ec2.{}.amazonaws.com", it.0), "OptInStatus": "opt-in-not-required"}))
        .collect();
    let mut named = wanted.into_iter().flatten().filter_map(Value::as_str);
    if let Some(name) = named.find(|it| !is_region(it)) {
        let message = format!("Invalid region: '{name}'");
        return Err(Fault::new(400, "InvalidParameterValue", message));
    }
    Ok(json!({"Regions": regions}))
}

/// Returns whether each filter of a request has one of the values that `of` says of its name.
fn passes(input: &Value, of: &dyn Fn(&str) -> Option<String>) -> Result<bool, Fault> {
    for filter in input["Filters"].as_array().into_iter().flatten() {
        let name = filter["Name"].as_str().unwrap_or_default();
        let Some(value) = of(name) else {
            return Err(Fault::new(
                400,
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        };
        if !filter["Values"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| *it == value)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn zones_of(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut told = Vec::new();
    for (name, id) in zones(cx.region) {
        let of = |filter: &str| match filter {
            "zone-name" => Some(name.clone()),
            "zone-id" => Some(id.clone()),
            "state" => Some("available".to_owned()),
            "region-name" => Some(cx.region.to_owned()),
            "zone-type" => Some("availability-zone".to_owned()),
            "opt-in-status" => Some("opt-in-not-required".to_owned()),
            _ => None,
        };
        let listed = |key: &str, value: &str| {
            let list = input[key].as_array().filter(|it| !it.is_empty());
            list.is_none_or(|list| list.iter().any(|it| it == value))
        };
        if passes(input, &of)? && listed("ZoneNames", &name) && listed("ZoneIds", &id) {
            told.push(json!({
                "ZoneName": name, "ZoneId": id, "State": "available", "RegionName": cx.region, "OptInStatus": "opt-in-not-required",
                "ZoneType": "availability-zone", "GroupName": format!("{}-zg-1", cx.region), "NetworkBorderGroup": cx.region,
            }));
        }
    }
    Ok(json!({"AvailabilityZones": told}))
}

fn offerings(cx: &Cx<'_>, input: &Value) -> Outcome {
    let kind = input["LocationType"].as_str().unwrap_or("region");
    let places: Vec<(String, String)> = match kind {
        "region" => vec![(cx.region.to_owned(), cx.region.to_owned())],
        "availability-zone-id" => zones(cx.region)
            .into_iter()
            .map(|(name, id)| (id, name))
            .collect(),
        _ => zones(cx.region)
            .into_iter()
            .map(|(name, _)| (name.clone(), name))
            .collect(),
    };
    let mut told = Vec::new();
    for (location, zone) in places {
        for it in &TYPES {
            let of = |filter: &str| match filter {
                "instance-type" => Some(it.name.to_owned()),
                "location" => Some(location.clone()),
                _ => None,
            };
            if offers(&zone, it.name) && passes(input, &of)? {
                told.push(
                    json!({"InstanceType": it.name, "LocationType": kind, "Location": location}),
                );
            }
        }
    }
    let (told, next) = page(
        told,
        input["MaxResults"].as_u64(),
        input["NextToken"].as_str(),
    )?;
    Ok(json!({"InstanceTypeOfferings": told, "NextToken": next}))
}

fn types(input: &Value) -> Outcome {
    let wanted = input["InstanceTypes"]
        .as_array()
        .filter(|it| !it.is_empty());
    let unknown: Vec<&str> = wanted
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|it| type_of(it).is_none())
        .collect();
    if !unknown.is_empty() {
        let message = format!(
            "The following supplied instance types do not exist: [{}]",
            unknown.join(", ")
        );
        return Err(Fault::new(400, "InvalidInstanceType", message));
    }
    let mut told = Vec::new();
    for it in &TYPES {
        let architecture = if it.arm { "arm64" } else { "x86_64" };
        let of = |filter: &str| match filter {
            "instance-type" => Some(it.name.to_owned()),
            "processor-info.supported-architecture" => Some(architecture.to_owned()),
            "current-generation" => Some("true".to_owned()),
            _ => None,
        };
        if !passes(input, &of)?
            || !wanted.is_none_or(|wanted| wanted.iter().any(|name| name == it.name))
        {
            continue;
        }
        let mut shown = json!({
            "InstanceType": it.name, "CurrentGeneration": true, "FreeTierEligible": false, "BareMetal": false,
            "SupportedUsageClasses": ["on-demand", "spot"], "Hypervisor": "nitro",
            "ProcessorInfo": {"SupportedArchitectures": [architecture]},
            "VCpuInfo": {"DefaultVCpus": it.cpus, "DefaultCores": it.cpus / 2, "DefaultThreadsPerCore": 2},
            "MemoryInfo": {"SizeInMiB": it.memory * 1024},
        });
        if it.gpus > 0 {
            let name = if it.name.starts_with("g6") {
                "L4"
            } else if it.name.starts_with("g5") {
                "A10G"
            } else {
                "T4"
            };
            shown["GpuInfo"] =
                json!({"Gpus": [{"Name": name, "Manufacturer": "NVIDIA", "Count": it.gpus}]});
        }
        told.push(shown);
    }
    let (told, next) = page(
        told,
        input["MaxResults"].as_u64(),
        input["NextToken"].as_str(),
    )?;
    Ok(json!({"InstanceTypes": told, "NextToken": next}))
}

fn attributes(cx: &Cx<'_>, input: &Value) -> Outcome {
    let default = cx
        .all("ec2:vpc")
        .into_iter()
        .find(|it| it.body["IsDefault"] == true);
    let all = [
        ("supported-platforms", "VPC".to_owned()),
        ("vpc-max-security-groups-per-interface", "5".to_owned()),
        ("max-elastic-ips", "5".to_owned()),
        ("max-instances", "20".to_owned()),
        ("vpc-max-elastic-ips", "5".to_owned()),
        (
            "default-vpc",
            default.map_or_else(|| "none".to_owned(), |it| it.id),
        ),
    ];
    let wanted = input["AttributeNames"]
        .as_array()
        .filter(|it| !it.is_empty());
    let told: Vec<Value> = all
        .iter()
        .filter(|it| wanted.is_none_or(|wanted| wanted.iter().any(|name| name == it.0)))
        .map(|it| json!({"AttributeName": it.0, "AttributeValues": [{"AttributeValue": it.1}]}))
        .collect();
    Ok(json!({"AccountAttributes": told}))
}
