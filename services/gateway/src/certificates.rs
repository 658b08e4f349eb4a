//! The certificate of a node that speaks TLS itself, read again at SIGHUP.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Two files, and what was in them when they were last read. Connections that are open keep what they began with.
#[derive(Debug)]
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads the files: the certificate with its chain, and its private key, both as PEM.
    pub fn load(chain: PathBuf, key: PathBuf) -> anyhow::Result<Arc<Self>> {
        let current = RwLock::new(read(&chain, &key)?);
        Ok(Arc::new(Self { chain, key, current }))
    }

    /// Reads the files again. If that fails the old certificate stays.
    pub fn reload(&self) -> anyhow::Result<()> {
        let read = read(&self.chain, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// What a listener needs: TLS 1.2 and 1.3, no client certificates.
    pub fn config(self: Arc<Self>) -> anyhow::Result<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self);
        Ok(config)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(chain: &PathBuf, key: &PathBuf) -> anyhow::Result<Arc<CertifiedKey>> {
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{} cannot be read", chain.display()))?;
    anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate in PEM", chain.display());
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} holds no private key in PEM that can be read", key.display()))?;
    let certified = CertifiedKey::from_der(certificates, private, &ring::default_provider())
        .with_context(|| format!("{} is not the key of {}", key.display(), chain.display()))?;
    Ok(Arc::new(certified))
}
