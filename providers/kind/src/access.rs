//! How to reach a cluster's API: what `kind get kubeconfig` prints, read strictly.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use windlass_provider::{Auth, ClusterName, Ctx, Error, Fault, Kubeconfig, Result};

use crate::{command, discover, programs::Programs};

/// Asks kind for a cluster's kubeconfig.
pub(crate) async fn kubeconfig(
    programs: &Programs,
    cx: &Ctx,
    cluster: &ClusterName,
) -> Result<Kubeconfig> {
    let Some((host, _)) = discover::locate(programs, cx, cluster).await? else {
        return Err(Error::new(
            Fault::Unavailable,
            format!("there is no kind cluster \"{cluster}\""),
        )
        .hint("see which there are: windlass cluster list")
        .hint(format!(
            "or make it: windlass setup kind --cluster {cluster}"
        )));
    };
    let cannot = format!("cannot get the kubeconfig of kind cluster \"{cluster}\"");
    let args = ["get", "kubeconfig", "--name", cluster.as_str()].map(str::to_owned);
    let ran = command::run(cx, host.kind()?, &args, &|_| {})
        .await
        .map_err(|error| error.context(&cannot))?;
    if !ran.succeeded() {
        return Err(host.explain(&ran, Fault::Failed, cannot));
    }
    read(&ran.text()).map_err(|reason| Error::new(Fault::Failed, cannot).cause(reason))
}

/// A kubeconfig file. Source: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    current_context: String,
    clusters: Vec<Named<ClusterEntry>>,
    contexts: Vec<Named<ContextEntry>>,
    users: Vec<Named<UserEntry>>,
}

/// An entry, under the key that its kind has.
#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "context", alias = "user")]
    entry: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority_data: Option<String>,
    tls_server_name: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Deserialize)]
struct ContextEntry {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UserEntry {
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
}

fn read(text: &str) -> Result<Kubeconfig, String> {
    // The message of a parser may quote what it read; this is full of secrets, so only the place is told.
    let file: File = serde_saphyr::from_str(text).map_err(|error| match error.location() {
        Some(at) => format!("it is not a kubeconfig, at line {}", at.line()),
        None => "it is not a kubeconfig".to_owned(),
    })?;
    let context = find(file.contexts, "context", &file.current_context)?;
    let cluster = find(file.clusters, "cluster", &context.cluster)?;
    let user = find(file.users, "user", &context.user)?;
    if cluster.insecure_skip_tls_verify {
        return Err("it switches the check of the server's certificate off".to_owned());
    }
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let plain = local.iter().any(|prefix| {
        let rest = cluster.server.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if !plain && !cluster.server.starts_with("https://") {
        return Err(format!(
            "its server \"{}\" is neither https nor on this machine",
            cluster.server
        ));
    }
    let auth = match (
        user.token,
        user.client_certificate_data,
        user.client_key_data,
    ) {
        (Some(token), None, None) if !token.is_empty() => Auth::Token(token),
        (None, Some(certificate), Some(key)) => Auth::Certificate {
            certificate: pem("client-certificate-data", &certificate)?,
            key: pem("client-key-data", &key)?,
        },
        _ => return Err("its user has neither a token nor a certificate with its key".to_owned()),
    };
    let authority = cluster.certificate_authority_data;
    Ok(Kubeconfig {
        server: cluster.server,
        certificate_authority: authority
            .map(|data| pem("certificate-authority-data", &data))
            .transpose()?,
        tls_server_name: cluster.tls_server_name,
        auth,
    })
}

fn find<T>(entries: Vec<Named<T>>, kind: &str, name: &str) -> Result<T, String> {
    let found = entries.into_iter().find(|entry| entry.name == name);
    found
        .map(|named| named.entry)
        .ok_or_else(|| format!("it has no {kind} \"{name}\""))
}

fn pem(field: &str, data: &str) -> Result<String, String> {
    let bytes = STANDARD
        .decode(data.trim())
        .map_err(|_| format!("its {field} is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("its {field} is not PEM"))?;
    if text.starts_with("-----BEGIN ") {
        Ok(text)
    } else {
        Err(format!("its {field} is not PEM"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(server: &str, user: &str) -> String {
        format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "preferences": {{}}, "current-context": "kind-dot",
            "clusters": [{{"name": "other", "cluster": {{"server": "https://wrong"}}}}, {{"name": "kind-dot", "cluster": {{"server": "{server}"}}}}],
            "contexts": [{{"name": "kind-dot", "context": {{"cluster": "kind-dot", "user": "kind-dot"}}}}],
            "users": [{{"name": "kind-dot", "user": {user}}}]}}"#
        )
    }

    #[test]
    fn the_current_context_is_followed() {
        let read = read(&file(
            "http://127.0.0.1:7/clusters/dot",
            r#"{"token": "t"}"#,
        ))
        .unwrap();
        assert_eq!(read.server, "http://127.0.0.1:7/clusters/dot");
        assert_eq!(read.auth, Auth::Token("t".into()));
        assert_eq!(read.certificate_authority, None);
    }

    #[test]
    fn what_is_not_a_kubeconfig_is_refused_without_its_secrets() {
        let secret = r#"{"token": "s3cret", "client-key-data": "x"}"#;
        let torn = format!("{}: [", file("https://x", r#"{"token": "s3cret"}"#));
        for (text, reason) in [
            (torn.as_str(), "it is not a kubeconfig"),
            ("", "it is not a kubeconfig"),
            ("current-context: s3cret", "it is not a kubeconfig"),
            (
                &file("http://10.0.0.1", r#"{"token": "s3cret"}"#),
                "neither https nor on this machine",
            ),
            (
                &file("http://127.0.0.1.evil.example", r#"{"token": "s3cret"}"#),
                "neither https nor on this machine",
            ),
            (
                &file("https://x", secret),
                "neither a token nor a certificate",
            ),
            (
                &file(
                    "https://x",
                    r#"{"client-certificate-data": "!", "client-key-data": "s3cret"}"#,
                ),
                "is not base64",
            ),
            (
                &file(
                    "https://x",
                    r#"{"client-certificate-data": "czNjcmV0", "client-key-data": "s3cret"}"#,
                ),
                "is not PEM",
            ),
            (
                &file("https://x", "{}").replace(r#""user": "kind-dot""#, r#""user": "nobody""#),
                "no user \"nobody\"",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
