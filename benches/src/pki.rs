//! The certificates of a run: one authority and one server, ECDSA on P-256.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// Name of the server.
pub const NAME: &str = "server.test";

/// Certificates and key in PEM and DER.
pub struct Pki {
    /// The authority.
    pub root_pem: String,
    /// The authority.
    pub root_der: Vec<u8>,
    /// The server's certificate.
    pub leaf_pem: String,
    /// The server's certificate.
    pub leaf_der: Vec<u8>,
    /// The server's key, PKCS#8.
    pub key_pem: String,
    /// The server's key, PKCS#8.
    pub key_der: Vec<u8>,
}

impl Pki {
    /// Makes them.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.distinguished_name.push(DnType::CommonName, "bench root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_key = KeyPair::generate()?;
        let root_certificate = root.self_signed(&root_key)?;
        let issuer = Issuer::new(root, root_key);
        let mut leaf = CertificateParams::new(vec![NAME.to_owned()])?;
        leaf.distinguished_name.push(DnType::CommonName, NAME);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &issuer)?;
        Ok(Pki {
            root_pem: root_certificate.pem(),
            root_der: root_certificate.der().to_vec(),
            leaf_pem: certificate.pem(),
            leaf_der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        })
    }
}
