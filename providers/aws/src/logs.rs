//! The group of the control plane's logs, made before the cluster so that it carries tags and an end.

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Known, Observed, Outputs, Owner, Resource, Result, State, Tags,
};

use crate::{client::Client, refusal::Answer, service::Service, tagged, want::LogsLayout};

/// A group of logs.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    days: Option<u64>,
    arn: String,
    /// Its tags, read only where they are asked for.
    pub(crate) tags: tagged::Pairs,
}

/// Returns a group with its tags; `None` where it is not there.
pub(crate) async fn find(client: &Client, cx: &Ctx, name: &str) -> Answer<Option<Group>> {
    let all = list(client, cx, name).await?;
    let Some(mut group) = all.into_iter().find(|group| group.name == name) else {
        return Ok(None);
    };
    let body = json!({ "resourceArn": group.arn });
    let answer = client
        .target(cx, Service::Logs, "ListTagsForResource", &body)
        .await;
    match answer {
        Ok(answer) => group.tags = tagged::of(&answer["tags"]),
        Err(trouble) if trouble.is_missing() => return Ok(None),
        Err(trouble) => return Err(trouble),
    }
    Ok(Some(group))
}

/// Returns the groups whose names begin so, without their tags.
async fn list(client: &Client, cx: &Ctx, prefix: &str) -> Answer<Vec<Group>> {
    let mut all = Vec::new();
    let mut body = json!({ "logGroupNamePrefix": prefix });
    loop {
        let answer = client
            .target(cx, Service::Logs, "DescribeLogGroups", &body)
            .await?;
        let groups = answer["logGroups"].as_array().into_iter().flatten();
        all.extend(groups.map(|group| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            // The one with the star at its end is for policies.
            let arn = text(&group["arn"]);
            Group {
                name: text(&group["logGroupName"]),
                days: group["retentionInDays"].as_u64(),
                arn: arn.trim_end_matches(":*").to_owned(),
                tags: tagged::Pairs::new(),
            }
        }));
        match answer["nextToken"].as_str() {
            Some(token) => body["nextToken"] = token.into(),
            None => return Ok(all),
        }
    }
}

fn differences(group: &Group, layout: &LogsLayout) -> Vec<Difference> {
    let there = group
        .days
        .map_or("never".to_owned(), |days| days.to_string());
    let wanted = layout.days.to_string();
    (wanted != there)
        .then_some(Difference {
            field: "aws.log-days".to_owned(),
            wanted,
            found: there,
            changeable: true,
        })
        .into_iter()
        .collect()
}

fn outputs(group: &Group) -> Outputs {
    let mut outputs = Outputs::from([("arn".to_owned(), group.arn.clone())]);
    if let Some(days) = group.days {
        outputs.insert("days".to_owned(), days.to_string());
    }
    outputs
}

/// Describes a group that was read. `ours`: the cluster that writes it is windlass's, so that the group is, too.
pub(crate) fn describe(
    group: &Group,
    ours: bool,
    layout: Option<&LogsLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&group.tags);
    let observed = Observed {
        state: State::Ready,
        owner: match ours {
            true => Owner::Ours,
            false => owner,
        },
        differs: layout
            .map(|layout| differences(group, layout))
            .unwrap_or_default(),
        outputs: outputs(group),
        detail: doubt,
        unused: true,
    };
    (observed, tags)
}

/// Reads what there is of the logs.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&LogsLayout>,
) -> Result<Observed> {
    Ok(match find(client, cx, &resource.name).await? {
        None => Observed::missing(),
        Some(group) => describe(&group, true, layout).0,
    })
}

/// Brings the group about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &LogsLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let cannot = |what: &str| format!("cannot {what} log group \"{name}\"");
    let mut change = Change::Unchanged;
    // EKS may have made it meanwhile, and it may be gone again.
    for _ in 0..5 {
        let Some(group) = find(client, cx, name).await? else {
            let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
            let body = json!({ "logGroupName": name, "tags": tagged::object(&tags) });
            match client
                .target(cx, Service::Logs, "CreateLogGroup", &body)
                .await
            {
                Ok(_) => change = Change::Made,
                Err(trouble) if trouble.is(&["ResourceAlreadyExistsException"]) => {
                    change = Change::Made;
                }
                Err(trouble) => return Err(Error::from(trouble).context(cannot("create"))),
            }
            continue;
        };
        if differences(&group, layout).is_empty() {
            return Ok((change, outputs(&group)));
        }
        let body = json!({ "logGroupName": name, "retentionInDays": layout.days });
        match client
            .target(cx, Service::Logs, "PutRetentionPolicy", &body)
            .await
        {
            Ok(_) => {}
            Err(trouble) if trouble.is_missing() => continue,
            Err(trouble) => return Err(Error::from(trouble).context(cannot("set the end of"))),
        }
        if change == Change::Unchanged {
            change = Change::Updated;
        }
    }
    Err(Error::new(
        windlass_provider::Fault::Transient,
        format!("log group \"{name}\" comes and goes"),
    ))
}

/// Deletes the group.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let name = &resource.name;
    let body = json!({ "logGroupName": name });
    match client
        .target(cx, Service::Logs, "DeleteLogGroup", &body)
        .await
    {
        Ok(_) => Ok(Change::Removed),
        Err(trouble) if trouble.is_missing() => Ok(Change::Absent),
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot delete log group \"{name}\"")))
        }
    }
}
