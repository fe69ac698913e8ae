//! Certificates made for the tests: one authority with an intermediate and a leaf, and leaves with one thing wrong each.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use dlssl::{Identity, Roots};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber,
};
use tempfile::TempDir;
use time::OffsetDateTime;

/// The DNS name of the good server certificate.
pub const NAME: &str = "server.test";
const DAY: i64 = 24 * 60 * 60;

/// A certificate (leaf first, then its issuers below the root) with its key, all PEM, and the leaf in DER.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The chain in PEM.
    pub chain: String,
    /// The key in PEM (PKCS#8).
    pub key: String,
    /// The first certificate in DER.
    pub der: Vec<u8>,
}

impl Pair {
    /// The pair as dlssl takes it.
    pub fn identity(&self) -> Identity {
        Identity::pem(self.chain.clone(), self.key.clone())
    }

    /// Writes `<stem>.crt` and `<stem>.key` into a directory.
    pub fn write(&self, dir: &Path, stem: &str) -> (PathBuf, PathBuf) {
        let (chain, key) = (dir.join(format!("{stem}.crt")), dir.join(format!("{stem}.key")));
        std::fs::write(&chain, &self.chain).unwrap();
        std::fs::write(&key, &self.key).unwrap();
        (chain, key)
    }
}

/// What a leaf shall be; the default is valid for a server.
#[derive(Debug, Clone)]
pub struct Leaf {
    subject: String,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    valid_days: (i64, i64),
    usage: ExtendedKeyUsagePurpose,
    change: fn(&mut CertificateParams),
}

impl Leaf {
    /// A server's leaf for one DNS name.
    pub fn server(name: &str) -> Self {
        Leaf {
            subject: name.to_owned(),
            names: vec![name.to_owned()],
            addresses: Vec::new(),
            valid_days: (-1, 30),
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            change: |_| {},
        }
    }

    /// A server's leaf for one IP address and no name.
    pub fn address(address: IpAddr) -> Self {
        Leaf { names: Vec::new(), addresses: vec![address], ..Leaf::server(&format!("host at {address}")) }
    }

    /// A client's leaf.
    pub fn client(subject: &str) -> Self {
        Leaf { names: Vec::new(), usage: ExtendedKeyUsagePurpose::ClientAuth, ..Leaf::server(subject) }
    }

    /// The subject's common name, when it shall not be the DNS name.
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = subject.to_owned();
        self
    }

    /// Adds a DNS name.
    pub fn and_name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// An IP address beside the name.
    pub fn and_address(mut self, address: IpAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Anything else that shall differ.
    pub fn with(mut self, change: fn(&mut CertificateParams)) -> Self {
        self.change = change;
        self
    }

    /// Ran out yesterday.
    pub fn expired(mut self) -> Self {
        self.valid_days = (-30, -1);
        self
    }

    /// Begins tomorrow.
    pub fn not_yet_valid(mut self) -> Self {
        self.valid_days = (1, 30);
        self
    }

    fn params(&self) -> CertificateParams {
        // Not `CertificateParams::new(names)`: it makes an address of a name that looks like one.
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, &*self.subject);
        for name in &self.names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().unwrap()));
        }
        for address in &self.addresses {
            params.subject_alt_names.push(SanType::IpAddress(*address));
        }
        params.not_before = days_from_now(self.valid_days.0);
        params.not_after = days_from_now(self.valid_days.1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![self.usage.clone()];
        (self.change)(&mut params);
        params
    }

    /// The leaf signed by its own key.
    pub fn self_signed(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = self.params().self_signed(&key).unwrap();
        Pair { chain: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }
}

/// An authority: a root, and an intermediate that signs the leaves.
#[derive(Debug)]
pub struct Authority {
    root_pem: String,
    name: String,
    root: Issuer<'static, KeyPair>,
    intermediate: Issuer<'static, KeyPair>,
    intermediate_pem: String,
}

impl Authority {
    /// Makes a root and an intermediate under this name.
    pub fn new(name: &str) -> Self {
        Authority::with(name, |_| {})
    }

    /// The same with an intermediate that differs.
    pub fn with(name: &str, change: fn(&mut CertificateParams)) -> Self {
        let root_name = format!("{name} root");
        let (params, key) = (ca(&root_name), KeyPair::generate().unwrap());
        let root_pem = params.self_signed(&key).unwrap().pem();
        let root = Issuer::new(params, key);
        let (mut params, key) = (ca(&format!("{name} intermediate")), KeyPair::generate().unwrap());
        change(&mut params);
        let intermediate_pem = params.signed_by(&key, &root).unwrap().pem();
        Authority { root_pem, name: root_name, root, intermediate: Issuer::new(params, key), intermediate_pem }
    }

    /// The root certificate in PEM.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root as trust roots.
    pub fn roots(&self) -> Roots {
        Roots::pem(self.root_pem.clone())
    }

    /// The intermediate certificate in PEM.
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// The root's name and key in an expired certificate by another root, in PEM.
    pub fn cross_signed_root(&self, by: &Authority) -> String {
        let mut params = ca(&self.name);
        params.not_before = days_from_now(-50);
        params.not_after = days_from_now(-40);
        params.signed_by(self.root.key(), &by.root).unwrap().pem()
    }

    /// The intermediate's revocation list, in PEM.
    pub fn crl(&self, revoked: &[u64]) -> String {
        revocation_list(&self.intermediate, revoked).pem().unwrap()
    }

    /// The intermediate's revocation list, in DER.
    pub fn crl_der(&self, revoked: &[u64]) -> Vec<u8> {
        revocation_list(&self.intermediate, revoked).der().to_vec()
    }

    /// The root's revocation list, in PEM.
    pub fn root_crl(&self, revoked: &[u64]) -> String {
        revocation_list(&self.root, revoked).pem().unwrap()
    }

    /// Signs a leaf; the chain holds the intermediate.
    pub fn issue(&self, leaf: &Leaf) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params().signed_by(&key, &self.intermediate).unwrap();
        Pair {
            chain: certificate.pem() + &self.intermediate_pem,
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }
}

/// More certificates than anybody needs.
#[derive(Debug)]
pub struct Long {
    /// What signs the first of them.
    pub root_pem: String,
    /// A server for [`NAME`] with all that is below the root.
    pub pair: Pair,
}

impl Long {
    /// A good chain of so many certificates, the root not counted.
    pub fn of(length: usize) -> Self {
        let (params, key) = (ca("long root"), KeyPair::generate().unwrap());
        let root_pem = params.self_signed(&key).unwrap().pem();
        let (mut issuer, mut below) = (Issuer::new(params, key), String::new());
        for number in 1..length {
            let (params, key) = (ca(&format!("long {number}")), KeyPair::generate().unwrap());
            below.insert_str(0, &params.signed_by(&key, &issuer).unwrap().pem());
            issuer = Issuer::new(params, key);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = Leaf::server(NAME).params().signed_by(&key, &issuer).unwrap();
        let pair =
            Pair { chain: certificate.pem() + &below, key: key.serialize_pem(), der: certificate.der().to_vec() };
        Long { root_pem, pair }
    }

    /// So many authorities in DER, of one name and each with a key of its own, that seem to sign each other.
    pub fn alike(count: usize) -> Vec<Vec<u8>> {
        let mut params = ca("alike");
        // Without it nobody can tell which of them is meant.
        params.use_authority_key_identifier_extension = false;
        let one = || params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        (0..count).map(|_| one()).collect()
    }

    /// A server for [`NAME`] that one more of these has signed.
    pub fn signed_by_one_of_them() -> Pair {
        let (params, key) = (ca("alike"), KeyPair::generate().unwrap());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let certificate = Leaf::server(NAME).params().signed_by(&key, &issuer).unwrap();
        Pair { chain: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }
}

/// The authority with a good server and a good client, as values and as files.
#[derive(Debug)]
pub struct Pki {
    /// The authority.
    pub authority: Authority,
    /// A server for [`NAME`], `localhost` not included, and 127.0.0.1.
    pub server: Pair,
    /// A client.
    pub client: Pair,
    dir: PathBuf,
    owned: Option<TempDir>,
    server_files: (PathBuf, PathBuf),
    client_files: (PathBuf, PathBuf),
}

impl Pki {
    /// The one that the tests of a process share; made once, since key making takes time.
    pub fn shared() -> &'static Pki {
        static SHARED: OnceLock<Pki> = OnceLock::new();
        SHARED.get_or_init(|| {
            let mut pki = Pki::new();
            *SHARED_DIR.lock().unwrap() = pki.owned.take();
            pki
        })
    }

    /// Makes a new one.
    pub fn new() -> Self {
        let authority = Authority::new("dlssl test");
        let server = authority.issue(&Leaf::server(NAME).and_address([127, 0, 0, 1].into()));
        let client = authority.issue(&Leaf::client("client under test"));
        let owned = TempDir::new().unwrap();
        let dir = owned.path().to_owned();
        std::fs::write(dir.join("root.crt"), authority.root_pem()).unwrap();
        Pki {
            server_files: server.write(&dir, "server"),
            client_files: client.write(&dir, "client"),
            authority,
            server,
            client,
            dir,
            owned: Some(owned),
        }
    }

    /// The root as a file.
    pub fn root_path(&self) -> PathBuf {
        self.dir.join("root.crt")
    }

    /// The server's chain as a file.
    pub fn server_chain_path(&self) -> &Path {
        &self.server_files.0
    }

    /// The server's key as a file.
    pub fn server_key_path(&self) -> &Path {
        &self.server_files.1
    }

    /// The client's chain as a file.
    pub fn client_chain_path(&self) -> &Path {
        &self.client_files.0
    }

    /// The client's key as a file.
    pub fn client_key_path(&self) -> &Path {
        &self.client_files.1
    }
}

impl Default for Pki {
    fn default() -> Self {
        Pki::new()
    }
}

/// The directory of the shared one: a static is never dropped, so the harness removes it.
static SHARED_DIR: Mutex<Option<TempDir>> = Mutex::new(None);

/// Removes the files of [`Pki::shared`], at the end of a test run.
pub fn remove_shared_files() {
    if let Ok(mut dir) = SHARED_DIR.lock() {
        dir.take();
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = days_from_now(-60);
    params.not_after = days_from_now(60);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn revocation_list(issuer: &Issuer<'static, KeyPair>, revoked: &[u64]) -> CertificateRevocationList {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: days_from_now(-1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: days_from_now(-1),
        next_update: days_from_now(1),
        crl_number: SerialNumber::from(1u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap()
}

fn days_from_now(days: i64) -> OffsetDateTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seconds = i64::try_from(now.as_secs()).unwrap() + days * DAY;
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}
