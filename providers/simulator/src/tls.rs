//! TLS for the API servers: clients send a credential over nothing else (client-go drops it on plain http).
//!
//! A world has a certificate authority of its own, kept in its folder, so that old kubeconfigs stay valid. It proves nothing to
//! anybody else.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{fs, io::Write, path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// What a world's API servers prove who they are with.
pub(crate) struct Identity {
    /// The certificate authority, PEM: what a kubeconfig carries.
    pub(crate) authority: String,
    /// Accepts connections.
    pub(crate) acceptor: TlsAcceptor,
}

/// The first byte of a TLS connection: a handshake record (RFC 8446, section 5.1). No HTTP method begins with it.
pub(crate) const HANDSHAKE: u8 = 0x16;

impl Identity {
    /// Returns the identity kept in `dir`; where there is none, or it cannot be used, a new one is made and kept.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let paths = ["authority.pem", "server.pem"].map(|name| dir.join(name));
        let kept = paths
            .iter()
            .map(fs::read_to_string)
            .collect::<Result<Vec<_>, _>>();
        if let Ok(texts) = kept
            && let [authority, server] = texts.as_slice()
            && let Ok(identity) = Self::of(authority, server)
        {
            return Ok(identity);
        }
        let texts = make().context("cannot make the world's certificates")?;
        for (path, text) in paths.iter().zip(&texts) {
            write(dir, path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Self::of(&texts[0], &texts[1])
    }

    /// Returns the identity of a PEM authority, and a PEM certificate with its key.
    fn of(authority: &str, server: &str) -> Result<Self> {
        let chain = CertificateDer::pem_slice_iter(server.as_bytes()).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(server.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self {
            authority: authority.to_owned(),
            acceptor: Arc::new(config).into(),
        })
    }
}

/// Makes an authority and a server's certificate, which is returned with its key.
fn make() -> Result<[String; 2]> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "windlass rehearsal");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let server = params.signed_by(&key, &authority)?;
    Ok([authority.pem(), server.pem() + &key.serialize_pem()])
}

/// Writes a file whole, readable by its owner only.
fn write(dir: &Path, path: &Path, text: &str) -> Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_kept_and_made_anew_where_it_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::open(dir.path()).unwrap().authority;
        assert_eq!(Identity::open(dir.path()).unwrap().authority, first);
        fs::write(dir.path().join("server.pem"), "half a cert").unwrap();
        assert_ne!(Identity::open(dir.path()).unwrap().authority, first);
    }
}
