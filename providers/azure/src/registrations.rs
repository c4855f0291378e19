//! The resource providers that a subscription must have registered before anything of theirs is made.

use serde_json::Value;
use windlass_provider::{Change, Ctx, Error, Observed, Outputs, Result, State};

use crate::{
    client::{Call, Client, Method},
    pace::{POLL, wait},
    refusal::Answer,
    want::{Place, at},
};

/// What is registered by default in no subscription, and what windlass needs of it.
///
/// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/azure-services-resource-providers>
const NEEDED: [&str; 5] = [
    "Microsoft.Compute",
    "Microsoft.ContainerService",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.Storage",
];
/// What AKS's extensions need besides.
const EXTENSIONS: &str = "Microsoft.KubernetesConfiguration";
const API: &str = "2021-04-01";

/// Returns what must be registered, with or without an extension.
pub(crate) fn needed(extension: bool) -> Vec<String> {
    let extension = extension.then_some(EXTENSIONS);
    let all = NEEDED.into_iter().chain(extension);
    all.map(str::to_owned).collect()
}

fn path(place: &Place, namespace: &str) -> String {
    format!("{}/providers/{namespace}", place.root())
}

/// Returns those that are not registered.
pub(crate) async fn missing(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    names: &[String],
) -> Answer<Vec<String>> {
    let looks = names.iter().map(|name| async move {
        let path = at(&path(place, name), API);
        let found = client
            .get(cx, &format!("resource provider {name}"), path)
            .await?;
        let state = found.unwrap_or(Value::Null)["registrationState"].take();
        Ok::<_, crate::refusal::Trouble>((state != "Registered").then(|| name.clone()))
    });
    let all = futures::future::try_join_all(looks).await?;
    Ok(all.into_iter().flatten().collect())
}

/// Reads which of them are registered.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    names: &[String],
) -> Result<Observed> {
    let missing = missing(client, cx, place, names).await?;
    Ok(match missing.is_empty() {
        true => Observed {
            state: State::Ready,
            ..Observed::missing()
        },
        false => Observed {
            detail: Some(format!("not registered: {}", missing.join(", "))),
            ..Observed::missing()
        },
    })
}

/// Registers them. They stay registered: that costs nothing, and others may have come to need it.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    names: &[String],
) -> Result<(Change, Outputs)> {
    let mut asked = false;
    loop {
        let left = missing(client, cx, place, names).await?;
        if left.is_empty() {
            let change = match asked {
                true => Change::Made,
                false => Change::Unchanged,
            };
            return Ok((change, Outputs::new()));
        }
        for name in left.iter().filter(|_| !asked) {
            let call = Call {
                action: format!("register {name}"),
                method: Method::Post,
                path: at(&format!("{}/register", path(place, name)), API),
                body: None,
            };
            client.carry_out(cx, &call).await.map_err(|trouble| {
                Error::from(trouble).context(format!("cannot register {name}"))
            })?;
        }
        asked = true;
        let what = format!("waiting until {} are registered", left.join(", "));
        wait(cx, &what, POLL).await?;
    }
}
