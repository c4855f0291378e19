//! Service accounts: one for each purpose, with the roles that it needs and no key.

use serde_json::{Value, json};
use windlass_provider::{
    Change, ClusterName, Ctx, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result,
    State, Tags,
};

use crate::{
    apis::patiently,
    client::{Client, encode},
    labels,
    policy::{Policy, give, member, roles_of, take},
    refusal::{Answer, Trouble},
    service::Service,
    want::{AccountLayout, NODES, region_of},
};

/// The role by which a service account of Kubernetes acts as one of Google Cloud.
const ACTS: &str = "roles/iam.workloadIdentityUser";

/// What acts on Google Cloud in a cluster: its component, the service account of Kubernetes that it runs as, and its roles.
///
/// Sources: <https://marketplace.upbound.io/providers/upbound/provider-gcp-sql>,
/// <https://kubernetes-sigs.github.io/external-dns/latest/docs/tutorials/gke/>,
/// <https://cert-manager.io/docs/configuration/acme/dns01/google/>
pub(crate) const ACTORS: [(&str, &str, &str, &[&str]); 3] = [
    (
        "crossplane",
        "crossplane-system",
        "crossplane-gcp",
        &["roles/cloudsql.admin"],
    ),
    (
        "external-dns",
        "external-dns",
        "external-dns",
        &["roles/dns.admin"],
    ),
    (
        "cert-manager",
        "cert-manager",
        "cert-manager",
        &["roles/dns.admin"],
    ),
];

/// Returns what is wanted of a purpose's account; `None` where there is no such purpose.
pub(crate) fn layout(purpose: &str, lifetime: Option<u64>) -> Option<AccountLayout> {
    if purpose == NODES {
        return Some(AccountLayout {
            // https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts
            roles: vec!["roles/container.defaultNodeServiceAccount".to_owned()],
            acts_for: None,
            lifetime,
        });
    }
    let (_, namespace, name, roles) = ACTORS.iter().find(|(it, ..)| *it == purpose)?;
    Some(AccountLayout {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        acts_for: Some(((*namespace).to_owned(), (*name).to_owned())),
        lifetime,
    })
}

pub(crate) fn path(project: &str, email: &str) -> String {
    format!(
        "/v1/projects/{}/serviceAccounts/{}",
        encode(project),
        encode(email)
    )
}

/// Returns the service accounts of a project.
pub(crate) async fn all(client: &Client, cx: &Ctx, project: &str) -> Answer<Vec<Value>> {
    let path = format!(
        "/v1/projects/{}/serviceAccounts?pageSize=100",
        encode(project)
    );
    client
        .list(
            cx,
            (Service::Iam, "serviceAccounts.list"),
            &path,
            "accounts",
        )
        .await
}

/// Returns what stands in a service account's description in place of labels.
pub(crate) fn pairs(account: &Value) -> labels::Pairs {
    labels::of_description(account["description"].as_str().unwrap_or_default())
}

/// Returns a service account's purpose, which its display name ends with.
pub(crate) fn purpose(account: &Value) -> String {
    let shown = account["displayName"].as_str().unwrap_or_default();
    shown.rsplit(' ').next().unwrap_or_default().to_owned()
}

fn shown(cluster: &ClusterName, purpose: &str) -> String {
    format!("windlass: {cluster}: {purpose}")
}

fn outputs(account: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    for (key, field) in [("email", "email"), ("unique-id", "uniqueId")] {
        if let Some(text) = account[field].as_str() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    }
    labels::put_times(&mut outputs, &pairs(account));
    outputs
}

/// Describes a service account that was read. `lacks` are the roles that it lacks, where that was looked up.
pub(crate) fn describe(
    account: &Value,
    layout: Option<&AccountLayout>,
    lacks: &[String],
) -> (Observed, Option<Tags>) {
    let pairs = pairs(account);
    let (owner, tags, doubt) = labels::judge(&pairs);
    let differs = match layout {
        Some(layout) if owner == Owner::Ours => labels::lifetime(&pairs, layout.lifetime)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    let observed = Observed {
        state: match lacks.is_empty() {
            true => State::Ready,
            false => State::Making,
        },
        owner,
        differs,
        outputs: outputs(account),
        detail: match lacks.is_empty() {
            true => doubt,
            false => Some(format!("it has not yet {}", lacks.join(", "))),
        },
        unused: true,
    };
    (observed, tags)
}

/// Returns the member that a service account of Kubernetes is.
fn acting(project: &str, (namespace, name): &(String, String)) -> String {
    format!("serviceAccount:{project}.svc.id.goog[{namespace}/{name}]")
}

/// Returns the roles that the account lacks.
async fn lacking(
    client: &Client,
    cx: &Ctx,
    (project, email): (&str, &str),
    layout: &AccountLayout,
) -> Answer<Vec<String>> {
    let policy = Policy::Project(project).read(client, cx).await?;
    let has = roles_of(&policy, &member(email));
    let mut lacking: Vec<String> = layout
        .roles
        .iter()
        .filter(|role| !has.contains(role))
        .cloned()
        .collect();
    if let Some(account) = &layout.acts_for {
        let policy = Policy::Account(project, email).read(client, cx).await?;
        if !roles_of(&policy, &acting(project, account)).contains(&ACTS.to_owned()) {
            lacking.push(ACTS.to_owned());
        }
    }
    Ok(lacking)
}

async fn get(client: &Client, cx: &Ctx, project: &str, email: &str) -> Answer<Option<Value>> {
    let call = (Service::Iam, "serviceAccounts.get");
    client.find(cx, call, &path(project, email)).await
}

/// Reads what there is of a service account.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    project: &str,
    layout: Option<&AccountLayout>,
) -> Result<Observed> {
    let found = match get(client, cx, project, &resource.name).await {
        Ok(found) => found,
        // Its project has no such API yet, or is not there yet.
        Err(trouble) if trouble.is_disabled() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(account) = found else {
        return Ok(Observed::missing());
    };
    let lacks = match layout {
        Some(layout) => lacking(client, cx, (project, &resource.name), layout).await?,
        None => Vec::new(),
    };
    Ok(describe(&account, layout, &lacks).0)
}

/// Makes a service account, and gives it its roles.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    ((project, location), purpose): ((&str, &str), &str),
    layout: &AccountLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let email = &resource.name;
    let mut change = Change::Unchanged;
    // APIs that were just enabled, by an earlier run too, do not answer at once.
    let looked = patiently(cx, "the project", || get(client, cx, project, email));
    let mut account = match looked.await? {
        Some(account) => account,
        None => {
            change = Change::Made;
            let of = ((project, location), purpose);
            make(client, cx, resource, of, layout, known).await?
        }
    };
    let there = pairs(&account);
    if !labels::is_of(&there, &resource.cluster) {
        return Err(Error::new(
            Fault::Conflict,
            format!(
                "service account \"{email}\" is there, and is not cluster \"{}\"'s",
                resource.cluster
            ),
        )
        .hint("choose another name with --cluster, or remove that account yourself"));
    }
    if let Some(home) = labels::location(&there)
        && region_of(home) != region_of(location)
    {
        return Err(Error::new(
            Fault::Conflict,
            format!(
                "service account \"{email}\" belongs to cluster \"{}\" in {home}",
                resource.cluster
            ),
        )
        .hint("choose another name with --cluster")
        .hint(format!(
            "or destroy that one: windlass destroy google --location {home}"
        )));
    }
    if labels::lifetime(&there, layout.lifetime).is_some() {
        let home = labels::location(&there).unwrap_or(location);
        let tags = labels::again(cx, &resource.cluster, &there, layout.lifetime);
        let body = json!({
            "serviceAccount": { "description": labels::description(&tags, home) },
            "updateMask": "description",
        });
        let call = (Service::Iam, "serviceAccounts.patch");
        account = client
            .call(cx, call, ("PATCH", &path(project, email)), Some(&body))
            .await?;
        change = Change::Updated;
    }
    let cannot = |trouble: Trouble| {
        Error::from(trouble).context(format!("cannot give service account \"{email}\" its roles"))
    };
    let own = member(email);
    let what = format!("service account {email}");
    let mut given = Policy::Project(project)
        .change(client, cx, &what, |policy| {
            give(policy, &own, &layout.roles)
        })
        .await
        .map_err(cannot)?;
    if let Some(acts_for) = &layout.acts_for {
        let acting = acting(project, acts_for);
        given |= Policy::Account(project, email)
            .change(client, cx, "the project's pool of identities", |policy| {
                give(policy, &acting, &[ACTS.to_owned()])
            })
            .await
            .map_err(cannot)?;
    }
    if given && change == Change::Unchanged {
        change = Change::Updated;
    }
    Ok((change, outputs(&account)))
}

async fn make(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    ((project, location), purpose): ((&str, &str), &str),
    layout: &AccountLayout,
    known: &Known,
) -> Result<Value> {
    let email = &resource.name;
    let tags = labels::for_new(cx, &resource.cluster, layout.lifetime, known);
    let body = json!({
        "accountId": email.split('@').next().unwrap_or_default(),
        "serviceAccount": {
            "displayName": shown(&resource.cluster, purpose),
            "description": labels::description(&tags, location),
        },
    });
    let to = format!("/v1/projects/{}/serviceAccounts", encode(project));
    let made = patiently(cx, "the project", || {
        let call = (Service::Iam, "serviceAccounts.create");
        client.call(cx, call, ("POST", &to), Some(&body))
    });
    match made.await {
        Ok(account) => Ok(account),
        // An answer was lost.
        Err(trouble) if trouble.is_there() => {
            let found = get(client, cx, project, email).await?;
            found.ok_or_else(|| Error::from(trouble))
        }
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot create service account \"{email}\"")))
        }
    }
}

/// Takes a service account's roles, and deletes it.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    project: &str,
) -> Result<Change> {
    let email = &resource.name;
    let account = match get(client, cx, project, email).await {
        Ok(account) => account,
        Err(trouble) if trouble.is_disabled() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(account) = account else {
        return Ok(Change::Absent);
    };
    if !labels::is_of(&pairs(&account), &resource.cluster) {
        return Ok(Change::Kept);
    }
    // First its roles: a policy keeps them, as those of somebody who was deleted.
    Policy::Project(project)
        .change(client, cx, email, |policy| take(policy, email))
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!(
                "cannot take the roles of service account \"{email}\""
            ))
        })?;
    let call = (Service::Iam, "serviceAccounts.delete");
    match client
        .call(cx, call, ("DELETE", &path(project, email)), None)
        .await
    {
        Ok(_) => Ok(Change::Removed),
        Err(trouble) if trouble.is_missing() => Ok(Change::Removed),
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot delete service account \"{email}\"")))
        }
    }
}
