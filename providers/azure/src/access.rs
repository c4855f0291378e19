//! How to reach a cluster's API, and with which credential.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use windlass_provider::{Auth, ClusterName, Ctx, Error, ExecCredential, Fault, Kubeconfig, Result};

use crate::{
    client::{Call, Client, Method},
    cluster, facts,
    refusal::Answer,
    want::{AKS_API, Place, at, group_name},
};

/// For whom tokens of Entra are that clusters take: the same application in every tenant.
///
/// Source: <https://azure.github.io/kubelogin/concepts/aks.html>
const ENTRA: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";

/// Returns the cluster of that name, and where it is.
pub(crate) async fn locate(
    client: &Client,
    cx: &Ctx,
    name: &ClusterName,
) -> Answer<Option<(Place, Value)>> {
    let mut place = Place {
        subscription: client.subscription(cx).await?,
        group: match &client.session().access.resource_group {
            Some(group) => group.clone(),
            None => group_name(name),
        },
        location: String::new(),
    };
    let mut found = cluster::get(client, cx, &place, name.as_str()).await?;
    if found.is_none() {
        found = facts::elsewhere(client, cx, &place, name.as_str()).await?;
    }
    let Some(found) = found else {
        return Ok(None);
    };
    if let Some(group) = found["id"].as_str().and_then(cluster::group_of) {
        place.group = group.to_owned();
    }
    place.location = found["location"].as_str().unwrap_or_default().to_owned();
    Ok(Some((place, found)))
}

async fn there(client: &Client, cx: &Ctx, name: &ClusterName) -> Result<(Place, Value)> {
    locate(client, cx, name).await?.ok_or_else(|| {
        Error::new(
            Fault::Unavailable,
            format!("there is no AKS cluster \"{name}\" in the subscription"),
        )
        .hint("see which there are: windlass cluster list --provider azure")
        .hint(format!("or make it: windlass setup azure --cluster {name}"))
    })
}

fn has_entra(cluster: &Value) -> bool {
    cluster["properties"]["aadProfile"]["managed"] == true
}

/// Returns how to reach the cluster's API.
pub(crate) async fn kubeconfig(
    client: &Client,
    cx: &Ctx,
    name: &ClusterName,
) -> Result<Kubeconfig> {
    let (place, cluster) = there(client, cx, name).await?;
    let file = file(client, cx, &place, name, &cluster).await?;
    let spec = &file["clusters"][0]["cluster"];
    let server = spec["server"].as_str().unwrap_or_default().to_owned();
    let authority = decode(&spec["certificate-authority-data"]);
    if server.is_empty() || authority.is_none() {
        return Err(unreadable(name));
    }
    let auth = match has_entra(&cluster) {
        true => entra(client, cx).await?.auth,
        false => user(&file, name)?,
    };
    Ok(Kubeconfig {
        server,
        certificate_authority: authority,
        tls_server_name: None,
        auth,
    })
}

/// Returns a credential for the cluster's API.
pub(crate) async fn credential(
    client: &Client,
    cx: &Ctx,
    name: &ClusterName,
) -> Result<ExecCredential> {
    let (place, cluster) = there(client, cx, name).await?;
    if has_entra(&cluster) {
        return entra(client, cx).await;
    }
    let file = file(client, cx, &place, name, &cluster).await?;
    Ok(ExecCredential {
        auth: user(&file, name)?,
        expires: None,
    })
}

/// Returns a token of Entra's.
async fn entra(client: &Client, cx: &Ctx) -> Result<ExecCredential> {
    let token = client.token(cx, ENTRA).await?;
    Ok(ExecCredential {
        auth: Auth::Token(token.text),
        expires: Some(token.expires),
    })
}

/// Returns the kubeconfig that AKS has for users.
async fn file(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &ClusterName,
    cluster: &Value,
) -> Result<Value> {
    let state = cluster["properties"]["provisioningState"].as_str();
    if state == Some("Creating") {
        return Err(Error::new(
            Fault::Unavailable,
            format!("AKS cluster \"{name}\" has no API yet: it is being made"),
        )
        .hint("wait until it is made, or make it whole: windlass setup azure"));
    }
    let path = format!("{}/listClusterUserCredential", place.cluster(name.as_str()));
    let empty = json!({});
    let call = Call {
        action: format!("get the kubeconfig of AKS cluster {name}"),
        method: Method::Post,
        path: at(&path, AKS_API),
        body: Some(&empty),
    };
    let answer = client.begin(cx, &call).await.map_err(Error::from)?;
    let text = decode(&answer.body["kubeconfigs"][0]["value"]);
    text.and_then(|text| serde_saphyr::from_str(&text).ok())
        .ok_or_else(|| unreadable(name))
}

fn unreadable(name: &ClusterName) -> Error {
    Error::new(
        Fault::Unavailable,
        format!("AKS gives no kubeconfig of cluster \"{name}\" that can be read"),
    )
    .hint("wait until it is made, or make it whole: windlass setup azure")
}

fn decode(value: &Value) -> Option<String> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok().filter(|it| !it.is_empty())
}

fn user(file: &Value, name: &ClusterName) -> Result<Auth> {
    let user = &file["users"][0]["user"];
    let certificate = decode(&user["client-certificate-data"]);
    match (
        certificate,
        decode(&user["client-key-data"]),
        user["token"].as_str(),
    ) {
        (Some(certificate), Some(key), _) => Ok(Auth::Certificate { certificate, key }),
        (_, _, Some(token)) => Ok(Auth::Token(token.to_owned())),
        _ => Err(unreadable(name)),
    }
}
