//! Calls of EC2: what a region offers, and what is in a VPC.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;
use windlass_provider::Ctx;

use crate::{
    client::Client,
    refusal::Answer,
    service::Service,
    tagged::Pairs,
    xml::{self, Read},
};

/// A zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) id: String,
}

/// A VPC.
#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) cidr: String,
}

/// A subnet.
#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) tags: Pairs,
}

/// Something in a VPC, or a disk.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) id: String,
    /// Its name, where it has one besides its id.
    pub(crate) name: String,
    /// What it says of itself.
    pub(crate) description: String,
    pub(crate) tags: Pairs,
}

/// What a list is narrowed to: the name of the filter, and the values of which one must hold.
pub(crate) type Filter<'a> = (&'a str, Vec<String>);

/// Returns the members of all pages of a list.
async fn list<T>(
    client: &Client,
    cx: &Ctx,
    (action, set): (&'static str, &str),
    filters: &[Filter<'_>],
    more: &[(&str, &str)],
    read: impl Fn(&Node<'_, '_>) -> T,
) -> Answer<Vec<T>> {
    let mut all = Vec::new();
    let mut parameters: Vec<(String, String)> = more
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    for (at, (name, values)) in filters.iter().enumerate() {
        parameters.push((format!("Filter.{}.Name", at + 1), (*name).to_owned()));
        for (nth, value) in values.iter().enumerate() {
            parameters.push((
                format!("Filter.{}.Value.{}", at + 1, nth + 1),
                value.clone(),
            ));
        }
    }
    let first = parameters.len();
    loop {
        let text = client.query(cx, Service::Ec2, action, &parameters).await?;
        let document = xml::parse(&text)?;
        let root = document.root_element();
        all.extend(root.members(set).iter().map(&read));
        let token = root.text_of("nextToken");
        if token.is_empty() {
            return Ok(all);
        }
        parameters.truncate(first);
        parameters.push(("NextToken".to_owned(), token));
    }
}

/// Returns the zones of the region that can be used.
pub(crate) async fn zones(client: &Client, cx: &Ctx) -> Answer<Vec<Zone>> {
    let filters = [
        ("zone-type", vec!["availability-zone".to_owned()]),
        ("state", vec!["available".to_owned()]),
    ];
    let call = ("DescribeAvailabilityZones", "availabilityZoneInfo");
    let mut zones = list(client, cx, call, &filters, &[], |zone| Zone {
        name: zone.text_of("zoneName"),
        id: zone.text_of("zoneId"),
    })
    .await?;
    zones.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(zones)
}

/// Returns the regions that the account may use.
pub(crate) async fn regions(client: &Client, cx: &Ctx) -> Answer<Vec<String>> {
    let call = ("DescribeRegions", "regionInfo");
    let mut regions = list(client, cx, call, &[], &[], |region| {
        region.text_of("regionName")
    })
    .await?;
    regions.sort();
    Ok(regions)
}

/// Returns the zones that have each of these instance types.
pub(crate) async fn offerings(
    client: &Client,
    cx: &Ctx,
    machines: &BTreeSet<String>,
) -> Answer<BTreeMap<String, BTreeSet<String>>> {
    let filters = [("instance-type", machines.iter().cloned().collect())];
    let call = ("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet");
    let more = [("LocationType", "availability-zone")];
    let offered = list(client, cx, call, &filters, &more, |offer| {
        (offer.text_of("instanceType"), offer.text_of("location"))
    })
    .await?;
    let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (machine, zone) in offered {
        zones.entry(machine).or_default().insert(zone);
    }
    Ok(zones)
}

/// Returns how many vCPUs each of these instance types has.
pub(crate) async fn vcpus(
    client: &Client,
    cx: &Ctx,
    machines: &BTreeSet<String>,
) -> Answer<BTreeMap<String, u32>> {
    let filters = [("instance-type", machines.iter().cloned().collect())];
    let call = ("DescribeInstanceTypes", "instanceTypeSet");
    let types = list(client, cx, call, &filters, &[], |kind| {
        let info = kind.child("vCpuInfo");
        let count = info.map(|info| info.text_of("defaultVCpus"));
        let count = count.and_then(|count| count.parse().ok());
        (kind.text_of("instanceType"), count.unwrap_or(0))
    })
    .await?;
    Ok(types.into_iter().collect())
}

/// Returns how many vCPUs of instances that run each quota counts, told by instance type and by whether they are spot.
pub(crate) async fn running(client: &Client, cx: &Ctx) -> Answer<Vec<(String, bool, u32)>> {
    let states = ["pending", "running", "stopping", "shutting-down"].map(str::to_owned);
    let filters = [("instance-state-name", states.to_vec())];
    let call = ("DescribeInstances", "reservationSet");
    let found = list(client, cx, call, &filters, &[], |reservation| {
        let instances = reservation.members("instancesSet");
        let instances = instances.iter().map(|instance| {
            let options = instance.child("cpuOptions");
            let count = |name: &str| -> u32 {
                let text = options.map(|options| options.text_of(name));
                text.and_then(|text| text.parse().ok()).unwrap_or(0)
            };
            (
                instance.text_of("instanceType"),
                instance.text_of("instanceLifecycle") == "spot",
                count("coreCount") * count("threadsPerCore"),
            )
        });
        instances.collect::<Vec<_>>()
    })
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Returns a VPC; `None` where it is not there.
pub(crate) async fn vpc(client: &Client, cx: &Ctx, id: &str) -> Answer<Option<Vpc>> {
    let filters = [("vpc-id", vec![id.to_owned()])];
    let call = ("DescribeVpcs", "vpcSet");
    let found = list(client, cx, call, &filters, &[], |vpc| Vpc {
        cidr: vpc.text_of("cidrBlock"),
    })
    .await?;
    Ok(found.into_iter().next())
}

/// Returns how many VPCs there are.
pub(crate) async fn vpcs(client: &Client, cx: &Ctx) -> Answer<usize> {
    let found = list(client, cx, ("DescribeVpcs", "vpcSet"), &[], &[], |_| ()).await?;
    Ok(found.len())
}

/// Returns how many addresses are taken.
pub(crate) async fn addresses(client: &Client, cx: &Ctx) -> Answer<usize> {
    let found = list(
        client,
        cx,
        ("DescribeAddresses", "addressesSet"),
        &[],
        &[],
        |_| (),
    )
    .await?;
    Ok(found.len())
}

/// Returns in how many zones there are how many NAT gateways, by subnet.
pub(crate) async fn gateways(client: &Client, cx: &Ctx) -> Answer<Vec<String>> {
    let states = vec![
        "pending".to_owned(),
        "available".to_owned(),
        "deleting".to_owned(),
    ];
    let call = ("DescribeNatGateways", "natGatewaySet");
    list(client, cx, call, &[("state", states)], &[], |gateway| {
        gateway.text_of("availabilityZone")
    })
    .await
}

/// Returns the subnets of a VPC.
pub(crate) async fn subnets(client: &Client, cx: &Ctx, vpc: &str) -> Answer<Vec<Subnet>> {
    let filters = [("vpc-id", vec![vpc.to_owned()])];
    list(
        client,
        cx,
        ("DescribeSubnets", "subnetSet"),
        &filters,
        &[],
        |subnet| Subnet {
            id: subnet.text_of("subnetId"),
            zone: subnet.text_of("availabilityZone"),
            tags: subnet.tags("tagSet"),
        },
    )
    .await
}

/// Returns the network interfaces of a VPC that hang on nothing.
pub(crate) async fn loose_interfaces(client: &Client, cx: &Ctx, vpc: &str) -> Answer<Vec<Thing>> {
    let filters = [
        ("vpc-id", vec![vpc.to_owned()]),
        ("status", vec!["available".to_owned()]),
    ];
    interfaces(client, cx, &filters).await
}

/// Returns network interfaces.
pub(crate) async fn interfaces(
    client: &Client,
    cx: &Ctx,
    filters: &[Filter<'_>],
) -> Answer<Vec<Thing>> {
    let call = ("DescribeNetworkInterfaces", "networkInterfaceSet");
    list(client, cx, call, filters, &[], |interface| Thing {
        id: interface.text_of("networkInterfaceId"),
        name: String::new(),
        description: interface.text_of("description"),
        tags: interface.tags("tagSet"),
    })
    .await
}

/// Returns security groups: those of a VPC, or those with a tag of that key.
pub(crate) async fn security_groups(
    client: &Client,
    cx: &Ctx,
    filter: Filter<'_>,
) -> Answer<Vec<Thing>> {
    let call = ("DescribeSecurityGroups", "securityGroupInfo");
    list(client, cx, call, &[filter], &[], |group| Thing {
        id: group.text_of("groupId"),
        name: group.text_of("groupName"),
        description: group.text_of("groupDescription"),
        tags: group.tags("tagSet"),
    })
    .await
}

/// Returns the disks with a tag of one of these keys.
pub(crate) async fn volumes(
    client: &Client,
    cx: &Ctx,
    filters: &[Filter<'_>],
) -> Answer<Vec<Thing>> {
    list(
        client,
        cx,
        ("DescribeVolumes", "volumeSet"),
        filters,
        &[],
        |volume| Thing {
            id: volume.text_of("volumeId"),
            name: String::new(),
            description: volume.text_of("status"),
            tags: volume.tags("tagSet"),
        },
    )
    .await
}

/// Takes those rules out of a security group that name another: as long as one does, the other cannot go.
pub(crate) async fn forget_group(
    client: &Client,
    cx: &Ctx,
    group: &str,
    other: &str,
) -> Answer<()> {
    let filters = [("group-id", vec![group.to_owned()])];
    let call = ("DescribeSecurityGroupRules", "securityGroupRuleSet");
    let rules = list(client, cx, call, &filters, &[], |rule| {
        let named = rule.child("referencedGroupInfo");
        let named = named.map(|named| named.text_of("groupId"));
        let id = rule.text_of("securityGroupRuleId");
        (named, id, rule.text_of("isEgress") == "true")
    })
    .await?;
    let rules: Vec<(String, bool)> = rules
        .into_iter()
        .filter(|(named, ..)| named.as_deref() == Some(other))
        .map(|(_, id, is_egress)| (id, is_egress))
        .collect();
    for (egress, action) in [
        (false, "RevokeSecurityGroupIngress"),
        (true, "RevokeSecurityGroupEgress"),
    ] {
        let ids = rules.iter().filter(|(_, is_egress)| *is_egress == egress);
        let mut parameters = vec![("GroupId".to_owned(), group.to_owned())];
        let ids = ids.enumerate();
        parameters.extend(
            ids.map(|(at, (id, _))| (format!("SecurityGroupRuleId.{}", at + 1), id.clone())),
        );
        if parameters.len() > 1 {
            match client.query(cx, Service::Ec2, action, &parameters).await {
                Ok(_) => {}
                Err(trouble)
                    if trouble.is_missing() || trouble.is(&["InvalidPermission.NotFound"]) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
    Ok(())
}

/// Deletes something that has one id.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    (action, key): (&'static str, &str),
    id: &str,
) -> Answer<()> {
    let parameters = [(key.to_owned(), id.to_owned())];
    client
        .query(cx, Service::Ec2, action, &parameters)
        .await
        .map(drop)
}
