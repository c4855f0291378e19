//! APIs of a project: enabled where they are not, and waited for until they answer. They are never disabled again.

use std::time::Duration;

use serde_json::json;
use windlass_provider::{Change, Ctx, Error, Observed, Outputs, Owner, Result, State};

use crate::{
    client::{Backoff, Client, encode, wait},
    operations,
    refusal::{Answer, Trouble},
    service::Service,
};

/// What windlass needs in a project, besides what the APIs themselves need.
pub(crate) const NEEDED: [&str; 5] = [
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
];

/// How long an API that was enabled may go on saying that it is not.
const PROPAGATION: Duration = Duration::from_secs(10 * 60);

/// Returns those of the APIs that the project lacks.
pub(crate) async fn missing(
    client: &Client,
    cx: &Ctx,
    project: &str,
    wanted: &[String],
) -> Answer<Vec<String>> {
    let names = wanted.iter().map(|api| {
        format!(
            "names=projects/{}/services/{}",
            encode(project),
            encode(api)
        )
    });
    let names: Vec<String> = names.collect();
    let path = format!(
        "/v1/projects/{}/services:batchGet?{}",
        encode(project),
        names.join("&")
    );
    let answer = client
        .get(cx, (Service::Usage, "services.batchGet"), &path)
        .await?;
    let services = answer["services"].as_array().into_iter().flatten();
    let enabled: Vec<&str> = services
        .filter(|it| it["state"] == "ENABLED")
        .filter_map(|it| it["name"].as_str()?.rsplit('/').next())
        .collect();
    let lacking = wanted.iter().filter(|api| !enabled.contains(&api.as_str()));
    Ok(lacking.cloned().collect())
}

/// Reads whether they are enabled.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    project: &str,
    wanted: &[String],
) -> Result<Observed> {
    let lacking = match missing(client, cx, project, wanted).await {
        Ok(lacking) => lacking,
        // The project is not there yet.
        Err(trouble) if trouble.is_missing() || trouble.is_denied() => wanted.to_vec(),
        Err(trouble) => return Err(trouble.into()),
    };
    if lacking.len() == wanted.len() {
        return Ok(Observed::missing());
    }
    Ok(Observed {
        state: match lacking.is_empty() {
            true => State::Ready,
            false => State::Making,
        },
        owner: Owner::Ours,
        differs: Vec::new(),
        outputs: Outputs::new(),
        detail: (!lacking.is_empty()).then(|| format!("not enabled yet: {}", lacking.join(", "))),
        unused: true,
    })
}

/// Enables them, and waits until those that windlass calls answer.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    project: &str,
    wanted: &[String],
) -> Result<(Change, Outputs)> {
    let mut change = Change::Unchanged;
    let until = cx.clock.now() + PROPAGATION;
    loop {
        let lacking = match missing(client, cx, project, wanted).await {
            Ok(lacking) => lacking,
            // A project that was just made is not known everywhere.
            Err(trouble)
                if (trouble.is_missing() || trouble.is_denied()) && cx.clock.now() < until =>
            {
                wait(
                    cx,
                    &format!("waiting until project {project} is known"),
                    Duration::from_secs(5),
                )
                .await?;
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        if lacking.is_empty() {
            break;
        }
        let path = format!("/v1/projects/{}/services:batchEnable", encode(project));
        let body = json!({ "serviceIds": lacking });
        let begun = client
            .call(
                cx,
                (Service::Usage, "services.batchEnable"),
                ("POST", &path),
                Some(&body),
            )
            .await
            .map_err(|trouble| {
                Error::from(trouble).context(format!("cannot enable APIs of project \"{project}\""))
            })?;
        let what = format!("enabling {}", lacking.join(", "));
        operations::general(client, cx, (Service::Usage, "v1"), &begun, &what).await?;
        change = Change::Made;
    }
    await_answers(client, cx, project).await?;
    Ok((change, Outputs::new()))
}

/// Waits until the APIs that windlass calls no longer say that they are disabled.
async fn await_answers(client: &Client, cx: &Ctx, project: &str) -> Result<()> {
    let project = encode(project);
    let probes = [
        (
            Service::Container,
            format!("/v1/projects/{project}/locations/-/clusters"),
        ),
        (Service::Compute, format!("/compute/v1/projects/{project}")),
        (
            Service::Iam,
            format!("/v1/projects/{project}/serviceAccounts?pageSize=1"),
        ),
    ];
    let until = cx.clock.now() + PROPAGATION;
    for (service, path) in probes {
        let mut backoff = Backoff::new();
        loop {
            match client.get(cx, (service, "probe"), &path).await {
                Ok(_) => break,
                Err(trouble) if trouble.is_disabled() && cx.clock.now() < until => {
                    let what = format!("waiting until {} answers in the project", service.name());
                    backoff.wait(cx, &what).await?;
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }
    Ok(())
}

/// Calls what may find an API, an identity or a project that was just made still unknown, until it is known or the time for that
/// has passed.
pub(crate) async fn patiently<T, F>(cx: &Ctx, what: &str, mut call: impl FnMut() -> F) -> Answer<T>
where
    F: Future<Output = Answer<T>>,
{
    let until = cx.clock.now() + Duration::from_secs(2 * 60);
    let mut backoff = Backoff::new();
    loop {
        match call().await {
            Err(trouble) if is_early(&trouble) && cx.clock.now() < until => {
                backoff
                    .wait(cx, &format!("waiting until Google Cloud knows {what}"))
                    .await?;
            }
            done => return done,
        }
    }
}

fn is_early(trouble: &Trouble) -> bool {
    trouble.is_unknown_identity() || trouble.is_disabled()
}
