//! The certificate of an application: it signs who one is.
//!
//! `azure_identity` does it with OpenSSL, which windlass does not link: this signs with ring.

use std::{fmt, fs, path::Path, sync::Arc};

use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use ring::{rand::SystemRandom, signature};
use serde_json::json;
use sha2::{Digest, Sha256};
use windlass_provider::{Error, Fault, Result};

/// How long an assertion holds, in seconds: it is used at once.
const LASTS: i64 = 600;

/// A certificate with its private key, and whose it is. Its `Debug` shows nothing of it.
pub(crate) struct Certificate {
    key: Arc<signature::RsaKeyPair>,
    thumbprint: String,
    audience: String,
    client: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate of {}", self.client)
    }
}

impl Certificate {
    /// Reads a file of PEM with a certificate and its RSA key.
    pub(crate) fn read(
        path: &Path,
        tenant: &str,
        client: &str,
        authority: Option<String>,
    ) -> Result<Self> {
        let named = path.display();
        let cannot = |why: &str| {
            Error::new(
                Fault::Denied,
                format!("the certificate in {named} cannot be used"),
            )
            .cause(why)
            .hint("AZURE_CLIENT_CERTIFICATE_PATH names a PEM file with the certificate and its RSA key, not encrypted (PKCS#8 or PKCS#1)")
        };
        let text = fs::read_to_string(path).map_err(|error| cannot(&error.to_string()))?;
        Self::parse(&text, tenant, client, authority).map_err(cannot)
    }

    fn parse(
        text: &str,
        tenant: &str,
        client: &str,
        authority: Option<String>,
    ) -> Result<Self, &'static str> {
        let certificate = block(text, "CERTIFICATE").ok_or("it holds no certificate")?;
        let key = match (block(text, "PRIVATE KEY"), block(text, "RSA PRIVATE KEY")) {
            (Some(der), _) => signature::RsaKeyPair::from_pkcs8(&der),
            (None, Some(der)) => signature::RsaKeyPair::from_der(&der),
            (None, None) => return Err("it holds no private key that is not encrypted"),
        };
        let host = authority.unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
        Ok(Self {
            key: Arc::new(key.map_err(|_| "its key is no RSA key of 2048 bits or more")?),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            audience: format!("{}/{tenant}/oauth2/v2.0/token", host.trim_end_matches('/')),
            client: client.to_owned(),
        })
    }

    /// Returns what proves who one is, from `now` on.
    ///
    /// Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
    fn assertion(&self, now: Timestamp, id: &str) -> Result<String, &'static str> {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let from = now.as_second();
        let claims = json!({
            "aud": self.audience, "iss": self.client, "sub": self.client,
            "jti": id, "nbf": from, "iat": from, "exp": from + LASTS,
        });
        let text = format!("{}.{}", encode(head), encode(claims));
        let mut proof = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &signature::RSA_PSS_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut proof,
            )
            .map_err(|_| "the key cannot sign")?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(proof)))
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Certificate {
    async fn secret(
        &self,
        _options: Option<ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        let now = Timestamp::now();
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(format!(
            "{} {now} {}",
            self.client, self.thumbprint
        )));
        self.assertion(now, &id).map_err(|why| {
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, why)
        })
    }
}

/// Returns what stands in the first block of a kind.
fn block(text: &str, kind: &str) -> Option<Vec<u8>> {
    let rest = text.split_once(&format!("-----BEGIN {kind}-----"))?.1;
    let body = rest.split_once(&format!("-----END {kind}-----"))?.0;
    let packed: String = body.split_whitespace().collect();
    STANDARD.decode(packed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_signed_by_the_key_and_names_the_certificate() {
        let text = include_str!("../tests/certificate.pem");
        let certificate = Certificate::parse(text, "tenant", "client", None).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let assertion = certificate.assertion(now, "one").unwrap();
        let parts: Vec<&str> = assertion.split('.').collect();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(parts[0])["alg"], "PS256");
        assert_eq!(
            read(parts[1])["aud"],
            "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
        );
        assert_eq!(read(parts[1])["exp"], 1_800_000_600);
        let public = certificate.key.public().as_ref().to_vec();
        let key = signature::UnparsedPublicKey::new(&signature::RSA_PSS_2048_8192_SHA256, public);
        let proof = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        key.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &proof)
            .unwrap();
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        assert!(Certificate::parse("", "t", "c", None).is_err());
        let only = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        assert_eq!(
            Certificate::parse(only, "t", "c", None).unwrap_err(),
            "it holds no private key that is not encrypted"
        );
    }
}
