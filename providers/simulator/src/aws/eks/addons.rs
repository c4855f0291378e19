//! Add-ons: what they run, and whether it does.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        uuid,
    },
    ADDON, ASSOCIATION, CLUSTER, active_cluster, addon_of, clusters, fate, identities, in_use,
    invalid, show, tags, text, updates, versions, workloads,
};
use crate::clock;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed times: until an add-on is installed, until one that does not run is called degraded, and until one is gone.
const MAKE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);
const DELETE: Duration = Duration::from_secs(30);
const UPDATE: Duration = Duration::from_secs(45);

/// Returns a version of an add-on that goes with a cluster.
fn version(cluster: &Thing, name: &str, wanted: Option<&str>) -> Result<String, Fault> {
    let of = cluster.text("version");
    let known = versions::of_addon(name, versions::minor(of).unwrap_or_default());
    let known = known.ok_or_else(|| {
        invalid(format!(
            "Addon {name} specified is not supported in {of} kubernetes version"
        ))
    })?;
    match wanted {
        None => Ok(known[0].clone()),
        Some(wanted) if known.iter().any(|it| it == wanted) => Ok(wanted.to_owned()),
        Some(_) => Err(invalid("Addon version specified is not supported")),
    }
}

/// Checks configuration values: they are an object, in JSON or YAML.
fn configuration(input: &Value) -> Result<(), Fault> {
    let Some(values) = input["configurationValues"]
        .as_str()
        .filter(|it| !it.is_empty())
    else {
        return Ok(());
    };
    let read: Result<Value, _> = serde_saphyr::from_str(values);
    match read {
        Ok(Value::Object(_)) => Ok(()),
        _ => Err(invalid(
            "ConfigurationValue is not in valid JSON or YAML format.",
        )),
    }
}

/// Gives the service accounts of an add-on their roles; those that it had go.
fn identify(
    cx: &Cx<'_>,
    cluster: &Thing,
    addon: &str,
    arn: &str,
    wanted: &Value,
) -> Result<Vec<String>, Fault> {
    for known in cx.under(ASSOCIATION, &format!("{}/", cluster.id)) {
        if known.text("ownerArn") == arn {
            cx.remove(ASSOCIATION, &known.id);
        }
    }
    let mut arns = Vec::new();
    for it in wanted.as_array().into_iter().flatten() {
        let account = text(it, "serviceAccount");
        let allowed = workloads::accounts(addon);
        if !allowed.contains(&account) {
            return Err(invalid(format!(
                "Service account {account} is not one of addon {addon}: {}",
                allowed.join(", ")
            )));
        }
        let made = identities::associate(
            cx,
            cluster,
            ("kube-system", account),
            text(it, "roleArn"),
            Some(arn),
            Default::default(),
        )?;
        arns.push(made.text("associationArn").to_owned());
    }
    Ok(arns)
}

pub(super) fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let cluster = active_cluster(cx, input)?;
    let name = text(input, "addonName");
    let about = json!({"clusterName": cluster.id, "addonName": name});
    let id = format!("{}/{name}", cluster.id);
    if cx.get(ADDON, &id).is_some() {
        return Err(in_use("Addon already exists.").with(about));
    }
    let version = version(&cluster, name, input["addonVersion"].as_str())
        .map_err(|it| it.with(about.clone()))?;
    configuration(input).map_err(|it| it.with(about))?;
    let tags = tags(input)?;
    let arn = cx.arn(
        "eks",
        &format!("addon/{id}/{}", uuid(&cx.ground.mint("addon"))),
    );
    let pods = identify(cx, &cluster, name, &arn, &input["podIdentityAssociations"])?;
    let conflict =
        clusters::running(cx, &cluster).is_some_and(|it| workloads::is_there(&it.api, name));
    let fate = fate(cx, "CreateAddon", &id, MAKE);
    let fails = fate.fails.or_else(|| {
        let none = input["resolveConflicts"].as_str().unwrap_or("NONE") == "NONE";
        (none && conflict).then(|| "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode.".to_owned())
    });
    let body = json!({
        "addonName": name, "clusterName": cluster.id, "status": "CREATING", "addonVersion": version, "addonArn": arn, "health": {"issues": []},
        "createdAt": cx.now.to_string(), "modifiedAt": cx.now.to_string(), "serviceAccountRoleArn": input["serviceAccountRoleArn"],
        "configurationValues": input["configurationValues"], "podIdentityAssociations": pods, "publisher": "eks", "owner": "aws",
        "namespaceConfig": {"namespace": "kube-system"}, "fails": fails,
    });
    let mut addon = cx.make(ADDON, &id, tags, super::given(body));
    addon.due = fate.due;
    cx.put(addon.clone());
    Ok(json!({"addon": show(&addon)}))
}

pub(super) fn delete(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut addon = addon_of(cx, input)?;
    let fate = fate(cx, "DeleteAddon", &addon.id, DELETE);
    addon.body["status"] = json!("DELETING");
    addon.body["preserve"] = json!(input["preserve"] == true);
    addon.body["fails"] = json!(fate.fails);
    addon.due = fate.due;
    cx.put(addon.clone());
    Ok(json!({"addon": show(&addon)}))
}

pub(super) fn update(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut addon = addon_of(cx, input)?;
    let cluster = active_cluster(cx, input)?;
    let name = text(input, "addonName").to_owned();
    let about = json!({"clusterName": cluster.id, "addonName": name});
    if ["CREATING", "UPDATING", "DELETING"].contains(&addon.text("status")) {
        return Err(in_use(format!(
            "Addon {name} cannot be updated as it is currently in {} state",
            addon.text("status")
        ))
        .with(about));
    }
    let wanted = input["addonVersion"]
        .as_str()
        .or(Some(addon.text("addonVersion")));
    let kept = wanted == Some(addon.text("addonVersion"));
    let version = match kept {
        true => addon.text("addonVersion").to_owned(),
        false => version(&cluster, &name, wanted).map_err(|it| it.with(about.clone()))?,
    };
    configuration(input).map_err(|it| it.with(about))?;
    let mut what = json!({"addonVersion": version});
    for key in ["configurationValues", "serviceAccountRoleArn"] {
        if !input[key].is_null() {
            what[key] = input[key].clone();
        }
    }
    if !input["podIdentityAssociations"].is_null() {
        let arn = addon.text("addonArn").to_owned();
        what["podIdentityAssociations"] = json!(identify(
            cx,
            &cluster,
            &name,
            &arn,
            &input["podIdentityAssociations"]
        )?);
    }
    addon.body["status"] = json!("UPDATING");
    cx.put(addon.clone());
    let params = json!([{"type": "AddonVersion", "value": version}]);
    updates::begin(
        cx,
        "UpdateAddon",
        &addon,
        "AddonUpdate",
        params,
        UPDATE,
        what,
    )
}

/// Takes an update over that is done.
pub(super) fn updated(cx: &Cx<'_>, mut addon: Thing, what: &Value, failed: bool) {
    addon.body["modifiedAt"] = json!(cx.now.to_string());
    if failed {
        addon.body["status"] = json!("UPDATE_FAILED");
        return cx.put(addon);
    }
    for (key, value) in what.as_object().into_iter().flatten() {
        addon.body[key] = value.clone();
    }
    install(cx, addon);
}

/// Ends what an add-on was in the middle of, as far as time decides it.
pub(super) fn advance(cx: &Cx<'_>, mut addon: Thing) {
    let failure = addon.body["fails"].as_str().map(str::to_owned);
    addon.body["fails"] = Value::Null;
    match (addon.text("status"), failure) {
        ("CREATING", Some(why)) => issue(
            cx,
            addon,
            "CREATE_FAILED",
            if why.starts_with("Conflicts") {
                "ConfigurationConflict"
            } else {
                "InternalFailure"
            },
            &why,
        ),
        ("CREATING", None) if addon.body["installed"].is_null() => install(cx, addon),
        ("DELETING", Some(why)) => issue(cx, addon, "DELETE_FAILED", "InternalFailure", &why),
        ("DELETING", None) => {
            let name = addon.text("addonName").to_owned();
            let running = cx
                .get(CLUSTER, addon.text("clusterName"))
                .and_then(|it| clusters::running(cx, &it));
            if let Some(running) = running.filter(|_| addon.body["preserve"] != true) {
                workloads::remove(&running.api, &name);
            }
            for known in cx.under(ASSOCIATION, &format!("{}/", addon.text("clusterName"))) {
                if known.body["ownerArn"] == addon.body["addonArn"] {
                    cx.remove(ASSOCIATION, &known.id);
                }
            }
            cx.remove(ADDON, &addon.id);
        }
        // It had its time to run.
        _ => {
            addon.body["late"] = json!(addon.limit.is_none());
            cx.put(addon.clone());
            observe(cx, addon);
        }
    }
}

fn issue(cx: &Cx<'_>, mut addon: Thing, status: &str, code: &str, why: &str) {
    addon.body["status"] = json!(status);
    addon.body["health"]["issues"] = json!([{"code": code, "message": why, "resourceIds": []}]);
    cx.put(addon);
}

fn install(cx: &Cx<'_>, mut addon: Thing) {
    let Some(running) = cx
        .get(CLUSTER, addon.text("clusterName"))
        .and_then(|it| clusters::running(cx, &it))
    else {
        return cx.put(addon);
    };
    workloads::install(
        &running.api,
        addon.text("addonName"),
        addon.text("addonVersion"),
    );
    addon.body["installed"] = json!(true);
    addon.body["late"] = Value::Null;
    addon.limit = Some(clock::add(cx.now, PATIENCE));
    cx.put(addon.clone());
    observe(cx, addon);
}

/// Looks whether what an add-on runs is there; returns whether its status changed.
pub(super) fn observe(cx: &Cx<'_>, mut addon: Thing) -> bool {
    let status = addon.text("status").to_owned();
    if !["CREATING", "UPDATING", "ACTIVE", "DEGRADED"].contains(&status.as_str())
        || addon.body["installed"].is_null()
    {
        return false;
    }
    // An update that goes on decides itself.
    if status == "UPDATING"
        && cx
            .under(super::UPDATE, &format!("{}/", addon.text("clusterName")))
            .iter()
            .any(|it| it.text("of") == addon.id && it.text("status") == "InProgress")
    {
        return false;
    }
    let Some(running) = cx
        .get(CLUSTER, addon.text("clusterName"))
        .and_then(|it| clusters::running(cx, &it))
    else {
        return false;
    };
    let lacks = workloads::lacks(&running.api, addon.text("addonName"));
    let next = match lacks {
        None => "ACTIVE",
        Some(_) if addon.body["late"] == true || status == "DEGRADED" => "DEGRADED",
        // One that ran and does not now is not degraded at once.
        Some(_) => status.as_str(),
    };
    if next == status {
        return false;
    }
    addon.body["health"]["issues"] = match (next, lacks) {
        ("DEGRADED", Some(ids)) => json!([{
            "code": "InsufficientNumberOfReplicas", "resourceIds": ids,
            "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.",
        }]),
        _ => json!([]),
    };
    if next == "ACTIVE" {
        addon.limit = None;
    }
    addon.body["status"] = json!(next);
    cx.put(addon);
    true
}
