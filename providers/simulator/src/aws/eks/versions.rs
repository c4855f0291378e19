//! Versions of Kubernetes, and of the add-ons for them.

use super::{
    super::{Outcome, account::Cx, page},
    text,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

/// A version of Kubernetes: its patch, and when it came, leaves standard support and leaves extended support.
struct Version {
    minor: u64,
    patch: u64,
    release: (i16, i8, i8),
    standard: (i16, i8, i8),
    extended: (i16, i8, i8),
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html>; the last is assumed.
const VERSIONS: [Version; 6] = [
    Version {
        minor: 31,
        patch: 14,
        release: (2024, 9, 26),
        standard: (2025, 11, 26),
        extended: (2026, 11, 26),
    },
    Version {
        minor: 32,
        patch: 10,
        release: (2025, 1, 23),
        standard: (2026, 3, 23),
        extended: (2027, 3, 23),
    },
    Version {
        minor: 33,
        patch: 6,
        release: (2025, 5, 29),
        standard: (2026, 7, 29),
        extended: (2027, 7, 29),
    },
    Version {
        minor: 34,
        patch: 2,
        release: (2025, 10, 2),
        standard: (2026, 12, 2),
        extended: (2027, 12, 2),
    },
    Version {
        minor: 35,
        patch: 1,
        release: (2026, 1, 27),
        standard: (2027, 3, 27),
        extended: (2028, 3, 27),
    },
    Version {
        minor: 36,
        patch: 1,
        release: (2026, 6, 2),
        standard: (2027, 8, 2),
        extended: (2028, 8, 2),
    },
];
/// Which is taken where nobody says.
pub(super) const DEFAULT: u64 = 35;

fn moment((year, month, day): (i16, i8, i8)) -> Timestamp {
    let date = Date::new(year, month, day).unwrap_or(Date::MAX);
    date.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |it| it.timestamp())
}

/// Returns the minor of a version as "1.35".
pub(super) fn minor(version: &str) -> Option<u64> {
    version.strip_prefix("1.")?.parse().ok()
}

/// Returns whether clusters of a version can be made.
pub(super) fn is_offered(minor: u64, now: Timestamp) -> bool {
    VERSIONS
        .iter()
        .any(|it| it.minor == minor && now < moment(it.extended))
}

/// Returns what an API server of a version calls itself.
pub(super) fn git(minor: u64) -> String {
    let patch = VERSIONS
        .iter()
        .find(|it| it.minor == minor)
        .map_or(0, |it| it.patch);
    format!("v1.{minor}.{patch}-eks-3025e55")
}

/// Returns what a kubelet of a version calls itself.
pub(super) fn kubelet(minor: u64) -> String {
    git(minor).replace("3025e55", "ecaa3a6")
}

/// Returns the release of machine images of a version.
pub(super) fn image(minor: u64) -> String {
    let patch = VERSIONS
        .iter()
        .find(|it| it.minor == minor)
        .map_or(0, |it| it.patch);
    format!("1.{minor}.{patch}-20261115")
}

pub(super) fn describe(cx: &Cx<'_>, input: &Value) -> Outcome {
    let wanted = input["clusterVersions"]
        .as_array()
        .filter(|it| !it.is_empty());
    let status = input["versionStatus"]
        .as_str()
        .map(str::to_lowercase)
        .or(input["status"].as_str().map(str::to_owned));
    let mut told = Vec::new();
    for it in VERSIONS.iter().rev() {
        let version = format!("1.{}", it.minor);
        let state = match cx.now {
            now if now < moment(it.standard) => "standard-support",
            now if now < moment(it.extended) => "extended-support",
            _ => "unsupported",
        };
        let asked = wanted.is_some_and(|wanted| wanted.iter().any(|it| *it == version));
        let shown = match (&wanted, &status) {
            (Some(_), _) => asked,
            (None, Some(status)) => status.replace('_', "-") == state,
            (None, None) => state != "unsupported" || input["includeAll"] == true,
        };
        if !shown || (input["defaultOnly"] == true && it.minor != DEFAULT) {
            continue;
        }
        told.push(json!({
            "clusterVersion": version, "clusterType": "eks", "defaultPlatformVersion": "eks.3", "defaultVersion": it.minor == DEFAULT,
            "releaseDate": moment(it.release).to_string(), "endOfStandardSupportDate": moment(it.standard).to_string(),
            "endOfExtendedSupportDate": moment(it.extended).to_string(), "status": state,
            "versionStatus": state.replace('-', "_").to_uppercase(), "kubernetesPatchVersion": format!("1.{}.{}", it.minor, it.patch),
        }));
    }
    let (told, next) = page(
        told,
        input["maxResults"].as_u64(),
        input["nextToken"].as_str(),
    )?;
    Ok(json!({"clusterVersions": told, "nextToken": next}))
}

/// An add-on: what it is called, what kind of thing it is, whether it wants permissions, and its versions, the newest first; `%`
/// stands for the version of Kubernetes.
struct Addon {
    name: &'static str,
    kind: &'static str,
    permissions: bool,
    versions: [&'static str; 2],
}

const fn addon(
    name: &'static str,
    kind: &'static str,
    permissions: bool,
    versions: [&'static str; 2],
) -> Addon {
    Addon {
        name,
        kind,
        permissions,
        versions,
    }
}

const ADDONS: [Addon; 8] = [
    addon(
        "vpc-cni",
        "networking",
        true,
        ["v1.21.1-eksbuild.1", "v1.20.4-eksbuild.2"],
    ),
    addon(
        "coredns",
        "networking",
        false,
        ["v1.13.2-eksbuild.1", "v1.12.4-eksbuild.1"],
    ),
    addon(
        "kube-proxy",
        "networking",
        false,
        ["v%-eksbuild.2", "v%-eksbuild.1"],
    ),
    addon(
        "eks-pod-identity-agent",
        "security",
        false,
        ["v1.3.10-eksbuild.2", "v1.3.9-eksbuild.5"],
    ),
    addon(
        "aws-ebs-csi-driver",
        "storage",
        true,
        ["v1.54.0-eksbuild.1", "v1.53.0-eksbuild.1"],
    ),
    addon(
        "snapshot-controller",
        "storage",
        false,
        ["v8.3.0-eksbuild.1", "v8.2.0-eksbuild.1"],
    ),
    addon(
        "metrics-server",
        "observability",
        false,
        ["v0.8.0-eksbuild.5", "v0.7.2-eksbuild.5"],
    ),
    addon(
        "eks-node-monitoring-agent",
        "observability",
        false,
        ["v1.4.2-eksbuild.1", "v1.4.1-eksbuild.1"],
    ),
];

fn filled(version: &str, minor: u64) -> String {
    let patch = VERSIONS
        .iter()
        .find(|it| it.minor == minor)
        .map_or(0, |it| it.patch);
    version.replace('%', &format!("1.{minor}.{patch}"))
}

/// Returns the versions of an add-on for a version of Kubernetes, the one that is taken where nobody says first.
pub(super) fn of_addon(name: &str, minor: u64) -> Option<Vec<String>> {
    let it = ADDONS.iter().find(|it| it.name == name)?;
    Some(
        it.versions
            .iter()
            .map(|version| filled(version, minor))
            .collect(),
    )
}

pub(super) fn addons(input: &Value) -> Outcome {
    let only = input["kubernetesVersion"].as_str().and_then(minor);
    let fits = |key: &str, value: &str| {
        let list = input[key].as_array().filter(|it| !it.is_empty());
        list.is_none_or(|list| list.iter().any(|it| it == value))
    };
    let mut told = Vec::new();
    for it in &ADDONS {
        let named = text(input, "addonName");
        if (!named.is_empty() && named != it.name)
            || !fits("types", it.kind)
            || !fits("publishers", "eks")
            || !fits("owners", "aws")
        {
            continue;
        }
        let mut versions: Vec<Value> = Vec::new();
        for (number, version) in it.versions.iter().enumerate() {
            for known in VERSIONS
                .iter()
                .rev()
                .filter(|known| only.is_none_or(|only| only == known.minor))
            {
                let version = filled(version, known.minor);
                let compatible = json!({"clusterVersion": format!("1.{}", known.minor), "platformVersions": ["*"], "defaultVersion": number == 0});
                match versions.iter_mut().find(|it| it["addonVersion"] == version) {
                    Some(same) => same["compatibilities"].as_array_mut().into_iter().for_each(|it| it.push(compatible.clone())),
                    None => versions.push(json!({
                        "addonVersion": version, "architecture": ["amd64", "arm64"], "computeTypes": ["ec2"], "compatibilities": [compatible],
                        "requiresConfiguration": false, "requiresIamPermissions": it.permissions,
                    })),
                }
            }
        }
        if !versions.is_empty() {
            told.push(json!({"addonName": it.name, "type": it.kind, "publisher": "eks", "owner": "aws", "defaultNamespace": "kube-system", "addonVersions": versions}));
        }
    }
    let (told, next) = page(
        told,
        input["maxResults"].as_u64(),
        input["nextToken"].as_str(),
    )?;
    Ok(json!({"addons": told, "nextToken": next}))
}
