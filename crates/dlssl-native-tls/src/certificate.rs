//! `Certificate`: what is trusted, and what a peer shows.

use crate::Result;

/// A certificate.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl_native_tls::Certificate;
///
/// let certificate = Certificate::from_pem(&std::fs::read("ca.pem")?)?;
/// assert_eq!(Certificate::from_der(&certificate.to_der()?)?.to_der()?, certificate.to_der()?);
/// assert_eq!(Certificate::stack_from_pem(&std::fs::read("chain.pem")?)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Certificate(pub(crate) dlssl::Certificate);

impl Certificate {
    /// Reads one in DER.
    ///
    /// # Errors
    /// What is no certificate, or has something after it.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        Ok(Self(dlssl::Certificate::from_der(&dlssl::current()?, der)?))
    }

    /// Reads the first of a PEM text.
    ///
    /// # Errors
    /// A text that holds none, or a broken one anywhere.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        Ok(Self(dlssl::Certificate::from_pem(&dlssl::current()?, pem)?))
    }

    /// Reads all of a PEM text; at least one.
    ///
    /// # Errors
    /// A text that holds none, or a broken one, or is cut short.
    pub fn stack_from_pem(pem: &[u8]) -> Result<Vec<Self>> {
        let all = dlssl::Certificate::chain_from_pem(&dlssl::current()?, pem)?;
        Ok(all.into_iter().map(Self).collect())
    }

    /// Gives it in DER.
    ///
    /// # Errors
    /// None; native-tls has them.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        Ok(self.0.der().to_vec())
    }
}
