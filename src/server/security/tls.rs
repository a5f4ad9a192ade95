//! Certificates as the way to speak with clients.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

/// The protocol that is spoken within TLS.
const ALPN: &[u8] = b"h2";

/// The files that TLS needs, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// The authorities of clients' certificates. If they are given, a client without one is refused.
    pub client_authorities: Option<PathBuf>,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds nothing of what it should.
    #[error("{path} holds no {what} in PEM")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The certificate and the key do not fit one another, or cannot be used.
    #[error("the certificate in {path} cannot be used with its key")]
    Certificate {
        /// The file of the certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// One of the authorities of clients cannot be used.
    #[error("an authority in {path} cannot be used")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// The certificates that the server has at the moment.
#[derive(Debug)]
pub(in crate::server) struct Tls {
    files: TlsFiles,
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    /// What the files held, so that one that was not changed is not read anew.
    contents: Contents,
    config: Arc<ServerConfig>,
}

#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

/// Shows nothing: one of them is a secret.
impl std::fmt::Debug for Contents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Contents")
    }
}

impl Tls {
    pub(super) fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let contents = files.read()?;
        let config = files.config(&contents)?;
        Ok(Tls { files, current: ArcSwap::from_pointee(Current { contents, config }) })
    }

    /// Returns how to speak with a client that connects now.
    pub(in crate::server) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    /// Reads the files again, for the connections from now on.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let contents = self.files.read()?;
        if contents != self.current.load().contents {
            let config = self.files.config(&contents)?;
            self.current.store(Arc::new(Current { contents, config }));
            tracing::info!("certificates changed");
        }
        Ok(())
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
        };
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_authorities: self.client_authorities.as_ref().map(read).transpose()?,
        })
    }

    fn config(&self, contents: &Contents) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for all versions");
        let builder =
            match self.client_authorities.as_ref().zip(contents.client_authorities.as_ref()) {
                None => builder.with_no_client_auth(),
                Some((path, pem)) => {
                    let roots = Arc::new(authorities(path, pem)?);
                    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                    let verifier = verifier.build().expect("there is an authority at least");
                    builder.with_client_cert_verifier(verifier)
                }
            };
        let chain = certificates(&self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| TlsError::Missing { path: self.key.clone(), what: "private key" })?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|source| TlsError::Certificate { path: self.certificate.clone(), source })?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

/// Returns the authorities in a file. One that cannot be used is not passed over: its clients would be refused,
/// and nobody would know why.
fn authorities(path: &Path, pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authorities { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.unwrap_or_default();
    if certificates.is_empty() {
        return Err(TlsError::Missing { path: path.to_owned(), what: "certificate" });
    }
    Ok(certificates)
}
