//! A project that windlass makes, with its billing account; and what there is of one that others made.

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result, State, Tags,
};

use crate::{
    client::{Client, encode},
    labels, operations,
    refusal::Answer,
    service::Service,
    want::ProjectLayout,
};

/// Reads a project; `None` where there is none, or one may not see it: Google tells these apart to nobody.
pub(crate) async fn get(client: &Client, cx: &Ctx, project: &str) -> Answer<Option<Value>> {
    let path = format!("/v3/projects/{}", encode(project));
    match client
        .get(cx, (Service::Projects, "projects.get"), &path)
        .await
    {
        Ok(found) => Ok(Some(found)),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Returns the projects that one can see and that a query finds, but for those that are on their way out.
pub(crate) async fn search(client: &Client, cx: &Ctx, query: &str) -> Answer<Vec<Value>> {
    let path = format!("/v3/projects:search?pageSize=300&query={}", encode(query));
    let call = (Service::Projects, "projects.search");
    let mut found = client.list(cx, call, &path, "projects").await?;
    found.retain(|it| it["state"] == "ACTIVE");
    Ok(found)
}

/// Returns the projects that windlass made.
pub(crate) async fn ours(client: &Client, cx: &Ctx) -> Answer<Vec<Value>> {
    search(client, cx, &format!("labels.{}:*", Tags::CLUSTER)).await
}

/// Returns a project's id.
pub(crate) fn id(project: &Value) -> String {
    project["projectId"].as_str().unwrap_or_default().to_owned()
}

/// Returns a project's number, of its name: "projects/123".
pub(crate) fn number(project: &Value) -> String {
    let name = project["name"].as_str().unwrap_or_default();
    name.trim_start_matches("projects/").to_owned()
}

fn outputs(project: &Value) -> Outputs {
    let mut outputs = Outputs::from([
        ("project".to_owned(), id(project)),
        ("number".to_owned(), number(project)),
    ]);
    labels::put_times(&mut outputs, &labels::of(&project["labels"]));
    outputs
}

/// Describes a project that was read. `billed` tells whether a billing account is linked, where that was looked up.
pub(crate) fn describe(
    project: &Value,
    layout: Option<&ProjectLayout>,
    billed: Option<bool>,
) -> (Observed, Option<Tags>) {
    let pairs = labels::of(&project["labels"]);
    let (owner, tags, doubt) = labels::judge(&pairs);
    let state = match (project["state"].as_str(), billed) {
        (Some("ACTIVE"), Some(false)) => State::Making,
        (Some("ACTIVE"), _) => State::Ready,
        // It can be had back for 30 days, and costs nothing.
        (Some("DELETE_REQUESTED"), _) => State::Missing,
        _ => State::Making,
    };
    let differs = match layout {
        Some(layout) if owner == Owner::Ours => labels::lifetime(&pairs, layout.lifetime)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(project),
        detail: match billed {
            Some(false) => Some("no billing account is linked".to_owned()),
            _ => doubt,
        },
        unused: false,
    };
    match state {
        State::Missing => (Observed::missing(), None),
        _ => (observed, tags),
    }
}

async fn is_billed(client: &Client, cx: &Ctx, project: &str) -> Answer<bool> {
    let path = format!("/v1/projects/{}/billingInfo", encode(project));
    let call = (Service::Billing, "projects.getBillingInfo");
    Ok(client.get(cx, call, &path).await?["billingEnabled"] == true)
}

/// Reads what there is of a project that windlass makes.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&ProjectLayout>,
) -> Result<Observed> {
    let found = match get(client, cx, &resource.name).await {
        Ok(found) => found,
        Err(trouble) if trouble.is_denied() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(project) = found else {
        return Ok(Observed::missing());
    };
    let billed = is_billed(client, cx, &resource.name).await?;
    Ok(describe(&project, layout, Some(billed)).0)
}

/// Makes the project, and links its billing account.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &ProjectLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    let found = match get(client, cx, name).await {
        Ok(found) => found,
        Err(trouble) if trouble.is_denied() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let project = match found {
        Some(project) => project,
        None => {
            change = Change::Made;
            make(client, cx, resource, layout, known).await?
        }
    };
    let pairs = labels::of(&project["labels"]);
    if !labels::is_ours(&pairs) {
        return Ok((Change::Unchanged, outputs(&project)));
    }
    if project["state"] == "DELETE_REQUESTED" {
        return Err(Error::new(
            Fault::Conflict,
            format!("project \"{name}\" is on its way out, and its name is not free for 30 days"),
        )
        .hint("choose another: --project ID")
        .hint(format!("or have it back: gcloud projects undelete {name}")));
    }
    if labels::lifetime(&pairs, layout.lifetime).is_some() {
        let tags = labels::again(cx, &resource.cluster, &pairs, layout.lifetime);
        let path = format!(
            "/v3/{}?updateMask=labels",
            project["name"].as_str().unwrap_or_default()
        );
        let body = json!({ "labels": labels::over(&pairs, &tags) });
        let call = (Service::Projects, "projects.patch");
        let begun = client.call(cx, call, ("PATCH", &path), Some(&body)).await?;
        operations::general(
            client,
            cx,
            (Service::Projects, "v3"),
            &begun,
            "changing the labels",
        )
        .await?;
        change = Change::Updated;
    }
    if !is_billed(client, cx, name).await? {
        let account = billing(client, cx, layout).await?;
        let path = format!("/v1/projects/{}/billingInfo", encode(name));
        let body = json!({ "billingAccountName": account });
        let call = (Service::Billing, "projects.updateBillingInfo");
        client
            .call(cx, call, ("PUT", &path), Some(&body))
            .await
            .map_err(|trouble| {
                Error::from(trouble)
                    .context(format!("cannot link {account} to project \"{name}\""))
                    .hint("you need roles/billing.user on the billing account")
            })?;
        if change == Change::Unchanged {
            change = Change::Updated;
        }
    }
    let project = get(client, cx, name).await?.unwrap_or(project);
    Ok((change, outputs(&project)))
}

async fn make(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &ProjectLayout,
    known: &Known,
) -> Result<Value> {
    let name = &resource.name;
    let tags = labels::for_new(cx, &resource.cluster, layout.lifetime, known);
    let mut body = json!({
        "projectId": name,
        "displayName": name,
        "labels": labels::object(&tags),
    });
    if let Some(parent) = &layout.parent {
        body["parent"] = json!(parent);
    }
    let call = (Service::Projects, "projects.create");
    match client
        .call(cx, call, ("POST", "/v3/projects"), Some(&body))
        .await
    {
        Ok(begun) => {
            let what = format!("creating project {name}");
            let service = (Service::Projects, "v3");
            operations::general(client, cx, service, &begun, &what).await?;
        }
        // An answer was lost; or the id is somebody else's, which a look tells.
        Err(trouble) if trouble.is_there() => {}
        Err(trouble) => {
            return Err(Error::from(trouble)
                .context(format!("cannot create project \"{name}\""))
                .hint("you need roles/resourcemanager.projectCreator, and in an organisation a parent: parent = \"folders/1\" in [clusters.NAME.google]"));
        }
    }
    let found = get(client, cx, name).await.ok().flatten();
    found.ok_or_else(|| {
        Error::new(
            Fault::Conflict,
            format!(
                "project \"{name}\" is somebody else's: ids of projects are unique in the world"
            ),
        )
        .hint("choose another: --project ID; or none, and one is made up")
    })
}

/// Returns the billing account that is meant: the one that is named, or the only one that is open.
async fn billing(client: &Client, cx: &Ctx, layout: &ProjectLayout) -> Result<String> {
    if let Some(account) = &layout.billing {
        return Ok(match account.starts_with("billingAccounts/") {
            true => account.clone(),
            false => format!("billingAccounts/{account}"),
        });
    }
    let call = (Service::Billing, "billingAccounts.list");
    let all = client
        .list(cx, call, "/v1/billingAccounts", "billingAccounts")
        .await?;
    let open: Vec<&str> = all
        .iter()
        .filter(|it| it["open"] == true)
        .filter_map(|it| it["name"].as_str())
        .collect();
    match open[..] {
        [only] => Ok(only.to_owned()),
        [] => Err(Error::new(Fault::Invalid, "there is no open billing account that you may use")
            .hint("make one: https://console.cloud.google.com/billing; or be given roles/billing.user on one")),
        _ => Err(Error::new(
            Fault::Invalid,
            format!("there are {} open billing accounts: which one?", open.len()),
        )
        .hint(format!("name it: --billing-account; there are {}", open.join(", ")))),
    }
}

/// Deletes a project that windlass made. Google keeps it for 30 days, in which it costs nothing and can be had back.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let name = &resource.name;
    let found = match get(client, cx, name).await {
        Ok(found) => found,
        Err(trouble) if trouble.is_denied() => None,
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(project) = found.filter(|it| it["state"] != "DELETE_REQUESTED") else {
        return Ok(Change::Absent);
    };
    if !labels::is_of(&labels::of(&project["labels"]), &resource.cluster) {
        return Ok(Change::Kept);
    }
    let path = format!("/v3/{}", project["name"].as_str().unwrap_or_default());
    let call = (Service::Projects, "projects.delete");
    let begun = client
        .call(cx, call, ("DELETE", &path), None)
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot delete project \"{name}\""))
        })?;
    let what = format!("deleting project {name}");
    operations::general(client, cx, (Service::Projects, "v3"), &begun, &what).await?;
    Ok(Change::Removed)
}
