//! How to reach a cluster's API, and with which credential.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use windlass_provider::{Auth, ClusterName, Ctx, Error, ExecCredential, Fault, Kubeconfig, Result};

use crate::{
    client::Client,
    eks,
    service::Service,
    token::{self, LASTS},
};

async fn locate(client: &Client, cx: &Ctx, cluster: &ClusterName) -> Result<Value> {
    let found = eks::describe(client, cx, cluster.as_str()).await?;
    found.ok_or_else(|| {
        let region = client.region();
        Error::new(
            Fault::Unavailable,
            format!("there is no EKS cluster \"{cluster}\" in {region}"),
        )
        .hint("see which there are: windlass cluster list --provider aws --all-regions")
        .hint(format!(
            "or make it: windlass setup aws --cluster {cluster}"
        ))
    })
}

/// Returns how to reach the cluster's API.
pub(crate) async fn kubeconfig(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
) -> Result<Kubeconfig> {
    let found = locate(client, cx, cluster).await?;
    let status = found["status"].as_str().unwrap_or_default();
    let Some(server) = found["endpoint"].as_str().filter(|it| !it.is_empty()) else {
        return Err(Error::new(
            Fault::Unavailable,
            format!("EKS cluster \"{cluster}\" has no API yet: it is {status}"),
        )
        .hint("wait until it is made, or make it whole: windlass setup aws"));
    };
    let authority = found["certificateAuthority"]["data"]
        .as_str()
        .unwrap_or_default();
    let pem = STANDARD
        .decode(authority)
        .ok()
        .and_then(|pem| String::from_utf8(pem).ok());
    let pem = pem.filter(|pem| !pem.is_empty()).ok_or_else(|| {
        Error::new(
            Fault::Unavailable,
            format!("EKS tells no certificate authority of cluster \"{cluster}\""),
        )
        .hint("wait until it is made, or make it whole: windlass setup aws")
    })?;
    Ok(Kubeconfig {
        server: server.to_owned(),
        certificate_authority: Some(pem),
        tls_server_name: None,
        auth: credential_of(client, cx, cluster).await?.auth,
    })
}

/// Returns a credential for the cluster's API.
pub(crate) async fn credential(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
) -> Result<ExecCredential> {
    match locate(client, cx, cluster).await {
        Ok(_) => {}
        // Who may use a cluster need not be allowed to look it up.
        Err(error) if error.fault == Fault::Denied => {}
        Err(error) => return Err(error),
    }
    credential_of(client, cx, cluster).await
}

async fn credential_of(client: &Client, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
    let credentials = client.session().credentials(cx).await?;
    let at = cx.clock.now();
    let base = client.url(Service::Sts).await;
    let token = token::token(&base, client.region(), cluster.as_str(), &credentials, at)?;
    Ok(ExecCredential {
        auth: Auth::Token(token),
        expires: Some(at + LASTS),
    })
}
