//! A real kube-apiserver over a real etcd, for as long as the suite runs against it.

use axum::body::Body;
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How often, and with which pause, it is asked whether it is ready: nothing else tells.
const TRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// The two programs, which are killed when this is dropped.
pub(crate) struct Real {
    port: u16,
    connector: TlsConnector,
    etcd: Child,
    server: Child,
    _folder: TempDir,
}

impl Real {
    /// Starts the programs of a folder, as `KUBEBUILDER_ASSETS` names one (<https://book.kubebuilder.io/reference/envtest>), and waits until the
    /// server is ready. `token` is its admin's.
    pub(crate) async fn start(assets: &Path, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, text: String| {
            std::fs::write(path(name), text).expect("a file");
            path(name)
        };
        let (store, port) = (free_port(), free_port());
        let certified =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let signer = rcgen::KeyPair::generate().expect("a key");
        let url = format!("http://127.0.0.1:{store}");
        let etcd = start(
            &assets.join("etcd"),
            &[
                format!("--data-dir={}", path("etcd")),
                format!("--listen-client-urls={url}"),
                format!("--advertise-client-urls={url}"),
                "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
                "--unsafe-no-fsync".to_owned(),
            ],
        );
        let server = start(
            &assets.join("kube-apiserver"),
            &[
                format!("--etcd-servers={url}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                format!(
                    "--tls-cert-file={}",
                    write("server.crt", certified.cert.pem())
                ),
                format!(
                    "--tls-private-key-file={}",
                    write("server.key", certified.signing_key.serialize_pem())
                ),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!(
                    "--service-account-key-file={}",
                    write("sa.pub", signer.public_key_pem())
                ),
                format!(
                    "--service-account-signing-key-file={}",
                    write("sa.key", signer.serialize_pem())
                ),
                format!(
                    "--token-auth-file={}",
                    write(
                        "tokens.csv",
                        format!("{token},admin,admin,system:masters\n")
                    )
                ),
                "--authorization-mode=RBAC".to_owned(),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            ],
        );
        let mut roots = RootCertStore::empty();
        roots
            .add(certified.cert.der().clone())
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut real = Self {
            port,
            connector: TlsConnector::from(Arc::new(config)),
            etcd,
            server,
            _folder: folder,
        };
        real.wait(token).await;
        real
    }

    async fn wait(&mut self, token: &str) {
        for _ in 0..TRIES {
            let ask = Request::builder()
                .uri("/readyz")
                .header("authorization", format!("Bearer {token}"));
            let ask = ask.body(Body::empty()).expect("a request");
            if let Ok(answer) = self.send(ask).await
                && answer.status() == http::StatusCode::OK
            {
                return;
            }
            for (name, child) in [
                ("etcd", &mut self.etcd),
                ("kube-apiserver", &mut self.server),
            ] {
                let ended = child.try_wait().expect("a process");
                assert!(ended.is_none(), "{name} ended: {ended:?}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("kube-apiserver did not become ready");
    }

    /// Sends a request over a connection of its own.
    pub(crate) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error>> {
        let host = format!("127.0.0.1:{}", self.port);
        let stream = TcpStream::connect(&host).await?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = self.connector.connect(name, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer; what is wrong with it is told by the answer, too.
        tokio::spawn(connection);
        request.headers_mut().insert("host", host.parse()?);
        Ok(sender.send_request(request).await?.map(Body::new))
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.etcd] {
            // Where it has ended already, there is nothing to stop.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn start(program: &Path, args: &[String]) -> Child {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
