//! Add-ons: what EKS itself installs into a cluster and keeps in line.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result,
    State, Tags,
};

use crate::{
    client::{Client, encode},
    cluster::wait,
    eks::{self, POLL_ADD_ON, path},
    network,
    tagged::{self, Pairs},
    want::{AddOnLayout, part},
};

/// The tag that says for which minor version of Kubernetes an add-on was last chosen: "1-36".
const SUITS: &str = "windlass-kubernetes";
/// How long an add-on may be degraded before that counts as broken: its pods start.
const DEGRADED: Duration = Duration::from_secs(5 * 60);

/// The add-ons that act on AWS, each with its service account and the output of the stack that names its role.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/add-ons-iam.html>
const IDENTITIES: [(&str, &str, &str); 2] = [
    ("vpc-cni", "aws-node", "network-role"),
    ("aws-ebs-csi-driver", "ebs-csi-controller-sa", "disk-role"),
];

fn state(add_on: &Value) -> State {
    match add_on["status"].as_str().unwrap_or_default() {
        "ACTIVE" | "UPDATING" => State::Ready,
        "DELETING" => State::Deleting,
        "CREATING" => State::Making,
        _ => State::Failed,
    }
}

fn suits(version: &str) -> String {
    version.replace('.', "-")
}

fn differences(name: &str, tags: &Pairs, layout: &AddOnLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: String, wanted: String, there: String| {
        if wanted != there {
            found.push(Difference {
                field,
                wanted,
                found: there,
                changeable: true,
            });
        }
    };
    // One that somebody else chose is theirs to choose anew.
    if let Some(there) = tags.get(SUITS) {
        let field = format!("the version of add-on {name}");
        let words = |version: &str| format!("for Kubernetes {}", version.replace('-', "."));
        compare(field, words(&layout.version), words(there));
    }
    if tagged::is_ours(tags) {
        let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
        compare(
            "lifetime".to_owned(),
            words(layout.lifetime),
            words(tagged::lifetime(tags)),
        );
    }
    found
}

fn outputs(add_on: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    for (key, field) in [("arn", "addonArn"), ("version", "addonVersion")] {
        if let Some(text) = add_on[field].as_str() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    }
    outputs
}

fn trouble(add_on: &Value) -> String {
    let status = add_on["status"].as_str().unwrap_or_default();
    match &eks::issues(add_on)[..] {
        [] => status.to_owned(),
        issues => format!("{status}: {}", issues.join("; ")),
    }
}

/// Describes an add-on that was read.
pub(crate) fn describe(
    name: &str,
    add_on: &Value,
    layout: Option<&AddOnLayout>,
) -> (Observed, Option<Tags>) {
    let pairs = tagged::of(&add_on["tags"]);
    let (_, tags, doubt) = tagged::judge(&pairs);
    let state = state(add_on);
    let detail = match state {
        State::Ready => doubt,
        _ => Some(trouble(add_on)),
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(name, &pairs, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        // Whatever is in a cluster of ours goes with it.
        owner: Owner::Ours,
        differs,
        outputs: outputs(add_on),
        detail,
        unused: !matches!(state, State::Ready | State::Failed),
    };
    (observed, tags)
}

/// Reads what there is of an add-on.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&AddOnLayout>,
) -> Result<Observed> {
    let name = part(resource);
    let cluster = resource.cluster.as_str();
    Ok(match eks::add_on(client, cx, cluster, name).await? {
        None => Observed::missing(),
        Some(add_on) => describe(name, &add_on, layout).0,
    })
}

/// Brings an add-on about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &AddOnLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let mut change = Change::Unchanged;
    let mut degraded = None;
    let began = cx.clock.now();
    loop {
        let Some(add_on) = eks::add_on(client, cx, cluster, name).await? else {
            let body = creation(client, cx, resource, layout, known).await?;
            let request = ("POST", path(cluster, &["addons"]));
            match client.eks(cx, "CreateAddon", request, Some(&body)).await {
                Ok(_) => {}
                // An answer was lost, or the cluster is being updated.
                Err(trouble) if trouble.is(&["ResourceInUseException"]) => {}
                Err(trouble)
                    if crate::cluster::is_too_early(&trouble)
                        && cx.clock.now() < began + Duration::from_secs(120) =>
                {
                    wait(cx, "waiting until EKS knows the new role", POLL_ADD_ON).await?;
                    continue;
                }
                Err(trouble) => {
                    return Err(
                        Error::from(trouble).context(format!("cannot create add-on \"{name}\""))
                    );
                }
            }
            if change == Change::Unchanged {
                change = Change::Made;
            }
            wait(cx, &format!("creating add-on {name}"), POLL_ADD_ON).await?;
            continue;
        };
        match (
            state(&add_on),
            add_on["status"].as_str().unwrap_or_default(),
        ) {
            (State::Making | State::Deleting, status) => {
                if change == Change::Unchanged && status == "CREATING" {
                    change = Change::Updated;
                }
                let told = format!("waiting for add-on {name}: {}", trouble(&add_on));
                wait(cx, &told, POLL_ADD_ON).await?;
            }
            (State::Ready, "UPDATING") => {
                change = Change::Updated;
                wait(
                    cx,
                    &format!("waiting for an update of add-on {name}"),
                    POLL_ADD_ON,
                )
                .await?;
            }
            (State::Ready, _) => {
                let pairs = tagged::of(&add_on["tags"]);
                let differs = differences(name, &pairs, layout);
                if differs.is_empty() {
                    return Ok((change, outputs(&add_on)));
                }
                update(client, cx, resource, layout, (&add_on, &pairs)).await?;
                change = Change::Updated;
            }
            (_, "CREATE_FAILED") if change == Change::Unchanged => {
                cx.progress
                    .say(format!("add-on {name} could not be made: making it again"));
                remove(client, cx, resource).await?;
                change = Change::Updated;
            }
            (_, "DEGRADED" | "UPDATE_FAILED")
                if cx.clock.now() < *degraded.get_or_insert(cx.clock.now()) + DEGRADED =>
            {
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                let told = format!("waiting for add-on {name}: {}", trouble(&add_on));
                wait(cx, &told, POLL_ADD_ON).await?;
            }
            _ => {
                let error = Error::new(
                    eks::fault(&add_on),
                    format!("add-on \"{name}\" does not work"),
                );
                return Err(error
                    .cause(trouble(&add_on))
                    .hint("see its pods: kubectl get pods --namespace kube-system")
                    .hint("mend what it names, and run the same command again"));
            }
        }
    }
}

/// Returns the tags of an add-on.
fn tags(tags: &Tags, layout: &AddOnLayout) -> Value {
    let mut object = tagged::object(tags);
    object[SUITS] = suits(&layout.version).into();
    object
}

async fn creation(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &AddOnLayout,
    known: &Known,
) -> Result<Value> {
    let name = part(resource);
    let own = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
    let mut body = json!({
        "addonName": name,
        "clientRequestToken": eks::token(cx, &resource.name),
        "resolveConflicts": "OVERWRITE",
        "tags": tags(&own, layout),
    });
    if let Some((_, account, role)) = IDENTITIES.iter().find(|(add_on, ..)| *add_on == name) {
        let network = network::known_outputs(client, cx, &resource.cluster, known).await?;
        let role = network.get(*role).cloned().unwrap_or_default();
        body["podIdentityAssociations"] = json!([{ "serviceAccount": account, "roleArn": role }]);
    }
    if name == "aws-ebs-csi-driver" {
        // Disks of volumes are found by them when nothing else is left.
        let settings = json!({ "controller": { "extraVolumeTags": tagged::object(&own) } });
        body["configurationValues"] = settings.to_string().into();
    }
    Ok(body)
}

/// Brings the version, and the tags, into line.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &AddOnLayout,
    (add_on, pairs): (&Value, &Pairs),
) -> Result<()> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let wanted = suits(&layout.version);
    if pairs.get(SUITS).is_some_and(|there| *there != wanted) {
        let version = version_for(client, cx, name, &layout.version).await?;
        if add_on["addonVersion"] != *version {
            let body = json!({
                "addonVersion": version,
                "resolveConflicts": "OVERWRITE",
                "clientRequestToken": eks::token(cx, &resource.name),
            });
            let page = path(cluster, &["addons", name, "update"]);
            let begun = eks::update(client, cx, "UpdateAddon", page, &body)
                .await
                .map_err(|trouble| {
                    Error::from(trouble).context(format!("cannot update add-on \"{name}\""))
                })?;
            match begun {
                Some(update) => {
                    let rest = format!("?addonName={}", encode(name));
                    let what = format!("add-on {name} to {version}");
                    eks::await_update(client, cx, (cluster, &what, &rest), &update, POLL_ADD_ON)
                        .await?;
                }
                // Something else is under way: the next look tells.
                None => return wait(cx, &format!("waiting for add-on {name}"), POLL_ADD_ON).await,
            }
        }
    }
    let own = network::again(cx, &resource.cluster, pairs, layout.lifetime);
    let arn = add_on["addonArn"].as_str().unwrap_or_default();
    eks::retag(client, cx, arn, &own).await?;
    eks::tag(client, cx, arn, &json!({ SUITS: wanted })).await?;
    Ok(())
}

/// Returns the version of an add-on that EKS installs by default for a minor version of Kubernetes.
async fn version_for(client: &Client, cx: &Ctx, name: &str, kubernetes: &str) -> Result<String> {
    let page = format!(
        "/addons/supported-versions?addonName={}&kubernetesVersion={}",
        encode(name),
        encode(kubernetes)
    );
    let answer = client
        .eks(cx, "DescribeAddonVersions", ("GET", page), None)
        .await?;
    let versions = answer["addons"][0]["addonVersions"].as_array();
    let versions: Vec<&Value> = versions.into_iter().flatten().collect();
    let is_default = |version: &&&Value| {
        let all = version["compatibilities"].as_array().into_iter().flatten();
        all.into_iter()
            .any(|it| it["defaultVersion"] == true && it["clusterVersion"] == kubernetes)
    };
    let chosen = versions.iter().find(is_default).or(versions.first());
    let version = chosen.and_then(|version| version["addonVersion"].as_str());
    version.map(str::to_owned).ok_or_else(|| {
        Error::new(
            Fault::Invalid,
            format!("EKS has no version of add-on \"{name}\" for Kubernetes {kubernetes}"),
        )
    })
}

async fn remove(client: &Client, cx: &Ctx, resource: &Resource) -> Result<bool> {
    let name = part(resource);
    let at = (resource.cluster.as_str(), &["addons", name][..]);
    let what = format!("add-on {name}");
    eks::remove(client, cx, "DeleteAddon", at, &what, POLL_ADD_ON).await
}

/// Deletes an add-on.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    Ok(match remove(client, cx, resource).await? {
        true => Change::Removed,
        false => Change::Absent,
    })
}
