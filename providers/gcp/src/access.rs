//! How to reach a cluster's API, and with which credential.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use windlass_provider::{Auth, ClusterName, Ctx, Error, ExecCredential, Fault, Kubeconfig, Result};

use crate::client::Client;

/// For how long a client may keep a token: whoever issued it does not say how long it lasts, and it is renewed four minutes before
/// its end.
const LASTS: Duration = Duration::from_secs(3 * 60);

/// Says that there is no such cluster.
pub(crate) fn nowhere(cluster: &ClusterName, project: &str) -> Error {
    Error::new(
        Fault::Unavailable,
        format!("there is no GKE cluster \"{cluster}\" in project \"{project}\""),
    )
    .hint("see which there are: windlass cluster list --provider google --all-regions")
    .hint(format!(
        "or make it: windlass setup google --cluster {cluster}"
    ))
}

/// Returns how to reach the API of a cluster that was read.
pub(crate) async fn kubeconfig(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    found: &Value,
) -> Result<Kubeconfig> {
    let status = found["status"].as_str().unwrap_or_default();
    let early = |what: String| {
        Error::new(Fault::Unavailable, what)
            .hint("wait until it is made, or make it whole: windlass setup google")
    };
    let Some(server) = found["endpoint"].as_str().filter(|it| !it.is_empty()) else {
        return Err(early(format!(
            "GKE cluster \"{cluster}\" has no API yet: it is {status}"
        )));
    };
    let authority = found["masterAuth"]["clusterCaCertificate"].as_str();
    let pem = STANDARD
        .decode(authority.unwrap_or_default())
        .ok()
        .and_then(|pem| String::from_utf8(pem).ok());
    let pem = pem.filter(|pem| !pem.is_empty()).ok_or_else(|| {
        early(format!(
            "GKE tells no certificate authority of cluster \"{cluster}\""
        ))
    })?;
    Ok(Kubeconfig {
        server: format!("https://{server}"),
        certificate_authority: Some(pem),
        tls_server_name: None,
        auth: credential(client, cx).await?.auth,
    })
}

/// Returns a credential for clusters' APIs: they take the tokens of Google Cloud.
pub(crate) async fn credential(client: &Client, cx: &Ctx) -> Result<ExecCredential> {
    let token = client.session().token(cx).await?;
    Ok(ExecCredential {
        auth: Auth::Token(token),
        expires: Some(cx.clock.now() + LASTS),
    })
}
