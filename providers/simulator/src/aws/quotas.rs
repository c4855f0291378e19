//! Service Quotas: how much of what an account may have.

use super::{Fault, Outcome, account::Cx, page};
use serde_json::{Value, json};

/// Service, code, name, value.
const QUOTAS: [(&str, &str, &str, f64); 16] = [
    ("vpc", "L-F678F1CE", "VPCs per Region", 5.0),
    (
        "vpc",
        "L-FE5A380F",
        "NAT gateways per Availability Zone",
        5.0,
    ),
    ("vpc", "L-A4707A72", "Internet gateways per Region", 5.0),
    ("vpc", "L-407747CB", "Subnets per VPC", 200.0),
    (
        "vpc",
        "L-E79EC296",
        "VPC security groups per Region",
        2500.0,
    ),
    ("vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000.0),
    ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5.0),
    (
        "ec2",
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        64.0,
    ),
    (
        "ec2",
        "L-34B43A08",
        "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        64.0,
    ),
    (
        "ec2",
        "L-DB2E81BA",
        "Running On-Demand G and VT instances",
        16.0,
    ),
    (
        "ec2",
        "L-3819A6DF",
        "All G and VT Spot Instance Requests",
        16.0,
    ),
    ("eks", "L-1194D53C", "Clusters", 100.0),
    ("eks", "L-6D54EA21", "Managed node groups per cluster", 30.0),
    ("eks", "L-BD136A63", "Nodes per managed node group", 450.0),
    (
        "elasticloadbalancing",
        "L-E9E9831D",
        "Classic Load Balancers per Region",
        20.0,
    ),
    (
        "elasticloadbalancing",
        "L-69A177A2",
        "Network Load Balancers per Region",
        50.0,
    ),
];

/// Returns the value of a quota.
pub(super) fn value(code: &str) -> f64 {
    QUOTAS
        .iter()
        .find(|it| it.1 == code)
        .map_or(f64::MAX, |it| it.3)
}

fn show(cx: &Cx<'_>, (service, code, name, value): (&str, &str, &str, f64)) -> Value {
    let full = match service {
        "vpc" => "Amazon Virtual Private Cloud (Amazon VPC)",
        "ec2" => "Amazon Elastic Compute Cloud (Amazon EC2)",
        "eks" => "Amazon Elastic Kubernetes Service (Amazon EKS)",
        _ => "Elastic Load Balancing (ELB)",
    };
    json!({
        "ServiceCode": service, "ServiceName": full, "QuotaArn": cx.arn("servicequotas", &format!("{service}/{code}")), "QuotaCode": code,
        "QuotaName": name, "Value": value, "Unit": "None", "Adjustable": true, "GlobalQuota": false,
    })
}

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let missing = || {
        Fault::new(
            400,
            "NoSuchResourceException",
            "The request failed because the specified quota or service does not exist.",
        )
    };
    let service = text("ServiceCode");
    let of: Vec<_> = QUOTAS.into_iter().filter(|it| it.0 == service).collect();
    if of.is_empty() {
        return Err(missing());
    }
    if operation == "ListServiceQuotas" {
        let code = input["QuotaCode"].as_str();
        let told = of
            .into_iter()
            .filter(|it| code.is_none_or(|code| code == it.1))
            .map(|it| show(cx, it))
            .collect();
        let (told, next) = page(
            told,
            input["MaxResults"].as_u64(),
            input["NextToken"].as_str(),
        )
        .map_err(|fault| Fault::new(400, "InvalidPaginationTokenException", fault.message))?;
        return Ok(json!({"Quotas": told, "NextToken": next}));
    }
    let found = of
        .into_iter()
        .find(|it| it.1 == text("QuotaCode"))
        .ok_or_else(missing)?;
    Ok(json!({"Quota": show(cx, found)}))
}
