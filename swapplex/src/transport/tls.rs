//! TLS: rustls over TCP, with the certificates that the configuration names.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::config::TlsFiles;

pub(crate) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// The socket below.
pub(super) fn socket_of(stream: &TlsStream) -> &TcpStream {
    stream.get_ref().0
}

/// A handshake that has all it needs but a socket.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// What is wrong on our side.
#[derive(Debug, thiserror::Error)]
#[error("{what}{}", .source.as_ref().map(|source| format!(": {source}")).unwrap_or_default())]
struct Mistake {
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Whether trust or a certificate is the matter, rather than the network.
pub(crate) fn is_tls_error(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|error| error.is::<rustls::Error>() || error.is::<Mistake>())
}

/// Reads the certificates, anew for each connection: they may have been renewed.
pub(super) async fn prepare(name: &str, files: &TlsFiles, insecure: bool) -> io::Result<Handshake> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|error| mistake(format!("no certificate can be made out to {name}"), error))?;
    let files = files.clone();
    // Some hundred certificates of the system's take a few milliseconds.
    let config = tokio::task::spawn_blocking(move || configure(&files, insecure)).await??;
    Ok(Handshake {
        connector: TlsConnector::from(Arc::new(config)),
        name: server,
    })
}

impl Handshake {
    /// Returns once the server has proved its name.
    pub(super) async fn perform(self, stream: TcpStream) -> io::Result<TlsStream> {
        self.connector.connect(self.name, stream).await
    }
}

fn configure(files: &TlsFiles, insecure: bool) -> io::Result<ClientConfig> {
    // Given here, so that it does not depend on what others have installed for the process.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| mistake("rustls", error))?;
    let config = match (insecure, &files.ca) {
        (true, _) => trust_anybody(builder, provider)?,
        (false, Some(path)) => builder.with_root_certificates(own_roots(path)?),
        (false, None) => builder.with_root_certificates(system_roots()?),
    };
    match (&files.cert, &files.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
                .map_err(|error| mistake(format!("{} holds no private key", key.display()), error))?;
            config.with_client_auth_cert(chain, secret).map_err(|error| {
                let files = format!("{} and {} don't fit together", cert.display(), key.display());
                mistake(files, error)
            })
        }
        // The configuration has seen to it that there are both or none.
        _ => Ok(config.with_no_client_auth()),
    }
}

type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;
type Trusting = ConfigBuilder<ClientConfig, WantsClientCert>;

#[cfg(feature = "insecure")]
#[expect(clippy::unnecessary_wraps, reason = "as where it is not allowed")]
fn trust_anybody(builder: Builder, provider: Arc<CryptoProvider>) -> io::Result<Trusting> {
    tracing::warn!(target: "swapplex::connection", "TLS without verification: the server may be anybody");
    let anybody = Arc::new(super::insecure::Anybody::new(provider));
    Ok(builder.dangerous().with_custom_certificate_verifier(anybody))
}

/// The configuration does not let it come to this; if it did, nothing would be trusted.
#[cfg(not(feature = "insecure"))]
fn trust_anybody(_: Builder, _: Arc<CryptoProvider>) -> io::Result<Trusting> {
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        Mistake {
            what: "TLS without verification needs swapplex's cargo feature `insecure`".into(),
            source: None,
        },
    ))
}

fn own_roots(path: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| mistake(format!("{} cannot be trusted", path.display()), error))?;
    }
    Ok(roots)
}

fn system_roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // Systems trust some that are too old-fashioned for rustls; the rest will do.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let what =
            "this system names no certificate authorities to trust, so one is needed in the configuration";
        return Err(match found.errors.into_iter().next() {
            Some(error) => mistake(what, error),
            None => io::Error::new(
                io::ErrorKind::InvalidInput,
                Mistake {
                    what: what.into(),
                    source: None,
                },
            ),
        });
    }
    Ok(roots)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| mistake(format!("{} is not a PEM file", path.display()), error))?;
    if chain.is_empty() {
        let what = format!("{} holds no certificate", path.display());
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            Mistake { what, source: None },
        ));
    }
    Ok(chain)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| mistake(format!("{} cannot be read", path.display()), error))
}

fn mistake(what: impl Into<String>, source: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        Mistake {
            what: what.into(),
            source: Some(Box::new(source)),
        },
    )
}
