//! Whose certificate is believed. Everything is verified: chain, dates and name; of one host, when the operator says so,
//! another name than its own is taken too.
//!
//! KIS's paper host has been reported to show a certificate for another name. Instead of switching the check off, the
//! certificate is then verified once more against the one name that the operator states (dependencies: chain, dates and
//! that name still count). It holds for that host alone; the host of real money has no such exception.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// The paper host: the only one that an exception can be made for (KIS.md 1).
pub const PAPER_HOST: &str = "openapivts.koreainvestment.com";

/// A name that the paper host's certificate may carry instead of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherName(ServerName<'static>);

impl OtherName {
    /// From a host name such as `openapi.koreainvestment.com`; none for anything else, addresses and patterns included.
    pub fn parse(text: &str) -> Option<Self> {
        let name = ServerName::try_from(text.to_owned()).ok()?;
        let is_host = matches!(name, ServerName::DnsName(_)) && text.contains('.');
        is_host.then_some(Self(name))
    }
}

/// The settings of a client that takes the paper host's other name.
pub(super) fn taking(other: &OtherName) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let inner = Arc::new(Verifier::new(provider.clone())?);
    config(provider, inner, Some(other))
}

fn config(
    provider: Arc<CryptoProvider>,
    inner: Arc<dyn ServerCertVerifier>,
    other: Option<&OtherName>,
) -> Result<ClientConfig, Error> {
    let verifier = Lenient { inner, other: other.cloned() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The usual verifier, and for one host a second question to it.
#[derive(Debug)]
struct Lenient {
    inner: Arc<dyn ServerCertVerifier>,
    other: Option<OtherName>,
}

impl Lenient {
    /// The name to ask about a second time: only when nothing but the name was wrong, and only for the paper host.
    fn second_name(&self, asked: &ServerName<'_>, error: &Error) -> Option<&ServerName<'static>> {
        let is_wrong_name = matches!(
            error,
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        );
        let is_paper = asked.to_str().eq_ignore_ascii_case(PAPER_HOST);
        self.other.as_ref().filter(|_| is_wrong_name && is_paper).map(|OtherName(name)| name)
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        match verify(server_name) {
            Ok(verified) => Ok(verified),
            Err(error) => match self.second_name(server_name, &error) {
                Some(name) => verify(name),
                None => Err(error),
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
