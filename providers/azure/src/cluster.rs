//! The cluster itself: AKS's control plane, with the system pool.

use serde_json::{Value, json};
use windlass_provider::{
    AzureNetwork, Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource,
    Result, State, Tags,
};

use crate::{
    client::{Call, Client, Method, POLL, wait},
    pools,
    refusal::Answer,
    tagged::{self, Pairs},
    version::{self, Step},
    want::{
        AKS_API, ClusterLayout, Place, SYSTEM_POOL, at, cluster_identity_name, node_group_name,
    },
};

/// How often a cluster that is as wanted never is changed.
const CHANGES: u32 = 12;

/// Reads a cluster.
pub(crate) async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
) -> Answer<Option<Value>> {
    let path = at(&place.cluster(name), AKS_API);
    client.get(cx, &format!("AKS cluster {name}"), path).await
}

/// Reads all clusters of the subscription.
pub(crate) async fn all(client: &Client, cx: &Ctx, place: &Place) -> Answer<Vec<Value>> {
    let path = format!(
        "{}/providers/Microsoft.ContainerService/managedClusters",
        place.root()
    );
    client
        .list(cx, "list the AKS clusters", at(&path, AKS_API))
        .await
}

/// Returns the resource group that something is in, by its id.
pub(crate) fn group_of(id: &str) -> Option<&str> {
    let mut parts = id.split('/');
    parts.find(|part| part.eq_ignore_ascii_case("resourceGroups"))?;
    parts.next()
}

fn provisioning(cluster: &Value) -> &str {
    cluster["properties"]["provisioningState"]
        .as_str()
        .unwrap_or_default()
}

fn is_stopped(cluster: &Value) -> bool {
    cluster["properties"]["powerState"]["code"] == "Stopped"
}

fn state(cluster: &Value) -> State {
    match provisioning(cluster) {
        "Creating" => State::Making,
        "Deleting" => State::Deleting,
        "Failed" | "Canceled" => State::Failed,
        "Succeeded" if is_stopped(cluster) => State::Failed,
        _ => State::Ready,
    }
}

fn is_busy(cluster: &Value) -> bool {
    !["Succeeded", "Failed", "Canceled"].contains(&provisioning(cluster))
}

fn words<T: serde::Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let mut list: Vec<String> = list
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    list.sort();
    list
}

fn system_pool(cluster: &Value) -> Option<&Value> {
    let pools = cluster["properties"]["agentPoolProfiles"].as_array()?;
    pools.iter().find(|pool| pool["name"] == SYSTEM_POOL)
}

/// Returns what can be told of a cluster in the words of settings: the key, and the value.
fn seen(cluster: &Value) -> [(&'static str, String); 9] {
    let properties = &cluster["properties"];
    let text = |value: &Value, usual: &str| value.as_str().unwrap_or(usual).to_owned();
    let flag = |value: &Value| (*value == true).to_string();
    let network = &properties["networkProfile"];
    let dataplane = match network["networkDataplane"].as_str() {
        Some("cilium") => "cilium".to_owned(),
        Some("azure") | None if network["networkPlugin"] == "azure" => "azure".to_owned(),
        _ => text(&network["networkPlugin"], "none"),
    };
    let entra = &properties["aadProfile"];
    let mesh = properties["serviceMeshProfile"]["mode"] == "Istio";
    let auto = properties["nodeProvisioningProfile"]["mode"] == "Auto";
    let allowed = strings(&properties["apiServerAccessProfile"]["authorizedIPRanges"]);
    [
        ("tier", text(&cluster["sku"]["tier"], "free").to_lowercase()),
        (
            "upgrades",
            text(&properties["autoUpgradeProfile"]["upgradeChannel"], "none"),
        ),
        ("network", dataplane),
        ("allowed-cidrs", allowed.join(", ")),
        (
            "entra-groups",
            strings(&entra["adminGroupObjectIDs"]).join(", "),
        ),
        ("azure-rbac", flag(&entra["enableAzureRBAC"])),
        (
            "no-local-accounts",
            flag(&properties["disableLocalAccounts"]),
        ),
        ("istio", mesh.to_string()),
        ("node-provisioning", auto.to_string()),
    ]
}

/// Returns how a cluster differs from what is wanted.
fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
    let properties = &cluster["properties"];
    let mut found = Vec::new();
    let mut compare = |field: &str, wanted: String, there: String, changeable: bool| {
        if !wanted.eq_ignore_ascii_case(&there) {
            found.push(Difference {
                field: field.to_owned(),
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let current = version::current(properties, "kubernetesVersion");
    match version::compare(&current, &layout.version) {
        Step::Same => {}
        step => compare(
            "kubernetes-version",
            layout.version.clone(),
            current,
            step == Step::Next,
        ),
    }
    let identity = match layout.own_identity {
        true => "UserAssigned",
        false => "SystemAssigned",
    };
    let there = cluster["identity"]["type"].as_str().unwrap_or("none");
    compare(
        "azure.identity",
        identity.to_owned(),
        there.to_owned(),
        false,
    );
    let managed = properties["aadProfile"]["managed"] == true;
    if managed != layout.entra {
        let sign_in = |entra: bool| match entra {
            true => "with Entra",
            false => "with certificates",
        };
        // A cluster in which people sign in with Entra never goes back.
        compare(
            "azure.entra-groups",
            sign_in(layout.entra).to_owned(),
            sign_in(managed).to_owned(),
            layout.entra,
        );
    }
    let list = |items: &[String]| items.join(", ");
    for (key, there) in seen(cluster) {
        let wanted = match key {
            "tier" => words(&layout.tier),
            "upgrades" => words(&layout.upgrades),
            "network" => words(&layout.network),
            "allowed-cidrs" => list(&layout.allowed),
            "entra-groups" if managed && layout.entra => list(&layout.groups),
            "azure-rbac" if managed && layout.entra => layout.azure_rbac.to_string(),
            "no-local-accounts" => (!layout.local_accounts).to_string(),
            "istio" => layout.istio.to_string(),
            "node-provisioning" => layout.node_provisioning.to_string(),
            // It was compared as a whole.
            _ => continue,
        };
        compare(&format!("azure.{key}"), wanted, there, key != "network");
    }
    let lived = tagged::lifetime(&tagged::of(cluster));
    compare(
        "lifetime",
        tagged::lifetime_words(layout.lifetime),
        tagged::lifetime_words(lived),
        true,
    );
    if let Some(pool) = system_pool(cluster) {
        found.extend(pools::differences(pool, &layout.pool));
    }
    found
}

/// Returns whether a difference is one of the system pool's.
fn is_pool_s(differs: &Difference) -> bool {
    let field = differs.field.as_str();
    let own = ["machine", "spot", "disk", "zones", "taints"];
    field.starts_with("nodes.")
        || field.starts_with("kubernetes-version of ")
        || field
            .strip_prefix("azure.")
            .is_some_and(|key| own.contains(&key) || key.starts_with("labels."))
}

fn outputs(cluster: &Value) -> Outputs {
    let properties = &cluster["properties"];
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    };
    put("id", &cluster["id"]);
    put("location", &cluster["location"]);
    put("endpoint", &properties["fqdn"]);
    put("node-group", &properties["nodeResourceGroup"]);
    put("oidc-issuer", &properties["oidcIssuerProfile"]["issuerURL"]);
    put("principal", &cluster["identity"]["principalId"]);
    let version = version::current(properties, "kubernetesVersion");
    put("kubernetes-version", &json!(version));
    for seen in seen(cluster) {
        // What is not there, or off, is not told.
        if !["", "false", "none"].contains(&seen.1.as_str()) || seen.0 == "upgrades" {
            put(seen.0, &json!(seen.1));
        }
    }
    if let Some(pool) = system_pool(cluster) {
        let zones = strings(&pool["availabilityZones"]);
        put("zones", &json!(zones.join(", ")));
        put("machine", &pool["vmSize"]);
        let (min, max) = pools::limits(pool);
        put("min", &json!(min));
        put("max", &json!(max));
    }
    tagged::put_times(&mut outputs, &tagged::of(cluster));
    outputs
}

/// Describes a cluster that was read.
pub(crate) fn describe(
    cluster: &Value,
    layout: Option<&ClusterLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&tagged::of(cluster));
    let state = state(cluster);
    let detail = match state {
        State::Ready => doubt,
        State::Failed if is_stopped(cluster) => Some("it is stopped".to_owned()),
        _ => Some(provisioning(cluster).to_owned()),
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
        unused: state == State::Making,
    };
    (observed, tags)
}

/// Reads what there is of the cluster.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&ClusterLayout>,
) -> Result<Observed> {
    Ok(match get(client, cx, place, &resource.name).await? {
        None => Observed::missing(),
        Some(cluster) => describe(&cluster, layout).0,
    })
}

/// Brings the cluster about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    let mut mended = false;
    let mut last = Vec::new();
    for _ in 0..CHANGES {
        let Some(cluster) = settled(client, cx, place, name, &mut change).await? else {
            let body = creation(cx, resource, place, layout, known);
            if change == Change::Unchanged {
                change = Change::Made;
            }
            put(client, cx, place, name, ("create", &body)).await?;
            continue;
        };
        let ours = tagged::is_ours(&cluster);
        match state(&cluster) {
            State::Failed if !ours && is_stopped(&cluster) => {
                return Err(Error::new(
                    Fault::Unavailable,
                    format!("AKS cluster \"{name}\" is stopped, and windlass did not make it"),
                )
                .hint("have it started, or choose another name with --cluster"));
            }
            _ if !ours => return Ok((Change::Unchanged, outputs(&cluster))),
            State::Failed if is_stopped(&cluster) && !mended => {
                mended = true;
                note(&mut change);
                start(client, cx, place, name).await?;
            }
            State::Failed if mended => return Err(broken(resource, &cluster)),
            State::Failed => {
                mended = true;
                note(&mut change);
                cx.progress.say(format!(
                    "AKS cluster {name} is broken: AKS is asked to mend it"
                ));
                // One of which nothing came has no pools to be mended: it is asked for as at first.
                let body = match system_pool(&cluster) {
                    Some(_) => changed(cx, resource, &cluster, layout, false),
                    None => creation(cx, resource, place, layout, known),
                };
                put(client, cx, place, name, ("mend", &body)).await?;
            }
            _ => {
                let differs = differences(&cluster, layout);
                if differs.is_empty() {
                    return Ok((change, outputs(&cluster)));
                }
                if let Some(fixed) = differs.iter().find(|it| !it.changeable) {
                    return Err(refuse(name, fixed));
                }
                note(&mut change);
                update(client, cx, resource, place, layout, (&cluster, &differs)).await?;
                last = differs;
            }
        }
    }
    Err(pools::never(&format!("AKS cluster \"{name}\""), &last))
}

fn note(change: &mut Change) {
    if *change == Change::Unchanged {
        *change = Change::Updated;
    }
}

/// Waits until nothing is being done to a cluster, and returns what there is of it then.
async fn settled(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
    change: &mut Change,
) -> Result<Option<Value>> {
    loop {
        let Some(cluster) = get(client, cx, place, name).await? else {
            return Ok(None);
        };
        if !is_busy(&cluster) || (!tagged::is_ours(&cluster) && state(&cluster) == State::Ready) {
            return Ok(Some(cluster));
        }
        if state(&cluster) != State::Deleting {
            note(change);
        }
        let what = format!("waiting for AKS cluster {name}: {}", provisioning(&cluster));
        wait(cx, &what, POLL).await?;
    }
}

fn broken(resource: &Resource, cluster: &Value) -> Error {
    let name = &resource.name;
    let status = &cluster["properties"]["status"]["provisioningError"];
    let said = status["message"].as_str().unwrap_or_default();
    let error = Error::new(
        Fault::Failed,
        format!("AKS cluster \"{name}\" does not work"),
    );
    let error = match said {
        "" => error.cause(provisioning(cluster)),
        said => error.cause(said),
    };
    error
        .hint("mend what it names, and run the same command again")
        .hint(format!(
            "or let it down, and begin anew: windlass destroy azure --cluster {}",
            resource.cluster
        ))
}

/// Says why what is there cannot become what is wanted.
fn refuse(name: &str, differs: &Difference) -> Error {
    let Difference {
        field,
        wanted,
        found,
        ..
    } = differs;
    if field != "kubernetes-version" {
        return Error::new(
            Fault::Invalid,
            format!("AKS cluster \"{name}\" is not as wanted, and AKS cannot change it"),
        )
        .cause(format!("{field}: {wanted} is wanted, {found} is there"))
        .hint("take the setting back to what is there, or destroy the cluster first");
    }
    let error = Error::new(
        Fault::Invalid,
        format!("AKS cluster \"{name}\" has Kubernetes {found}, and cannot go to {wanted} at once"),
    );
    match (version::compare(found, wanted), &version::number(found)[..]) {
        (Step::Far, [major, minor, ..]) => {
            let next = format!("{major}.{}", minor + 1);
            error
                .cause("AKS goes one minor version at a time")
                .hint(format!("go to the next first: --kubernetes-version {next}"))
        }
        _ => error.cause("a control plane never goes back").hint(format!(
            "write kubernetes-version = \"{}\"",
            version::minor(found)
        )),
    }
}

/// Returns the body of the call that makes the cluster.
fn creation(
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    known: &Known,
) -> Value {
    let name = &resource.cluster;
    let tags = tagged::for_new(cx, name, layout.lifetime, known);
    let tags = tagged::object(&tags, &Pairs::new());
    let mut pool = pools::properties(&layout.pool, "System", &tags);
    pool["name"] = json!(SYSTEM_POOL);
    let (dataplane, policy) = match layout.network {
        AzureNetwork::Cilium => ("cilium", Some("cilium")),
        AzureNetwork::Azure => ("azure", None),
    };
    let mut network = json!({
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkDataplane": dataplane,
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
    });
    if let Some(policy) = policy {
        network["networkPolicy"] = json!(policy);
    }
    let mut body = json!({
        "location": place.location,
        "tags": tags,
        "sku": { "name": "Base", "tier": words(&layout.tier) },
        "identity": { "type": "SystemAssigned" },
        "properties": {
            "kubernetesVersion": layout.version,
            "dnsPrefix": name.as_str(),
            "nodeResourceGroup": node_group_name(name),
            "enableRBAC": true,
            "agentPoolProfiles": [pool],
            "networkProfile": network,
            "oidcIssuerProfile": { "enabled": true },
            "securityProfile": { "workloadIdentity": { "enabled": true } },
        },
    });
    if layout.own_identity {
        let id = place.identity(&cluster_identity_name(name));
        body["identity"] = json!({ "type": "UserAssigned", "userAssignedIdentities": { id: {} } });
    }
    if let Some(key) = &layout.ssh_key {
        body["properties"]["linuxProfile"] = json!({
            "adminUsername": "azureuser",
            "ssh": { "publicKeys": [{ "keyData": key }] },
        });
    }
    settle(&mut body, layout);
    body
}

/// Writes into a cluster's body what can be changed of it, but for its version.
fn settle(body: &mut Value, layout: &ClusterLayout) {
    let tier = words(&layout.tier);
    // As Azure writes it: Free.
    let tier: String = tier
        .char_indices()
        .map(|(at, c)| match at {
            0 => c.to_ascii_uppercase(),
            _ => c,
        })
        .collect();
    body["sku"] = json!({ "name": "Base", "tier": tier });
    let properties = &mut body["properties"];
    properties["autoUpgradeProfile"]["upgradeChannel"] = json!(words(&layout.upgrades));
    properties["disableLocalAccounts"] = json!(!layout.local_accounts);
    let had = !properties["apiServerAccessProfile"].is_null();
    if had || !layout.allowed.is_empty() {
        properties["apiServerAccessProfile"]["authorizedIPRanges"] = json!(layout.allowed);
    }
    if layout.entra {
        properties["aadProfile"]["managed"] = json!(true);
        properties["aadProfile"]["enableAzureRBAC"] = json!(layout.azure_rbac);
        properties["aadProfile"]["adminGroupObjectIDs"] = json!(layout.groups);
    }
    let mesh = properties["serviceMeshProfile"]["mode"] == "Istio";
    match (layout.istio, mesh) {
        (true, false) => {
            properties["serviceMeshProfile"] = json!({
                "mode": "Istio",
                "istio": { "components": { "ingressGateways": [{ "enabled": true, "mode": "External" }] } },
            });
        }
        (false, true) => properties["serviceMeshProfile"] = json!({ "mode": "Disabled" }),
        _ => drop_null(properties, "serviceMeshProfile"),
    }
    let auto = properties["nodeProvisioningProfile"]["mode"] == "Auto";
    match (layout.node_provisioning, auto) {
        (true, false) => properties["nodeProvisioningProfile"] = json!({ "mode": "Auto" }),
        (false, true) => properties["nodeProvisioningProfile"] = json!({ "mode": "Manual" }),
        _ => drop_null(properties, "nodeProvisioningProfile"),
    }
}

/// Removes a member that is there only because it was looked at.
fn drop_null(properties: &mut Value, key: &str) {
    if let Some(members) = properties.as_object_mut()
        && members.get(key).is_some_and(Value::is_null)
    {
        members.remove(key);
    }
}

/// Returns the body of a cluster that is there, with what is wanted of it.
fn changed(
    cx: &Ctx,
    resource: &Resource,
    cluster: &Value,
    layout: &ClusterLayout,
    version: bool,
) -> Value {
    let mut body = cluster.clone();
    if version {
        // A version goes alone; the pools follow.
        body["properties"]["kubernetesVersion"] = json!(layout.version);
        return body;
    }
    let there = tagged::of(cluster);
    let tags = tagged::again(cx, &resource.cluster, &there, layout.lifetime);
    body["tags"] = tagged::object(&tags, &there);
    settle(&mut body, layout);
    body
}

/// Brings into line what differs: first what the cluster itself is, then its version, then its system pool.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ClusterLayout,
    (cluster, differs): (&Value, &[Difference]),
) -> Result<()> {
    let name = &resource.name;
    let of_version = |it: &&Difference| it.field == "kubernetes-version";
    let mut own = differs.iter().filter(|it| !is_pool_s(it));
    if own.clone().any(|it| !of_version(&it)) {
        let body = changed(cx, resource, cluster, layout, false);
        put(client, cx, place, name, ("update", &body)).await
    } else if own.any(|it| of_version(&it)) {
        cx.progress.say(format!(
            "upgrading the control plane of {name} to {}",
            layout.version
        ));
        let body = changed(cx, resource, cluster, layout, true);
        put(client, cx, place, name, ("upgrade", &body)).await
    } else {
        let pool = (name.as_str(), SYSTEM_POOL);
        pools::update(client, cx, place, pool, &layout.pool, None).await
    }
}

async fn put(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
    (verb, body): (&str, &Value),
) -> Result<()> {
    let call = Call {
        action: format!("{verb} AKS cluster {name}"),
        method: Method::Put,
        path: at(&place.cluster(name), AKS_API),
        body: Some(body),
    };
    loop {
        match client.carry_out(cx, &call).await {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.is_busy() => {
                let what = format!("waiting for what else AKS does to {name}");
                wait(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                let failed = error.fault == Fault::Failed;
                let error = error.context(format!("cannot {verb} AKS cluster \"{name}\""));
                return Err(match failed {
                    true => error.hint("mend what it names, and run the same command again"),
                    false => error,
                });
            }
        }
    }
}

/// Starts a cluster that was stopped.
async fn start(client: &Client, cx: &Ctx, place: &Place, name: &str) -> Result<()> {
    let call = Call {
        action: format!("start AKS cluster {name}"),
        method: Method::Post,
        path: at(&format!("{}/start", place.cluster(name)), AKS_API),
        body: None,
    };
    let started = client.carry_out(cx, &call).await;
    started.map_err(|trouble| {
        Error::from(trouble).context(format!("cannot start AKS cluster \"{name}\""))
    })
}

/// Deletes the cluster; one that is not ours is kept.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let name = &resource.name;
    let what = format!("delete AKS cluster {name}");
    let mut change = Change::Absent;
    while let Some(cluster) = get(client, cx, place, name).await? {
        if !tagged::is_ours(&cluster) {
            cx.progress.say(format!(
                "AKS cluster {name} was not made by windlass and is kept"
            ));
            return Ok(Change::Kept);
        }
        change = Change::Removed;
        if state(&cluster) == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: at(&place.cluster(name), AKS_API),
            body: None,
        };
        match client.carry_out(cx, &call).await {
            Ok(()) => {}
            Err(trouble) if trouble.is_missing() => return Ok(change),
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting: {what}"), POLL).await?;
            }
            Err(trouble) => {
                return Err(
                    Error::from(trouble).context(format!("cannot delete AKS cluster \"{name}\""))
                );
            }
        }
    }
    Ok(change)
}
