//! What a cluster is like, and how it differs from what is wanted.

use serde_json::Value;
use windlass_provider::{AwsEndpoint, Difference, Observed, Outputs, Owner, State, Tags};

use crate::{eks, tagged, want::ClusterLayout};

pub(super) fn state(cluster: &Value) -> State {
    match cluster["status"].as_str().unwrap_or_default() {
        "ACTIVE" | "UPDATING" => State::Ready,
        "DELETING" => State::Deleting,
        "FAILED" => State::Failed,
        _ => State::Making,
    }
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let mut list: Vec<String> = list
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    list.sort();
    list
}

/// Returns the logs that a cluster writes.
fn logs(cluster: &Value) -> Vec<String> {
    let settings = cluster["logging"]["clusterLogging"].as_array();
    let on = settings
        .into_iter()
        .flatten()
        .filter(|it| it["enabled"] == true);
    let mut kinds: Vec<String> = on.flat_map(|it| strings(&it["types"])).collect();
    kinds.sort();
    kinds
}

fn endpoint(cluster: &Value) -> (&'static str, Vec<String>) {
    let vpc = &cluster["resourcesVpcConfig"];
    let word = match (
        vpc["endpointPublicAccess"] == true,
        vpc["endpointPrivateAccess"] == true,
    ) {
        (true, true) => "both",
        (false, true) => "private",
        _ => "public",
    };
    let mut allowed = strings(&vpc["publicAccessCidrs"]);
    if allowed == ["0.0.0.0/0"] {
        allowed.clear();
    }
    (word, allowed)
}

fn word(endpoint: AwsEndpoint) -> &'static str {
    match endpoint {
        AwsEndpoint::Both => "both",
        AwsEndpoint::Public => "public",
        AwsEndpoint::Private => "private",
    }
}

pub(super) fn number(version: &str) -> Vec<u32> {
    version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// Returns whether `to` is the minor version after `from`.
fn is_next(from: &str, to: &str) -> bool {
    match (&number(from)[..], &number(to)[..]) {
        ([major, minor], [to_major, to_minor]) => major == to_major && minor + 1 == *to_minor,
        _ => false,
    }
}

pub(super) fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, wanted: String, there: String, changeable: bool| {
        if wanted != there {
            found.push(Difference {
                field: field.to_owned(),
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let version = cluster["version"].as_str().unwrap_or_default();
    let next = is_next(version, &layout.version);
    compare(
        "kubernetes-version",
        layout.version.clone(),
        version.to_owned(),
        next,
    );
    let (there, allowed) = endpoint(cluster);
    compare(
        "aws.endpoint",
        word(layout.endpoint).to_owned(),
        there.to_owned(),
        true,
    );
    if layout.endpoint != AwsEndpoint::Private {
        compare(
            "aws.allowed-cidrs",
            layout.allowed.join(", "),
            allowed.join(", "),
            true,
        );
    }
    let mut wanted = layout.logs.clone();
    wanted.sort();
    compare(
        "aws.logs",
        wanted.join(", "),
        logs(cluster).join(", "),
        true,
    );
    let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
    let lived = tagged::lifetime(&tagged::of(&cluster["tags"]));
    compare("lifetime", words(layout.lifetime), words(lived), true);
    found
}

pub(super) fn outputs(cluster: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    };
    put("arn", &cluster["arn"]);
    put("kubernetes-version", &cluster["version"]);
    put("endpoint", &cluster["endpoint"]);
    put("vpc", &cluster["resourcesVpcConfig"]["vpcId"]);
    put("oidc-issuer", &cluster["identity"]["oidc"]["issuer"]);
    let (access, allowed) = endpoint(cluster);
    put("access", &access.into());
    put("allowed-cidrs", &allowed.join(",").into());
    put("logs", &logs(cluster).join(",").into());
    tagged::put_times(&mut outputs, &tagged::of(&cluster["tags"]));
    outputs
}

/// Describes a cluster that was read.
pub(crate) fn describe(
    cluster: &Value,
    layout: Option<&ClusterLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&tagged::of(&cluster["tags"]));
    let state = state(cluster);
    let status = cluster["status"].as_str().unwrap_or_default();
    let detail = match state {
        State::Ready => doubt,
        _ => {
            let issues = eks::issues(cluster);
            Some(match issues.is_empty() {
                true => status.to_owned(),
                false => format!("{status}: {}", issues.join("; ")),
            })
        }
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) if owner == Owner::Ours => differences(cluster, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(cluster),
        detail,
        // Nobody could reach it yet.
        unused: matches!(state, State::Making | State::Failed),
    };
    (observed, tags)
}
