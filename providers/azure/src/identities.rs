//! Managed identities: the cluster's own, and those of controllers in it.
//!
//! A controller's identity is the identity itself, the federation of its service accounts' tokens, and its roles in the cluster's resource
//! group: no password anywhere, and never the role Owner. The roles outlive an identity that is deleted: they go first.

use serde_json::{Value, json};
use windlass_provider::{
    Change, ClusterName, Ctx, Error, Fault, Known, Observed, Outputs, Owner, Resource, ResourceId,
    Result, State, Tags,
};

use crate::{
    client::{Call, Client, Method, encode},
    cluster,
    pace::{POLL, wait},
    refusal::Answer,
    roles::{assignments, grant, take_role},
    tagged::{self, Pairs},
    want::{CLUSTER, ControllerLayout, IDENTITY_API, IdentityLayout, Place, at},
};

/// For whom tokens of service accounts are.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Built-in roles, by their ids.
///
/// Source: <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

const DNS_ZONE_CONTRIBUTOR: &str = "befefa01-2a29-4197-83a8-272ff33ce314";

/// A controller that can have an identity: its name, the service accounts that use it, and its roles.
pub(crate) struct Controller {
    pub(crate) name: &'static str,
    pub(crate) subjects: &'static [&'static str],
    pub(crate) roles: &'static [&'static str],
}

/// The controllers that can have an identity.
pub(crate) const CONTROLLERS: [Controller; 5] = [
    Controller {
        name: "aso",
        subjects: &["azureserviceoperator-system:azureserviceoperator-default"],
        roles: &[CONTRIBUTOR],
    },
    Controller {
        name: "crossplane",
        subjects: &["crossplane-system:crossplane-azure"],
        roles: &[CONTRIBUTOR],
    },
    Controller {
        name: "external-dns",
        subjects: &["external-dns:external-dns"],
        roles: &[DNS_ZONE_CONTRIBUTOR],
    },
    Controller {
        name: "cert-manager",
        subjects: &["cert-manager:cert-manager"],
        roles: &[DNS_ZONE_CONTRIBUTOR],
    },
    // The platform's API looks at what there is and who has which role; what is assigned, ASO assigns.
    Controller {
        name: "platform",
        subjects: &["windlass-system:windlass"],
        roles: &[READER],
    },
];

async fn get(client: &Client, cx: &Ctx, place: &Place, name: &str) -> Answer<Option<Value>> {
    let path = at(&place.identity(name), IDENTITY_API);
    client
        .get(cx, &format!("managed identity {name}"), path)
        .await
}

fn outputs(identity: &Value) -> Outputs {
    let properties = &identity["properties"];
    let mut outputs = Outputs::new();
    for (key, value) in [
        ("id", &identity["id"]),
        ("client-id", &properties["clientId"]),
        ("principal", &properties["principalId"]),
        ("tenant", &properties["tenantId"]),
    ] {
        if let Some(text) = value.as_str() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    }
    let id = identity["id"].as_str().unwrap_or_default();
    if let Some(subscription) = id.split('/').nth(2) {
        outputs.insert("subscription".to_owned(), subscription.to_owned());
    }
    outputs
}

fn seen(identity: &Value, lacking: Option<String>) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&tagged::of(identity));
    let observed = Observed {
        state: match lacking {
            None => State::Ready,
            Some(_) => State::Making,
        },
        owner,
        differs: Vec::new(),
        outputs: outputs(identity),
        detail: lacking.or(doubt),
        unused: true,
    };
    (observed, tags)
}

/// Describes an identity that was found, with what it lacks of federation and roles, where it is a controller's.
pub(crate) async fn describe(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    identity: &Value,
    controller: Option<(&ControllerLayout, &str)>,
) -> Answer<(Observed, Option<Tags>)> {
    let lacking = match controller {
        None => None,
        Some((layout, issuer)) => lacking(client, cx, place, (identity, layout), issuer)
            .await?
            .first()
            .map(Lack::words),
    };
    Ok(seen(identity, lacking))
}

/// Reads what there is of the cluster's own identity.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Observed> {
    Ok(match get(client, cx, place, &resource.name).await? {
        None => Observed::missing(),
        Some(identity) => seen(&identity, None).0,
    })
}

/// Reads what there is of a controller's identity.
pub(crate) async fn observe_controller(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&ControllerLayout>,
    known: &Known,
) -> Result<Observed> {
    let Some(identity) = get(client, cx, place, &resource.name).await? else {
        return Ok(Observed::missing());
    };
    let Some(layout) = layout else {
        return Ok(seen(&identity, None).0);
    };
    let issuer = issuer(client, cx, place, &resource.cluster, known).await?;
    let controller = Some((layout, issuer.as_deref().unwrap_or_default()));
    Ok(describe(client, cx, place, &identity, controller).await?.0)
}

/// Brings the cluster's own identity about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &IdentityLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (change, identity) = make(client, cx, resource, place, layout.lifetime, known).await?;
    Ok((change, outputs(&identity)))
}

async fn make(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    lifetime: Option<u64>,
    known: &Known,
) -> Result<(Change, Value)> {
    let name = &resource.name;
    let there = get(client, cx, place, name).await?;
    let (change, tags) = match &there {
        Some(identity) if tagged::lifetime(&tagged::of(identity)) == lifetime => {
            return Ok((Change::Unchanged, identity.clone()));
        }
        Some(identity) => {
            let pairs = tagged::of(identity);
            let tags = tagged::again(cx, &resource.cluster, &pairs, lifetime);
            (Change::Updated, tagged::object(&tags, &pairs))
        }
        None => {
            let tags = tagged::for_new(cx, &resource.cluster, lifetime, known);
            (Change::Made, tagged::object(&tags, &Pairs::new()))
        }
    };
    let body = json!({ "location": place.location, "tags": tags });
    let path = at(&place.identity(name), IDENTITY_API);
    let made = write(
        client,
        cx,
        format!("make managed identity {name}"),
        path,
        &body,
    )
    .await;
    made.map_err(|trouble| {
        Error::from(trouble).context(format!("cannot make managed identity \"{name}\""))
    })?;
    let identity = get(client, cx, place, name).await?.ok_or_else(|| {
        Error::new(
            Fault::Transient,
            format!("managed identity \"{name}\" was made, and is not there yet"),
        )
    })?;
    Ok((change, identity))
}

/// Writes something, and waits while something else is written.
pub(crate) async fn write(
    client: &Client,
    cx: &Ctx,
    action: String,
    path: String,
    body: &Value,
) -> Answer<()> {
    let call = Call {
        action,
        method: Method::Put,
        path,
        body: Some(body),
    };
    loop {
        match client.carry_out(cx, &call).await {
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting: {}", call.action), POLL).await?;
            }
            done => return done,
        }
    }
}

/// Something that a controller's identity lacks.
enum Lack {
    /// The federation of a subject.
    Federation(String),
    /// A role.
    Role(String),
}

impl Lack {
    fn words(&self) -> String {
        match self {
            Self::Federation(subject) => format!("{subject} cannot use it yet"),
            Self::Role(role) => format!("it lacks the role {role}"),
        }
    }
}

/// Returns what a controller's identity lacks.
async fn lacking(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (identity, layout): (&Value, &ControllerLayout),
    issuer: &str,
) -> Answer<Vec<Lack>> {
    let name = identity["name"].as_str().unwrap_or_default();
    let path = format!("{}/federatedIdentityCredentials", place.identity(name));
    let action = format!("list who may use managed identity {name}");
    let there = client.list(cx, &action, at(&path, IDENTITY_API)).await?;
    let federated = |subject: &str| {
        there.iter().any(|it| {
            it["properties"]["subject"] == subject && it["properties"]["issuer"] == issuer
        })
    };
    let subjects = layout.subjects.iter().filter(|it| !federated(it));
    let mut lacks: Vec<Lack> = subjects.cloned().map(Lack::Federation).collect();
    let principal = identity["properties"]["principalId"]
        .as_str()
        .unwrap_or_default();
    let assigned = assignments(client, cx, &place.own_group(), principal).await?;
    let has = |role: &str| {
        assigned.iter().any(|it| {
            let id = it["properties"]["roleDefinitionId"].as_str();
            id.is_some_and(|id| id.to_lowercase().ends_with(&role.to_lowercase()))
        })
    };
    let roles = layout.roles.iter().filter(|role| !has(role));
    lacks.extend(roles.cloned().map(Lack::Role));
    Ok(lacks)
}

/// Returns who issues the tokens of the cluster's service accounts.
async fn issuer(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &ClusterName,
    known: &Known,
) -> Answer<Option<String>> {
    let outputs = known.get(&ResourceId::new(CLUSTER));
    if let Some(issuer) = outputs.and_then(|outputs| outputs.get("oidc-issuer")) {
        return Ok(Some(issuer.clone()));
    }
    let found = cluster::get(client, cx, place, cluster.as_str()).await?;
    let found = found.unwrap_or_default();
    let issuer = found["properties"]["oidcIssuerProfile"]["issuerURL"].as_str();
    Ok(issuer.map(str::to_owned))
}

/// Brings a controller's identity about.
pub(crate) async fn ensure_controller(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &ControllerLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (mut change, identity) = make(client, cx, resource, place, layout.lifetime, known).await?;
    let issuer = issuer(client, cx, place, &resource.cluster, known).await?;
    let issuer = issuer.ok_or_else(|| {
        Error::new(
            Fault::Failed,
            format!(
                "AKS cluster \"{}\" issues no tokens that Azure could trust",
                resource.cluster
            ),
        )
        .hint("let it have an OIDC issuer: az aks update --enable-oidc-issuer")
    })?;
    for lack in lacking(client, cx, place, (&identity, layout), &issuer).await? {
        match lack {
            Lack::Federation(subject) => {
                federate(client, cx, place, &resource.name, (&subject, &issuer)).await
            }
            Lack::Role(role) => grant(client, cx, resource, place, (&identity, &role)).await,
        }
        .map_err(|trouble| {
            let told = format!("cannot finish managed identity \"{}\"", resource.name);
            Error::from(trouble).context(told)
        })?;
        if change == Change::Unchanged {
            change = Change::Updated;
        }
    }
    Ok((change, outputs(&identity)))
}

async fn federate(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
    (subject, issuer): (&str, &str),
) -> Answer<()> {
    let short = subject
        .trim_start_matches("system:serviceaccount:")
        .replace(':', "-");
    let path = format!(
        "{}/federatedIdentityCredentials/{}",
        place.identity(name),
        encode(&short)
    );
    let body = json!({
        "properties": { "issuer": issuer, "subject": subject, "audiences": [AUDIENCE] },
    });
    let action = format!("let {subject} use managed identity {name}");
    write(client, cx, action, at(&path, IDENTITY_API), &body).await
}

/// Deletes an identity with its roles; what is federated goes with it.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let name = &resource.name;
    let Some(identity) = get(client, cx, place, name).await? else {
        return Ok(Change::Absent);
    };
    if tagged::judge(&tagged::of(&identity)).0 == Owner::Foreign {
        return Ok(Change::Kept);
    }
    let principal = identity["properties"]["principalId"]
        .as_str()
        .unwrap_or_default();
    for assignment in assignments(client, cx, &place.root(), principal).await? {
        if let Some(id) = assignment["id"].as_str() {
            take_role(client, cx, id).await?;
        }
    }
    let path = at(&place.identity(name), IDENTITY_API);
    let what = format!("delete managed identity {name}");
    remove(client, cx, what, path).await?;
    Ok(Change::Removed)
}

pub(crate) async fn remove(client: &Client, cx: &Ctx, action: String, path: String) -> Result<()> {
    let call = Call {
        action,
        method: Method::Delete,
        path,
        body: None,
    };
    loop {
        match client.carry_out(cx, &call).await {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.is_missing() => return Ok(()),
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting: {}", call.action), POLL).await?;
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_controller_is_owner() {
        for controller in CONTROLLERS {
            assert!(
                !controller
                    .roles
                    .contains(&"8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
            );
            assert!(!controller.subjects.is_empty());
        }
    }
}
