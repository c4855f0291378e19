//! The cluster itself: EKS's control plane.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    AwsEndpoint, Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource,
    Result, State, Tags,
};

use crate::{
    client::{Client, pause},
    eks::{self, POLL, path},
    network,
    refusal::Trouble,
    tagged,
    want::ClusterLayout,
};

/// How long a role that was just made may be unknown to EKS.
const PROPAGATION: Duration = Duration::from_secs(120);

fn state(cluster: &Value) -> State {
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

fn number(version: &str) -> Vec<u32> {
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

fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
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

fn outputs(cluster: &Value) -> Outputs {
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

/// Reads what there is of the cluster.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&ClusterLayout>,
) -> Result<Observed> {
    Ok(match eks::describe(client, cx, &resource.name).await? {
        None => Observed::missing(),
        Some(cluster) => describe(&cluster, layout).0,
    })
}

/// Brings the cluster about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    let began = cx.clock.now();
    loop {
        let Some(cluster) = eks::describe(client, cx, name).await? else {
            let body = creation(client, cx, resource, layout, known).await?;
            let request = ("POST", "/clusters".to_owned());
            match client.eks(cx, "CreateCluster", request, Some(&body)).await {
                Ok(_) => {}
                // An answer that was lost: it is there.
                Err(trouble) if trouble.is(&["ResourceInUseException"]) => {}
                Err(trouble) if is_too_early(&trouble) && cx.clock.now() < began + PROPAGATION => {
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
                        .context(format!("cannot create EKS cluster \"{name}\"")));
                }
            }
            if change == Change::Unchanged {
                change = Change::Made;
            }
            wait(cx, &format!("creating EKS cluster {name}"), POLL).await?;
            continue;
        };
        let owner = tagged::judge(&tagged::of(&cluster["tags"])).0;
        match state(&cluster) {
            State::Making => {
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                wait(cx, &format!("waiting for EKS cluster {name}"), POLL).await?;
            }
            State::Deleting => {
                wait(
                    cx,
                    &format!("waiting until the old EKS cluster {name} is gone"),
                    POLL,
                )
                .await?;
            }
            State::Failed if owner == Owner::Ours && change == Change::Unchanged => {
                cx.progress.say(format!(
                    "EKS cluster {name} could not be made: making it again"
                ));
                remove(client, cx, name).await?;
                change = Change::Updated;
            }
            State::Failed | State::Missing => {
                let error = Error::new(
                    eks::fault(&cluster),
                    format!("EKS cluster \"{name}\" could not be made"),
                );
                return Err(eks::issues(&cluster)
                    .into_iter()
                    .fold(error, Error::cause)
                    .hint("mend what it names, and run the same command again"));
            }
            State::Ready if owner == Owner::Foreign => {
                return Ok((Change::Unchanged, outputs(&cluster)));
            }
            State::Ready if cluster["status"] == "UPDATING" => {
                change = Change::Updated;
                wait(
                    cx,
                    &format!("waiting for an update of EKS cluster {name}"),
                    POLL,
                )
                .await?;
            }
            State::Ready => {
                let differs = differences(&cluster, layout);
                let Some(first) = differs.first() else {
                    return Ok((change, outputs(&cluster)));
                };
                if !first.changeable {
                    return Err(refuse(name, first));
                }
                update(client, cx, resource, layout, (&cluster, &differs)).await?;
                change = Change::Updated;
            }
        }
    }
}

/// Says why a version cannot be reached.
fn refuse(name: &str, differs: &Difference) -> Error {
    let error = Error::new(
        Fault::Invalid,
        format!(
            "EKS cluster \"{name}\" has Kubernetes {}, and cannot go to {} at once",
            differs.found, differs.wanted
        ),
    );
    let (from, to) = (number(&differs.found), number(&differs.wanted));
    match (&from[..], &to[..]) {
        ([major, minor], [_, wanted]) if minor < wanted => {
            let next = format!("{major}.{}", minor + 1);
            error
                .cause("EKS goes one minor version at a time")
                .hint(format!(
                    "go to the next first: windlass cluster upgrade --kubernetes-version {next}"
                ))
        }
        _ => error
            .cause("a control plane never goes back")
            .hint(format!("write kubernetes-version = \"{}\"", differs.found)),
    }
}

/// Returns the body of the call that makes the cluster.
async fn creation(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<Value> {
    let network = network::known_outputs(client, cx, &resource.cluster, known).await?;
    let read = |key: &str| network.get(key).cloned().unwrap_or_default();
    let mut subnets = layout.subnets.clone();
    if subnets.is_empty() {
        let own = network::private_subnets(&network).into_iter();
        let own = own.chain(network::public_subnets(&network));
        subnets = own.map(|(subnet, _)| subnet).collect();
    }
    let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
    let mut body = json!({
        "name": resource.name,
        // The same call, sent twice, makes one cluster.
        "clientRequestToken": eks::token(cx, &resource.name),
        "version": layout.version,
        "roleArn": read("cluster-role"),
        "resourcesVpcConfig": {
            "subnetIds": subnets,
            "securityGroupIds": [read("control-plane-group")],
            "endpointPublicAccess": layout.endpoint != AwsEndpoint::Private,
            "endpointPrivateAccess": layout.endpoint != AwsEndpoint::Public,
        },
        "accessConfig": {
            "authenticationMode": "API_AND_CONFIG_MAP",
            "bootstrapClusterCreatorAdminPermissions": true,
        },
        // They are add-ons, which EKS keeps in line.
        "bootstrapSelfManagedAddons": false,
        "tags": tagged::object(&tags),
    });
    if !layout.allowed.is_empty() {
        body["resourcesVpcConfig"]["publicAccessCidrs"] = json!(layout.allowed);
    }
    if !layout.logs.is_empty() {
        body["logging"] = logging(&layout.logs);
    }
    Ok(body)
}

fn logging(on: &[String]) -> Value {
    let all = crate::plan::LOG_TYPES;
    let off: Vec<&str> = all
        .into_iter()
        .filter(|kind| !on.iter().any(|it| it == kind))
        .collect();
    let mut settings = Vec::new();
    if !on.is_empty() {
        settings.push(json!({ "types": on, "enabled": true }));
    }
    if !off.is_empty() {
        settings.push(json!({ "types": off, "enabled": false }));
    }
    json!({ "clusterLogging": settings })
}

/// Brings the first of these differences into line; EKS takes one update at a time.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &ClusterLayout,
    (cluster, differs): (&Value, &[Difference]),
) -> Result<()> {
    let name = &resource.name;
    let field = differs
        .first()
        .map(|it| it.field.as_str())
        .unwrap_or_default();
    let (action, step, body) = match field {
        "kubernetes-version" => (
            "UpdateClusterVersion",
            "updates",
            json!({ "version": layout.version }),
        ),
        "lifetime" => {
            let there = tagged::of(&cluster["tags"]);
            let tags = network::again(cx, &resource.cluster, &there, layout.lifetime);
            let arn = cluster["arn"].as_str().unwrap_or_default();
            return eks::retag(client, cx, arn, &tags).await;
        }
        "aws.logs" => (
            "UpdateClusterConfig",
            "update-config",
            json!({ "logging": logging(&layout.logs) }),
        ),
        _ => {
            let allowed = match layout.allowed.is_empty() {
                true => vec!["0.0.0.0/0".to_owned()],
                false => layout.allowed.clone(),
            };
            let mut access = json!({
                "endpointPublicAccess": layout.endpoint != AwsEndpoint::Private,
                "endpointPrivateAccess": layout.endpoint != AwsEndpoint::Public,
            });
            if layout.endpoint != AwsEndpoint::Private {
                access["publicAccessCidrs"] = json!(allowed);
            }
            (
                "UpdateClusterConfig",
                "update-config",
                json!({ "resourcesVpcConfig": access }),
            )
        }
    };
    let begun = eks::update(client, cx, action, path(name, &[step]), &body)
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot update EKS cluster \"{name}\""))
        })?;
    match begun {
        Some(update) => {
            let what = format!("EKS cluster {name} ({field})");
            eks::await_update(client, cx, (name, &what, ""), &update, POLL).await
        }
        None => {
            wait(
                cx,
                &format!("waiting for an update of EKS cluster {name}"),
                POLL,
            )
            .await
        }
    }
}

/// Returns whether EKS does not know a role yet that was just made.
pub(crate) fn is_too_early(trouble: &Trouble) -> bool {
    let Trouble::Refused(refusal) = trouble else {
        return false;
    };
    let said = refusal.message.to_lowercase();
    ["InvalidParameterException", "InvalidRequestException"].contains(&refusal.code.as_str())
        && said.contains("role")
        && [
            "could not be assumed",
            "not exist",
            "not authorized",
            "cannot be found",
            "is invalid",
        ]
        .iter()
        .any(|words| said.contains(words))
}

pub(crate) async fn wait(cx: &Ctx, what: &str, time: Duration) -> Result<()> {
    cx.progress.say(what);
    pause(cx, what, time).await
}

/// Deletes the cluster; one that is not ours is kept.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let Some(cluster) = eks::describe(client, cx, &resource.name).await? else {
        return Ok(Change::Absent);
    };
    if tagged::judge(&tagged::of(&cluster["tags"])).0 == Owner::Foreign {
        cx.progress.say(format!(
            "EKS cluster {} was not made by windlass and is kept",
            resource.name
        ));
        return Ok(Change::Kept);
    }
    remove(client, cx, &resource.name).await?;
    Ok(Change::Removed)
}

async fn remove(client: &Client, cx: &Ctx, name: &str) -> Result<()> {
    let what = format!("deleting EKS cluster {name}");
    let mut refused: Option<Trouble> = None;
    loop {
        let Some(cluster) = eks::describe(client, cx, name).await? else {
            return Ok(());
        };
        match state(&cluster) {
            State::Deleting => {}
            // It ends first: a cluster that is being made cannot be deleted.
            State::Making => {}
            _ => {
                let request = ("DELETE", path(name, &[]));
                match client.eks(cx, "DeleteCluster", request, None).await {
                    Ok(_) => {}
                    Err(trouble) if trouble.is_missing() => return Ok(()),
                    // Another answer was lost, an update is under way, or something in it is still going.
                    Err(trouble)
                        if trouble.is(&["ResourceInUseException"]) && !has_parts(&trouble) => {}
                    Err(trouble)
                        if trouble.is(&["ResourceInUseException"]) && refused.is_none() =>
                    {
                        refused = Some(trouble);
                    }
                    Err(trouble) => {
                        return Err(Error::from(trouble)
                            .context(format!("cannot delete EKS cluster \"{name}\"")));
                    }
                }
            }
        }
        wait(cx, &what, POLL).await?;
    }
}

/// Returns whether a cluster cannot go because somebody put something into it that must go first.
fn has_parts(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(refusal)
        if refusal.message.contains("nodegroups") || refusal.message.contains("attached") || refusal.message.contains("Fargate"))
}
