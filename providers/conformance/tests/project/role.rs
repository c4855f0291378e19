//! What is sent, judged by the role that windlass hands out.

use std::collections::BTreeSet;

use super::judged::{live_in_a_project_of_its_own, live_in_a_project_that_is_there, spec};

/// What the role holds for what is no call of windlass's: to let nodes run as their account, to change what a network is made of with its
/// firewall rules and routers, to count calls to a project, and what is looked at by Google itself.
const BESIDES: [&str; 6] = [
    "iam.serviceAccounts.actAs",
    "compute.networks.updatePolicy",
    "compute.subnetworks.get",
    "serviceusage.services.list",
    "serviceusage.services.use",
    "container.operations.list",
];

/// Each call of lives with all that can be chosen, checks and looks included, is allowed by the role; and it allows nothing else outside
/// of the cluster.
#[tokio::test]
async fn the_role_allows_each_call_that_is_made() {
    let mut wanted = BTreeSet::new();
    // APIs are enabled where a project lacks them: one that was just made lacks all.
    let whole = live_in_a_project_of_its_own().await.calls();
    let enables = |it: &&String| it.contains("/serviceusage/") || it.contains("/compute/");
    for call in whole.iter().filter(enables) {
        wanted.extend(permission(call).unwrap_or_else(|why| panic!("{call}: {why}")));
    }
    for private in [true, false] {
        let sent = live_in_a_project_that_is_there(|bed| {
            let mut spec = spec(bed);
            (spec.google.create_project, spec.google.project) = (false, None);
            spec.google.parent = None;
            spec.google.private_nodes = private;
            spec
        });
        for call in sent.await.calls() {
            match permission(&call) {
                Ok(permission) => wanted.extend(permission),
                Err(why) => panic!("{call}: {why}"),
            }
        }
    }
    let role = include_str!("../../../../templates/gcp/role.yaml");
    let allowed: BTreeSet<String> = role
        .lines()
        .filter_map(|line| Some(line.strip_prefix("- ")?.to_owned()))
        .collect();
    let denied: Vec<&String> = wanted.difference(&allowed).collect();
    assert!(denied.is_empty(), "{denied:?}");
    let in_cluster = |it: &str| {
        it.starts_with("container.")
            && !it.starts_with("container.clusters.")
            && !it.starts_with("container.operations.")
    };
    let idle: Vec<&String> = allowed
        .difference(&wanted)
        .filter(|it| !in_cluster(it) && !BESIDES.contains(&it.as_str()))
        // What is deleted may have to be looked at first, wherever it is.
        .filter(|it| !it.starts_with("compute.region") && !it.starts_with("compute.global"))
        .collect();
    assert!(idle.is_empty(), "{idle:?}");
}

/// Returns the permission that a call wants; `None`: anybody may.
fn permission(call: &str) -> Result<Option<String>, String> {
    let (method, url) = call.split_once(' ').ok_or("no method")?;
    let (_, path) = url.split_once("/google/").ok_or("no path")?;
    let (service, path) = path.split_once('/').ok_or("no service")?;
    let steps: Vec<&str> = path.split('/').collect();
    let verb = |named: bool| match (method, named) {
        ("GET", true) => Ok("get"),
        ("GET", false) => Ok("list"),
        ("POST", false) => Ok("create"),
        ("PATCH" | "PUT", true) => Ok("update"),
        ("DELETE", true) => Ok("delete"),
        _ => Err(format!("nothing is known of {method}")),
    };
    let told = match (service, &steps[..]) {
        // https://cloud.google.com/kubernetes-engine/docs/reference/api-permissions: pools are the cluster's business.
        ("container", ["v1", "projects", _, "locations", _, rest @ ..]) => match (method, rest) {
            (_, ["clusters"]) => format!("container.clusters.{}", verb(false)?),
            ("GET", ["serverConfig"]) => "container.clusters.list".to_owned(),
            ("GET", ["operations", _]) => "container.operations.get".to_owned(),
            ("GET", ["clusters", ..]) => "container.clusters.get".to_owned(),
            ("DELETE", ["clusters", _]) => "container.clusters.delete".to_owned(),
            (_, ["clusters", ..]) => "container.clusters.update".to_owned(),
            _ => return Err("no call of GKE's".to_owned()),
        },
        // https://cloud.google.com/compute/docs/reference/rest/v1: each call names its permission.
        ("compute", ["compute", "v1", "projects", _, rest @ ..]) => match rest {
            [] => "compute.projects.get".to_owned(),
            ["aggregated", kind] => format!("compute.{kind}.list"),
            ["regions", _] => "compute.regions.get".to_owned(),
            ["zones"] => "compute.zones.list".to_owned(),
            ["global", kind] => format!("compute.{}.{}", scoped("global", kind), verb(false)?),
            ["global", kind, _] => format!("compute.{}.{}", scoped("global", kind), verb(true)?),
            ["regions" | "zones", _, kind] => format!("compute.{kind}.{}", verb(false)?),
            [scope @ ("regions" | "zones"), _, kind, _] => {
                format!(
                    "compute.{}.{}",
                    scoped(scope.trim_end_matches('s'), kind),
                    verb(true)?
                )
            }
            [
                "zones",
                _,
                kind,
                _,
                "listInstances" | "listNetworkEndpoints",
            ] => {
                format!("compute.{kind}.list")
            }
            _ => return Err("no call of compute's".to_owned()),
        },
        ("iam", ["v1", "projects", _, "serviceAccounts"]) => {
            format!("iam.serviceAccounts.{}", verb(false)?)
        }
        ("iam", ["v1", "projects", _, "serviceAccounts", account]) => {
            match account.split_once(':') {
                Some((_, verb)) => format!("iam.serviceAccounts.{verb}"),
                None => format!("iam.serviceAccounts.{}", verb(true)?),
            }
        }
        // A search finds what one may get.
        ("cloudresourcemanager", ["v3", "projects:search"]) => {
            "resourcemanager.projects.get".to_owned()
        }
        ("cloudresourcemanager", ["v3" | "v1", "projects", project]) => {
            match project.split_once(':') {
                Some((_, "testIamPermissions")) => return Ok(None),
                Some((_, "getEffectiveOrgPolicy")) => "orgpolicy.policy.get".to_owned(),
                Some((_, verb)) => format!("resourcemanager.projects.{verb}"),
                None => format!("resourcemanager.projects.{}", verb(true)?),
            }
        }
        ("serviceusage", ["v1", "projects", _, "services:batchGet"]) => {
            "serviceusage.services.get".to_owned()
        }
        ("serviceusage", ["v1", "projects", _, "services:batchEnable"]) => {
            "serviceusage.services.enable".to_owned()
        }
        ("serviceusage", ["v1", "operations", _]) => "serviceusage.operations.get".to_owned(),
        _ => return Err("no service that is known".to_owned()),
    };
    Ok(Some(told))
}

/// Returns a collection as permissions name it: some are apart for the world and for regions.
fn scoped(scope: &str, kind: &str) -> String {
    let (first, rest) = kind.split_at(1);
    let apart = match scope {
        "global" => ["forwardingRules", "addresses", "operations"].contains(&kind),
        "zone" => kind == "operations",
        _ => [
            "backendServices",
            "healthChecks",
            "operations",
            "sslCertificates",
            "targetHttpProxies",
            "targetHttpsProxies",
            "urlMaps",
        ]
        .contains(&kind),
    };
    match apart {
        true => format!("{scope}{}{rest}", first.to_uppercase()),
        false => kind.to_owned(),
    }
}
