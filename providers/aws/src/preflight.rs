//! What is looked at before the first change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use windlass_provider::{
    AwsNat, Check, ClusterSpec, Ctx, Error, Facts, Fault, Owner, Result, Verdict,
};

use crate::{
    client::Client,
    ec2,
    eks::Support,
    facts::{self, Seen},
    machine, permissions,
    plan::machine_of,
    refusal::Trouble,
    service::Service,
    stacks, tagged,
    want::stack_name,
};

/// Checks permissions, quotas, versions, instance types and names.
pub(crate) async fn check(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    facts: &Facts,
) -> Vec<Check> {
    let seen = match Seen::read(facts) {
        Ok(seen) => seen,
        Err(error) => return vec![failed("facts", error)],
    };
    let mut checks = vec![Check::new(
        "identity",
        Verdict::Passed,
        format!("{} in {}", seen.arn, seen.region),
    )];
    if seen.foreign {
        let detail = format!(
            "an EKS cluster \"{}\" is there, and windlass did not make it: it is used as it is and never deleted",
            spec.name
        );
        let check = Check::new(
            format!("cluster name \"{}\"", spec.name),
            Verdict::Warning,
            detail,
        );
        checks.push(check.hint("choose another name with --cluster for one of your own"));
        return checks;
    }
    let who = (seen.arn.as_str(), seen.account.as_str());
    checks.push(permissions::check(client, cx, who, &spec.name).await);
    checks.push(check_version(&seen));
    checks.extend(check_machines(spec, &seen));
    let stack = stacks::describe(client, cx, &stack_name(&spec.name)).await;
    let stack = stack.map_err(Error::from);
    checks.push(check_name(spec, &seen, stack.as_ref()));
    if let Some(vpc) = &spec.aws.vpc {
        checks.extend(check_vpc(client, cx, spec, &seen, vpc).await);
    }
    // What is made already counts in what is used.
    if seen.present.is_none() && !matches!(stack, Ok(Some(_))) {
        checks.extend(check_network_quotas(client, cx, spec, &seen).await);
        checks.extend(check_vcpus(client, cx, spec).await);
    }
    checks
}

fn failed(name: &str, error: Error) -> Check {
    let verdict = match error.fault {
        // What may not be looked at stops nothing: the calls themselves will tell.
        Fault::Denied | Fault::Cancelled | Fault::Transient => Verdict::Skipped,
        _ => Verdict::Failed,
    };
    let check = Check::new(name, verdict, error.to_line());
    error.hints.into_iter().fold(check, Check::hint)
}

fn check_version(seen: &Seen) -> Check {
    let name = "Kubernetes version";
    let wanted = &seen.version;
    let standard = || -> Vec<&str> {
        let versions = seen.versions.iter().filter(|it| it.1 == Support::Standard);
        versions.map(|it| it.0.as_str()).collect()
    };
    let found = seen.versions.iter().find(|it| it.0 == *wanted);
    if seen.present.as_ref() == Some(wanted) {
        return Check::new(name, Verdict::Passed, format!("the cluster has {wanted}"));
    }
    match found {
        Some((_, Support::Standard, until)) => {
            let until = match until.is_empty() {
                true => String::new(),
                false => format!(", in standard support until {until}"),
            };
            Check::new(name, Verdict::Passed, format!("{wanted}{until}"))
        }
        Some((_, Support::Extended, _)) => Check::new(
            name,
            Verdict::Warning,
            format!("Kubernetes {wanted} is in extended support, which costs six times as much"),
        )
        .hint(format!("choose one of {}", standard().join(", "))),
        Some((_, Support::None, _)) | None => Check::new(
            name,
            Verdict::Failed,
            format!("EKS does not offer Kubernetes {wanted}"),
        )
        .hint(format!("choose one of {}", standard().join(", "))),
    }
}

fn check_machines(spec: &ClusterSpec, seen: &Seen) -> Vec<Check> {
    let pools = spec.node_pools.iter();
    let zone_of = |machine: &str| {
        pools
            .clone()
            .filter(|pool| pool.machine.as_deref() == Some(machine))
            .find_map(|pool| pool.zone.clone())
    };
    let zones: Vec<&String> = match spec.aws.vpc {
        None => seen.zones.iter().collect(),
        Some(_) => seen.subnets.values().collect(),
    };
    let machines = seen.machines.iter();
    machines
        .map(|(machine, offered)| {
            let name = format!("instance type {machine}");
            if offered.is_empty() {
                return Check::new(
                    &name,
                    Verdict::Failed,
                    format!("{} has no {machine}", seen.region),
                )
                .hint(format!(
                    "see what it has: aws ec2 describe-instance-type-offerings --region {}",
                    seen.region
                ));
            }
            let bound = zone_of(machine);
            let wanted: Vec<&String> = match &bound {
                Some(zone) => vec![zone],
                None => zones.clone(),
            };
            let lacking: Vec<&str> = wanted
                .iter()
                .filter(|zone| !offered.contains(**zone))
                .map(|zone| zone.as_str())
                .collect();
            let has: Vec<&str> = offered.iter().map(String::as_str).collect();
            if lacking.is_empty() {
                return Check::new(
                    &name,
                    Verdict::Passed,
                    format!("offered in {}", has.join(", ")),
                );
            }
            let verdict = match lacking.len() < wanted.len() {
                true => Verdict::Warning,
                false => Verdict::Failed,
            };
            let detail = format!("{} has no {machine}", lacking.join(", "));
            Check::new(&name, verdict, detail)
                .hint(format!("{machine} is offered in {}", has.join(", ")))
        })
        .collect()
}

fn check_name(
    spec: &ClusterSpec,
    seen: &Seen,
    stack: Result<&Option<stacks::Stack>, &Error>,
) -> Check {
    let name = format!("cluster name \"{}\"", spec.name);
    match stack {
        Err(error) => failed(&name, error.clone()),
        Ok(Some(stack)) if tagged::judge(&stack.tags).0 == Owner::Foreign => {
            let detail = format!(
                "a stack \"{}\" is there, and windlass did not make it",
                stack.name
            );
            Check::new(name, Verdict::Failed, detail)
                .hint("choose another name with --cluster, or remove that stack yourself")
        }
        Ok(_) => match &seen.present {
            Some(_) => Check::new(name, Verdict::Passed, "windlass made it already"),
            None => Check::new(
                name,
                Verdict::Passed,
                "no EKS cluster of that name is there",
            ),
        },
    }
}

async fn check_vpc(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
    vpc: &str,
) -> Vec<Check> {
    let name = format!("VPC {vpc}");
    if seen.vpc_cidr.is_none() {
        let check = Check::new(
            &name,
            Verdict::Failed,
            format!("{} has no VPC {vpc}", seen.region),
        );
        return vec![check.hint("see which it has: aws ec2 describe-vpcs")];
    }
    let mut checks = vec![Check::new(
        &name,
        Verdict::Passed,
        "it is used, and never deleted",
    )];
    for subnet in &spec.aws.subnets {
        if !seen.subnets.contains_key(subnet) {
            let detail = format!("VPC {vpc} has no subnet {subnet}");
            checks.push(
                Check::new(format!("subnet {subnet}"), Verdict::Failed, detail).hint(format!(
                    "see which it has: aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc}"
                )),
            );
        }
    }
    match ec2::subnets(client, cx, vpc).await {
        Ok(subnets) => {
            let roles = ["kubernetes.io/role/elb", "kubernetes.io/role/internal-elb"];
            let lacking = roles
                .into_iter()
                .filter(|role| !subnets.iter().any(|it| it.tags.contains_key(*role)));
            let lacking: Vec<&str> = lacking.collect();
            if !lacking.is_empty() {
                let detail = format!(
                    "no subnet of VPC {vpc} has the tag {}: load balancers may find no place",
                    lacking.join(" or ")
                );
                checks.push(
                    Check::new("subnets of load balancers", Verdict::Warning, detail)
                        .hint("put kubernetes.io/role/elb=1 on public subnets, and kubernetes.io/role/internal-elb=1 on private ones"),
                );
            }
        }
        Err(trouble) => checks.push(failed("subnets of load balancers", trouble.into())),
    }
    checks
}

/// A quota: its service, its code, and what it counts.
type Quota = (&'static str, &'static str, &'static str);

const VPCS: Quota = ("vpc", "L-F678F1CE", "VPCs");
const ADDRESSES: Quota = ("ec2", "L-0263D0A3", "elastic IP addresses");
const GATEWAYS: Quota = ("vpc", "L-FE5A380F", "NAT gateways in a zone");

/// Returns the value of a quota: the account's own, or AWS's default.
async fn quota(client: &Client, cx: &Ctx, (service, code, _): Quota) -> Result<f64, Trouble> {
    let body = json!({ "ServiceCode": service, "QuotaCode": code });
    let calls = ["GetServiceQuota", "GetAWSDefaultServiceQuota"];
    let answer = match client.target(cx, Service::Quotas, calls[0], &body).await {
        Err(trouble) if trouble.is(&["NoSuchResourceException"]) => {
            client.target(cx, Service::Quotas, calls[1], &body).await?
        }
        answer => answer?,
    };
    Ok(answer["Quota"]["Value"].as_f64().unwrap_or(f64::INFINITY))
}

/// Tells whether a quota has room.
async fn room(client: &Client, cx: &Ctx, which: Quota, used: f64, wanted: f64) -> Check {
    let (_, code, what) = which;
    let name = format!("quota of {what}");
    match quota(client, cx, which).await {
        Err(trouble) => failed(&name, trouble.into()),
        Ok(limit) if used + wanted > limit => {
            let detail = format!(
                "{wanted} more {what} are wanted, {used} of {limit} are used in {}",
                client.region()
            );
            let region = client.region();
            Check::new(name, Verdict::Failed, detail)
                .hint(format!("ask for quota {code}: https://{region}.console.aws.amazon.com/servicequotas/home/services/{}/quotas/{code}", which.0))
                .hint("or remove what is not needed: windlass cluster list --provider aws")
        }
        Ok(limit) => Check::new(
            name,
            Verdict::Passed,
            format!("{used} of {limit} are used, {wanted} more are wanted"),
        ),
    }
}

async fn check_network_quotas(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
) -> Vec<Check> {
    if spec.aws.vpc.is_some() {
        return Vec::new();
    }
    let gateways = match spec.aws.nat {
        AwsNat::One => 1,
        AwsNat::PerZone => seen.zones.len(),
    };
    let mut checks = Vec::new();
    for (which, count, wanted) in [
        (VPCS, ec2::vpcs(client, cx).await, 1),
        (ADDRESSES, ec2::addresses(client, cx).await, gateways),
    ] {
        checks.push(match count {
            Ok(used) => room(client, cx, which, used as f64, wanted as f64).await,
            Err(trouble) => failed(&format!("quota of {}", which.2), trouble.into()),
        });
    }
    checks.push(match ec2::gateways(client, cx).await {
        Ok(zones) => {
            let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
            for zone in &zones {
                *counts.entry(zone).or_default() += 1;
            }
            let ours = seen.zones.iter().take(gateways);
            let most = ours
                .map(|zone| counts.get(zone).copied().unwrap_or(0))
                .max();
            room(client, cx, GATEWAYS, most.unwrap_or(0) as f64, 1.0).await
        }
        Err(trouble) => failed(&format!("quota of {}", GATEWAYS.2), trouble.into()),
    });
    checks
}

/// Tells whether there are vCPUs for the nodes that are wanted from the beginning.
async fn check_vcpus(client: &Client, cx: &Ctx, spec: &ClusterSpec) -> Vec<Check> {
    let own = spec.aws.machine.as_deref();
    let own = own.unwrap_or(machine_of(spec.nodes.size)).to_owned();
    let groups = std::iter::once((own.clone(), spec.aws.spot, spec.nodes.min)).chain(
        spec.node_pools.iter().map(|pool| {
            (
                pool.machine.clone().unwrap_or_else(|| own.clone()),
                pool.spot,
                pool.min,
            )
        }),
    );
    let groups: Vec<(String, bool, u32)> = groups.filter(|it| it.2 > 0).collect();
    let machines: BTreeSet<String> = facts::machines(spec);
    let name = "quota of vCPUs";
    let looked = async {
        let sizes = ec2::vcpus(client, cx, &machines).await?;
        Ok::<_, Trouble>((sizes, ec2::running(client, cx).await?))
    };
    let (sizes, running) = match looked.await {
        Ok(looked) => looked,
        Err(trouble) => return vec![failed(name, trouble.into())],
    };
    let mut wanted: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (machine, spot, count) in &groups {
        if let Some(quota) = machine::quota(machine, *spot) {
            *wanted.entry(quota).or_default() += sizes.get(machine).copied().unwrap_or(0) * count;
        }
    }
    let mut checks = Vec::new();
    for ((code, what), wanted) in wanted {
        let used = running.iter().filter(|(machine, spot, _)| {
            machine::quota(machine, *spot).is_some_and(|(other, _)| other == code)
        });
        let used: u32 = used.map(|it| it.2).sum();
        checks.push(room(client, cx, ("ec2", code, what), used.into(), wanted.into()).await);
    }
    checks
}
