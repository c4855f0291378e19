//! Roles for controllers, by Pod Identity: the stack makes the roles, and an association gives one to a service account.

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result, State, Tags,
};

use crate::{
    client::{Client, encode, pause},
    cluster::is_too_early,
    eks::{self, POLL_ADD_ON, path},
    network,
    refusal::Answer,
    tagged,
    want::{IdentityLayout, part},
};

/// The controllers that can have a role, each with the parameter of the stack that makes it.
pub(crate) const PARAMETERS: [(&str, &str); 3] = [
    ("cert-manager", "CertManager"),
    ("crossplane", "Crossplane"),
    ("external-dns", "ExternalDns"),
];

/// How long EKS may not know a role that was made a moment ago.
const EARLY: std::time::Duration = std::time::Duration::from_secs(120);

/// Returns the namespace and the service account that a controller runs as.
pub(crate) fn account(controller: &str) -> (&str, &str) {
    match controller {
        // All of its providers for AWS run as this one.
        "crossplane" => ("crossplane-system", "crossplane-aws"),
        controller => (controller, controller),
    }
}

/// Returns the association of a controller.
pub(crate) async fn find(
    client: &Client,
    cx: &Ctx,
    cluster: &str,
    controller: &str,
) -> Answer<Option<Value>> {
    let (namespace, account) = account(controller);
    let page = format!(
        "{}?namespace={}&serviceAccount={}",
        path(cluster, &["pod-identity-associations"]),
        encode(namespace),
        encode(account)
    );
    let listed = client.eks(cx, "ListPodIdentityAssociations", ("GET", page), None);
    let listed = match listed.await {
        Ok(listed) => listed,
        Err(trouble) if trouble.is_missing() => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    match listed["associations"][0]["associationId"].as_str() {
        Some(id) => read(client, cx, cluster, id).await,
        None => Ok(None),
    }
}

/// Returns the associations of all controllers that can have a role and have one, the add-ons' left out.
pub(crate) async fn all(
    client: &Client,
    cx: &Ctx,
    cluster: &str,
) -> Answer<Vec<(&'static str, Value)>> {
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let page = path(cluster, &["pod-identity-associations"]);
        let page = format!("{page}?maxResults=100{next}");
        let listed = client.eks(cx, "ListPodIdentityAssociations", ("GET", page), None);
        let listed = match listed.await {
            Ok(listed) => listed,
            Err(trouble) if trouble.is_missing() => return Ok(Vec::new()),
            Err(trouble) => return Err(trouble),
        };
        for item in listed["associations"].as_array().into_iter().flatten() {
            let is_of = |controller: &str| {
                let (namespace, account) = account(controller);
                item["namespace"] == namespace && item["serviceAccount"] == account
            };
            let mut controllers = PARAMETERS.iter().map(|(controller, _)| *controller);
            if let Some(controller) = controllers.find(|it| is_of(it))
                && let Some(id) = item["associationId"].as_str()
                && let Some(seen) = read(client, cx, cluster, id).await?
            {
                found.push((controller, seen));
            }
        }
        match listed["nextToken"].as_str().filter(|it| !it.is_empty()) {
            Some(token) => next = format!("&nextToken={}", encode(token)),
            None => return Ok(found),
        }
    }
}

async fn read(client: &Client, cx: &Ctx, cluster: &str, id: &str) -> Answer<Option<Value>> {
    let page = path(cluster, &["pod-identity-associations", id]);
    let described = client.eks(cx, "DescribePodIdentityAssociation", ("GET", page), None);
    match described.await {
        Ok(mut answer) => Ok(Some(answer["association"].take())),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Describes an association that was read.
pub(crate) fn describe(association: &Value) -> (Observed, Option<Tags>) {
    let (owner, tags, detail) = tagged::judge(&tagged::of(&association["tags"]));
    let observed = Observed {
        state: State::Ready,
        owner,
        detail,
        outputs: outputs(association),
        ..Observed::missing()
    };
    (observed, tags)
}

fn outputs(association: &Value) -> Outputs {
    let role = association["roleArn"].as_str().unwrap_or_default();
    [("role".to_owned(), role.to_owned())].into()
}

/// Reads what there is of it.
pub(crate) async fn observe(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Observed> {
    let found = find(client, cx, resource.cluster.as_str(), part(resource)).await?;
    Ok(found.map_or_else(Observed::missing, |it| describe(&it).0))
}

/// Brings it about. One that somebody else made is used as it is.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &IdentityLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, controller) = (resource.cluster.as_str(), part(resource));
    let network = network::known_outputs(client, cx, &resource.cluster, known).await?;
    let Some(role) = network.get(&format!("{controller}-role")) else {
        return Err(Error::new(
            Fault::Failed,
            format!("the stack of the network has no role for {controller}"),
        )
        .hint("make it: run windlass setup aws again"));
    };
    let cannot = || format!("cannot give {controller} its role");
    let began = cx.clock.now();
    let mut change = Change::Unchanged;
    loop {
        let sent = match find(client, cx, cluster, controller).await? {
            Some(there) if describe(&there).0.owner == Owner::Foreign => {
                return Ok((Change::Unchanged, outputs(&there)));
            }
            Some(there) if there["roleArn"] == **role => return Ok((change, outputs(&there))),
            Some(there) => {
                let id = there["associationId"].as_str().unwrap_or_default();
                let page = path(cluster, &["pod-identity-associations", id]);
                let body = json!({ "roleArn": role, "clientRequestToken": eks::token(cx, &resource.name) });
                let action = "UpdatePodIdentityAssociation";
                let sent = client.eks(cx, action, ("POST", page), Some(&body)).await;
                (sent, Change::Updated)
            }
            None => {
                let (namespace, account) = account(controller);
                let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
                let body = json!({
                    "namespace": namespace,
                    "serviceAccount": account,
                    "roleArn": role,
                    "clientRequestToken": eks::token(cx, &resource.name),
                    "tags": tagged::object(&tags),
                });
                let page = path(cluster, &["pod-identity-associations"]);
                let action = "CreatePodIdentityAssociation";
                let sent = client.eks(cx, action, ("POST", page), Some(&body)).await;
                (sent, Change::Made)
            }
        };
        match sent {
            (Ok(_), done) => change = done,
            // An answer was lost: it is there.
            (Err(trouble), done) if trouble.is(&["ResourceInUseException"]) => change = done,
            (Err(trouble), _) if is_too_early(&trouble) && cx.clock.now() < began + EARLY => {
                let told = "waiting until EKS knows the new role";
                cx.progress.say(told);
                pause(cx, told, POLL_ADD_ON).await?;
            }
            (Err(trouble), _) => return Err(Error::from(trouble).context(cannot())),
        }
    }
}

/// Deletes it. Absence is success.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let (cluster, controller) = (resource.cluster.as_str(), part(resource));
    let Some(there) = find(client, cx, cluster, controller).await? else {
        return Ok(Change::Absent);
    };
    if describe(&there).0.owner == Owner::Foreign {
        return Ok(Change::Kept);
    }
    let id = there["associationId"].as_str().unwrap_or_default();
    let page = path(cluster, &["pod-identity-associations", id]);
    let action = "DeletePodIdentityAssociation";
    match client.eks(cx, action, ("DELETE", page), None).await {
        Ok(_) => Ok(Change::Removed),
        Err(trouble) if trouble.is_missing() => Ok(Change::Absent),
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot take its role from {controller}")))
        }
    }
}
