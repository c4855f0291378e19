//! Managed node groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource, ResourceId,
    Result, State, Tags, Taint, TaintEffect,
};

use crate::{
    client::{Client, encode},
    cluster::{is_too_early, wait},
    eks::{self, POLL, path},
    machine::ami_type,
    network,
    tagged::{self, Pairs},
    want::{NETWORK, NodesLayout, part},
};

/// The tag that says to which one zone a pool is bound.
const ZONE: &str = "windlass-zone";

fn state(group: &Value) -> State {
    match group["status"].as_str().unwrap_or_default() {
        "ACTIVE" | "UPDATING" => State::Ready,
        "DELETING" => State::Deleting,
        "CREATING" => State::Making,
        _ => State::Failed,
    }
}

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    }
}

/// A taint as EKS has it: key, value, effect.
type Tainted = (String, String, String);

fn wanted_taints(taints: &[Taint]) -> BTreeSet<Tainted> {
    let taints = taints.iter();
    taints
        .map(|it| {
            (
                it.key.clone(),
                it.value.clone(),
                effect(it.effect).to_owned(),
            )
        })
        .collect()
}

fn there_taints(group: &Value) -> BTreeSet<Tainted> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = group["taints"].as_array().into_iter().flatten();
    taints
        .map(|it| (text(&it["key"]), text(&it["value"]), text(&it["effect"])))
        .collect()
}

fn show_taints(taints: &BTreeSet<Tainted>) -> String {
    let taints = taints.iter();
    let shown: Vec<String> = taints
        .map(|(key, value, effect)| format!("{key}={value}:{effect}"))
        .collect();
    shown.join(", ")
}

fn json_taint((key, value, effect): &Tainted) -> Value {
    match value.is_empty() {
        true => json!({ "key": key, "effect": effect }),
        false => json!({ "key": key, "value": value, "effect": effect }),
    }
}

fn there_labels(group: &Value) -> BTreeMap<String, String> {
    tagged::of(&group["labels"])
}

fn is_older(there: &str, wanted: &str) -> bool {
    let number = |version: &str| -> Vec<u32> {
        version
            .split('.')
            .take(2)
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    number(there) < number(wanted)
}

fn differences(group: &Value, layout: &NodesLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: String, wanted: String, there: String, changeable: bool| {
        if wanted != there {
            found.push(Difference {
                field,
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let pairs = tagged::of(&group["tags"]);
    let field = |key: &str| layout.field(key);
    compare(
        field("machine"),
        layout.machine.clone(),
        text(&group["instanceTypes"][0]),
        false,
    );
    let spot = group["capacityType"] == "SPOT";
    compare(
        field("spot"),
        layout.spot.to_string(),
        spot.to_string(),
        false,
    );
    let image = ami_type(layout.image, &layout.machine);
    compare(
        "aws.image".to_owned(),
        image,
        text(&group["amiType"]),
        false,
    );
    if let Some(disk) = layout.disk {
        compare(
            "aws.disk".to_owned(),
            disk.to_string(),
            text(&group["diskSize"]),
            false,
        );
    }
    let zone = pairs.get(ZONE).cloned().unwrap_or_default();
    compare(
        field("zone"),
        layout.zone.clone().unwrap_or_default(),
        zone,
        false,
    );
    let scaling = &group["scalingConfig"];
    compare(
        field("min"),
        layout.min.to_string(),
        text(&scaling["minSize"]),
        true,
    );
    compare(
        field("max"),
        layout.max.to_string(),
        text(&scaling["maxSize"]),
        true,
    );
    let labels = there_labels(group);
    let keys: BTreeSet<&String> = layout.labels.keys().chain(labels.keys()).collect();
    for key in keys {
        let value =
            |labels: &BTreeMap<String, String>| labels.get(key).cloned().unwrap_or_default();
        compare(
            field(&format!("labels.{key}")),
            value(&layout.labels),
            value(&labels),
            true,
        );
    }
    let (wanted, there) = (wanted_taints(&layout.taints), there_taints(group));
    compare(
        field("taints"),
        show_taints(&wanted),
        show_taints(&there),
        true,
    );
    let version = text(&group["version"]);
    if version != layout.version {
        let older = is_older(&version, &layout.version);
        let name = group["nodegroupName"].as_str().unwrap_or_default();
        compare(
            format!("kubernetes-version of {name}"),
            layout.version.clone(),
            version,
            older,
        );
    }
    if tagged::is_ours(&pairs) {
        let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
        compare(
            "lifetime".to_owned(),
            words(layout.lifetime),
            words(tagged::lifetime(&pairs)),
            true,
        );
    }
    found
}

fn outputs(group: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => return,
            other => other.to_string(),
        };
        outputs.insert(key.to_owned(), text);
    };
    put("arn", &group["nodegroupArn"]);
    put("machine", &group["instanceTypes"][0]);
    put("image", &group["amiType"]);
    put("min", &group["scalingConfig"]["minSize"]);
    put("max", &group["scalingConfig"]["maxSize"]);
    put("kubernetes-version", &group["version"]);
    if group["capacityType"] == "SPOT" {
        put("spot", &json!(true));
    }
    if let Some(zone) = group["tags"].get(ZONE) {
        put("zone", zone);
    }
    let labels = there_labels(group);
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let taints = show_taints(&there_taints(group)).replace(' ', "");
    let subnets: Vec<&str> = group["subnets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (key, value) in [
        ("labels", labels.join(",")),
        ("taints", taints),
        ("subnets", subnets.join(",")),
    ] {
        if !value.is_empty() {
            put(key, &value.into());
        }
    }
    outputs
}

fn trouble(group: &Value) -> String {
    let status = group["status"].as_str().unwrap_or_default();
    match &eks::issues(group)[..] {
        [] => status.to_owned(),
        issues => format!("{status}: {}", issues.join("; ")),
    }
}

/// Describes a node group that was read.
pub(crate) fn describe(group: &Value, layout: Option<&NodesLayout>) -> (Observed, Option<Tags>) {
    let (_, tags, doubt) = tagged::judge(&tagged::of(&group["tags"]));
    let state = state(group);
    let detail = match state {
        State::Ready => doubt,
        _ => Some(trouble(group)),
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(group, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        // Whatever is in a cluster of ours goes with it.
        owner: Owner::Ours,
        differs,
        outputs: outputs(group),
        detail,
        unused: !matches!(state, State::Ready | State::Failed),
    };
    (observed, tags)
}

/// Reads what there is of a node group.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&NodesLayout>,
) -> Result<Observed> {
    let cluster = resource.cluster.as_str();
    Ok(
        match eks::nodes(client, cx, cluster, part(resource)).await? {
            None => Observed::missing(),
            Some(group) => describe(&group, layout).0,
        },
    )
}

/// Brings a node group about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &NodesLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let mut change = Change::Unchanged;
    let began = cx.clock.now();
    loop {
        let Some(group) = eks::nodes(client, cx, cluster, name).await? else {
            let body = creation(client, cx, resource, layout, known).await?;
            let request = ("POST", path(cluster, &["node-groups"]));
            match client
                .eks(cx, "CreateNodegroup", request, Some(&body))
                .await
            {
                Ok(_) => {}
                // An answer was lost, or the cluster is being updated.
                Err(trouble) if trouble.is(&["ResourceInUseException"]) => {}
                Err(trouble)
                    if is_too_early(&trouble)
                        && cx.clock.now() < began + Duration::from_secs(120) =>
                {
                    wait(
                        cx,
                        "waiting until EKS knows the new role",
                        Duration::from_secs(10),
                    )
                    .await?;
                    continue;
                }
                Err(trouble) => {
                    return Err(Error::from(trouble)
                        .context(format!("cannot create node group \"{name}\"")));
                }
            }
            if change == Change::Unchanged {
                change = Change::Made;
            }
            wait(cx, &format!("creating node group {name}"), POLL).await?;
            continue;
        };
        match (state(&group), group["status"].as_str().unwrap_or_default()) {
            (State::Making, _) => {
                // What will not pass need not be waited for.
                if [Fault::Quota, Fault::Denied].contains(&eks::fault(&group)) {
                    return Err(broken(client, resource, layout, &group));
                }
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                wait(
                    cx,
                    &format!("waiting for node group {name}: {}", trouble(&group)),
                    POLL,
                )
                .await?;
            }
            (State::Deleting, _) => {
                wait(
                    cx,
                    &format!("waiting until the old node group {name} is gone"),
                    POLL,
                )
                .await?;
            }
            (State::Ready, "UPDATING") => {
                change = Change::Updated;
                wait(
                    cx,
                    &format!("waiting for an update of node group {name}"),
                    POLL,
                )
                .await?;
            }
            (State::Ready, _) => {
                let differs = differences(&group, layout);
                let fixed: Vec<_> = differs.iter().filter(|it| !it.changeable).collect();
                if !fixed.is_empty() {
                    return Err(refuse(resource, layout, &fixed));
                }
                if differs.is_empty() {
                    return Ok((change, outputs(&group)));
                }
                update(client, cx, resource, layout, (&group, &differs)).await?;
                change = Change::Updated;
            }
            (_, "CREATE_FAILED") if change == Change::Unchanged => {
                cx.progress.say(format!(
                    "node group {name} could not be made: making it again"
                ));
                remove(client, cx, resource).await?;
                change = Change::Updated;
            }
            _ => return Err(broken(client, resource, layout, &group)),
        }
    }
}

fn broken(client: &Client, resource: &Resource, layout: &NodesLayout, group: &Value) -> Error {
    let fault = eks::fault(group);
    let error = Error::new(
        fault,
        format!("node group \"{}\" does not work", part(resource)),
    )
    .cause(trouble(group));
    match fault {
        Fault::Quota => {
            let quota = crate::machine::quota(&layout.machine, layout.spot);
            let code = quota.map_or("L-1216C47A", |(code, _)| code);
            error.hint(format!(
                "use smaller or fewer nodes, or ask for quota {code} in {}",
                client.region()
            ))
        }
        _ => error
            .hint("mend what it names, and run the same command again")
            .hint(format!(
                "or make it anew: windlass cluster node-pool recreate {} --cluster {}",
                part(resource),
                resource.cluster
            )),
    }
}

fn refuse(resource: &Resource, layout: &NodesLayout, fixed: &[&Difference]) -> Error {
    let error = Error::new(
        Fault::Invalid,
        format!(
            "node group \"{}\" is not as wanted, and EKS cannot change it",
            part(resource)
        ),
    );
    let error = fixed.iter().fold(error, |error, it| {
        error.cause(format!(
            "{}: {} is wanted, {} is there",
            it.field, it.wanted, it.found
        ))
    });
    let pool = layout.pool.as_deref().unwrap_or(part(resource));
    error
        .hint("take the settings back to what is there")
        .hint(format!(
            "or make it anew: windlass cluster node-pool recreate {pool} --cluster {}",
            resource.cluster
        ))
}

async fn creation(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &NodesLayout,
    known: &Known,
) -> Result<Value> {
    let network = network::known_outputs(client, cx, &resource.cluster, known).await?;
    let mut subnets = layout.subnets.clone();
    if subnets.is_empty() {
        let own = network::private_subnets(&network).into_iter();
        let fits = |zone: &String| layout.zone.as_ref().is_none_or(|wanted| wanted == zone);
        subnets = own
            .filter(|(_, zone)| fits(zone))
            .map(|(subnet, _)| subnet)
            .collect();
    }
    let known = Known::from([(ResourceId::new(NETWORK), network.clone())]);
    let own = tagged::for_new(cx, &resource.cluster, layout.lifetime, &known);
    let mut tags = tagged::object(&own);
    if let Some(zone) = &layout.zone {
        tags[ZONE] = json!(zone);
    }
    let taints = wanted_taints(&layout.taints);
    let mut body = json!({
        "nodegroupName": part(resource),
        "clientRequestToken": eks::token(cx, &resource.name),
        "scalingConfig": { "minSize": layout.min, "maxSize": layout.max, "desiredSize": layout.min },
        "subnets": subnets,
        "instanceTypes": [layout.machine],
        "amiType": ami_type(layout.image, &layout.machine),
        "capacityType": match layout.spot { true => "SPOT", false => "ON_DEMAND" },
        "nodeRole": network.get("node-role").cloned().unwrap_or_default(),
        "version": layout.version,
        "tags": tags,
    });
    if let Some(disk) = layout.disk {
        body["diskSize"] = json!(disk);
    }
    if !layout.labels.is_empty() {
        body["labels"] = json!(layout.labels);
    }
    if !taints.is_empty() {
        body["taints"] = taints.iter().map(json_taint).collect();
    }
    Ok(body)
}

/// Brings one kind of difference into line; EKS takes one update at a time.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &NodesLayout,
    (group, differs): (&Value, &[Difference]),
) -> Result<()> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let of_version = |it: &&Difference| it.field.starts_with("kubernetes-version");
    let (action, step, body) = if differs.iter().any(|it| of_version(&it)) {
        // Pods move by their disruption budgets: nothing is forced.
        let body = json!({ "version": layout.version, "clientRequestToken": eks::token(cx, &resource.name) });
        ("UpdateNodegroupVersion", "update-version", body)
    } else if differs.iter().all(|it| it.field == "lifetime") {
        let pairs: Pairs = tagged::of(&group["tags"]);
        let own = network::again(cx, &resource.cluster, &pairs, layout.lifetime);
        let arn = group["nodegroupArn"].as_str().unwrap_or_default();
        return eks::retag(client, cx, arn, &own).await;
    } else {
        (
            "UpdateNodegroupConfig",
            "update-config",
            config(cx, resource, group, layout),
        )
    };
    let page = path(cluster, &["node-groups", name, step]);
    let begun = eks::update(client, cx, action, page, &body)
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot update node group \"{name}\""))
        })?;
    match begun {
        Some(update) => {
            let rest = format!("?nodegroupName={}", encode(name));
            let what = format!("node group {name}");
            eks::await_update(client, cx, (cluster, &what, &rest), &update, POLL).await
        }
        None => wait(cx, &format!("waiting for node group {name}"), POLL).await,
    }
}

fn config(cx: &Ctx, resource: &Resource, group: &Value, layout: &NodesLayout) -> Value {
    let desired = group["scalingConfig"]["desiredSize"].as_u64();
    let desired = desired
        .and_then(|it| u32::try_from(it).ok())
        .unwrap_or(layout.min);
    let mut body = json!({
        "clientRequestToken": eks::token(cx, &resource.name),
        "scalingConfig": {
            "minSize": layout.min,
            "maxSize": layout.max,
            "desiredSize": desired.clamp(layout.min, layout.max),
        },
    });
    let labels = there_labels(group);
    if labels != layout.labels {
        let gone = labels
            .keys()
            .filter(|key| !layout.labels.contains_key(*key));
        body["labels"] = json!({
            "addOrUpdateLabels": layout.labels,
            "removeLabels": gone.collect::<Vec<_>>(),
        });
    }
    let (wanted, there) = (wanted_taints(&layout.taints), there_taints(group));
    if wanted != there {
        let list = |taints: Vec<&Tainted>| taints.into_iter().map(json_taint).collect::<Value>();
        body["taints"] = json!({
            "addOrUpdateTaints": list(wanted.difference(&there).collect()),
            "removeTaints": list(there.difference(&wanted).collect()),
        });
    }
    body
}

async fn remove(client: &Client, cx: &Ctx, resource: &Resource) -> Result<bool> {
    let name = part(resource);
    let at = (resource.cluster.as_str(), &["node-groups", name][..]);
    let what = format!("node group {name}");
    eks::remove(client, cx, "DeleteNodegroup", at, &what, POLL).await
}

/// Deletes a node group.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    Ok(match remove(client, cx, resource).await? {
        true => Change::Removed,
        false => Change::Absent,
    })
}
