//! The files by which a client and a server with https know one another → what tonic is told.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// A file in PEM, and the flag that names it.
pub(super) type PemFile<'a> = (&'static str, Option<&'a PathBuf>);

/// Returns how to speak with the server at `url`: known by the authorities of `ca`, and shown `certificate`, whose
/// key is `key`, if there is one.
pub(super) fn client_tls(
    url: &str,
    (ca_flag, ca): PemFile<'_>,
    (certificate_flag, certificate): PemFile<'_>,
    (key_flag, key): PemFile<'_>,
) -> anyhow::Result<ClientTlsConfig> {
    let ca = ca.with_context(|| {
        format!(
            "{url} needs {ca_flag} FILE, the authorities to know it by; those of many systems are \
             in /etc/ssl/certs/ca-certificates.crt"
        )
    })?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca_flag, ca)?));
    let Some((certificate, key)) = certificate.zip(key) else { return Ok(tls) };
    let certificate = read(certificate_flag, certificate)?;
    Ok(tls.identity(Identity::from_pem(certificate, read(key_flag, key)?)))
}

/// Returns the text of the file that `flag` names.
pub(super) fn read(flag: &str, path: &PathBuf) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}, of {flag}", path.display()))
}
