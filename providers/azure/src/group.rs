//! The resource group: what windlass makes lies in it, and it goes last.

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result,
    State, Tags,
};

use crate::{
    client::{Call, Client, Method},
    pace::{POLL, wait},
    refusal::Answer,
    tagged,
    want::{GroupLayout, Place, RESOURCES_API, at},
};

/// Reads a resource group.
pub(crate) async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
) -> Answer<Option<Value>> {
    let path = at(&place.any_group(name), RESOURCES_API);
    client
        .get(cx, &format!("resource group {name}"), path)
        .await
}

fn state(group: &Value) -> State {
    match group["properties"]["provisioningState"]
        .as_str()
        .unwrap_or_default()
    {
        "Deleting" => State::Deleting,
        _ => State::Ready,
    }
}

fn outputs(group: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    for (key, value) in [("id", &group["id"]), ("location", &group["location"])] {
        if let Some(text) = value.as_str() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    }
    tagged::put_times(&mut outputs, &tagged::of(group));
    outputs
}

fn differences(group: &Value, place: &Place, layout: &GroupLayout) -> Vec<Difference> {
    let mut differs = Vec::new();
    let location = group["location"].as_str().unwrap_or_default();
    if !location.eq_ignore_ascii_case(&place.location) {
        differs.push(Difference {
            field: "azure.location".to_owned(),
            wanted: place.location.clone(),
            found: location.to_owned(),
            changeable: false,
        });
    }
    let lived = tagged::lifetime(&tagged::of(group));
    if lived != layout.lifetime {
        differs.push(Difference {
            field: "lifetime".to_owned(),
            wanted: tagged::lifetime_words(layout.lifetime),
            found: tagged::lifetime_words(lived),
            changeable: true,
        });
    }
    differs
}

/// Describes a group that was read.
pub(crate) fn describe(
    group: &Value,
    place: &Place,
    layout: Option<&GroupLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&tagged::of(group));
    let state = state(group);
    let differs = match layout {
        Some(layout) if owner == Owner::Ours && state == State::Ready => {
            differences(group, place, layout)
        }
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(group),
        detail: doubt,
        unused: true,
    };
    (observed, tags)
}

/// Reads what there is of the group.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&GroupLayout>,
) -> Result<Observed> {
    Ok(match get(client, cx, place, &resource.name).await? {
        None => Observed::missing(),
        Some(group) => describe(&group, place, layout).0,
    })
}

/// Brings the group about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &GroupLayout,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    loop {
        let found = get(client, cx, place, name).await?;
        let (tags, method) = match &found {
            None if layout.foreign => {
                return Err(Error::new(
                    Fault::Invalid,
                    format!("there is no resource group \"{name}\""),
                )
                .hint("name one that is there: resource-group in [clusters.NAME.azure] of windlass.toml; or leave it out, and one is made"));
            }
            None => {
                let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, &Known::new());
                (tagged::object(&tags, &Default::default()), Method::Put)
            }
            Some(group) if state(group) == State::Deleting => {
                let what = format!("waiting until the old resource group {name} is gone");
                wait(cx, &what, POLL).await?;
                continue;
            }
            Some(group) if !tagged::is_ours(group) => match layout.foreign {
                true => return Ok((Change::Unchanged, outputs(group))),
                false => {
                    return Err(Error::new(
                        Fault::Conflict,
                        format!("a resource group \"{name}\" is there, and windlass did not make it"),
                    )
                    .hint("choose another name with --cluster, or have the cluster in that group: resource-group in [clusters.NAME.azure] of windlass.toml"));
                }
            },
            Some(group) => {
                let differs = differences(group, place, layout);
                if let Some(fixed) = differs.iter().find(|it| !it.changeable) {
                    return Err(Error::new(
                        Fault::Invalid,
                        format!(
                            "resource group \"{name}\" is in {}, and cannot go to {}",
                            fixed.found, fixed.wanted
                        ),
                    )
                    .hint(format!("write location = \"{}\" in [clusters.NAME.azure], or destroy the cluster first", fixed.found)));
                }
                if differs.is_empty() {
                    return Ok((change, outputs(group)));
                }
                let there = tagged::of(group);
                let tags = tagged::again(cx, &resource.cluster, &there, layout.lifetime);
                (tagged::object(&tags, &there), Method::Patch)
            }
        };
        let body = match method {
            Method::Put => json!({ "location": place.location, "tags": tags }),
            _ => json!({ "tags": tags }),
        };
        let call = Call {
            action: format!("make resource group {name}"),
            method,
            path: at(&place.any_group(name), RESOURCES_API),
            body: Some(&body),
        };
        match client.carry_out(cx, &call).await {
            Ok(()) if method == Method::Put => change = Change::Made,
            Ok(()) => change = Change::Updated,
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting for resource group {name}"), POLL).await?;
            }
            Err(trouble) => {
                return Err(
                    Error::from(trouble).context(format!("cannot make resource group \"{name}\""))
                );
            }
        }
    }
}

/// Deletes the group; one that is not ours is kept, and so is one in which something lies that is not.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let name = &resource.name;
    let Some(group) = get(client, cx, place, name).await? else {
        return Ok(Change::Absent);
    };
    if !tagged::is_ours(&group) {
        cx.progress.say(format!(
            "resource group {name} was not made by windlass and is kept"
        ));
        return Ok(Change::Kept);
    }
    let foreign = foreign_in(client, cx, place, name).await?;
    if !foreign.is_empty() && state(&group) != State::Deleting {
        let error = Error::new(
            Fault::Conflict,
            format!("resource group \"{name}\" holds what windlass did not make"),
        );
        return Err(foreign
            .into_iter()
            .fold(error, Error::cause)
            .hint("move or delete that, and run the same command again")
            .hint(format!(
                "or leave the group: windlass destroy azure --cluster {} --keep group",
                resource.cluster
            )));
    }
    remove(client, cx, place, name).await?;
    Ok(Change::Removed)
}

/// Returns what lies in a group that carries no tag of ours, as "kind name".
async fn foreign_in(client: &Client, cx: &Ctx, place: &Place, name: &str) -> Answer<Vec<String>> {
    let path = at(
        &format!("{}/resources", place.any_group(name)),
        RESOURCES_API,
    );
    let all = client
        .list(cx, &format!("list what is in resource group {name}"), path)
        .await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let foreign = all.iter().filter(|it| !tagged::is_ours(it));
    Ok(foreign
        .map(|it| format!("{} {}", text(&it["type"]), text(&it["name"])))
        .collect())
}

/// Deletes a group with all that is in it, and waits until it is gone.
pub(crate) async fn remove(client: &Client, cx: &Ctx, place: &Place, name: &str) -> Result<()> {
    let what = format!("delete resource group {name}");
    while let Some(group) = get(client, cx, place, name).await? {
        if state(&group) == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: at(&place.any_group(name), RESOURCES_API),
            body: None,
        };
        let cannot = format!("cannot delete resource group \"{name}\"");
        client.ask_to_go(cx, &call, &cannot).await?;
    }
    Ok(())
}
