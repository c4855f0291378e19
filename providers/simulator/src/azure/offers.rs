//! What a location has: versions of Kubernetes, sizes of machines, quotas; and the resource providers of the subscription.

use super::{
    Fault, Outcome, Reply, SUBSCRIPTION,
    account::{CLUSTER, Cx, POOL, REGISTRATION, root, text},
};
use serde_json::{Value, json};

/// The version that is taken where nobody asks for one.
pub(super) const DEFAULT: &str = "1.35";

/// A minor version: its patches, and how it is supported.
struct Version {
    minor: &'static str,
    patches: &'static [&'static str],
    plans: &'static [&'static str],
    preview: bool,
}

const COMMUNITY: &[&str] = &["KubernetesOfficial", "AKSLongTermSupport"];
const VERSIONS: [Version; 5] = [
    Version {
        minor: "1.37",
        patches: &["1.37.0"],
        plans: COMMUNITY,
        preview: true,
    },
    Version {
        minor: "1.36",
        patches: &["1.36.0", "1.36.1"],
        plans: COMMUNITY,
        preview: false,
    },
    Version {
        minor: "1.35",
        patches: &["1.35.3", "1.35.4"],
        plans: COMMUNITY,
        preview: false,
    },
    Version {
        minor: "1.34",
        patches: &["1.34.6", "1.34.7"],
        plans: COMMUNITY,
        preview: false,
    },
    Version {
        minor: "1.33",
        patches: &["1.33.10"],
        plans: &["AKSLongTermSupport"],
        preview: false,
    },
];

pub(super) fn number(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|it| it.parse().ok())
        .collect()
}

/// Returns the patch version that a version stands for.
pub(super) fn patch(version: &str) -> Option<&'static str> {
    let mut all = VERSIONS.iter();
    match number(version).len() {
        2 => all.find(|it| it.minor == version)?.patches.last().copied(),
        _ => all
            .flat_map(|it| it.patches)
            .find(|it| **it == version)
            .copied(),
    }
}

/// Returns the patch version that an upgrade leads to.
pub(super) fn upgrade(from: &str, to: &str) -> Result<&'static str, Fault> {
    let refuse = |message: String| Err(Fault::new(400, "K8sVersionNotSupported", message));
    let Some(exact) = patch(to) else {
        return refuse(format!("Version {to} is not supported in this region."));
    };
    let (old, new) = (number(from), number(exact));
    if new < old {
        return refuse(format!(
            "Downgrading from {from} to {exact} is not allowed."
        ));
    }
    if new[1] > old[1] + 1 {
        return refuse(format!(
            "Upgrading Kubernetes version {from} to {exact} is not allowed: minor versions cannot be skipped."
        ));
    }
    Ok(exact)
}

pub(super) fn versions(place: &str) -> Outcome {
    location(place)?;
    let values: Vec<Value> = VERSIONS
        .iter()
        .map(|it| {
            let patches = it.patches.iter();
            let patches: serde_json::Map<String, Value> = patches
                .map(|patch| ((*patch).to_owned(), json!({"upgrades": []})))
                .collect();
            let mut told = json!({
                "version": it.minor, "capabilities": {"supportPlan": it.plans}, "patchVersions": patches,
            });
            if it.minor == DEFAULT {
                told["isDefault"] = json!(true);
            }
            if it.preview {
                told["isPreview"] = json!(true);
            }
            told
        })
        .collect();
    Ok(Reply::ok(json!({"values": values})))
}

/// The locations that there are here; the last has no zones.
const LOCATIONS: [(&str, &str); 6] = [
    ("eastus", "East US"),
    ("westeurope", "West Europe"),
    ("northeurope", "North Europe"),
    ("westus3", "West US 3"),
    ("southeastasia", "Southeast Asia"),
    ("westus", "West US"),
];

/// Returns a location as it is written, or refuses one that is not there.
pub(super) fn location(given: &str) -> Result<&'static str, Fault> {
    let plain = given.to_lowercase().replace(' ', "");
    let found = LOCATIONS.iter().find(|it| it.0 == plain);
    found.map(|it| it.0).ok_or_else(|| {
        let all: Vec<&str> = LOCATIONS.iter().map(|it| it.0).collect();
        Fault::new(
            400,
            "LocationNotAvailableForResourceType",
            format!("The provided location '{given}' is not available for this resource type. List of available regions for the resource type is '{}'.", all.join(",")),
        )
    })
}

pub(super) fn locations() -> Outcome {
    let all = LOCATIONS.iter().map(|(name, shown)| json!({
        "id": format!("{}/locations/{name}", root()), "name": name, "displayName": shown, "type": "Region",
    }));
    Ok(Reply::ok(json!({"value": all.collect::<Vec<_>>()})))
}

/// A size of machines.
pub(super) struct Size {
    pub(super) name: &'static str,
    pub(super) cpus: u32,
    /// In GiB.
    pub(super) memory: u32,
    family: &'static str,
    pub(super) zones: &'static [&'static str],
    /// Whether the subscription cannot have it.
    refused: bool,
}

const ZONES: &[&str] = &["1", "2", "3"];

const fn one(name: &'static str, cpus: u32, memory: u32, family: &'static str) -> Size {
    Size {
        name,
        cpus,
        memory,
        family,
        zones: ZONES,
        refused: false,
    }
}

const SIZES: [Size; 13] = [
    one("Standard_B2s", 2, 4, "standardBSFamily"),
    one("Standard_B4ms", 4, 16, "standardBSFamily"),
    one("Standard_B8ms", 8, 32, "standardBSFamily"),
    one("Standard_D2s_v5", 2, 8, "standardDSv5Family"),
    one("Standard_D4s_v5", 4, 16, "standardDSv5Family"),
    one("Standard_D8s_v5", 8, 32, "standardDSv5Family"),
    one("Standard_D2ds_v5", 2, 8, "standardDDSv5Family"),
    one("Standard_D4ds_v5", 4, 16, "standardDDSv5Family"),
    one("Standard_E4s_v5", 4, 32, "standardESv5Family"),
    one("Standard_F4s_v2", 4, 8, "standardFSv2Family"),
    Size {
        zones: &["1"],
        ..one("Standard_NC4as_T4_v3", 4, 28, "Standard NCASv3_T4 Family")
    },
    one("Standard_NC8as_T4_v3", 8, 56, "Standard NCASv3_T4 Family"),
    Size {
        refused: true,
        ..one("Standard_ND96asr_v4", 96, 900, "standardNDASv4_A100Family")
    },
];

fn zones_of(place: &str, size: &Size) -> &'static [&'static str] {
    match place {
        "westus" => &[],
        _ => size.zones,
    }
}

/// Returns a size that a location has, or refuses it.
pub(super) fn size(place: &str, name: &str) -> Result<&'static Size, Fault> {
    let found = SIZES
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name) && !it.refused);
    found.ok_or_else(|| {
        let all: Vec<&str> = SIZES.iter().filter(|it| !it.refused).map(|it| it.name).collect();
        Fault::new(
            400,
            "BadRequest",
            format!("The VM size of {name} is not allowed in your subscription in location '{place}'. The available VM sizes are {}.", all.join(",")),
        )
    })
}

/// Tells of sizes, and of disks besides, as the real list does.
pub(super) fn skus(filter: Option<&str>) -> Outcome {
    let asked = filter.and_then(|it| it.strip_prefix("location eq '")?.strip_suffix('\''));
    let mut all = vec![
        json!({"resourceType": "disks", "name": "StandardSSD_LRS", "locations": ["eastus"], "capabilities": []}),
    ];
    for (place, _) in LOCATIONS
        .iter()
        .filter(|it| asked.is_none_or(|asked| asked == it.0))
    {
        for size in &SIZES {
            let limits = match size.refused {
                false => json!([]),
                true => json!([{
                    "type": "Location", "values": [place], "reasonCode": "NotAvailableForSubscription", "restrictionInfo": {"locations": [place]},
                }]),
            };
            all.push(json!({
                "resourceType": "virtualMachines", "name": size.name, "tier": "Standard", "family": size.family, "locations": [place],
                "locationInfo": [{"location": place, "zones": zones_of(place, size), "zoneDetails": []}], "restrictions": limits,
                "capabilities": [
                    {"name": "vCPUs", "value": size.cpus.to_string()}, {"name": "MemoryGB", "value": size.memory.to_string()},
                ],
            }));
        }
    }
    Ok(Reply::ok(json!({"value": all})))
}

/// What the subscription may have of each: vCPUs in all, of one family, and of what may be taken back.
const CORES: u64 = 100;
const FAMILY: u64 = 50;
const LOW: u64 = 20;

/// Returns how many vCPUs are used in a location: of what may be taken back, or else of a family, or of all.
fn used(cx: &Cx<'_>, place: &str, spot: bool, family: Option<&str>) -> u64 {
    let mut sum = 0;
    for cluster in cx.under(CLUSTER, "") {
        if text(&cluster.body, "location") != place {
            continue;
        }
        for pool in cx.under(POOL, &format!("{}/", cluster.id)) {
            let its = &pool.body["properties"];
            let Some(size) = SIZES.iter().find(|it| its["vmSize"] == it.name) else {
                continue;
            };
            let is_spot = its["scaleSetPriority"] == "Spot";
            if is_spot == spot && family.is_none_or(|family| family == size.family) {
                sum += u64::from(size.cpus) * its["count"].as_u64().unwrap_or_default();
            }
        }
    }
    sum
}

/// Refuses a pool for whose nodes there is no quota.
pub(super) fn quota(
    cx: &Cx<'_>,
    place: &str,
    size: &Size,
    pool: &Value,
    name: &str,
) -> Result<(), Fault> {
    let spot = pool["scaleSetPriority"] == "Spot";
    let more = u64::from(size.cpus) * pool["count"].as_u64().unwrap_or_default();
    // What a pool has already is counted twice while it is changed.
    let same = cx.under(POOL, "").iter().any(|it| it.body["name"] == name);
    let limits = match spot {
        true => vec![(
            used(cx, place, true, None),
            LOW,
            "lowPriorityCores".to_owned(),
        )],
        false => vec![
            (used(cx, place, false, None), CORES, "cores".to_owned()),
            (
                used(cx, place, false, Some(size.family)),
                FAMILY,
                size.family.to_owned(),
            ),
        ],
    };
    match limits
        .into_iter()
        .find(|(used, limit, _)| !same && used + more > *limit)
    {
        None => Ok(()),
        Some((used, limit, what)) => Err(Fault::new(
            400,
            "ErrCode_InsufficientVCPUQuota",
            format!(
                "Insufficient vcpu quota requested {more}, remaining {} for family {what} for region {place}.",
                limit.saturating_sub(used)
            ),
        )),
    }
}

pub(super) fn usages(cx: &Cx<'_>, place: &str) -> Outcome {
    let place = location(place)?;
    let told = |key: &str, words: &str, used: u64, limit: u64| json!({"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": key, "localizedValue": words}});
    let mut all = vec![
        told(
            "cores",
            "Total Regional vCPUs",
            used(cx, place, false, None),
            CORES,
        ),
        told(
            "lowPriorityCores",
            "Total Regional Low-priority vCPUs",
            used(cx, place, true, None),
            LOW,
        ),
    ];
    let mut families: Vec<&str> = SIZES.iter().map(|it| it.family).collect();
    families.sort_unstable();
    families.dedup();
    for family in families {
        let words = family
            .replace("standard", "Standard ")
            .replace("Family", " Family vCPUs");
        all.push(told(
            family,
            &words,
            used(cx, place, false, Some(family)),
            FAMILY,
        ));
    }
    Ok(Reply::ok(json!({"value": all})))
}

/// The resource providers that there are here.
const PROVIDERS: [&str; 9] = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ContainerService",
    "Microsoft.KeyVault",
    "Microsoft.KubernetesConfiguration",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

fn registration(cx: &Cx<'_>, name: &str) -> Option<Value> {
    let name = PROVIDERS.iter().find(|it| it.eq_ignore_ascii_case(name))?;
    let id = format!("{}/providers/{name}", root());
    let kept = cx.get(REGISTRATION, &id);
    let state = kept.map(|it| text(&it.body, "registrationState").to_owned());
    Some(json!({
        "id": id, "namespace": name, "registrationState": state.unwrap_or_else(|| "Registered".to_owned()), "resourceTypes": [],
        "registrationPolicy": "RegistrationRequired",
    }))
}

pub(super) fn provider(cx: &Cx<'_>, name: &str) -> Outcome {
    registration(cx, name).map(Reply::ok).ok_or_else(|| {
        Fault::new(
            404,
            "InvalidResourceNamespace",
            format!("The resource namespace '{name}' is invalid."),
        )
    })
}

pub(super) fn providers(cx: &Cx<'_>) -> Outcome {
    let all: Vec<Value> = PROVIDERS
        .iter()
        .filter_map(|it| registration(cx, it))
        .collect();
    Ok(Reply::ok(json!({"value": all})))
}

/// Registers a resource provider, or takes its registration back; it is so at once.
pub(super) fn register(cx: &Cx<'_>, name: &str, on: bool) -> Outcome {
    let mut told = provider(cx, name)?.body;
    let state = if on { "Registered" } else { "NotRegistered" };
    told["registrationState"] = json!(state);
    let id = text(&told, "id").to_owned();
    cx.make(
        REGISTRATION,
        (&id, ""),
        Default::default(),
        json!({"registrationState": state}),
    );
    Ok(Reply::ok(told))
}

/// Refuses what is of a resource provider that is not registered.
pub(super) fn registered(cx: &Cx<'_>, name: &str) -> Result<(), Fault> {
    match registration(cx, name) {
        Some(it) if it["registrationState"] != "Registered" => Err(Fault::new(
            409,
            "MissingSubscriptionRegistration",
            format!(
                "The subscription is not registered to use namespace '{name}'. See https://aka.ms/rps-not-found for how to register subscriptions."
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn subscription() -> Value {
    json!({
        "id": root(), "subscriptionId": SUBSCRIPTION, "tenantId": super::TENANT, "displayName": "Rehearsal", "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    })
}
