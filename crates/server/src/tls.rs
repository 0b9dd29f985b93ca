//! TLS: a certificate and its key, out of two files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Longer files hold no certificate of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is needed to speak TLS.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why it cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The operating system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file does not hold what it should.
    #[error("{}: {detail}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Others may read the key.
    #[error("{}: others can read or write this key", .0.display())]
    Exposed(PathBuf),
}

impl Tls {
    /// Reads a chain of certificates, its own first, and the key of that one; both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, is none of that kind, or others can read the key, or the two do not belong together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let form = |path: &Path, detail: String| TlsError::Form { path: path.into(), detail };
        let chain = CertificateDer::pem_slice_iter(&read(certificate, false)?)
            .collect::<Result<Vec<_>, pem::Error>>()
            .map_err(|error| form(certificate, error.to_string()))?;
        if chain.is_empty() {
            return Err(form(certificate, "there is no certificate in it (PEM)".into()));
        }
        // What is wrong with a key may repeat some of it.
        let secret = PrivateKeyDer::from_pem_slice(&read(key, true)?)
            .map_err(|_| form(key, "there is no key in it that can be used (PEM)".into()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, secret));
        let wrong = |error: rustls::Error| form(certificate, format!("not usable: {error}"));
        let mut config = config.map_err(wrong)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(Arc::new(config)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.clone())
    }
}

fn read(path: &Path, is_secret: bool) -> Result<Vec<u8>, TlsError> {
    let failed = |error: io::Error| TlsError::Io { path: path.to_path_buf(), error };
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(TlsError::Exposed(path.to_path_buf()));
        }
    }
    #[cfg(not(unix))]
    let _ = is_secret;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
