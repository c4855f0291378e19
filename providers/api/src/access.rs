//! How to reach a cluster's API.

use std::fmt;

use jiff::Timestamp;

/// Who one is to a cluster's API, for now. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// A bearer token.
    Token(String),
    /// A client certificate and its key, both PEM.
    Certificate {
        /// The certificate, PEM.
        certificate: String,
        /// Its private key, PEM.
        key: String,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Certificate { .. } => "Certificate(…)",
        })
    }
}

/// Where a cluster's API is, and how to speak to it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The server's URL, with its base path if it has one: `https://127.0.0.1:38211`.
    pub server: String,
    /// The certificate authority, PEM; `None` where the system's are right or the URL is plain http on loopback.
    pub certificate_authority: Option<String>,
    /// The name that the server's certificate must carry where it is not the URL's.
    pub tls_server_name: Option<String>,
    /// The credential.
    pub auth: Auth,
}

/// A credential for `client.authentication.k8s.io/v1` exec plugins.
///
/// Source: <https://kubernetes.io/docs/reference/config-api/client-authentication.v1/>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecCredential {
    /// Who one is.
    pub auth: Auth,
    /// Until when the client may keep it; `None`: for as long as the process lives.
    pub expires: Option<Timestamp>,
}

impl ExecCredential {
    /// Returns the JSON object that an exec plugin prints.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut status = match &self.auth {
            Auth::Token(token) => serde_json::json!({ "token": token }),
            Auth::Certificate { certificate, key } => serde_json::json!({
                "clientCertificateData": certificate,
                "clientKeyData": key,
            }),
        };
        if let Some(expires) = self.expires {
            status["expirationTimestamp"] = expires.to_string().into();
        }
        serde_json::json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exec_credential_has_the_fields_of_its_kind() {
        let token = ExecCredential {
            auth: Auth::Token("t".into()),
            expires: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        };
        assert_eq!(
            token.to_json()["status"],
            serde_json::json!({ "token": "t", "expirationTimestamp": "2026-01-02T03:04:05Z" })
        );
        assert!(!format!("{token:?}").contains("\"t\""));
    }
}
