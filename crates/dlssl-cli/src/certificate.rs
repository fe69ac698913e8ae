//! The certificates of the self test: a root of its own and one leaf, made in memory.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// A root and a server certificate it signed, all in PEM.
pub(crate) struct Certificates {
    pub(crate) root: String,
    pub(crate) leaf: String,
    pub(crate) key: String,
}

/// Makes a fresh root and a leaf for `name`. P-256, which every supported library can do.
pub(crate) fn make(name: &str) -> Result<Certificates, rcgen::Error> {
    // The validity stays rcgen's default, 1975 to 4096: a machine with a wrong clock still passes.
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "dlssl self test root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root_key = KeyPair::generate()?;
    let root = params.self_signed(&root_key)?;
    let issuer = Issuer::new(params, root_key);

    let mut params = CertificateParams::new(vec![name.to_string()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &issuer)?;

    Ok(Certificates { root: root.pem(), leaf: leaf.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_of_each_kind() {
        let made = make("a.example").unwrap();
        assert!(made.root.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(made.leaf.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(made.key.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(made.root, made.leaf);
    }
}
