//! Flux as AKS's own extension of a cluster: Azure installs it, keeps it new, and takes it away.
//!
//! Source: <https://learn.microsoft.com/azure/azure-arc/kubernetes/conceptual-gitops-flux2>

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Error, Fault, Observed, Outputs, Owner, Resource, Result, State,
};

use crate::{
    client::{Call, Client, Method},
    pace::{POLL, wait},
    refusal::Answer,
    want::{Place, at},
};

/// The version of the extensions' API.
pub(crate) const EXTENSIONS_API: &str = "2023-05-01";
const TYPE: &str = "microsoft.flux";

fn path(place: &Place, cluster: &str) -> String {
    let cluster = place.cluster(cluster);
    at(
        &format!("{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/flux"),
        EXTENSIONS_API,
    )
}

/// Reads the extension of a cluster.
pub(crate) async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &str,
) -> Answer<Option<Value>> {
    let action = format!("the Flux extension of {cluster}");
    client.get(cx, &action, path(place, cluster)).await
}

/// Describes an extension that was read.
pub(crate) fn describe(extension: &Value) -> Observed {
    let properties = &extension["properties"];
    let how = properties["provisioningState"].as_str().unwrap_or_default();
    let state = match how {
        "Succeeded" => State::Ready,
        "Failed" | "Canceled" => State::Failed,
        "Deleting" => State::Deleting,
        _ => State::Making,
    };
    let why = properties["errorInfo"]["message"].as_str().unwrap_or(how);
    Observed {
        state,
        owner: Owner::Ours,
        detail: (state != State::Ready).then(|| why.to_owned()),
        ..Observed::missing()
    }
}

/// Reads what there is of it.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Observed> {
    let found = get(client, cx, place, resource.cluster.as_str()).await?;
    Ok(found.map_or_else(Observed::missing, |it| describe(&it)))
}

/// Brings it about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<(Change, Outputs)> {
    let cluster = resource.cluster.as_str();
    let mut change = Change::Unchanged;
    let mut tries = 0;
    let body = json!({ "properties": {
        "extensionType": TYPE,
        "autoUpgradeMinorVersion": true,
        "scope": { "cluster": { "releaseNamespace": "flux-system" } },
        // Windlass's releases are the cluster's own, and no tenant's.
        "configurationSettings": { "multiTenancy.enforce": "false" },
    } });
    loop {
        let observed = observe(client, cx, resource, place).await?;
        match observed.state {
            State::Ready => return Ok((change, Outputs::new())),
            State::Making | State::Deleting => {
                let what = format!("waiting for the Flux extension of {cluster}");
                wait(cx, &what, POLL).await?;
                continue;
            }
            State::Failed if tries > 1 => {
                let why = observed.detail.unwrap_or_default();
                return Err(Error::new(
                    Fault::Failed,
                    format!("the Flux extension of {cluster} does not work"),
                )
                .cause(why)
                .hint("mend what it names, and run the same command again")
                .hint("or have windlass install Flux itself: take flux-extension out of [clusters.NAME.azure]"));
            }
            State::Failed if change == Change::Unchanged => change = Change::Updated,
            State::Failed => {}
            State::Missing => change = Change::Made,
        }
        tries += 1;
        let call = Call {
            action: format!("install the Flux extension of {cluster}"),
            method: Method::Put,
            path: path(place, cluster),
            body: Some(&body),
        };
        match client.carry_out(cx, &call).await {
            Ok(()) => {}
            Err(trouble) if trouble.is_busy() => {
                let what = format!("waiting for what else AKS does to {cluster}");
                wait(cx, &what, POLL).await?;
            }
            // What it says of itself tells why; it is asked for once more, while there is something of it.
            Err(trouble) if trouble.is_failed() && tries < 3 => {}
            Err(trouble) => {
                return Err(Error::from(trouble)
                    .context(format!("cannot install the Flux extension of {cluster}")));
            }
        }
    }
}

/// Removes it. Flux's controllers go with it.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let cluster = resource.cluster.as_str();
    let what = format!("remove the Flux extension of {cluster}");
    let mut change = Change::Absent;
    while let Some(extension) = get(client, cx, place, cluster).await? {
        change = Change::Removed;
        if describe(&extension).state == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: path(place, cluster),
            body: None,
        };
        let cannot = format!("cannot {what}");
        client.ask_to_go(cx, &call, &cannot).await?;
    }
    Ok(change)
}
