//! The room over TLS, with a server that wants a client certificate. The keys in `tls/` were made for this test and guard nothing:
//! `openssl req -x509 -newkey ec …`, valid for a century for 127.0.0.1 and the name "kubernetes".

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use windlass_provider::{Auth, Ctx, Fault, Kubeconfig, SystemClock};

use crate::kube::Cluster;

const AUTHORITY: &str = include_str!("tls/authority.pem");
const CERTIFICATE: &str = include_str!("tls/certificate.pem");
const KEY: &str = include_str!("tls/key.pem");

/// Serves `/readyz` and `/version`, one connection after another, to clients with a certificate; returns the port.
fn serve() -> u16 {
    let certificate = |pem: &'static str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate(AUTHORITY)).unwrap();
    let clients = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate(CERTIFICATE)], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, socket.unwrap()));
            loop {
                let mut request = String::new();
                // A handshake that fails, or a client that leaves, ends the connection.
                if !matches!(stream.read_line(&mut request), Ok(read) if read > 0) {
                    break;
                }
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let body = if request.starts_with("GET /version ") {
                    r#"{"gitVersion":"v1.36.1"}"#
                } else {
                    "ok"
                };
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

async fn reach(change: impl FnOnce(&mut Kubeconfig)) -> Result<String, windlass_provider::Error> {
    let mut access = Kubeconfig {
        server: format!("https://127.0.0.1:{}", serve()),
        certificate_authority: Some(AUTHORITY.into()),
        tls_server_name: None,
        auth: Auth::Certificate {
            certificate: CERTIFICATE.into(),
            key: KEY.into(),
        },
    };
    change(&mut access);
    let cluster = Cluster::connect(&access)?;
    cluster.reachable(&Ctx::new(Arc::new(SystemClock))).await
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_the_servers_is_checked() {
    assert_eq!(reach(|_| {}).await.unwrap(), "v1.36.1");
    let named = reach(|access| access.tls_server_name = Some("kubernetes".into()));
    assert_eq!(named.await.unwrap(), "v1.36.1");

    let wrong_name = reach(|access| access.tls_server_name = Some("elsewhere".into()));
    let error = wrong_name.await.unwrap_err();
    assert_eq!(error.fault, Fault::Failed, "{error:?}");
    assert!(error.hints[0].contains("windlass kubeconfig"), "{error:?}");

    // The leaf is nobody's authority.
    let wrong_authority = reach(|access| access.certificate_authority = Some(CERTIFICATE.into()));
    assert_eq!(wrong_authority.await.unwrap_err().fault, Fault::Failed);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_said() {
    let broken = reach(|access| {
        access.auth = Auth::Certificate {
            certificate: CERTIFICATE.into(),
            key: "no key".into(),
        };
    });
    let error = broken.await.unwrap_err();
    assert_eq!(error.fault, Fault::Invalid, "{error:?}");
}
